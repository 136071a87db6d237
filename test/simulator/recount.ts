import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { FINAL_OUTCOMES } from '../../src/store/outcome-columns.ts'
import {
  type AttemptRow,
  type BatchRow,
  type LaneRow,
  laneOf,
  personKey,
  type RecipientRow,
  type Tables,
} from './memory-rows.ts'
import { type LiveState, STATE_COLUMNS } from './memory-statements.ts'

const NOT_SENT = codeOfOutcome('not-sent')
const STATES = [1, 2, 3, 4].map((state) => [state, STATE_COLUMNS[state as LiveState]] as const)

/** Where a recipient is. */
export interface Whereabouts {
  readonly recipient: RecipientRow
  readonly lane: LaneRow
  readonly live: boolean
  readonly due: boolean
  /** Null until it is final. */
  readonly outcome: number | null
  readonly inLine: boolean
  /** Waits behind an earlier row of the same number. */
  readonly held: boolean
}

/** As `recipients.ts` tells it: live and due come first, then the verdict, the last attempt that was sent, the lane. */
export function whereabouts(tables: Tables): Whereabouts[] {
  const last = new Map<string, AttemptRow>()
  for (const attempt of tables.attempts.values()) {
    if (attempt.disposition === NOT_SENT) continue
    const key = personKey(attempt.batchId, attempt.seq)
    if ((last.get(key)?.n ?? -1) < attempt.n) last.set(key, attempt)
  }
  return [...tables.recipients.values()].map((recipient) => {
    const { batchId, seq, numberHash } = recipient
    const key = personKey(batchId, seq)
    const lane = laneOf(tables, batchId, seq)
    const call = tables.live.get(numberHash)
    const live = call !== undefined && call.batchId === batchId && call.seq === seq
    const due = tables.due.has(key)
    const waits = seq >= lane.nextSeq && seq < lane.endSeq
    const settled = tables.verdicts.get(key)?.outcome ?? last.get(key)?.disposition ?? (waits ? lane.closedAs : null)
    const outcome = live || due ? null : settled
    const apart = seq >= lane.endSeq
    const inLine = waits && lane.closedAs === null
    return { recipient, lane, live, due, outcome, inLine, held: apart && !live && !due && outcome === null }
  })
}

/** What differs between the figures of an organization and a recount of its rows. */
export function differences(tables: Tables): string[] {
  const found: string[] = []
  const same = (stored: number, counted: number, name: string, id?: number) => {
    if (stored === counted) return
    found.push(`${id === undefined ? name : `${name} ${id}`}: ${stored} stored, ${counted} counted`)
  }
  const gate = tables.gate.get(0)!
  same(gate.live, tables.live.size, 'organization live')
  same(gate.blockNo, tables.blocks.size, 'event blocks')
  for (const [trunkId, trunk] of tables.trunks) {
    let live = 0
    for (const call of tables.live.values()) if (call.trunkId === trunkId) live++
    same(trunk.live, live, 'live of trunk', trunkId)
  }
  const counts = countRows(tables)
  for (const [batchId, batch] of tables.batches) {
    compareBatch(batch, counts.get(batchId)!, (stored, counted, name) =>
      same(stored, counted, `${name} of batch`, batchId),
    )
  }
  return found
}

/** What the rows of one batch add up to. */
class Count {
  total = 0
  due = 0
  live = 0
  settled = 0
  waiting = 0
  inTwoPlaces = 0
  sent = 0
  talkMs = 0
  readonly states = new Map<number, number>()
  readonly outcomes = new Map<number, number>()
}

/** In one pass over each table. */
function countRows(tables: Tables): Map<number, Count> {
  const counts = new Map<number, Count>()
  for (const batchId of tables.batches.keys()) counts.set(batchId, new Count())
  for (const { recipient, live, due, outcome, inLine, held } of whereabouts(tables)) {
    const count = counts.get(recipient.batchId)!
    count.total++
    if (due) count.due++
    if (inLine || held) count.waiting++
    if (Number(live) + Number(due) + Number(inLine) > 1) count.inTwoPlaces++
    if (outcome === null) continue
    count.settled++
    count.outcomes.set(outcome, (count.outcomes.get(outcome) ?? 0) + 1)
  }
  for (const { batchId, state } of tables.live.values()) {
    const count = counts.get(batchId)!
    count.live++
    count.states.set(state, (count.states.get(state) ?? 0) + 1)
  }
  for (const { batchId, disposition, answeredMs, endedMs } of tables.attempts.values()) {
    const count = counts.get(batchId)!
    if (disposition !== NOT_SENT) count.sent++
    if (answeredMs !== null) count.talkMs += endedMs - answeredMs
  }
  return counts
}

function compareBatch(
  batch: BatchRow,
  count: Count,
  same: (stored: number, counted: number, name: string) => void,
): void {
  same(batch.total, count.total, 'total')
  same(batch.due, count.due, 'due')
  same(batch.live, count.live, 'live')
  same(batch.settled, count.settled, 'settled')
  same(batch.total - batch.due - batch.live - batch.settled, count.waiting, 'waiting')
  same(0, count.inTwoPlaces, 'people in two places')
  same(batch.attempts, count.sent + count.live, 'attempts')
  same(batch.talkMs, count.talkMs, 'talk_ms')
  for (const [state, column] of STATES) same(batch[column], count.states.get(state) ?? 0, column)
  for (const { column, code } of FINAL_OUTCOMES) same(batch.figures[column], count.outcomes.get(code) ?? 0, column)
  const over = batch.status === BATCH_STATUS_CODE.completed || batch.status === BATCH_STATUS_CODE.cancelled
  same(batch.settled === batch.total && !over ? 1 : 0, 0, 'completed when settled')
  same(batch.status === BATCH_STATUS_CODE.completed ? batch.total - batch.settled : 0, 0, 'settled when completed')
}
