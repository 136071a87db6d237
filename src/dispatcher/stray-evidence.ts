import type { AttemptKey } from '../model/attempt-key.ts'
import { judgeLateEvidence } from '../model/attempt-transitions.ts'
import { BATCH_STATUS_CODE } from '../model/batch.ts'
import type { CallEvent } from '../model/call-event.ts'
import { dispositionFromCode } from '../model/disposition.ts'
import type { DispatchTransaction } from '../store/dispatch-store.ts'
import type { LateAttempt } from '../store/late-evidence.ts'
import type { LiveCallRow } from '../store/live-calls.ts'
import { callFromRow, endedCallRow } from './call-rows.ts'
import type { LiveCall } from './live-call.ts'
import type { OrganizationDesk, Stray } from './organization-desk.ts'

/** What became of evidence about attempts this node holds no call of. */
export interface ResolvedStrays {
  /** Copies of live rows of other nodes, with the evidence merged; they are written like our own, not kept. */
  readonly calls: readonly LiveCall[]
  /** Those of `calls` whose row is this node's own: it had dropped its copy and holds it again after the commit. */
  readonly own: readonly { call: LiveCall; savedState: number }[]
  /** Calls whose rows came back to life and are ours now. */
  readonly revived: readonly LiveCall[]
  /** Calls that live although they should not: somebody asked to end them, their batch is cancelled, their person suppressed or called again. */
  readonly unwanted: readonly LiveCall[]
  /** Definite ends that contradict a definite end; counted, not applied. */
  readonly conflicts: number
  /** Calls that had ended `unknown` and got their outcome; it is written already. */
  readonly corrected: readonly LiveCall[]
  /** Evidence of attempts that do not exist. */
  readonly unmatched: number
  /** What this transaction does not write: it is about calls that this node holds by now, or once it has committed. */
  readonly handedOn: readonly Stray[]
}

const NOTHING: ResolvedStrays = {
  calls: [],
  own: [],
  revived: [],
  unwanted: [],
  conflicts: 0,
  corrected: [],
  unmatched: 0,
  handedOn: [],
}

export async function resolveStrays(
  desk: OrganizationDesk,
  options: { strays: readonly Stray[]; transaction: DispatchTransaction; nodeId: number },
): Promise<ResolvedStrays> {
  const { strays, transaction } = options
  if (strays.length === 0) return NOTHING
  const byRef = new Map<string, Stray[]>()
  for (const stray of strays) byRef.set(stray.event.ref, [...(byRef.get(stray.event.ref) ?? []), stray])

  const rows = new Map((await transaction.liveCallsOfAttempts(strays)).map((row) => [keyOf(row), row]))
  const calls: LiveCall[] = []
  const own: ResolvedStrays['own'][number][] = []
  const late: Stray[] = []
  const handedOn: Stray[] = []
  for (const [ref, group] of byRef) {
    const row = rows.get(keyOf(group[0]!))
    if (desk.calls.has(ref)) {
      // An intent that our memory holds was dialled, so it is not disowned.
      handedOn.push(...group.filter((stray) => stray.event.kind !== 'not-sent'))
      continue
    }
    if (!row) {
      late.push(...group.filter((stray) => stray.event.kind !== 'not-sent'))
      continue
    }
    const call = callFromRow(ref, desk.organizationId, row)
    for (const { event } of group) if (isAboutClaimOf(row, event, options.nodeId)) call.merge(event)
    if (call.unsaved) calls.push(call)
    if (row.nodeId === options.nodeId) own.push({ call, savedState: call.reachedState })
  }
  const judged = await judgeLate(desk, late, options)
  return { ...judged, calls, own, handedOn: [...handedOn, ...judged.handedOn] }
}

/**
 * Whether `not-sent` means the claim that this row is of. After a fail-over the server that was promoted gives the same
 * attempt away once more, perhaps to another node, which dials it: a claim that was lost with the old server says nothing
 * of that one. Only the owner may disown a claim, and `atEpochMs` says which one it means.
 */
