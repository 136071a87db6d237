import { plainArray, textArray } from './array-literal.ts'
import { eventBlockSql } from './event-block-sql.ts'
import type { Statement } from './statement.ts'

/** One live call that went further; -1 in a number means "nothing new". */
export interface ProgressedCall {
  readonly numberHash: string
  readonly batchId: number
  readonly seq: number
  readonly n: number
  /** The state its row has; the row is left alone when it has another. */
  readonly fromState: number
  readonly toState: number
  readonly acceptedMs: number
  readonly ringingMs: number
  readonly answeredMs: number
  readonly answeredByCode: number
  readonly carrierCallId: string | null
  /** Null: nothing new. */
  readonly carrierState: string | null
}

const PROGRESS_CALLS = `WITH t AS (SELECT unnest($3::bigint[]) AS hash, unnest($4::int[]) AS batch_id, unnest($5::int[]) AS seq, unnest($6::smallint[]) AS n,
   unnest($7::smallint[]) AS was, unnest($8::smallint[]) AS state, unnest($9::int[]) AS acc, unnest($10::int[]) AS ring, unnest($11::int[]) AS ans,
   unnest($12::smallint[]) AS answered_by, unnest($13::text[]) AS cid, unnest($14::text[]) AS cstate ORDER BY 1),
 u AS (UPDATE live_call l SET state = t.state, carrier_call_id = coalesce(t.cid, l.carrier_call_id),
     carrier_state = coalesce(t.cstate, l.carrier_state),
     accepted_ms = coalesce(l.accepted_ms, nullif(t.acc, -1)), ringing_ms = coalesce(l.ringing_ms, nullif(t.ring, -1)),
     answered_ms = coalesce(l.answered_ms, nullif(t.ans, -1)), answered_by = greatest(l.answered_by, t.answered_by)
   FROM t WHERE l.organization_id = $1::int AND l.number_hash = t.hash AND l.batch_id = t.batch_id AND l.seq = t.seq AND l.n = t.n AND l.state = t.was
   RETURNING l.batch_id, l.seq, l.n, l.claimed_at, t.was, t.state, t.acc, t.ring, t.ans),
 f AS (SELECT batch_id, sum((state = 1)::int - (was = 1)::int)::int AS dialing, sum((state = 2)::int - (was = 2)::int)::int AS accepted,
     sum((state = 3)::int - (was = 3)::int)::int AS ringing, sum((state = 4)::int - (was = 4)::int)::int AS talking FROM u GROUP BY batch_id),
 s AS (UPDATE batch_state b SET dialing = b.dialing + f.dialing, accepted = b.accepted + f.accepted, ringing = b.ringing + f.ringing, talking = b.talking + f.talking
   FROM f WHERE b.organization_id = $1::int AND b.batch_id = f.batch_id),
 entries AS (SELECT u.batch_id, u.seq, u.n, v.kind, 0::smallint AS code, (extract(epoch FROM u.claimed_at - $2::timestamptz) * 1000)::int + v.ms AS at_ms
   FROM u CROSS JOIN LATERAL (VALUES (2::smallint, u.acc), (3::smallint, u.ring), (4::smallint, u.ans)) v(kind, ms)
   WHERE v.ms >= 0 AND v.kind > u.was AND v.kind <= u.state),
 ${eventBlockSql('entries', '0')}
SELECT count(*)::int FROM u`

/**
 * Merges the progress of live calls into their rows, with its figures and events, by rank: the caller never passes a
 * `toState` below `fromState`, and a row whose state is not `fromState` is left alone.
 *
 * Rides live_call_pkey (HOT: no indexed column changes) and batch_state_pkey.
 * Returns how many were applied; for those that are missing the caller's copy was stale: read the rows, try again.
 */
export function progressCalls(organizationId: number, now: string, calls: readonly ProgressedCall[]): Statement {
  return {
    name: 'progress_calls',
    text: PROGRESS_CALLS,
    values: [
      organizationId,
      now,
      plainArray(calls.map((call) => call.numberHash)),
      plainArray(calls.map((call) => call.batchId)),
      plainArray(calls.map((call) => call.seq)),
      plainArray(calls.map((call) => call.n)),
      plainArray(calls.map((call) => call.fromState)),
      plainArray(calls.map((call) => call.toState)),
      plainArray(calls.map((call) => call.acceptedMs)),
      plainArray(calls.map((call) => call.ringingMs)),
      plainArray(calls.map((call) => call.answeredMs)),
      plainArray(calls.map((call) => call.answeredByCode)),
      textArray(calls.map((call) => call.carrierCallId)),
      textArray(calls.map((call) => call.carrierState)),
    ],
  }
}
