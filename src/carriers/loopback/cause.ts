import type { CallEvent } from '../../model/call-event.ts'
import type { Cause } from '../../model/cause.ts'
import type { AttemptDisposition } from '../../model/disposition.ts'
import type { Ending } from './story.ts'
import type { NetworkReport } from './wire.ts'

interface Meaning {
  readonly disposition: AttemptDisposition
  readonly cause: Cause
  readonly sipStatus?: number
}

const MEANINGS = {
  'agent-finished': { disposition: 'answered', cause: 'agent-hung-up' },
  'person-hung-up': { disposition: 'answered', cause: 'callee-hung-up' },
  'max-duration': { disposition: 'answered', cause: 'max-duration' },
  'machine-took-it': { disposition: 'voicemail', cause: 'machine-detected' },
  busy: { disposition: 'busy', cause: 'busy-here', sipStatus: 486 },
  'rang-out': { disposition: 'no-answer', cause: 'ring-timeout' },
  declined: { disposition: 'rejected', cause: 'declined', sipStatus: 603 },
  unallocated: { disposition: 'failed', cause: 'unallocated-number', sipStatus: 404 },
  'hung-up-unanswered': { disposition: 'cancelled', cause: 'cancelled-by-user' },
  'hung-up-in-talk': { disposition: 'answered', cause: 'hung-up-by-user' },
} as const satisfies Record<Ending, Meaning>

/** Where an event belongs: our reference, the network's id, and the key under which it is applied once. */
export interface EventOrigin {
  readonly ref: string
  readonly carrierCallId: string
  readonly eventKey?: string
}

/** The network's report in our words. A machine that took the call is `voicemail`, however the call ended. */
export function callEventOf(report: NetworkReport, origin: EventOrigin): CallEvent {
  const base = { ...origin, atEpochMs: report.atEpochMs }
  switch (report.kind) {
    case 'accepted':
    case 'ringing':
      return { ...base, kind: report.kind }
    case 'answered':
      return { ...base, kind: 'answered', answeredBy: report.answeredBy }
    case 'ended': {
      const meaning: Meaning = MEANINGS[report.ending]
      const disposition = report.answeredBy === 'machine' ? 'voicemail' : meaning.disposition
      const { answeredBy, spokenText, keysPressed } = report
      return { ...base, kind: 'ended', ...meaning, disposition, answeredBy, spokenText, keysPressed }
    }
  }
}

/**
 * What a final 4xx to a create-call request means. 408, 409, 425 and everything that is not a 4xx leave doubt
 * and give null: the call may exist.
 */
export function causeOfRefusal(status: number): Cause | null {
  if (status < 400 || status > 499 || status === 408 || status === 409 || status === 425) return null
  if (status === 401 || status === 403) return 'carrier-credentials'
  if (status === 429) return 'carrier-rate-limited'
  return 'carrier-refused'
}