function isAboutClaimOf(row: LiveCallRow, event: CallEvent, nodeId: number): boolean {
  if (event.kind !== 'not-sent') return true
  const isOwn = row.nodeId === nodeId
  const isSameClaim = row.claimedAtEpochMs === event.atEpochMs
  return event.cause === 'claim-lost' ? isOwn && isSameClaim : isOwn || isSameClaim
}

async function judgeLate(
  desk: OrganizationDesk,
  late: readonly Stray[],
  options: { transaction: DispatchTransaction; nodeId: number },
): Promise<ResolvedStrays> {
  if (late.length === 0) return NOTHING
  const attempts = new Map((await options.transaction.endedAttempts(late)).map((row) => [keyOf(row), row]))
  const result = {
    revived: [] as LiveCall[],
    unwanted: [] as LiveCall[],
    corrected: [] as LiveCall[],
    conflicts: 0,
    unmatched: 0,
    handedOn: [] as Stray[],
  }
  for (const stray of late) {
    const attempt = attempts.get(keyOf(stray))
    if (!attempt) {
      result.unmatched++
      continue
    }
    const { event } = stray
    if (event.kind === 'not-sent') continue
    const verdict = judgeLateEvidence(dispositionFromCode(attempt.dispositionCode), event)
    if (verdict === 'conflict') result.conflicts++
    else if (verdict === 'correct') {
      const call = await correct(desk, { stray, attempt, transaction: options.transaction })
      if (call) result.corrected.push(call)
    } else if (verdict === 'reopen') {
      const isAlive = result.revived.some((call) => call.ref === event.ref)
      if (isAlive || (await revive(desk, { ref: event.ref, attempt, ...options, into: result }))) {
        result.handedOn.push(stray)
      }
    }
  }
  return { ...result, calls: [], own: [] }
}

async function revive(
  desk: OrganizationDesk,
  options: {
    ref: string
    attempt: LateAttempt
    transaction: DispatchTransaction
    nodeId: number
    into: { revived: LiveCall[]; unwanted: LiveCall[] }
  },
): Promise<boolean> {
  const { attempt, into } = options
  const row = await options.transaction.reviveUnknown(attempt, options.nodeId)
  if (!row) return false
  const call = callFromRow(options.ref, desk.organizationId, row)
  call.takenOver = true
  into.revived.push(call)
  if (isUnwanted(attempt) || row.hangUpAsked) into.unwanted.push(call)
  return true
}

async function correct(
  desk: OrganizationDesk,
  options: { stray: Stray; attempt: LateAttempt; transaction: DispatchTransaction },
): Promise<LiveCall | null> {
  const { event } = options.stray
  const call = callFromRow(event.ref, desk.organizationId, { ...NO_ROW, ...options.attempt })
  call.merge(event)
  return (await options.transaction.correctUnknown(endedCallRow(call))) ? call : null
}

/** Stands in for a row that is gone: the statement that uses it keeps what the attempt already has. */
const NO_ROW: Omit<LiveCallRow, 'batchId' | 'seq' | 'n' | 'numberHash' | 'claimedAtEpochMs'> = {
  place: null,
  successorSeq: null,
  counted: 1,
  lane: 0,
  trunkId: 0,
  nodeId: 0,
  state: 1,
  sendNotAfterEpochMs: 0,
  acceptedMs: null,
  ringingMs: null,
  answeredMs: null,
  carrierCallId: null,
  carrierState: null,
  hangUpAsked: false,
}

function isUnwanted(attempt: LateAttempt): boolean {
  return attempt.batchStatus === BATCH_STATUS_CODE.cancelled || attempt.suppressed || attempt.superseded
}

function keyOf(attempt: AttemptKey): string {
  return `${attempt.batchId}:${attempt.seq}:${attempt.n}`
}
