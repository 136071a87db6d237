import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { DUE_REASONS } from '../../src/model/due-reason.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import { countOutcome } from './memory-ends.ts'
import { type EventEntry, laneKey, laneOf, personKey, type Tables } from './memory-rows.ts'
import { appendBlock, batchEntry, bumpVersion, type MemoryTransaction } from './memory-statements.ts'

const NOT_SENT = codeOfOutcome('not-sent')
const { scheduled, running, paused, completed, cancelled } = BATCH_STATUS_CODE

/** The outcome of a recipient's last attempt that was sent, by its number; null: there is none. */
function lastSent(tables: Tables, batchId: number, seq: number): number | null {
  let last: { n: number; disposition: number } | null = null
  for (const attempt of tables.attempts.values()) {
    if (attempt.batchId !== batchId || attempt.seq !== seq || attempt.disposition === NOT_SENT) continue
    if (last === null || attempt.n > last.n) last = attempt
  }
  return last?.disposition ?? null
}

/** Those behind the line who have neither a row anywhere nor an outcome. */
function heldBack(tables: Tables, batchId: number, from: number, to: number): number[] {
  const held: number[] = []
  for (let seq = from; seq < to; seq++) {
    const { numberHash } = tables.recipients.get(personKey(batchId, seq))!
    const live = tables.live.get(numberHash)
    if (live && live.batchId === batchId && live.seq === seq) continue
    if (tables.due.has(personKey(batchId, seq)) || tables.verdicts.has(personKey(batchId, seq))) continue
    let tried = false
    for (const attempt of tables.attempts.values()) tried ||= attempt.batchId === batchId && attempt.seq === seq
    if (!tried) held.push(seq)
  }
  return held
}

/** `close-batches.ts` in memory. */
function closeBatches(transaction: MemoryTransaction, batchIds: readonly number[], as: 'cancelled' | 'expired'): void {
  const { tables, journal } = transaction
  const version = bumpVersion(transaction)
  const entries: EventEntry[] = []
  for (const batchId of batchIds) entries.push(...closeBatch(transaction, batchId, as))
  appendBlock(transaction, entries, 0)
  for (const batchId of batchIds) journal.update(tables.batches, batchId, { version })
}

function closeBatch(transaction: MemoryTransaction, batchId: number, as: 'cancelled' | 'expired'): EventEntry[] {
  const { tables, journal, now } = transaction
  const code = codeOfOutcome(as)
  const entries = [batchEntry(batchId, as === 'cancelled' ? 'batch-cancelled' : 'batch-expired')]
  const final: { seq: number; outcome: number | null }[] = []
  const held: number[] = []
  for (const lane of tables.lanes.values()) {
    if (lane.batchId !== batchId || lane.closedAs !== null) continue
    held.push(...heldBack(tables, batchId, lane.endSeq, lane.lastSeq))
    journal.update(tables.lanes, laneKey(batchId, lane.lane), { closedAs: code, closedAt: now })
    const waiting = lane.endSeq - lane.nextSeq
    if (waiting > 0) {
      entries.push({ batchId, seq: lane.nextSeq, n: 0, kind: EVENT_KINDS['lane-closed'], code, atMs: waiting })
    }
  }
  for (const row of [...tables.due.values()]) {
    if (row.batchId !== batchId) continue
    journal.delete(tables.due, personKey(batchId, row.seq))
    final.push({ seq: row.seq, outcome: lastSent(tables, batchId, row.seq) })
  }
  for (const seq of held) final.push({ seq, outcome: null })
  for (const { seq, outcome } of final) {
    if (outcome === null)
      journal.set(tables.verdicts, personKey(batchId, seq), { batchId, seq, outcome: code, at: now })
    const kind = EVENT_KINDS['recipient-finished']
    entries.push({ batchId, seq, n: 0, kind, code: outcome ?? code, atMs: 0 })
  }
  const batch = tables.batches.get(batchId)!
  const rest = batch.total - batch.live - batch.settled
  let figures = batch.figures
  for (const { outcome } of final) if (outcome !== null) figures = countOutcome(figures, outcome, 1)
  figures = countOutcome(figures, code, rest - final.filter(({ outcome }) => outcome !== null).length)
  const closedStatus = as === 'cancelled' ? cancelled : completed
  const status = as === 'cancelled' || batch.live === 0 ? closedStatus : batch.status
  const completedAt = batch.live === 0 ? (batch.completedAt ?? now) : batch.completedAt
  journal.set(tables.batches, batchId, {
    ...batch,
    due: 0,
    settled: batch.settled + rest,
    figures,
    status,
    completedAt,
  })
  if (status === completed) entries.push(batchEntry(batchId, 'batch-completed'))
  return entries
}

