import { EVENT_KINDS } from '../model/event-kind.ts'
import { ask } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** So many of the newest event blocks are looked at, and so many of the last calls of each lane. */
const BLOCKS_MAX = 100
const CALLS_OF_A_LANE_MAX = 50

/**
 * The `seq` of recipients of a batch whose last call ended or who became final most recently, latest first. They come
 * from the newest event blocks and, for when those speak of other batches, from the ends of the lanes, where the last
 * first dials are; so the cost does not grow with the batch. Only a retry that ended longer ago than the newest blocks
 * reach can be missed. Some may wait for another dial: read them before showing them.
 *
 * Rides event_block_pkey, lane_pkey, attempt_pkey.
 */
export async function selectRecentlyEnded(
  client: Client,
  key: { organizationId: number; batchId: number; limit: number },
): Promise<readonly number[]> {
  const rows = await ask<{ seq: number }>(
    client,
    `SELECT seq FROM (
       SELECT x.seq, e.at + x.at_ms * interval '1 ms' AS at
       FROM (SELECT at, batch_id, seq, kind, at_ms FROM event_block WHERE organization_id = $1 ORDER BY block_no DESC LIMIT ${BLOCKS_MAX}) e
       CROSS JOIN LATERAL unnest(e.batch_id, e.seq, e.kind, e.at_ms) x(batch_id, seq, kind, at_ms)
       WHERE x.batch_id = $2 AND x.seq > 0 AND x.kind = $4
       UNION ALL
       SELECT a.seq, a.at FROM lane l
       CROSS JOIN LATERAL (SELECT t.seq, t.claimed_at + t.ended_ms * interval '1 ms' AS at FROM attempt t
         WHERE t.organization_id = $1 AND t.batch_id = $2 AND t.seq >= l.first_seq AND t.seq < l.last_seq
         ORDER BY t.seq DESC LIMIT ${CALLS_OF_A_LANE_MAX}) a
       WHERE l.organization_id = $1 AND l.batch_id = $2
     ) ended GROUP BY seq ORDER BY max(at) DESC, seq DESC LIMIT $3`,
    [key.organizationId, key.batchId, key.limit, EVENT_KINDS['recipient-finished']],
  )
  return rows.map(({ seq }) => seq)
}
