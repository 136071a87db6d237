import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { DUE_REASONS } from '../../src/model/due-reason.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import {
  type ClaimedRecipient,
  type LaneRequest,
  NUMBER_IN_CALL_DELAY_SECONDS,
} from '../../src/store/claim-recipients.ts'
import {
  type DueRow,
  type EventEntry,
  type LaneRow,
  laneKey,
  laneOf,
  personKey,
  type RecipientRow,
  type Tables,
} from './memory-rows.ts'
import { appendBlock, batchEntry, type MemoryTransaction, tokensAt } from './memory-statements.ts'

type Source = 'cursor' | 'due'
type Fate = 'claimed' | 'suppressed' | 'busy'

const SUPPRESSED = codeOfOutcome('suppressed')

/** A lane asked for and how many of it the limits allow. */
interface Asked {
  readonly request: LaneRequest
  readonly lane: LaneRow
  count: number
}

/** A recipient that was taken, and what becomes of it. */
interface Taken {
  readonly asked: Asked
  readonly recipient: RecipientRow
  readonly due: DueRow | null
  readonly n: number
  readonly counted: number
  fate: Fate
}

/** `claim-recipients.ts` in memory: the same limits in the same order, the same rows. */
export function claimInMemory(
  transaction: MemoryTransaction,
  source: Source,
  options: { nodeId: number; lanes: readonly LaneRequest[] },
): ClaimedRecipient[] {
  const { tables } = transaction
  const asked = allowed(transaction, source, options.lanes)
  const taken = asked.flatMap((lane) => take(transaction, source, lane))
  decideFates(tables, taken)
  const due = new Map<number, number>()
  const addDue = (batchId: number, count: number) => due.set(batchId, (due.get(batchId) ?? 0) + count)
  if (source === 'cursor') moveCursors(transaction, asked)
  for (const one of taken) settleTaken(transaction, one, { nodeId: options.nodeId, addDue })
  const claimed = taken.filter(({ fate }) => fate === 'claimed')
  const completed = countBatches(transaction, taken, due)
  countTrunks(transaction, claimed)
  appendBlock(transaction, [...entriesOf(taken), ...completed], claimed.length)
  return claimed.map(({ asked: { request, lane }, recipient, n, counted }) => ({
    batchId: request.batchId,
    lane: request.lane,
    sendWithinMs: request.sendWithinMs,
    seq: recipient.seq,
    n,
    counted,
    numberHash: BigInt(recipient.numberHash),
    place: null,
    digits: String(recipient.number),
    variables: null,
    successorSeq: recipient.successorSeq,
    trunkId: lane.trunkId,
  }))
}

function allowed(transaction: MemoryTransaction, source: Source, requests: readonly LaneRequest[]): Asked[] {
  const { tables, now } = transaction
  const asked: Asked[] = []
  for (const request of requests) {
    const lane = tables.lanes.get(laneKey(request.batchId, request.lane))
    const batch = tables.batches.get(request.batchId)
    if (!lane || lane.closedAs !== null || !batch || batch.status !== BATCH_STATUS_CODE.running) continue
    if (batch.expiresAt !== null && batch.expiresAt <= now) continue
    const inLine = Math.max(0, Math.min(request.want, lane.endSeq - lane.nextSeq))
    asked.push({ request, lane, count: source === 'cursor' ? inLine : request.want })
  }
  const batchRoom = ({ request }: Asked) => {
    const batch = tables.batches.get(request.batchId)!
    return batch.liveMax - batch.live
  }
  clamp(asked, ({ request }) => request.batchId, batchRoom)
  clamp(
    asked,
    ({ lane }) => lane.trunkId,
    ({ lane }) => trunkRoom(transaction, lane.trunkId),
  )
  const gate = tables.gate.get(0)!
  clamp(
    asked,
    () => 0,
    () => gate.liveMax - gate.live,
  )
  return asked
}

