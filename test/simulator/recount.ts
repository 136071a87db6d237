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
import { STATE_COLUMNS } from './memory-statements.ts'

const NOT_SENT = codeOfOutcome('not-sent')

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
  const same = (name: string, stored: number, counted: number) => {
    if (stored !== counted) found.push(`${name}: ${stored} stored, ${counted} counted`)
  }
  const calls = [...tables.live.values()]
  const gate = tables.gate.get(0)!
  same('organization live', gate.live, calls.length)
  same('event blocks', gate.blockNo, tables.blocks.size)
  for (const [trunkId, trunk] of tables.trunks) {
    same(`trunk ${trunkId} live`, trunk.live, calls.filter((call) => call.trunkId === trunkId).length)
  }
  const people = whereabouts(tables)
  for (const [batchId, batch] of tables.batches) {
    const mine = people.filter(({ recipient }) => recipient.batchId === batchId)
    recountBatch(tables, { batchId, batch, people: mine }, (name, stored, counted) =>
      same(`batch ${batchId} ${name}`, stored, counted),
    )
  }
  return found
}

function recountBatch(
  tables: Tables,
  { batchId, batch, people }: { batchId: number; batch: BatchRow; people: readonly Whereabouts[] },
  same: (name: string, stored: number, counted: number) => void,
): void {
  const count = (holds: (one: Whereabouts) => boolean) => people.filter(holds).length
  const calls = [...tables.live.values()].filter((call) => call.batchId === batchId)
  const attempts = [...tables.attempts.values()].filter((attempt) => attempt.batchId === batchId)
  const sent = attempts.filter((attempt) => attempt.disposition !== NOT_SENT)
  same('total', batch.total, people.length)
  same(
    'due',
    batch.due,
    count(({ due }) => due),
  )
  same('live', batch.live, calls.length)
  same(
    'settled',
    batch.settled,
    count(({ outcome }) => outcome !== null),
  )
  same(
    'waiting',
    batch.total - batch.due - batch.live - batch.settled,
    count(({ inLine, held }) => inLine || held),
  )
  same(
    'in two places',
    0,
    count(({ live, due, inLine }) => Number(live) + Number(due) + Number(inLine) > 1),
  )
  same('attempts', batch.attempts, sent.length + calls.length)
  const talked = attempts.map(({ answeredMs, endedMs }) => (answeredMs === null ? 0 : endedMs - answeredMs))
  same(
    'talk_ms',
    batch.talkMs,
    talked.reduce((sum, ms) => sum + ms, 0),
  )
  for (const [state, column] of Object.entries(STATE_COLUMNS)) {
    same(column, batch[column], calls.filter((call) => call.state === Number(state)).length)
  }
  for (const { column, code } of FINAL_OUTCOMES)
    same(
      column,
      batch.figures[column],
      count((one) => one.outcome === code),
    )
  const over = batch.status === BATCH_STATUS_CODE.completed || batch.status === BATCH_STATUS_CODE.cancelled
  same('completed when settled', batch.settled === batch.total && !over ? 1 : 0, 0)
  same('settled when completed', batch.status === BATCH_STATUS_CODE.completed ? batch.total - batch.settled : 0, 0)
}
