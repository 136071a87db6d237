import { plainArray } from './array-literal.ts'
import { sameNumberSql } from './erased-numbers.ts'
import { eventBlockSql } from './event-block-sql.ts'
import { type RowPlace, readPlaces } from './row-place.ts'
import { sameKeySql } from './same-key-sql.ts'
import type { Statement } from './statement.ts'
import { untouchedSql } from './successor-sql.ts'

/**
 * The hot query: the claim and the intent in one statement.
 *
 * For each lane that is asked for it takes recipients in order, checks every limit, and inserts the live rows. Such a
 * row is at once the committed intent to dial, the slot in every limit, and the guard against a second call to the
 * number. After the COMMIT was acknowledged the caller may send one create-call for each returned row, until
 * `send_not_after`; nobody else ever will.
 *
 * What is checked here, whatever the caller believes: batch running and not expired; concurrency of organization,
 * batch and trunk; calls per second of the trunk; breaker of the trunk; suppression; number not in a call. The calling
 * window is checked by the caller at the gate's time: it asks for open lanes only, under the same gate.
 *
 * Where two limits bite at once `k` may come out too small, never too large: each clamp only takes away.
 * Suppression and live number are probed by LATERAL ... LIMIT 1 and not by EXISTS, which the planner may turn into a
 * hashed scan of the whole table (15.9 to 46.9 ms against 11.2 ms for 4,000 candidates and 100,000 suppressed numbers).
 * Rows are inserted in the order of the hash: +0.6 to +1.2 µs a row against +2.6 in random order.
 */

/** A lane asked for, and how many of it at most. */
export interface LaneRequest {
  readonly batchId: number
  readonly lane: number
  /** That of the lane, by the definition which holds while the gate shows its version. */
  readonly trunkId: number
  readonly want: number
  /** Milliseconds from the transaction's time until the create-call may be sent at the latest. */
  readonly sendWithinMs: number
}

/** One committed intent. */
export interface ClaimedRecipient {
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly lane: number
  readonly trunkId: number
  readonly numberHash: bigint
  readonly place: RowPlace | null
  /** E.164 digits without the plus. */
  readonly digits: string
  /** JSON text as stored: an array in the order of the batch's columns, an object, or null. */
  readonly variables: string | null
  readonly successorSeq: number | null
  readonly sendWithinMs: number
}

/** A number that is in a call is tried again after this long. */
export const NUMBER_IN_CALL_DELAY_SECONDS = 5

/** The bucket holds one call, or ten milliseconds' worth of calls where that is more. See docs/decisions/0005. */
export const BUCKET_DEPTH_SQL = 'greatest(1, ts.calls_per_second * 0.01)'

type Source = 'cursor' | 'due'

/** What becomes of a recipient that was taken: it is dialled, its number is suppressed, or its number is in a call. */
const CLAIMED = 0
const HIT = 1
const BUSY = 2

const TAKE = {
  // Rides recipient_pkey.
  cursor: `SELECT a.*, 1::smallint AS n, 1::smallint AS counted, NULL::timestamptz AS due_at, r.seq, r.number, r.number_hash, r.successor_seq, r.variables
   FROM asked a CROSS JOIN LATERAL (SELECT * FROM recipient r WHERE r.organization_id = $1::int AND r.batch_id = a.batch_id
     AND r.seq >= a.next_seq ORDER BY r.seq LIMIT a.k) r`,
  // Rides due_pkey, then recipient_pkey.
  due: `SELECT a.*, q.n, (q.counted + 1)::smallint AS counted, q.due_at, q.seq, r.number, r.number_hash, r.successor_seq, r.variables
   FROM asked a CROSS JOIN LATERAL (SELECT * FROM due q WHERE q.organization_id = $1::int AND q.batch_id = a.batch_id AND q.lane = a.lane
     AND q.due_at <= $2::timestamptz ORDER BY q.due_at, q.seq LIMIT a.k) q
   CROSS JOIN LATERAL (SELECT * FROM recipient r WHERE r.organization_id = $1::int AND r.batch_id = a.batch_id AND r.seq = q.seq LIMIT 1) r`,
} as const satisfies Record<Source, string>

const SAME_DUE = sameKeySql('d', { batch_id: 'c.batch_id', lane: 'c.lane', due_at: 'c.due_at', seq: 'c.seq' })

const MOVE = {
  cursor: `moved AS (UPDATE lane l SET next_seq = l.next_seq + a.k FROM asked a
     WHERE ${sameKeySql('l', { batch_id: 'a.batch_id', lane: 'a.lane' })} AND a.k > 0),
 later AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
     SELECT $1::int, c.batch_id, c.lane, $2::timestamptz + interval '${NUMBER_IN_CALL_DELAY_SECONDS} s', c.seq, 1, 0, 2 FROM rest c WHERE c.fate = ${BUSY})`,
  due: `moved AS (DELETE FROM due d USING c WHERE ${SAME_DUE} AND c.fate <> ${BUSY}),
 later AS (UPDATE due d SET due_at = $2::timestamptz + interval '${NUMBER_IN_CALL_DELAY_SECONDS} s', reason = 2 FROM rest c
     WHERE ${SAME_DUE} AND c.fate = ${BUSY})`,
} as const satisfies Record<Source, string>

