import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import type { CallSteps } from '../../src/store/call-events.ts'
import { StaleCopies } from '../../src/store/dispatch-store.ts'
import type { EndedCall } from '../../src/store/end-calls.ts'
import { FINAL_OUTCOMES } from '../../src/store/outcome-columns.ts'
import type { ProgressedCall } from '../../src/store/progress-calls.ts'
import { chain } from './memory-claim.ts'
import {
  attemptKey,
  type BatchRow,
  type EventEntry,
  type Figures,
  type LiveRow,
  laneOf,
  personKey,
} from './memory-rows.ts'
import {
  appendBlock,
  batchEntry,
  known,
  type LiveState,
  type MemoryTransaction,
  STATE_COLUMNS,
} from './memory-statements.ts'

const NOT_SENT = codeOfOutcome('not-sent')
const ANSWERED = 4

/** `end-calls.ts` in memory. What follows is done at once, but for the events and the end of a batch. */
export function endCallsInMemory(transaction: MemoryTransaction, calls: readonly EndedCall[]): void {
  const rows = requireRows(transaction, calls)
  for (const [index, call] of calls.entries()) endOne(transaction, call, rows[index]!)
  const { uncounted } = transaction
  uncounted.entries.push(
    ...calls.flatMap((call) => [...steps(transaction, call, ANSWERED), endEntry(transaction, call)]),
  )
  uncounted.ended.push(...calls)
}

/** `call-figures.ts` in memory. */
export function countCallsInMemory(transaction: MemoryTransaction): void {
  const { entries, ended } = transaction.uncounted
  transaction.uncounted = { entries: [], ended: [] }
  for (const batchId of new Set(ended.map((call) => call.batchId))) {
    const batch = transaction.tables.batches.get(batchId)!
    if (batch.settled !== batch.total) continue
    const open = batch.status === BATCH_STATUS_CODE.running || batch.status === BATCH_STATUS_CODE.paused
    const status = open ? BATCH_STATUS_CODE.completed : batch.status
    const completedAt = batch.completedAt ?? transaction.now
    transaction.journal.set(transaction.tables.batches, batchId, { ...batch, status, completedAt })
    if (status === BATCH_STATUS_CODE.completed) entries.push(batchEntry(batchId, 'batch-completed'))
  }
  appendBlock(transaction, entries, -ended.length)
}

/** One row for each call; two calls that are one row are stale as well, since a statement changes a row once. */
function requireRows({ tables }: MemoryTransaction, calls: readonly (CallSteps & { numberHash: bigint })[]): LiveRow[] {
  if (new Set(calls.map(({ numberHash }) => numberHash)).size < calls.length) {
    throw new StaleCopies(new Error('one live call twice'))
  }
  return calls.map((call) => {
    const row = tables.live.get(String(call.numberHash))
    const same =
      row && row.batchId === call.batchId && row.seq === call.seq && row.n === call.n && row.state === call.savedState
    if (!same) throw new StaleCopies(new Error(`live call ${call.batchId}:${call.seq}:${call.n}`))
    return row
  })
}

function endOne(transaction: MemoryTransaction, call: EndedCall, row: LiveRow): void {
  const { tables, journal, now } = transaction
  const { batchId, seq, n, trunkId } = row
  const notSent = call.dispositionCode === NOT_SENT
  const counted = row.counted - (notSent ? 1 : 0)
  const answeredMs = row.answeredMs ?? known(call.answeredMs)
  journal.delete(tables.live, row.numberHash)
  journal.set(tables.attempts, attemptKey(batchId, seq, n), {
    batchId,
    seq,
    n,
    counted,
    trunkId,
    nodeId: row.nodeId,
    disposition: call.dispositionCode,
    cause: call.causeCode,
    answeredBy: Math.max(row.answeredBy, call.answeredByCode),
    claimedAt: row.claimedAt,
    acceptedMs: row.acceptedMs ?? known(call.acceptedMs),
    ringingMs: row.ringingMs ?? known(call.ringingMs),
    answeredMs,
    endedMs: call.endedMs,
    carrierCallId: row.carrierCallId ?? call.carrierCallId,
    hangUpAsked: row.hangUpAsked,
  })
  const again = call.retryAfterMs >= 0
  if (again) {
    const dueAt = now + call.retryAfterMs
    const { lane, dueReasonCode: reason } = call
    const due = { batchId, seq, lane, dueAt, n: n + 1, counted: call.counted - (notSent ? 1 : 0), reason }
    journal.set(tables.due, personKey(batchId, seq), due)
  }
  const chained = !again && successorOpen(transaction, call) && chain(transaction, batchId, call.successorSeq)
  const batch = tables.batches.get(batchId)!
  journal.set(tables.batches, batchId, {
    ...withState(batch, row.state, -1),
    live: batch.live - 1,
    due: batch.due + (again ? 1 : 0) + (chained ? 1 : 0),
    settled: batch.settled + (again ? 0 : 1),
    attempts: batch.attempts - (notSent ? 1 : 0),
    talkMs: batch.talkMs + (answeredMs === null ? 0 : call.endedMs - answeredMs),
    figures: again ? batch.figures : countOutcome(batch.figures, call.dispositionCode, 1),
  })
  const trunk = tables.trunks.get(trunkId)!
  journal.set(tables.trunks, trunkId, { ...trunk, live: trunk.live - 1 })
}