/** Each lane gets what those before it in its group have left of the room, by what they asked for. */
function clamp(asked: readonly Asked[], groupOf: (one: Asked) => number, roomOf: (one: Asked) => number): void {
  const before = new Map<number, number>()
  for (const one of asked) {
    const group = groupOf(one)
    const used = before.get(group) ?? 0
    before.set(group, used + one.count)
    one.count = Math.max(0, Math.min(one.count, roomOf(one) - used))
  }
}

function trunkRoom({ tables, now }: MemoryTransaction, trunkId: number): number {
  const trunk = tables.trunks.get(trunkId)!
  if (trunk.blockedUntil !== null && trunk.blockedUntil > now) return 0
  return Math.max(0, Math.min(trunk.liveMax - trunk.live, Math.floor(tokensAt(trunk, now) + 1e-6)))
}

function take({ tables, now }: MemoryTransaction, source: Source, asked: Asked): Taken[] {
  const { lane, count } = asked
  const { batchId } = lane
  if (source === 'cursor') {
    return Array.from({ length: count }, (_, index) => {
      const recipient = tables.recipients.get(personKey(batchId, lane.nextSeq + index))!
      return { asked, recipient, due: null, n: 1, counted: 1, fate: 'claimed' as Fate }
    })
  }
  const rows = [...tables.due.values()].filter(
    (row) => row.batchId === batchId && row.lane === lane.lane && row.dueAt <= now,
  )
  rows.sort((one, other) => one.dueAt - other.dueAt || one.seq - other.seq)
  return rows.slice(0, count).map((due) => {
    const recipient = tables.recipients.get(personKey(batchId, due.seq))!
    return { asked, recipient, due, n: due.n, counted: due.counted + 1, fate: 'claimed' as Fate }
  })
}

function decideFates(tables: Tables, taken: Taken[]): void {
  const order = [...taken].sort(
    (one, other) => one.recipient.batchId - other.recipient.batchId || one.recipient.seq - other.recipient.seq,
  )
  const seen = new Set<string>()
  for (const one of order) {
    const { numberHash, number } = one.recipient
    const twin = seen.has(numberHash)
    seen.add(numberHash)
    if (tables.suppressions.has(`${numberHash}:${number}`)) one.fate = 'suppressed'
    else if (twin || tables.live.has(numberHash)) one.fate = 'busy'
  }
}

function moveCursors({ tables, journal }: MemoryTransaction, asked: readonly Asked[]): void {
  for (const { lane, count } of asked) {
    const key = laneKey(lane.batchId, lane.lane)
    if (count > 0) journal.update(tables.lanes, key, { nextSeq: tables.lanes.get(key)!.nextSeq + count })
  }
}

function settleTaken(
  transaction: MemoryTransaction,
  one: Taken,
  { nodeId, addDue }: { nodeId: number; addDue: (batchId: number, count: number) => void },
): void {
  const { tables, journal, now } = transaction
  const { recipient, due, asked } = one
  const { batchId, seq } = recipient
  const key = personKey(batchId, seq)
  if (one.fate === 'busy') {
    const dueAt = now + NUMBER_IN_CALL_DELAY_SECONDS * 1000
    const reason = DUE_REASONS['number-in-call']
    if (due) journal.update(tables.due, key, { dueAt, reason })
    else {
      journal.set(tables.due, key, { batchId, seq, lane: asked.lane.lane, dueAt, n: 1, counted: 0, reason })
      addDue(batchId, 1)
    }
    return
  }
  if (due) {
    journal.delete(tables.due, key)
    addDue(batchId, -1)
  }
  if (one.fate === 'claimed') insertLive(transaction, one, nodeId)
  else {
    journal.set(tables.verdicts, key, { batchId, seq, outcome: SUPPRESSED, at: now })
    const call = tables.live.get(recipient.numberHash)
    const called = call?.batchId === batchId && call.seq === recipient.successorSeq
    if (!called && chain(transaction, batchId, recipient.successorSeq)) addDue(batchId, 1)
  }
}