const DUE_CHANGE = { cursor: 'f.busy', due: '- f.claimed - f.hit' } as const satisfies Record<Source, string>

const claimSql = (
  source: Source,
) => `WITH t AS MATERIALIZED (SELECT ts.trunk_id, CASE WHEN ts.blocked_until > $2::timestamptz THEN 0 ELSE greatest(0, least(ts.live_max - ts.live,
     floor(least(${BUCKET_DEPTH_SQL}, ts.tokens + ts.calls_per_second * extract(epoch FROM $2::timestamptz - ts.refilled_at)) + 1e-6)::int)) END AS free
   FROM trunk_state ts WHERE ts.organization_id = $1::int),
 a0 AS (SELECT w.ord, w.batch_id, w.lane, w.send_ms, l.trunk_id, l.next_seq, b.live_max - b.live AS batch_free, t.free AS trunk_free,
     ${source === 'cursor' ? 'greatest(0, least(w.want, l.end_seq - l.next_seq))' : 'w.want'} AS k
   FROM unnest($4::int[], $5::smallint[], $6::int[], $7::int[]) WITH ORDINALITY w(batch_id, lane, want, send_ms, ord)
   CROSS JOIN LATERAL (SELECT * FROM lane l WHERE l.organization_id = $1::int AND l.batch_id = w.batch_id AND l.lane = w.lane AND l.closed_as IS NULL LIMIT 1) l
   CROSS JOIN LATERAL (SELECT * FROM batch_state b WHERE b.organization_id = $1::int AND b.batch_id = w.batch_id AND b.status = 2 AND (b.expires_at IS NULL OR b.expires_at > $2::timestamptz) LIMIT 1) b
   JOIN t ON t.trunk_id = l.trunk_id),
 a1 AS (SELECT ord, batch_id, lane, send_ms, trunk_id, next_seq, trunk_free,
     greatest(0, least(k, batch_free - (sum(k) OVER (PARTITION BY batch_id ORDER BY ord) - k))) AS k FROM a0),
 a2 AS (SELECT ord, batch_id, lane, send_ms, trunk_id, next_seq,
     greatest(0, least(k, trunk_free - (sum(k) OVER (PARTITION BY trunk_id ORDER BY ord) - k))) AS k FROM a1),
 asked AS MATERIALIZED (SELECT ord, batch_id, lane, send_ms, trunk_id, next_seq,
     greatest(0, least(k, (SELECT live_max - live FROM gate WHERE organization_id = $1::int) - (sum(k) OVER (ORDER BY ord) - k)))::int AS k FROM a2),
 x AS (SELECT t.*, lag(t.number_hash) OVER (ORDER BY t.number_hash, t.batch_id, t.seq) = t.number_hash AS twin FROM (${TAKE[source]}) t),
 c AS MATERIALIZED (SELECT CASE WHEN s.hit THEN ${HIT} WHEN l.busy OR x.twin THEN ${BUSY} ELSE ${CLAIMED} END AS fate, x.batch_id, x.seq, x.n, x.trunk_id, x.number_hash, x.counted,
     x.lane, x.send_ms, x.successor_seq, x.ord, x.number, x.due_at, x.variables
   FROM x LEFT JOIN LATERAL (SELECT true AS hit FROM suppression u WHERE u.organization_id = $1::int AND u.number_hash = x.number_hash AND ${sameNumberSql('u.number', 'x.number')} LIMIT 1) s ON true
   LEFT JOIN LATERAL (SELECT true AS busy FROM live_call v WHERE v.organization_id = $1::int AND v.number_hash = x.number_hash LIMIT 1) l ON true),
 claimed AS (INSERT INTO live_call (organization_id, number_hash, batch_id, seq, n, counted, lane, trunk_id, node_id, state, successor_seq, claimed_at, send_not_after)
   SELECT $1::int, number_hash, batch_id, seq, n, counted, lane, trunk_id, $3::int, 1, successor_seq, $2::timestamptz, $2::timestamptz + send_ms * interval '1 ms'
   FROM c WHERE fate = ${CLAIMED} RETURNING ctid),
 -- Few or none: looked for once, so that what follows need not read all of c again.
 rest AS MATERIALIZED (SELECT fate, batch_id, lane, seq, due_at, successor_seq, number_hash FROM c WHERE fate <> ${CLAIMED}),
 barred AS (INSERT INTO verdict (organization_id, batch_id, seq, outcome, at) SELECT $1::int, batch_id, seq, 11, $2::timestamptz FROM rest WHERE fate = ${HIT}),
 chained AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, c.batch_id, y.lane, $2::timestamptz, c.successor_seq, 1, 0, 5
   FROM rest c JOIN lane y ON ${sameKeySql('y', { batch_id: 'c.batch_id' })} AND c.successor_seq >= y.first_seq AND c.successor_seq < y.last_seq
   WHERE c.fate = ${HIT} AND c.successor_seq IS NOT NULL AND ${untouchedSql('c')}
     AND (SELECT true FROM live_call v WHERE v.organization_id = $1::int AND v.number_hash = c.number_hash
       AND v.batch_id = c.batch_id AND v.seq = c.successor_seq LIMIT 1) IS NULL RETURNING batch_id),
 ${MOVE[source]},
 f AS MATERIALIZED (SELECT batch_id, trunk_id, (count(*) FILTER (WHERE fate = ${CLAIMED}))::int AS claimed, (count(*) FILTER (WHERE fate = ${HIT}))::int AS hit,
     (count(*) FILTER (WHERE fate = ${BUSY}))::int AS busy FROM c GROUP BY batch_id, trunk_id),
 s AS (UPDATE batch_state b SET live = b.live + f.claimed, dialing = b.dialing + f.claimed, attempts = b.attempts + f.claimed,
     due = b.due + (${DUE_CHANGE[source]}) + (SELECT count(*) FROM chained h WHERE h.batch_id = f.batch_id)::int,
     settled = b.settled + f.hit, suppressed = b.suppressed + f.hit,
     last_dialed_at = CASE WHEN f.claimed > 0 THEN $2::timestamptz ELSE b.last_dialed_at END,
     status = CASE WHEN b.settled + f.hit = b.total THEN 4 ELSE b.status END,
     completed_at = CASE WHEN b.settled + f.hit = b.total THEN $2::timestamptz ELSE b.completed_at END
   FROM (SELECT batch_id, sum(claimed)::int AS claimed, sum(hit)::int AS hit, sum(busy)::int AS busy FROM f GROUP BY batch_id) f
   WHERE ${sameKeySql('b', { batch_id: 'f.batch_id' })} RETURNING b.batch_id, b.status = 4 AS completed),
 tr AS (UPDATE trunk_state ts SET live = ts.live + z.claimed, refilled_at = $2::timestamptz,
     tokens = least(${BUCKET_DEPTH_SQL}, ts.tokens + ts.calls_per_second * extract(epoch FROM $2::timestamptz - ts.refilled_at)) - z.claimed
   FROM (SELECT trunk_id, sum(claimed)::int AS claimed FROM f GROUP BY trunk_id) z
   WHERE ts.organization_id = $1::int AND ts.trunk_id = z.trunk_id AND z.claimed > 0),
 entries AS (SELECT batch_id, seq, n, 1::smallint AS kind, 0::smallint AS code, 0 AS at_ms FROM c WHERE fate = ${CLAIMED}
   UNION ALL SELECT batch_id, seq, 0::smallint, 6::smallint, 11::smallint, 0 FROM rest WHERE fate = ${HIT}
   UNION ALL SELECT batch_id, 0, 0::smallint, 26::smallint, 0::smallint, 0 FROM s WHERE completed),
 ${eventBlockSql('entries', '(SELECT coalesce(sum(claimed), 0)::int FROM f)')}
-- The first row tells where the live rows lie, in the order of the others.
SELECT 0 AS ord, 0 AS seq, 0::bigint AS number_hash, 0::bigint AS number, array_agg(ctid)::text AS variables, 0 AS successor_seq${source === 'due' ? ', 0::smallint AS n, 0::smallint AS counted' : ''} FROM claimed HAVING count(*) > 0
UNION ALL SELECT ord::int, seq, number_hash, number, variables, successor_seq${source === 'due' ? ', n, counted' : ''} FROM c WHERE fate = ${CLAIMED}`