function successorOpen({ tables }: MemoryTransaction, { batchId, successorSeq }: EndedCall): boolean {
  return successorSeq !== null && laneOf(tables, batchId, successorSeq).closedAs === null
}

/** The batch with one more or less live call in a state. */
export function withState(batch: BatchRow, state: number, by: 1 | -1): BatchRow {
  const column = STATE_COLUMNS[state as LiveState]
  return { ...batch, [column]: batch[column] + by }
}

/** Figures with one more or less of an outcome. */
export function countOutcome(figures: Figures, outcomeCode: number, by: number): Figures {
  const outcome = FINAL_OUTCOMES.find(({ code }) => code === outcomeCode)
  return outcome ? { ...figures, [outcome.column]: figures[outcome.column] + by } : figures
}

/** `progress-calls.ts` in memory. */
export function progressCallsInMemory(transaction: MemoryTransaction, calls: readonly ProgressedCall[]): void {
  const { tables, journal } = transaction
  const rows = requireRows(transaction, calls)
  calls.forEach((call, index) => {
    const row = rows[index]!
    journal.set(tables.live, row.numberHash, {
      ...row,
      state: call.reachedState,
      carrierCallId: row.carrierCallId ?? call.unsavedCarrierCallId,
      carrierState: call.unsavedCarrierState ?? row.carrierState,
      acceptedMs: row.acceptedMs ?? known(call.acceptedMs),
      ringingMs: row.ringingMs ?? known(call.ringingMs),
      answeredMs: row.answeredMs ?? known(call.answeredMs),
      answeredBy: Math.max(row.answeredBy, call.answeredByCode),
    })
    const batch = tables.batches.get(row.batchId)!
    journal.set(tables.batches, row.batchId, withState(withState(batch, row.state, -1), call.reachedState, 1))
  })
  transaction.uncounted.entries.push(...calls.flatMap((call) => steps(transaction, call, call.reachedState)))
}

const STEPS = [
  [2, 'attempt-accepted', 'acceptedMs'],
  [3, 'attempt-ringing', 'ringingMs'],
  [4, 'attempt-answered', 'answeredMs'],
] as const

/** One entry for each step above the row's state, up to `reached`. */
function steps({ now }: MemoryTransaction, call: CallSteps, reached: number): EventEntry[] {
  return STEPS.flatMap(([state, kind, column]): EventEntry[] => {
    if (call.savedState >= state || reached < state || call[column] < 0) return []
    return [{ ...attemptOf(call), kind: EVENT_KINDS[kind], code: 0, atMs: sinceNow(call, now) + call[column] }]
  })
}

function endEntry({ now }: MemoryTransaction, call: EndedCall): EventEntry {
  const kind = EVENT_KINDS[call.retryAfterMs >= 0 ? 'attempt-ended' : 'recipient-finished']
  return { ...attemptOf(call), kind, code: call.dispositionCode, atMs: sinceNow(call, now) + call.endedMs }
}

function attemptOf({ batchId, seq, n }: CallSteps): { batchId: number; seq: number; n: number } {
  return { batchId, seq, n }
}

function sinceNow(call: CallSteps, now: number): number {
  return Math.round(call.claimedAtEpochMs - now)
}
