import { isIP } from 'node:net'
import type { CallLeg, DialogPart } from './dialog.ts'

/**
 * Everything that another process needs to end a call: to cancel the INVITE while it is not answered, to send BYE after.
 * It is stored as text with the call; a version that is not known reads as null.
 */
export interface CallRecord {
  readonly leg: CallLeg
  /** Branch and sequence number of the INVITE that is answered last; a CANCEL must repeat them. */
  readonly inviteBranch: string
  readonly sequence: number
  readonly dialog: DialogPart | null
  readonly answered: boolean
  /** The call is over by itself at the latest then: at its ring timeout, once answered at its maximum length. */
  readonly endsByEpochMs: number
}

const VERSION = 1

export function writeRecord(record: CallRecord): string {
  return JSON.stringify({ v: VERSION, ...record })
}

/** Null: nothing that this version can read. */
export function readRecord(text: string): CallRecord | null {
  try {
    const { v, ...record } = JSON.parse(text) as { v: number } & CallRecord
    return v === VERSION && isRecord(record) ? record : null
  } catch {
    return null
  }
}

function isRecord(record: CallRecord): boolean {
  const { leg, inviteBranch, sequence, dialog } = record
  return (
    isIP(leg.peer.address) !== 0 &&
    typeof leg.callId === 'string' &&
    typeof leg.localTag === 'string' &&
    typeof inviteBranch === 'string' &&
    Number.isInteger(sequence) &&
    (dialog === null || (typeof dialog.remoteTag === 'string' && Array.isArray(dialog.routes)))
  )
}
