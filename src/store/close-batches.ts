import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { type Cause, codeOfCause } from '../model/cause.ts'
import { codeOfOutcome } from '../model/disposition.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { plainArray } from './array-literal.ts'
import { eventBlockSql } from './event-block-sql.ts'
import { bumpVersion, type Gate } from './gate.ts'
import { FINAL_OUTCOMES, NOT_SENT_CODE } from './outcome-columns.ts'
import { type Queryable, run } from './statement.ts'

/**
 * Ends the waiting of batches, whatever their size: lanes are closed where they stand, so those in line need no row of
 * their own; those in `due` and those held back behind the same number are few and get one each.
 *
 * - who waits in line: `lane.closed_as`, and one event for each lane;
 * - who was dialled before: settled by the last attempt that was sent;
 * - everyone else: a verdict.
 *
 * Live calls go on and end as they end. Rides lane_pkey, due_pkey, attempt_pkey, recipient_pkey, batch_state_pkey.
 */
const CLOSE_BATCHES = `WITH b0 AS MATERIALIZED (SELECT batch_id, total - live - settled AS rest FROM batch_state
   WHERE organization_id = $1::int AND batch_id = ANY($3::int[])),
 shut AS (UPDATE lane l SET closed_as = $4::smallint, closed_cause = $5::smallint, closed_at = $2::timestamptz FROM b0
   WHERE l.organization_id = $1::int AND l.batch_id = b0.batch_id AND l.closed_as IS NULL
   RETURNING l.batch_id, l.lane, l.next_seq, l.end_seq, l.last_seq),
 taken AS (DELETE FROM due d USING b0 WHERE d.organization_id = $1::int AND d.batch_id = b0.batch_id RETURNING d.batch_id, d.seq),
 held AS (SELECT shut.batch_id, w.seq FROM shut CROSS JOIN LATERAL generate_series(shut.end_seq, shut.last_seq - 1) w(seq)
   JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = shut.batch_id AND r.seq = w.seq
   WHERE NOT EXISTS (SELECT 1 FROM due d WHERE d.organization_id = $1::int AND d.batch_id = shut.batch_id AND d.seq = w.seq)
     AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.organization_id = $1::int AND v.batch_id = shut.batch_id AND v.seq = w.seq)
     AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.organization_id = $1::int AND a.batch_id = shut.batch_id AND a.seq = w.seq)
     AND NOT EXISTS (SELECT 1 FROM live_call c WHERE c.organization_id = $1::int AND c.number_hash = r.number_hash
       AND c.batch_id = shut.batch_id AND c.seq = w.seq)),
 final AS MATERIALIZED (SELECT t.batch_id, t.seq, a.disposition AS outcome FROM taken t
     LEFT JOIN LATERAL (SELECT x.disposition FROM attempt x WHERE x.organization_id = $1::int AND x.batch_id = t.batch_id AND x.seq = t.seq
       AND x.disposition <> ${NOT_SENT_CODE} ORDER BY x.n DESC LIMIT 1) a ON true
   UNION ALL SELECT batch_id, seq, NULL FROM held),
 judged AS (INSERT INTO verdict (organization_id, batch_id, seq, outcome, at)
   SELECT $1::int, batch_id, seq, $4::smallint, $2::timestamptz FROM final WHERE outcome IS NULL),
 f AS MATERIALIZED (SELECT b0.batch_id, b0.rest, count(x.outcome)::int AS dialled,
     ${FINAL_OUTCOMES.map(({ column, code }) => `(count(*) FILTER (WHERE x.outcome = ${code}))::int AS ${column}`).join(', ')}
   FROM b0 LEFT JOIN final x ON x.batch_id = b0.batch_id GROUP BY b0.batch_id, b0.rest),
 s AS (UPDATE batch_state b SET due = 0, settled = b.settled + f.rest,
     ${FINAL_OUTCOMES.map(({ column, code }) => `${column} = b.${column} + f.${column} + CASE WHEN $4::smallint = ${code} THEN f.rest - f.dialled ELSE 0 END`).join(', ')},
     status = CASE WHEN $6::smallint = ${BATCH_STATUS_CODE.cancelled} THEN $6::smallint WHEN b.live = 0 THEN $6::smallint ELSE b.status END,
     completed_at = CASE WHEN b.live = 0 THEN coalesce(b.completed_at, $2::timestamptz) ELSE b.completed_at END
   FROM f WHERE b.organization_id = $1::int AND b.batch_id = f.batch_id
   RETURNING b.batch_id, b.status = ${BATCH_STATUS_CODE.completed} AS completed),
 marked AS (UPDATE batch b SET version = $8::bigint FROM b0 WHERE b.organization_id = $1::int AND b.batch_id = b0.batch_id),
 entries AS (SELECT batch_id, 0 AS seq, 0::smallint AS n, $7::smallint AS kind, 0::smallint AS code, 0 AS at_ms FROM b0
   UNION ALL SELECT batch_id, next_seq, 0::smallint, ${EVENT_KINDS['lane-closed']}::smallint, $4::smallint, end_seq - next_seq FROM shut WHERE end_seq > next_seq
   UNION ALL SELECT batch_id, seq, 0::smallint, ${EVENT_KINDS['recipient-finished']}::smallint, coalesce(outcome, $4::smallint), 0 FROM final
   UNION ALL SELECT batch_id, 0, 0::smallint, ${EVENT_KINDS['batch-completed']}::smallint, 0::smallint, 0 FROM s WHERE completed),
 ${eventBlockSql('entries', '0')}
SELECT batch_id FROM s`

interface Closing {
  readonly outcome: 'cancelled' | 'expired'
  readonly cause: Cause
  readonly statusCode: number
  readonly eventKind: number
}

const CANCELLED: Closing = {
  outcome: 'cancelled',
  cause: 'cancelled-by-user',
  statusCode: BATCH_STATUS_CODE.cancelled,
  eventKind: EVENT_KINDS['batch-cancelled'],
}

const EXPIRED: Closing = {
  outcome: 'expired',
  cause: 'recipient-expired',
  statusCode: BATCH_STATUS_CODE.completed,
  eventKind: EVENT_KINDS['batch-expired'],
}

/** Ends the waiting of one batch because somebody cancelled it. Under the gate; nodes read the batch again. */
export async function cancelWaiting(client: Queryable, gate: Gate, batchId: number): Promise<void> {
  await close(client, gate, [batchId], CANCELLED)
}

/**
 * Ends the waiting of all batches whose time is over, and returns how many they were. One with live calls stays as it
 * is until the last has ended; its line is empty then. Under the gate.
 */
export async function expireBatches(client: Queryable, gate: Gate): Promise<number> {
  const rows = await run(client, {
    name: 'batches_to_expire',
    text: `SELECT batch_id FROM batch_state WHERE organization_id = $1::int AND status IN (1, 2, 3) AND expires_at <= $2::timestamptz
      AND total - live - settled > 0`,
    values: [gate.organizationId, gate.now],
  })
  if (rows.length === 0) return 0
  const batchIds = rows.map((row) => row[0] as number)
  await close(client, gate, batchIds, EXPIRED)
  return rows.length
}

async function close(client: Queryable, gate: Gate, batchIds: readonly number[], closing: Closing): Promise<void> {
  const version = await bumpVersion(client, gate.organizationId)
  await run(client, {
    name: 'close_batches',
    text: CLOSE_BATCHES,
    values: [
      gate.organizationId,
      gate.now,
      plainArray(batchIds),
      codeOfOutcome(closing.outcome),
      codeOfCause(closing.cause),
      closing.statusCode,
      closing.eventKind,
      version,
    ],
  })
}
