import { codeOfStatus } from '../model/attempt-transitions.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { int2Array, int4Array, int8Array, packedTextSql, packedTexts } from './binary-array.ts'
import { CallEvents, type CallSteps } from './call-events.ts'
import { columnsSql, parameters, unnestSql } from './columns-sql.ts'
import { packedBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { eachSearch, type LocatedCall, SearchColumns, searchFor } from './live-row-sql.ts'
import { DIAL_OUTCOME_COLUMNS, NOT_SENT_CODE } from './outcome-columns.ts'
import { sameKeySql } from './same-key-sql.ts'
import type { Statement } from './statement.ts'
import { untouchedSql } from './successor-sql.ts'

/** One call that is over; -1 in a number means "not known". */
export interface EndedCall extends CallSteps, LocatedCall {
  readonly lane: number
  /** Dials of the recipient, with this one. */
  readonly counted: number
  /** Who is called next by the same number; null: nobody. */
  readonly successorSeq: number | null
  readonly trunkId: number
  dispositionCode: number
  causeCode: number
  readonly answeredByCode: number
  readonly sipStatus: number
  readonly q850Cause: number
  readonly endedMs: number
  readonly carrierCallId: string | null
  readonly keysPressed: string | null
  readonly spokenText: string | null
  /** Milliseconds from the transaction's time to the next attempt; -1: the recipient is final. */
  retryAfterMs: number
  readonly dueReasonCode: number
}

const ANSWERED = codeOfStatus('answered')

/** Columns of batch_state that count live calls, by their states. */
const STATE_COLUMNS = {
  [codeOfStatus('dialing')]: 'dialing',
  [codeOfStatus('accepted')]: 'accepted',
  [codeOfStatus('ringing')]: 'ringing',
  [codeOfStatus('answered')]: 'talking',
} as const

/** By how much ends move the figures of a batch. `final`: recipients who are not dialled again. */
const MOVED = [
  'live',
  'due',
  'final',
  'attempts',
  ...Object.values(STATE_COLUMNS),
  ...DIAL_OUTCOME_COLUMNS.values(),
] as const
type Moved = (typeof MOVED)[number]
const COUNTED = MOVED.filter((column) => column !== 'final' && column !== 'due')

/** Calls, column by column, behind what their rows are found by. */
const CALL_COLUMNS = {
  batch_id: 'int',
  seq: 'int',
  n: 'smallint',
  was: 'smallint',
  disposition: 'smallint',
  cause: 'smallint',
  answered_by: 'smallint',
  sip: 'int',
  q850: 'int',
  acc: 'int',
  ring: 'int',
  ans: 'int',
  fin: 'int',
} as const
const { all, of, next: CARRIER_CALL_IDS } = columnsSql(CALL_COLUMNS, { first: 4, index: 'd.i' })
const KEYS_PRESSED = CARRIER_CALL_IDS + 3
const SPOKEN_TEXTS = KEYS_PRESSED + 3

/**
 * Moves the rows of calls that are over from `live_call` to `attempt`. First final wins. All or nothing, like
 * `progress-calls.ts`, so that what follows from the ends is known without asking these rows.
 *
 * Needs no gate. Rides no index of live calls, or live_call_pkey where places are not known; writes attempt_pkey.
 */
const END_ROWS = eachSearch(2, (search) => ({
  ...search,
  text: `WITH d AS (DELETE FROM live_call l WHERE ${search.rows}
   RETURNING l.batch_id, l.seq, l.n, l.state, l.counted, l.trunk_id, l.node_id, l.claimed_at, l.accepted_ms, l.ringing_ms, l.answered_ms,
     l.answered_by, l.carrier_call_id, l.hang_up_asked, ${search.index} AS i),
 -- In the order of the calls, which is that of the key. A row that moved while it was waited for is none of them, and fails the statement below.
 kept AS (INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip_status,
     claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms, carrier_call_id, keys_pressed, spoken_text, q850_cause, hang_up_asked)
   SELECT $1::int, d.batch_id, d.seq, d.n, d.counted - (${of('disposition')} = ${NOT_SENT_CODE})::int, d.trunk_id, d.node_id, ${of('disposition')}, ${of('cause')}, greatest(${of('answered_by')}, d.answered_by),
     nullif(${of('sip')}, -1), d.claimed_at, coalesce(d.accepted_ms, nullif(${of('acc')}, -1)), coalesce(d.ringing_ms, nullif(${of('ring')}, -1)),
     coalesce(d.answered_ms, nullif(${of('ans')}, -1)), ${of('fin')}, coalesce(d.carrier_call_id, ${packedTextSql(CARRIER_CALL_IDS, 'd.i')}),
     ${packedTextSql(KEYS_PRESSED, 'd.i')}, ${packedTextSql(SPOKEN_TEXTS, 'd.i')}, nullif(${of('q850')}, -1), d.hang_up_asked
   FROM d WHERE d.i > 0 ORDER BY d.i)
SELECT require_all((SELECT count(*) FROM d WHERE (d.batch_id, d.seq, d.n, d.state) = (${of('batch_id')}, ${of('seq')}, ${of('n')}, ${of('was')})), cardinality(${all('batch_id')}))`,
}))

const RETRY_COLUMNS = {
  batch_id: 'int',
  lane: 'smallint',
  seq: 'int',
  n: 'smallint',
  counted: 'smallint',
  after_ms: 'bigint',
  reason: 'smallint',
}
const SUCCESSOR_COLUMNS = { batch_id: 'int', successor_seq: 'int' }
const TRUNK_COLUMNS = { trunk_id: 'int', ended: 'int' }
const FIGURE_COLUMNS = {
  batch_id: 'int',
  talk_ms: 'bigint',
  ...Object.fromEntries(MOVED.map((column) => [column, 'int'])),
}
const FIRST_RETRY = 3
const FIRST_SUCCESSOR = FIRST_RETRY + Object.keys(RETRY_COLUMNS).length
const FIRST_TRUNK = FIRST_SUCCESSOR + Object.keys(SUCCESSOR_COLUMNS).length
const FIRST_FIGURE = FIRST_TRUNK + Object.keys(TRUNK_COLUMNS).length
const FIRST_EVENT_COLUMN = FIRST_FIGURE + Object.keys(FIGURE_COLUMNS).length
const [BATCH_IDS, SEQS, NS, KINDS, CODES, TIMES] = parameters(FIRST_EVENT_COLUMN, 6)
const CALLS = FIRST_EVENT_COLUMN + 6

/**
 * What follows from the ends of calls, under the gate: their slots are free, their figures are counted, retries and successors
 * stand in `due`, events are logged. Rides batch_state_pkey, trunk_state_pkey, and for successors lane_pkey.
 */
const END_FIGURES = `WITH again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, r.batch_id, r.lane, $2::timestamptz + r.after_ms * interval '1 ms', r.seq, r.n, r.counted, r.reason
   FROM (SELECT ${unnestSql(RETRY_COLUMNS, FIRST_RETRY)}) r),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, d.batch_id, x.lane, $2::timestamptz, d.successor_seq, 1, 0, 5
   FROM (SELECT ${unnestSql(SUCCESSOR_COLUMNS, FIRST_SUCCESSOR)}) d JOIN lane x ON ${sameKeySql('x', { batch_id: 'd.batch_id' })} AND d.successor_seq >= x.first_seq AND d.successor_seq < x.last_seq
   WHERE x.closed_as IS NULL AND ${untouchedSql('d')} RETURNING batch_id),
 s AS (UPDATE batch_state b SET due = b.due + f.due + (SELECT count(*) FROM chained c WHERE c.batch_id = f.batch_id)::int,
     settled = b.settled + f.final, talk_ms = b.talk_ms + f.talk_ms, ${COUNTED.map((column) => `${column} = b.${column} + f.${column}`).join(', ')},
     status = CASE WHEN b.settled + f.final = b.total AND b.status IN (2, 3) THEN 4 ELSE b.status END,
     completed_at = CASE WHEN b.settled + f.final = b.total AND b.completed_at IS NULL THEN $2::timestamptz ELSE b.completed_at END
   FROM (SELECT ${unnestSql(FIGURE_COLUMNS, FIRST_FIGURE)}) f WHERE ${sameKeySql('b', { batch_id: 'f.batch_id' })}
   RETURNING b.batch_id, b.status = 4 AND b.settled = b.total AS completed),
 tr AS (UPDATE trunk_state x SET live = x.live - c.ended FROM (SELECT ${unnestSql(TRUNK_COLUMNS, FIRST_TRUNK)}) c
   WHERE x.organization_id = $1::int AND x.trunk_id = c.trunk_id),
 done AS MATERIALIZED (SELECT array_agg(batch_id) AS batch_ids, ARRAY[count(*)::int] AS many FROM s WHERE completed),
 packed AS (SELECT ${BATCH_IDS}::int[] || done.batch_ids AS batch_ids,
     ${SEQS}::int[] || array_fill(0, many) AS seqs,
     ${NS}::smallint[] || array_fill(0::smallint, many) AS ns,
     ${KINDS}::smallint[] || array_fill(${EVENT_KINDS['batch-completed']}::smallint, many) AS kinds, ${CODES}::smallint[] || array_fill(0::smallint, many) AS codes,
     ${TIMES}::int[] || array_fill(0, many) AS ats FROM done),
 ${packedBlockSql(`(-$${CALLS}::int)`)}
SELECT 1`

/** To be run before or under the gate, and {@link endFigures} of the same calls under it in the same transaction. */
export function endRows(organizationId: number, calls: readonly EndedCall[]): Statement {
  const search = searchFor(calls, END_ROWS)
  return {
    name: `end_rows_${search.name}`,
    text: search.text,
    values: [
      organizationId,
      ...new SearchColumns(calls, search).parameters,
      int4Array(calls, (call) => call.batchId),
      int4Array(calls, (call) => call.seq),
      int2Array(calls, (call) => call.n),
      int2Array(calls, (call) => call.savedState),
      int2Array(calls, (call) => call.dispositionCode),
      int2Array(calls, (call) => call.causeCode),
      int2Array(calls, (call) => call.answeredByCode),
      int4Array(calls, (call) => call.sipStatus),
      int4Array(calls, (call) => call.q850Cause),
      int4Array(calls, (call) => call.acceptedMs),
      int4Array(calls, (call) => call.ringingMs),
      int4Array(calls, (call) => call.answeredMs),
      int4Array(calls, (call) => call.endedMs),
      ...packedTexts(calls, (call) => call.carrierCallId),
      ...packedTexts(calls, (call) => call.keysPressed),
      ...packedTexts(calls, (call) => call.spokenText),
    ],
  }
}

export function endFigures(gate: Gate, calls: readonly EndedCall[]): Statement {
  const events = endEvents(calls)
  const retried = calls.filter((call) => call.retryAfterMs >= 0)
  const followed = calls.filter((call) => call.retryAfterMs < 0 && call.successorSeq !== null)
  return {
    name: 'end_figures',
    text: END_FIGURES,
    values: [
      gate.organizationId,
      gate.now,
      int4Array(retried, (call) => call.batchId),
      int2Array(retried, (call) => call.lane),
      int4Array(retried, (call) => call.seq),
      int2Array(retried, (call) => call.n + 1),
      int2Array(retried, (call) => call.counted - (call.dispositionCode === NOT_SENT_CODE ? 1 : 0)),
      int8Array(retried, (call) => BigInt(call.retryAfterMs)),
      int2Array(retried, (call) => call.dueReasonCode),
      int4Array(followed, (call) => call.batchId),
      int4Array(followed, (call) => call.successorSeq!),
      ...trunkColumns(calls),
      ...figureColumns(calls),
      ...events.columns(),
      events.times(gate.nowEpochMs),
      calls.length,
    ],
  }
}

/** Trunks, and how many slots of each are free again. */
function trunkColumns(calls: readonly EndedCall[]): Buffer[] {
  const byTrunk = new Map<number, number>()
  for (const { trunkId } of calls) byTrunk.set(trunkId, (byTrunk.get(trunkId) ?? 0) + 1)
  const trunks = [...byTrunk]
  return [int4Array(trunks, ([trunkId]) => trunkId), int4Array(trunks, ([, live]) => live)]
}

/** Batches, the milliseconds talked in each, and by how much each of its figures moves. */
function figureColumns(calls: readonly EndedCall[]): Buffer[] {
  const byBatch = new Map<number, { talkMs: number; moved: Record<Moved, number> }>()
  for (const call of calls) {
    let figures = byBatch.get(call.batchId)
    if (figures === undefined) {
      figures = { talkMs: 0, moved: { ...NOTHING_MOVED } }
      byBatch.set(call.batchId, figures)
    }
    const { moved } = figures
    moved.live--
    moved[STATE_COLUMNS[call.savedState]!]--
    if (call.answeredMs >= 0) figures.talkMs += call.endedMs - call.answeredMs
    if (call.dispositionCode === NOT_SENT_CODE) moved.attempts--
    if (call.retryAfterMs >= 0) {
      moved.due++
      continue
    }
    moved.final++
    const outcome = DIAL_OUTCOME_COLUMNS.get(call.dispositionCode)
    if (outcome !== undefined) moved[outcome]++
  }
  const batches = [...byBatch]
  return [
    int4Array(batches, ([batchId]) => batchId),
    int8Array(batches, ([, { talkMs }]) => BigInt(talkMs)),
    ...MOVED.map((column) => int4Array(batches, ([, { moved }]) => moved[column])),
  ]
}

const NOTHING_MOVED = Object.fromEntries(MOVED.map((column) => [column, 0])) as Record<Moved, number>

/** The end of each call, and before it the steps that its row did not tell yet. */
function endEvents(calls: readonly EndedCall[]): CallEvents {
  const events = new CallEvents()
  for (const call of calls) {
    events.addSteps(call, ANSWERED)
    const kind = EVENT_KINDS[call.retryAfterMs >= 0 ? 'attempt-ended' : 'recipient-finished']
    events.add(call, { kind, code: call.dispositionCode, ms: call.endedMs })
  }
  return events
}
