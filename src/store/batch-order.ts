import { ask } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** By what a list of batches can be ordered, and the index that has this order. */
const ORDERS = {
  created: { from: 'batch', key: 'b.created_at' },
  updated: { from: 'batch', key: 'b.updated_at' },
  name: { from: 'batch', key: 'b.name' },
  /** Those that are not scheduled come as if they were for the end of all days. */
  start: { from: 'batch_state', key: "coalesce(s.start_at, 'infinity'::timestamptz)" },
  status: { from: 'batch_state', key: 's.status' },
  total: { from: 'batch_state', key: 's.total' },
} as const

export type BatchOrder = keyof typeof ORDERS
export const BATCH_ORDERS = Object.keys(ORDERS) as readonly BatchOrder[]

/** Null takes all. */
export interface BatchSieve {
  readonly statuses: readonly number[] | null
  readonly agentIds: readonly number[] | null
  /** Texts of which the name holds at least one, in any case. */
  readonly nameParts: readonly string[] | null
  /** Only those that call telephones themselves. */
  readonly withCaller: boolean
}

const SIEVE = `($2::smallint[] IS NULL OR s.status = ANY($2::smallint[])) AND ($3::int[] IS NULL OR b.agent_id = ANY($3::int[]))
   AND ($4::text[] IS NULL OR EXISTS (SELECT FROM unnest($4::text[]) x(part) WHERE strpos(lower(b.name), lower(x.part)) > 0))
   AND (NOT $5::bool OR b.caller_number IS NOT NULL) AND NOT b.single AND b.deleted_at IS NULL`

const JOINED = `batch b JOIN batch_state s ON s.organization_id = b.organization_id AND s.batch_id = b.batch_id`

function sieveValues(organizationId: number, sieve: BatchSieve): unknown[] {
  return [organizationId, sieve.statuses, sieve.agentIds, sieve.nameParts, sieve.withCaller]
}

/**
 * Numbers of batches in an order, from the `offset`th on; without a `limit` all of them, at some 20 bytes each. Equal
 * keys follow by number in the same direction. Rides batch_by_creation, batch_by_update, batch_by_name,
 * batch_state_by_start, batch_state_by_status or batch_state_by_total, and looks at every batch before the offset.
 */
export async function selectOrderedBatchIds(
  client: Client,
  organizationId: number,
  page: { order: BatchOrder; descending: boolean; offset: number; limit: number | null },
  sieve: BatchSieve,
): Promise<Int32Array> {
  const { from, key } = ORDERS[page.order]
  const direction = page.descending ? 'DESC' : 'ASC'
  const lead = from === 'batch' ? 'b' : 's'
  // One text instead of a row for each, which would cost far more memory than the numbers themselves.
  const rows = await ask<{ ids: string | null }>(
    client,
    `SELECT string_agg(q.batch_id::text, ',') AS ids FROM (SELECT ${lead}.batch_id FROM ${JOINED}
     WHERE ${lead}.organization_id = $1 AND b.organization_id = $1 AND s.organization_id = $1 AND ${SIEVE}
     ORDER BY ${key} ${direction}, ${lead}.batch_id ${direction} LIMIT $7 OFFSET $6) q`,
    [...sieveValues(organizationId, sieve), page.offset, page.limit],
  )
  const ids = rows[0]!.ids
  return ids === null ? new Int32Array() : Int32Array.from(ids.split(','), Number)
}

/** Rides batch_pkey and batch_state_pkey; looks at every batch. */
export async function countSievedBatches(client: Client, organizationId: number, sieve: BatchSieve): Promise<number> {
  const rows = await ask<{ count: number }>(
    client,
    `SELECT count(*)::int AS count FROM ${JOINED} WHERE b.organization_id = $1 AND ${SIEVE}`,
    sieveValues(organizationId, sieve),
  )
  return rows[0]!.count
}
