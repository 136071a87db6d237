import { codeOfStatus } from '../model/attempt-transitions.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { plainArray } from './array-literal.ts'
import { int2Array, int4Array, knownInt4Array, textArray } from './binary-array.ts'
import { CallEvents, type CallSteps } from './call-events.ts'
import { packedBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { liveRowSql } from './live-row-sql.ts'
import type { Statement } from './statement.ts'
import { untouchedSql } from './successor-sql.ts'

/** One call that is over; -1 in a number means "not known". */
export interface EndedCall extends CallSteps {
  readonly numberHash: string
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

/** Columns of batch_state that count final outcomes, by outcome code. */
const OUTCOME_COLUMNS: readonly (readonly [column: string, code: number])[] = [
  ['answered', 1],
  ['voicemail', 2],
  ['busy', 3],
  ['no_answer', 4],
  ['rejected', 5],
  ['failed', 6],
  ['cancelled', 7],
  ['expired', 8],
  ['unknown', 9],
]
const NOT_SENT = 10
const ANSWERED = codeOfStatus('answered')

/**
 * Ends calls: the live row moves to `attempt`, its slots are free, its figures are counted, its retry stands in `due`,
 * its events are logged. First final wins. All or nothing, like `progress-calls.ts`.
 *
 * Rides live_call_pkey, batch_state_pkey, trunk_state_pkey; writes attempt_pkey.
 */
const END_CALLS = `WITH t AS (SELECT $1::int AS organization_id, unnest($3::bigint[]) AS hash, unnest($4::int[]) AS batch_id, unnest($5::int[]) AS seq, unnest($6::smallint[]) AS n,
   unnest($7::smallint[]) AS was, unnest($8::smallint[]) AS disposition, unnest($9::smallint[]) AS cause, unnest($10::smallint[]) AS answered_by,
   unnest($11::int[]) AS sip, unnest($12::int[]) AS acc, unnest($13::int[]) AS ring, unnest($14::int[]) AS ans, unnest($15::int[]) AS fin,
   unnest($16::text[]) AS cid, unnest($17::text[]) AS keys, unnest($18::text[]) AS spoken, unnest($19::bigint[]) AS retry_ms, unnest($20::smallint[]) AS reason,
   unnest($27::int[]) AS q850),
 d AS (DELETE FROM live_call l USING t WHERE ${liveRowSql}
   RETURNING t.retry_ms, l.batch_id, t.disposition, l.state, l.trunk_id, l.successor_seq, l.seq, l.n, l.counted - (t.disposition = ${NOT_SENT})::int AS counted,
     l.lane, l.node_id, l.claimed_at, t.cause, greatest(t.answered_by, l.answered_by) AS answered_by, t.sip, coalesce(l.accepted_ms, t.acc) AS acc,
     coalesce(l.ringing_ms, t.ring) AS ring, coalesce(l.answered_ms, t.ans) AS ans, t.fin, coalesce(l.carrier_call_id, t.cid) AS cid, t.keys, t.spoken, t.reason, t.q850,
     l.hang_up_asked),
 kept AS (INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip_status,
     claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms, carrier_call_id, keys_pressed, spoken_text, q850_cause, hang_up_asked)
   SELECT $1::int, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip, claimed_at, acc, ring, ans, fin, cid, keys, spoken, q850,
     hang_up_asked
   FROM d ORDER BY batch_id, seq),
 again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, batch_id, lane, $2::timestamptz + retry_ms * interval '1 ms', seq, n + 1, counted, reason FROM d WHERE retry_ms >= 0),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, d.batch_id, x.lane, $2::timestamptz, d.successor_seq, 1, 0, 5
   FROM d JOIN lane x ON x.organization_id = $1::int AND x.batch_id = d.batch_id AND d.successor_seq >= x.first_seq AND d.successor_seq < x.last_seq
   WHERE d.retry_ms < 0 AND d.successor_seq IS NOT NULL AND x.closed_as IS NULL AND ${untouchedSql('d')} RETURNING batch_id),
 f AS MATERIALIZED (SELECT batch_id, count(*)::int AS live, (count(*) FILTER (WHERE state = 1))::int AS dialing, (count(*) FILTER (WHERE state = 2))::int AS accepted,
     (count(*) FILTER (WHERE state = 3))::int AS ringing, (count(*) FILTER (WHERE state = 4))::int AS talking,
     (count(*) FILTER (WHERE retry_ms >= 0))::int AS again, (count(*) FILTER (WHERE retry_ms < 0))::int AS settled,
     (count(*) FILTER (WHERE disposition = ${NOT_SENT}))::int AS not_sent, coalesce(sum(fin - ans), 0)::bigint AS talk_ms,
     ${OUTCOME_COLUMNS.map(([column, code]) => `(count(*) FILTER (WHERE disposition = ${code} AND retry_ms < 0))::int AS ${column}`).join(', ')}
   FROM d GROUP BY batch_id),
 s AS (UPDATE batch_state b SET live = b.live - f.live, due = b.due + f.again + (SELECT count(*) FROM chained c WHERE c.batch_id = f.batch_id)::int,
     settled = b.settled + f.settled, dialing = b.dialing - f.dialing,
     accepted = b.accepted - f.accepted, ringing = b.ringing - f.ringing, talking = b.talking - f.talking,
     attempts = b.attempts - f.not_sent, talk_ms = b.talk_ms + f.talk_ms, ${OUTCOME_COLUMNS.map(([column]) => `${column} = b.${column} + f.${column}`).join(', ')},
     status = CASE WHEN b.settled + f.settled = b.total AND b.status IN (2, 3) THEN 4 ELSE b.status END,
     completed_at = CASE WHEN b.settled + f.settled = b.total AND b.completed_at IS NULL THEN $2::timestamptz ELSE b.completed_at END
   FROM f WHERE b.organization_id = $1::int AND b.batch_id = f.batch_id
   RETURNING b.batch_id, b.status = 4 AND b.settled = b.total AS completed),
 tr AS (UPDATE trunk_state x SET live = x.live - c.live FROM (SELECT trunk_id, count(*)::int AS live FROM d GROUP BY trunk_id) c
   WHERE x.organization_id = $1::int AND x.trunk_id = c.trunk_id),
 done AS MATERIALIZED (SELECT array_agg(batch_id) AS batch_ids, ARRAY[count(*)::int] AS many FROM s WHERE completed),
 packed AS (SELECT $21::int[] || done.batch_ids AS batch_ids, $22::int[] || array_fill(0, many) AS seqs, $23::smallint[] || array_fill(0::smallint, many) AS ns,
     $24::smallint[] || array_fill(${EVENT_KINDS['batch-completed']}::smallint, many) AS kinds, $25::smallint[] || array_fill(0::smallint, many) AS codes,
     $26::int[] || array_fill(0, many) AS ats FROM done),
 ${packedBlockSql('(SELECT -count(*)::int FROM d)')}
SELECT require_all((SELECT count(*) FROM d), cardinality($3::bigint[]))`

export function endCalls(gate: Gate, calls: readonly EndedCall[]): Statement {
  const events = endEvents(calls)
  return {
    name: 'end_calls',
    text: END_CALLS,
    values: [
      gate.organizationId,
      gate.now,
      plainArray(calls.map((call) => call.numberHash)),
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
      plainArray(calls.map((call) => call.retryAfterMs)),
      int2Array(calls, (call) => call.dueReasonCode),
      ...events.columns(),
      events.times(gate.nowEpochMs),
      knownInt4Array(calls, (call) => call.q850Cause),
    ],
  }
}

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
