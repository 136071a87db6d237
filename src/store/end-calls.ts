import { plainArray, textArray } from './array-literal.ts'
import { eventBlockSql } from './event-block-sql.ts'
import type { Statement } from './statement.ts'

/** One call that is over, as columns of one row each; -1 in a number means "not known". */
export interface EndedCall {
  readonly numberHash: string
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly dispositionCode: number
  readonly causeCode: number
  readonly answeredByCode: number
  readonly sipStatus: number
  readonly q850Cause: number
  readonly acceptedMs: number
  readonly ringingMs: number
  readonly answeredMs: number
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

const END_CALLS = `WITH t AS (SELECT unnest($3::bigint[]) AS hash, unnest($4::int[]) AS batch_id, unnest($5::int[]) AS seq, unnest($6::smallint[]) AS n,
   unnest($7::smallint[]) AS disposition, unnest($8::smallint[]) AS cause, unnest($9::smallint[]) AS answered_by, unnest($10::smallint[]) AS sip,
   unnest($11::int[]) AS acc, unnest($12::int[]) AS ring, unnest($13::int[]) AS ans, unnest($14::int[]) AS fin,
   unnest($15::text[]) AS cid, unnest($16::text[]) AS keys, unnest($17::text[]) AS spoken,
   unnest($18::bigint[]) AS retry_ms, unnest($19::smallint[]) AS reason, unnest($20::smallint[]) AS q850 ORDER BY 1),
 d AS (DELETE FROM live_call l USING t
   WHERE l.organization_id = $1::int AND l.number_hash = t.hash AND l.batch_id = t.batch_id AND l.seq = t.seq AND l.n = t.n
   RETURNING l.batch_id, l.seq, l.n, l.counted - (t.disposition = ${NOT_SENT})::int AS counted, l.lane, l.trunk_id, l.node_id, l.state,
     l.successor_seq, l.claimed_at, t.disposition, t.cause, greatest(t.answered_by, l.answered_by) AS answered_by, nullif(t.sip, -1) AS sip,
     coalesce(l.accepted_ms, nullif(t.acc, -1)) AS acc, coalesce(l.ringing_ms, nullif(t.ring, -1)) AS ring,
     coalesce(l.answered_ms, nullif(t.ans, -1)) AS ans, t.fin, coalesce(t.cid, l.carrier_call_id) AS cid, t.keys, t.spoken, t.retry_ms, t.reason, nullif(t.q850, -1) AS q850),
 kept AS (INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip_status,
     claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms, carrier_call_id, keys_pressed, spoken_text, q850_cause)
   SELECT $1::int, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip, claimed_at, acc, ring, ans, fin, cid, keys, spoken, q850
   FROM d ORDER BY batch_id, seq),
 again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, batch_id, lane, $2::timestamptz + retry_ms * interval '1 ms', seq, n + 1, counted, reason FROM d WHERE retry_ms >= 0),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, d.batch_id, x.lane, $2::timestamptz, d.successor_seq, 1, 0, 5
   FROM d JOIN lane x ON x.organization_id = $1::int AND x.batch_id = d.batch_id AND d.successor_seq >= x.first_seq AND d.successor_seq < x.last_seq
   WHERE d.retry_ms < 0 AND d.successor_seq IS NOT NULL AND x.closed_as IS NULL RETURNING batch_id),
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
 entries AS (SELECT batch_id, seq, n, (CASE WHEN retry_ms >= 0 THEN 5 ELSE 6 END)::smallint AS kind, disposition AS code,
     (extract(epoch FROM claimed_at - $2::timestamptz) * 1000)::int + fin AS at_ms FROM d
   UNION ALL SELECT d.batch_id, d.seq, d.n, v.kind, 0::smallint, (extract(epoch FROM d.claimed_at - $2::timestamptz) * 1000)::int + v.ms
     FROM d CROSS JOIN LATERAL (VALUES (2::smallint, d.acc), (3::smallint, d.ring), (4::smallint, d.ans)) v(kind, ms)
     WHERE d.state < 4 AND v.kind > d.state AND v.ms IS NOT NULL
   UNION ALL SELECT batch_id, 0, 0::smallint, 26::smallint, 0::smallint, 0 FROM s WHERE completed),
 ${eventBlockSql('entries', '(SELECT -count(*)::int FROM d)')}
SELECT count(*)::int FROM d`

/**
 * Ends calls: the live row moves to `attempt`, its slots are free, its figures are counted, its retry stands in `due`,
 * its events are logged. First final wins.
 *
 * Rides live_call_pkey, batch_state_pkey, trunk_state_pkey; writes attempt_pkey in its order.
 * Returns how many were applied; those that are missing had ended before (late evidence, see `late-evidence.ts`).
 */
export function endCalls(organizationId: number, now: string, calls: readonly EndedCall[]): Statement {
  return {
    name: 'end_calls',
    text: END_CALLS,
    values: [
      organizationId,
      now,
      plainArray(calls.map((call) => call.numberHash)),
      plainArray(calls.map((call) => call.batchId)),
      plainArray(calls.map((call) => call.seq)),
      plainArray(calls.map((call) => call.n)),
      plainArray(calls.map((call) => call.dispositionCode)),
      plainArray(calls.map((call) => call.causeCode)),
      plainArray(calls.map((call) => call.answeredByCode)),
      plainArray(calls.map((call) => call.sipStatus)),
      plainArray(calls.map((call) => call.acceptedMs)),
      plainArray(calls.map((call) => call.ringingMs)),
      plainArray(calls.map((call) => call.answeredMs)),
      plainArray(calls.map((call) => call.endedMs)),
      textArray(calls.map((call) => call.carrierCallId)),
      textArray(calls.map((call) => call.keysPressed)),
      textArray(calls.map((call) => call.spokenText)),
      plainArray(calls.map((call) => call.retryAfterMs)),
      plainArray(calls.map((call) => call.dueReasonCode)),
      plainArray(calls.map((call) => call.q850Cause)),
    ],
  }
}
