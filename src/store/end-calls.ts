import { codeOfStatus } from '../model/attempt-transitions.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { int2Array, int4Array, int8Array, knownInt4Array, textArray } from './binary-array.ts'
import { CallEvents, type CallSteps } from './call-events.ts'
import { packedBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { eachSearch, type LocatedCall, searchFor } from './live-row-sql.ts'
import { DIAL_OUTCOME_COLUMNS, NOT_SENT_CODE } from './outcome-columns.ts'
import type { Statement } from './statement.ts'
import { untouchedSql } from './successor-sql.ts'

/** One call that is over; -1 in a number means "not known". */
export interface EndedCall extends CallSteps, LocatedCall {
  readonly trunkId: number
  readonly dispositionCode: number
  readonly causeCode: number
  readonly answeredByCode: number
  readonly sipStatus: number
  readonly q850Cause: number
  readonly endedMs: number
  readonly carrierCallId: string | null
  readonly keysPressed: string | null
  readonly spokenText: string | null
  /** Milliseconds from the transaction's time to the next attempt; -1: the recipient is final. */
  readonly retryAfterMs: number
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

/** Calls, column by column: the parameters behind the one by which their rows are found. */
const CALL_COLUMNS = {
  batch_id: 'int',
  seq: 'int',
  n: 'smallint',
  was: 'smallint',
  disposition: 'smallint',
  cause: 'smallint',
  answered_by: 'smallint',
  sip: 'int',
  acc: 'int',
  ring: 'int',
  ans: 'int',
  fin: 'int',
  cid: 'text',
  keys: 'text',
  spoken: 'text',
  retry_ms: 'bigint',
  reason: 'smallint',
  q850: 'int',
} as const
const FIRST_CALL_COLUMN = 4
/** Events, in the order of the columns of a block. */
const FIRST_EVENT_COLUMN = FIRST_CALL_COLUMN + Object.keys(CALL_COLUMNS).length
const TRUNKS = FIRST_EVENT_COLUMN + 6
const FIRST_FIGURE = TRUNKS + 2

/** Several arrays side by side. Shorter ones are filled up with NULL. */
function unnestSql(columns: Readonly<Record<string, string>>, first: number): string {
  return Object.entries(columns)
    .map(([name, type], index) => `unnest($${first + index}::${type}[]) AS ${name}`)
    .join(', ')
}

const FIGURES = unnestSql(
  { batch_id: 'int', talk_ms: 'bigint', ...Object.fromEntries(MOVED.map((column) => [column, 'int'])) },
  FIRST_FIGURE,
)
const [BATCH_IDS, SEQS, NS, KINDS, CODES, TIMES] = [0, 1, 2, 3, 4, 5].map((column) => `$${FIRST_EVENT_COLUMN + column}`)

/**
 * Ends calls: the live row moves to `attempt`, its slots are free, its figures are counted, its retry stands in `due`,
 * its events are logged. First final wins. All or nothing, like `progress-calls.ts`, so that the figures of batches and trunks
 * come with the statement.
 *
 * Rides live_call_pkey or none, batch_state_pkey, trunk_state_pkey; writes attempt_pkey.
 */
const END_CALLS = eachSearch((search) => ({
  ...search,
  text: `WITH t AS (SELECT ${search.column}, ${unnestSql(CALL_COLUMNS, FIRST_CALL_COLUMN)}),
 d AS (DELETE FROM live_call l USING t WHERE ${search.sql}
   RETURNING t.retry_ms, l.batch_id, t.disposition, l.trunk_id, l.successor_seq, l.seq, l.n, l.counted - (t.disposition = ${NOT_SENT_CODE})::int AS counted,
     l.lane, l.node_id, l.claimed_at, t.cause, greatest(t.answered_by, l.answered_by) AS answered_by, t.sip, coalesce(l.accepted_ms, t.acc) AS acc,
     coalesce(l.ringing_ms, t.ring) AS ring, coalesce(l.answered_ms, t.ans) AS ans, t.fin, coalesce(l.carrier_call_id, t.cid) AS cid, t.keys, t.spoken, t.reason, t.q850,
     l.hang_up_asked),
 kept AS (INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip_status,
     claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms, carrier_call_id, keys_pressed, spoken_text, q850_cause, hang_up_asked)
   SELECT $1::int, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip, claimed_at, acc, ring, ans, fin, cid, keys, spoken, q850,
     hang_up_asked
   FROM d),
 again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, batch_id, lane, $2::timestamptz + retry_ms * interval '1 ms', seq, n + 1, counted, reason FROM d WHERE retry_ms >= 0),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, d.batch_id, x.lane, $2::timestamptz, d.successor_seq, 1, 0, 5
   FROM d JOIN lane x ON x.organization_id = $1::int AND x.batch_id = d.batch_id AND d.successor_seq >= x.first_seq AND d.successor_seq < x.last_seq
   WHERE coalesce(d.retry_ms, -1) < 0 AND d.successor_seq IS NOT NULL AND x.closed_as IS NULL AND ${untouchedSql('d')} RETURNING batch_id),
 s AS (UPDATE batch_state b SET due = b.due + f.due + (SELECT count(*) FROM chained c WHERE c.batch_id = f.batch_id)::int,
     settled = b.settled + f.final, talk_ms = b.talk_ms + f.talk_ms, ${COUNTED.map((column) => `${column} = b.${column} + f.${column}`).join(', ')},
     status = CASE WHEN b.settled + f.final = b.total AND b.status IN (2, 3) THEN 4 ELSE b.status END,
     completed_at = CASE WHEN b.settled + f.final = b.total AND b.completed_at IS NULL THEN $2::timestamptz ELSE b.completed_at END
   FROM (SELECT ${FIGURES}) f WHERE b.organization_id = $1::int AND b.batch_id = f.batch_id
   RETURNING b.batch_id, b.status = 4 AND b.settled = b.total AS completed),
 tr AS (UPDATE trunk_state x SET live = x.live - c.live FROM (SELECT unnest($${TRUNKS}::int[]) AS trunk_id, unnest($${TRUNKS + 1}::int[]) AS live) c
   WHERE x.organization_id = $1::int AND x.trunk_id = c.trunk_id),
 done AS MATERIALIZED (SELECT array_agg(batch_id) AS batch_ids, ARRAY[count(*)::int] AS many FROM s WHERE completed),
 packed AS (SELECT coalesce(${BATCH_IDS}::int[], $${FIRST_CALL_COLUMN}::int[]) || done.batch_ids AS batch_ids,
     coalesce(${SEQS}::int[], $${FIRST_CALL_COLUMN + 1}::int[]) || array_fill(0, many) AS seqs,
     coalesce(${NS}::smallint[], $${FIRST_CALL_COLUMN + 2}::smallint[]) || array_fill(0::smallint, many) AS ns,
     ${KINDS}::smallint[] || array_fill(${EVENT_KINDS['batch-completed']}::smallint, many) AS kinds, ${CODES}::smallint[] || array_fill(0::smallint, many) AS codes,
     ${TIMES}::int[] || array_fill(0, many) AS ats FROM done),
 ${packedBlockSql(`(-cardinality($${FIRST_CALL_COLUMN}::int[]))`)}
SELECT require_all((SELECT count(*) FROM d), cardinality($${FIRST_CALL_COLUMN}::int[]))`,
}))

export function endCalls(gate: Gate, calls: readonly EndedCall[]): Statement {
  const events = endEvents(calls)
  // Most groups have no retry, and then nobody reads these columns element by element.
  const retried = calls.some((call) => call.retryAfterMs >= 0) ? calls : []
  const { name, text, parameter } = searchFor(calls, END_CALLS)
  return {
    name: `end_calls_${name}`,
    text,
    values: [
      gate.organizationId,
      gate.now,
      parameter(calls),
      int4Array(calls, (call) => call.batchId),
      int4Array(calls, (call) => call.seq),
      int2Array(calls, (call) => call.n),
      int2Array(calls, (call) => call.savedState),
      int2Array(calls, (call) => call.dispositionCode),
      int2Array(calls, (call) => call.causeCode),
      int2Array(calls, (call) => call.answeredByCode),
      knownInt4Array(calls, (call) => call.sipStatus),
      knownInt4Array(calls, (call) => call.acceptedMs),
      knownInt4Array(calls, (call) => call.ringingMs),
      knownInt4Array(calls, (call) => call.answeredMs),
      int4Array(calls, (call) => call.endedMs),
      textArray(calls, (call) => call.carrierCallId),
      textArray(calls, (call) => call.keysPressed),
      textArray(calls, (call) => call.spokenText),
      int8Array(retried, (call) => BigInt(call.retryAfterMs)),
      int2Array(retried, (call) => call.dueReasonCode),
      knownInt4Array(calls, (call) => call.q850Cause),
      ...events.columns(calls),
      events.times(gate.nowEpochMs),
      ...trunkColumns(calls),
      ...figureColumns(calls),
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