const SQL = { cursor: claimSql('cursor'), due: claimSql('due') } as const

/** Zero rows: nothing may be dialled now from these lanes: a limit is full, or what was taken is suppressed or in a call. */
export function claimRecipients(
  source: Source,
  options: { organizationId: number; now: string; nodeId: number; lanes: readonly LaneRequest[] },
): Statement {
  const { lanes } = options
  return {
    name: `claim_${source}`,
    text: SQL[source],
    values: [
      options.organizationId,
      options.now,
      options.nodeId,
      plainArray(lanes.map((lane) => lane.batchId)),
      plainArray(lanes.map((lane) => lane.lane)),
      plainArray(lanes.map((lane) => lane.want)),
      plainArray(lanes.map((lane) => lane.sendWithinMs)),
    ],
  }
}

/** `lanes` are those that the statement was sent with. */
export function claimedRecipients(rows: unknown[][], lanes: readonly LaneRequest[]): ClaimedRecipient[] {
  const places = readPlaces((rows.find((row) => row[0] === 0)?.[4] ?? null) as string | null)
  return rows
    .filter((row) => row[0] !== 0)
    .map((row, index) => {
      const { batchId, lane, trunkId, sendWithinMs } = lanes[(row[0] as number) - 1]!
      return {
        batchId,
        lane,
        trunkId,
        sendWithinMs,
        seq: row[1] as number,
        numberHash: BigInt(row[2] as string),
        place: places[index] ?? null,
        digits: row[3] as string,
        variables: row[4] as string | null,
        successorSeq: row[5] as number | null,
        // Whoever was waiting in line has their first attempt.
        n: (row[6] as number | undefined) ?? 1,
        counted: (row[7] as number | undefined) ?? 1,
      }
    })
}