/** The next recipient of the same number enters `due`. */
export function chain(transaction: MemoryTransaction, batchId: number, successorSeq: number | null): boolean {
  if (successorSeq === null) return false
  const { tables, journal, now } = transaction
  const key = personKey(batchId, successorSeq)
  let touched = tables.due.has(key) || tables.verdicts.has(key)
  for (const attempt of tables.attempts.values()) touched ||= personKey(attempt.batchId, attempt.seq) === key
  if (touched) return false
  const { lane } = laneOf(tables, batchId, successorSeq)
  const reason = DUE_REASONS['same-number-before']
  const row: DueRow = { batchId, seq: successorSeq, lane, dueAt: now, n: 1, counted: 0, reason }
  journal.set(tables.due, key, row)
  return true
}

function insertLive({ tables, journal, now }: MemoryTransaction, one: Taken, nodeId: number): void {
  const { recipient, asked, n, counted } = one
  journal.set(tables.live, recipient.numberHash, {
    numberHash: recipient.numberHash,
    batchId: recipient.batchId,
    seq: recipient.seq,
    n,
    counted,
    lane: asked.lane.lane,
    trunkId: asked.lane.trunkId,
    nodeId,
    state: 1,
    answeredBy: 0,
    successorSeq: recipient.successorSeq,
    claimedAt: now,
    sendNotAfter: now + asked.request.sendWithinMs,
    acceptedMs: null,
    ringingMs: null,
    answeredMs: null,
    carrierCallId: null,
    carrierState: null,
    hangUpAsked: false,
  })
}

function countBatches(
  { tables, journal, now }: MemoryTransaction,
  taken: readonly Taken[],
  due: ReadonlyMap<number, number>,
): EventEntry[] {
  const completed: EventEntry[] = []
  for (const batchId of new Set(taken.map(({ recipient }) => recipient.batchId))) {
    const batch = tables.batches.get(batchId)!
    const mine = taken.filter(({ recipient }) => recipient.batchId === batchId)
    const claimed = mine.filter(({ fate }) => fate === 'claimed').length
    const hit = mine.filter(({ fate }) => fate === 'suppressed').length
    const over = batch.settled + hit === batch.total
    journal.set(tables.batches, batchId, {
      ...batch,
      live: batch.live + claimed,
      dialing: batch.dialing + claimed,
      attempts: batch.attempts + claimed,
      due: batch.due + (due.get(batchId) ?? 0),
      settled: batch.settled + hit,
      figures: { ...batch.figures, suppressed: batch.figures.suppressed + hit },
      status: over ? BATCH_STATUS_CODE.completed : batch.status,
      completedAt: over ? now : batch.completedAt,
    })
    if (over) completed.push(batchEntry(batchId, 'batch-completed'))
  }
  return completed
}

function countTrunks({ tables, journal, now }: MemoryTransaction, claimed: readonly Taken[]): void {
  for (const trunkId of new Set(claimed.map(({ asked }) => asked.lane.trunkId))) {
    const count = claimed.filter(({ asked }) => asked.lane.trunkId === trunkId).length
    const trunk = tables.trunks.get(trunkId)!
    const tokens = tokensAt(trunk, now) - count
    journal.set(tables.trunks, trunkId, { ...trunk, live: trunk.live + count, tokens, refilledAt: now })
  }
}

function entriesOf(taken: readonly Taken[]): EventEntry[] {
  return taken.flatMap(({ fate, recipient: { batchId, seq }, n }): EventEntry[] => {
    if (fate === 'claimed') return [{ batchId, seq, n, kind: EVENT_KINDS['attempt-dialing'], code: 0, atMs: 0 }]
    if (fate === 'busy') return []
    return [{ batchId, seq, n: 0, kind: EVENT_KINDS['recipient-finished'], code: SUPPRESSED, atMs: 0 }]
  })
}
