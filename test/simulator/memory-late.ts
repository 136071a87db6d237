import type { AttemptKey } from '../../src/model/attempt-key.ts'
import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome, outcomeFromCode } from '../../src/model/disposition.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import type { EndedCall } from '../../src/store/end-calls.ts'
import type { LateAttempt } from '../../src/store/late-evidence.ts'
import type { LiveCallRow } from '../../src/store/live-calls.ts'
import { countOutcome } from './memory-ends.ts'
import { type AttemptRow, attemptKey, type LiveRow, laneOf, personKey, type Tables } from './memory-rows.ts'
import { appendBlock, known, liveCallRow, type MemoryTransaction } from './memory-statements.ts'

const UNKNOWN = codeOfOutcome('unknown')
const NOT_SENT = codeOfOutcome('not-sent')
const { completed, paused, running } = BATCH_STATUS_CODE

/** `late-evidence.ts` in memory. */
export function endedAttemptsInMemory(tables: Tables, attempts: readonly AttemptKey[]): LateAttempt[] {
  return attempts.flatMap(({ batchId, seq, n }): LateAttempt[] => {
    const attempt = tables.attempts.get(attemptKey(batchId, seq, n))
    if (!attempt) return []
    const { numberHash, number } = tables.recipients.get(personKey(batchId, seq))!
    const live = tables.live.get(numberHash)
    let superseded = live !== undefined && live.batchId === batchId && live.seq === seq
    for (const other of tables.attempts.values()) {
      if (other.batchId === batchId && other.seq === seq && other.n > n) superseded = true
    }
    return [
      {
        batchId,
        seq,
        n,
        dispositionCode: attempt.disposition,
        batchStatus: tables.batches.get(batchId)!.status,
        numberHash: BigInt(numberHash),
        claimedAtEpochMs: attempt.claimedAt,
        suppressed: tables.suppressions.has(`${numberHash}:${number}`),
        superseded,
      },
    ]
  })
}

export function correctUnknownInMemory(transaction: MemoryTransaction, call: EndedCall): boolean {
  const { tables, journal, now } = transaction
  const key = attemptKey(call.batchId, call.seq, call.n)
  const attempt = tables.attempts.get(key)
  const outcome = outcomeFromCode(call.dispositionCode)
  if (outcome === 'unknown' || outcome === 'not-sent') return false
  if (!attempt || attempt.disposition !== UNKNOWN) return false
  const answeredMs = attempt.answeredMs ?? known(call.answeredMs)
  journal.set(tables.attempts, key, {
    ...attempt,
    disposition: call.dispositionCode,
    cause: call.causeCode,
    answeredBy: Math.max(attempt.answeredBy, call.answeredByCode),
    acceptedMs: attempt.acceptedMs ?? known(call.acceptedMs),
    ringingMs: attempt.ringingMs ?? known(call.ringingMs),
    answeredMs,
    endedMs: call.endedMs,
    carrierCallId: attempt.carrierCallId ?? call.carrierCallId,
  })
  const batch = tables.batches.get(call.batchId)!
  const talkedMs = attempt.answeredMs === null ? 0 : attempt.endedMs - attempt.answeredMs
  const talkMs = batch.talkMs + (answeredMs === null ? 0 : call.endedMs - answeredMs) - talkedMs
  const { batchId, seq, n } = call
  const live = tables.live.get(tables.recipients.get(personKey(batchId, seq))!.numberHash)
  const again = tables.due.has(personKey(batchId, seq)) || (live?.batchId === batchId && live.seq === seq)
  const isOutcome = !again && !movedOn(tables, call, (later) => later.disposition !== NOT_SENT)
  const corrected = countOutcome(countOutcome(batch.figures, UNKNOWN, -1), call.dispositionCode, 1)
  journal.set(tables.batches, batchId, { ...batch, talkMs, figures: isOutcome ? corrected : batch.figures })
  if (!isOutcome) return true
  const kind = EVENT_KINDS['recipient-outcome-corrected']
  const atMs = Math.round(attempt.claimedAt - now) + call.endedMs
  appendBlock(transaction, [{ batchId, seq, n, kind, code: call.dispositionCode, atMs }], 0)
  return true
}

export function reviveUnknownInMemory(
  transaction: MemoryTransaction,
  { batchId, seq, n }: AttemptKey,
  nodeId: number,
): LiveCallRow | null {
  const { tables, journal } = transaction
  const key = attemptKey(batchId, seq, n)
  const attempt = tables.attempts.get(key)
  const { numberHash } = tables.recipients.get(personKey(batchId, seq))!
  if (!attempt || attempt.disposition !== UNKNOWN || tables.live.has(numberHash)) return null
  if (movedOn(tables, { batchId, seq, n })) return null
  const wasDue = tables.due.has(personKey(batchId, seq)) ? 1 : 0
  journal.delete(tables.due, personKey(batchId, seq))
  const { trunkId, counted, claimedAt, carrierCallId, endedMs, answeredMs, hangUpAsked } = attempt
  const row: LiveRow = {
    numberHash,
    batchId,
    seq,
    n,
    counted,
    lane: laneOf(tables, batchId, seq).lane,
    trunkId,
    nodeId,
    state: 2,
    answeredBy: 0,
    successorSeq: null,
    claimedAt,
    sendNotAfter: claimedAt,
    acceptedMs: attempt.acceptedMs ?? endedMs,
    ringingMs: null,
    answeredMs: null,
    carrierCallId,
    carrierState: null,
    hangUpAsked,
  }
  journal.delete(tables.attempts, key)
  journal.set(tables.live, numberHash, row)
  const batch = tables.batches.get(batchId)!
  journal.set(tables.batches, batchId, {
    ...batch,
    settled: batch.settled - 1 + wasDue,
    due: batch.due - wasDue,
    live: batch.live + 1,
    accepted: batch.accepted + 1,
    talkMs: batch.talkMs - (answeredMs === null ? 0 : endedMs - answeredMs),
    figures: countOutcome(batch.figures, UNKNOWN, wasDue - 1),
    status: batch.status === completed ? (batch.paused ? paused : running) : batch.status,
    completedAt: null,
  })
  const trunk = tables.trunks.get(trunkId)!
  journal.set(tables.trunks, trunkId, { ...trunk, live: trunk.live + 1 })
  const kind = EVENT_KINDS[wasDue ? 'attempt-accepted' : 'recipient-reopened']
  appendBlock(transaction, [{ batchId, seq, n, kind, code: 0, atMs: 0 }], 1)
  return liveCallRow(row)
}

/** The recipient has got a verdict, or another attempt after this one that counts. */
function movedOn(tables: Tables, { batchId, seq, n }: AttemptKey, counts = (_later: AttemptRow) => true): boolean {
  if (tables.verdicts.has(personKey(batchId, seq))) return true
  for (const other of tables.attempts.values()) {
    if (other.batchId === batchId && other.seq === seq && other.n > n && counts(other)) return true
  }
  return false
}
