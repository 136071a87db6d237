import type { ThrottleRule } from '../model/throttle.ts'
import { ask } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** What decides how long a batch needs at the least. */
export interface WindowFacts {
  /** Recipients who have not been called and may be. */
  waiting: number
  start_at: Date | null
  expires_at: Date | null
  /** Calls at once that organization, batch and the trunks of those who wait allow together. */
  concurrency: number
  calls_per_second: number
  /** Of its throttle; null: it is under none. */
  throttle_rules: ThrottleRule[] | null
  /** Of the newest batches that have dialled; they tell how long a call lasts. */
  recent_attempts: number
  recent_talk_ms: number
}

const RECENT_BATCHES = 100

/** Rides batch_state_pkey, batch_pkey, lane_pkey, trunk_state_pkey, throttle_pkey and gate_pkey; reads no recipient. */
export async function readWindowFacts(
  client: Client,
  key: { organizationId: number; batchId: number },
): Promise<WindowFacts> {
  const rows = await ask<WindowFacts>(
    client,
    `WITH recent AS (SELECT attempts, talk_ms FROM batch_state WHERE organization_id = $1 ORDER BY batch_id DESC LIMIT ${RECENT_BATCHES}),
     trunks AS (SELECT t.live_max, t.calls_per_second FROM trunk_state t WHERE t.organization_id = $1 AND t.trunk_id IN (
       SELECT l.trunk_id FROM lane l WHERE l.organization_id = $1 AND l.batch_id = $2 AND l.closed_as IS NULL))
     SELECT s.total - s.live - s.settled AS waiting, s.start_at, s.expires_at,
       least(g.live_max, s.live_max, coalesce((SELECT sum(live_max) FROM trunks), 0))::int AS concurrency,
       coalesce((SELECT sum(calls_per_second) FROM trunks), 0)::float8 AS calls_per_second,
       (SELECT t.rules FROM batch b JOIN throttle t ON t.organization_id = $1 AND t.throttle_id = b.throttle_id
         WHERE b.organization_id = $1 AND b.batch_id = $2) AS throttle_rules,
       (SELECT coalesce(sum(attempts), 0) FROM recent)::float8 AS recent_attempts,
       (SELECT coalesce(sum(talk_ms), 0) FROM recent)::float8 AS recent_talk_ms
     FROM batch_state s JOIN gate g ON g.organization_id = s.organization_id WHERE s.organization_id = $1 AND s.batch_id = $2`,
    [key.organizationId, key.batchId],
  )
  return rows[0]!
}