/** `turn-batches.ts` in memory. */
export function turnBatchesInMemory(transaction: MemoryTransaction): number {
  const { tables, journal, now } = transaction
  const starting = [...tables.batches.values()].filter(
    ({ status, startAt }) => status === scheduled && startAt !== null && startAt <= now,
  )
  if (starting.length > 0) {
    const version = bumpVersion(transaction)
    for (const { terms } of starting) {
      journal.update(tables.batches, terms.batchId, { status: running, startedAt: now, version })
    }
    appendBlock(
      transaction,
      starting.map(({ terms }) => batchEntry(terms.batchId, 'batch-started')),
      0,
    )
  }
  const ending = [...tables.batches.values()].filter(
    ({ status, expiresAt, total, live, settled }) =>
      (status === scheduled || status === running || status === paused) &&
      expiresAt !== null &&
      expiresAt <= now &&
      total - live - settled > 0,
  )
  if (ending.length > 0)
    closeBatches(
      transaction,
      ending.map(({ terms }) => terms.batchId),
      'expired',
    )
  return starting.length + ending.length
}

/** What `cancel-batch.ts` does under the gate. */
export function cancelInMemory(transaction: MemoryTransaction, batchId: number): void {
  closeBatches(transaction, [batchId], 'cancelled')
  const version = bumpVersion(transaction)
  transaction.journal.update(transaction.tables.batches, batchId, { version })
}

/** What `pause-batch.ts` and `resume-batch.ts` do under the gate to a batch that has started. */
export function setStatusInMemory(transaction: MemoryTransaction, batchId: number, to: 'paused' | 'running'): void {
  const { tables, journal, now } = transaction
  const version = bumpVersion(transaction)
  const { startedAt } = tables.batches.get(batchId)!
  const started = to === 'running' ? { startedAt: startedAt ?? now } : {}
  journal.update(tables.batches, batchId, {
    status: BATCH_STATUS_CODE[to],
    paused: to === 'paused',
    version,
    ...started,
  })
  appendBlock(transaction, [batchEntry(batchId, to === 'paused' ? 'batch-paused' : 'batch-resumed')], 0)
}

/** `reopen-recipients.ts` in memory; returns how many there are. */
export function reopenInMemory(transaction: MemoryTransaction, batchId: number, outcomes: readonly number[]): number {
  const { tables, journal, now } = transaction
  const version = bumpVersion(transaction)
  openClosedLanes(transaction, batchId)
  const entries: EventEntry[] = []
  let figures = tables.batches.get(batchId)!.figures
  const { maxAttempts } = tables.batches.get(batchId)!.terms.retryPolicy
  for (const { seq, numberHash, batchId: of } of tables.recipients.values()) {
    if (of !== batchId) continue
    const key = personKey(batchId, seq)
    const live = tables.live.get(numberHash)
    const judged = tables.verdicts.get(key)?.outcome ?? null
    if (tables.due.has(key) || (live?.batchId === batchId && live.seq === seq)) continue
    const outcome = judged ?? lastSent(tables, batchId, seq)
    if (outcome === null || !outcomes.includes(outcome)) continue
    const tried = [...tables.attempts.values()].filter((row) => row.batchId === batchId && row.seq === seq)
    const n = Math.max(0, ...tried.map((row) => row.n)) + 1
    const counted = Math.max(0, maxAttempts - 1, ...tried.map((row) => row.counted))
    const { lane } = laneOf(tables, batchId, seq)
    journal.delete(tables.verdicts, key)
    journal.set(tables.due, key, { batchId, seq, lane, dueAt: now, n, counted, reason: DUE_REASONS['asked-again'] })
    figures = countOutcome(figures, outcome, -1)
    entries.push({ batchId, seq, n: 0, kind: EVENT_KINDS['recipient-reopened'], code: outcome, atMs: 0 })
  }
  const batch = tables.batches.get(batchId)!
  const moved = entries.length
  if (moved > 0) {
    const status = batch.status === paused ? paused : running
    const { due, settled } = batch
    const columns = { due: due + moved, settled: settled - moved, figures, status, completedAt: null }
    const isPaused = status === paused
    journal.set(tables.batches, batchId, { ...batch, ...columns, paused: isPaused })
  }
  journal.update(tables.batches, batchId, { version })
  appendBlock(transaction, entries, 0)
  return moved
}

/** Whoever waited in a closed lane gets a verdict of their own, and the lane opens with an empty line. */
function openClosedLanes({ tables, journal }: MemoryTransaction, batchId: number): void {
  const closedLater = [codeOfOutcome('cancelled'), codeOfOutcome('expired')]
  for (const lane of [...tables.lanes.values()]) {
    if (lane.batchId !== batchId || lane.closedAs === null || !closedLater.includes(lane.closedAs)) continue
    for (let seq = lane.nextSeq; seq < lane.endSeq; seq++) {
      journal.set(tables.verdicts, personKey(batchId, seq), {
        batchId,
        seq,
        outcome: lane.closedAs,
        at: lane.closedAt!,
      })
    }
    journal.update(tables.lanes, laneKey(batchId, lane.lane), { nextSeq: lane.endSeq, closedAs: null, closedAt: null })
  }
}

/** How many intents may still be sent, as `countUnsentIntents` counts them. */
export function countUnsentInMemory(
  tables: Tables,
  now: number,
  of: { batchId?: number; numberHashes?: readonly string[] },
): number {
  let count = 0
  for (const row of tables.live.values()) {
    if (row.state !== 1 || row.sendNotAfter <= now) continue
    if (of.batchId !== undefined && row.batchId !== of.batchId) continue
    if (of.numberHashes && !of.numberHashes.includes(row.numberHash)) continue
    count++
  }
  return count
}
