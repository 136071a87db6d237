import { EVENT_KINDS } from '../model/event-kind.ts'
import { numberArray } from './array-literal.ts'
import { expireBatches } from './close-batches.ts'
import type { DueBatches } from './dispatch-store.ts'
import { eventBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { type Queryable, run } from './statement.ts'

/**
 * Which organizations have a batch to start or to expire, and in how many milliseconds the next start comes.
 * A read across organizations that may be stale. Rides batch_state_scheduled and batch_state_expiring.
 */
export async function dueBatches(client: Queryable): Promise<DueBatches> {
  const rows = await run(client, {
    name: 'due_batches',
    text: `WITH t AS MATERIALIZED (SELECT carillon_now() AS now),
     starts AS (SELECT organization_id FROM batch_state, t WHERE status = 1 AND start_at <= t.now),
     ends AS (SELECT organization_id FROM batch_state, t WHERE status IN (1, 2, 3) AND expires_at IS NOT NULL AND expires_at <= t.now)
     SELECT organization_id, NULL::float8 FROM starts UNION SELECT organization_id, NULL FROM ends
     UNION ALL SELECT NULL, extract(epoch FROM (SELECT min(start_at) FROM batch_state, t WHERE status = 1 AND start_at > t.now) - t.now)::float8 * 1000 FROM t`,
    values: [],
  })
  const next = rows.at(-1)![1] as number | null
  return { organizationIds: rows.slice(0, -1).map((row) => row[0] as number), nextInMs: next }
}

/** Starts what is scheduled for the gate's time or earlier, and closes what has expired. Returns how many batches changed. */
export async function turnBatches(client: Queryable, gate: Gate): Promise<number> {
  const [started, expired] = await Promise.all([startScheduled(client, gate), expireBatches(client, gate)])
  return started + expired
}

const START_SCHEDULED = `WITH s AS (UPDATE batch_state SET status = 2, started_at = $2::timestamptz
   WHERE organization_id = $1::int AND status = 1 AND start_at <= $2::timestamptz RETURNING batch_id),
 v AS (UPDATE gate SET version = version + 1 WHERE organization_id = $1::int AND EXISTS (SELECT 1 FROM s) RETURNING version)
 UPDATE batch b SET version = v.version FROM s, v WHERE b.organization_id = $1::int AND b.batch_id = s.batch_id RETURNING b.batch_id`

/** The block is a statement of its own: one statement may change the gate's row only once. */
const LOG_STARTED = `WITH entries AS (SELECT b AS batch_id, 0 AS seq, 0::smallint AS n, ${EVENT_KINDS['batch-started']}::smallint AS kind, 0::smallint AS code, 0 AS at_ms
   FROM unnest($3::int[]) b),
 ${eventBlockSql('entries', '0')} SELECT 1`

async function startScheduled(client: Queryable, gate: Gate): Promise<number> {
  const values = [gate.organizationId, gate.now]
  const started = await run(client, { name: 'start_scheduled', text: START_SCHEDULED, values })
  if (started.length === 0) return 0
  const batchIds = numberArray(started.map((row) => row[0] as number))
  await run(client, { name: 'log_started', text: LOG_STARTED, values: [...values, batchIds] })
  return started.length
}
