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

/** Which batches, with the values of its parameters `$1` and so on. */
interface Sifted {
  readonly from: string
  readonly values: readonly unknown[]
}

/** The states are joined only where something is asked of them: counting batches with them costs twice as much. */
function sift(organizationId: number, sieve: BatchSieve, lead: 'batch' | 'batch_state'): Sifted {
  const { statuses, agentIds, nameParts, withCaller } = sieve
  const joined = lead === 'batch_state' || statuses !== null
  const from = `batch b ${joined ? 'JOIN batch_state s ON s.organization_id = $1 AND s.batch_id = b.batch_id' : ''}
   WHERE b.organization_id = $1 AND ($2::int[] IS NULL OR b.agent_id = ANY($2::int[]))
     AND ($3::text[] IS NULL OR EXISTS (SELECT FROM unnest($3::text[]) x(part) WHERE strpos(lower(b.name), lower(x.part)) > 0))
     AND (NOT $4::bool OR b.caller_number IS NOT NULL) AND NOT b.single AND b.deleted_at IS NULL
     ${statuses === null ? '' : 'AND s.status = ANY($5::smallint[])'}`
  const values = [organizationId, agentIds, nameParts, withCaller]
  return { from, values: statuses === null ? values : [...values, statuses] }
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
  const order = ORDERS[page.order]
  const direction = page.descending ? 'DESC' : 'ASC'
  const lead = order.from === 'batch' ? 'b' : 's'
  const { from, values } = sift(organizationId, sieve, order.from)
  // One text instead of a row for each, which would cost far more memory than the numbers themselves.
  const rows = await ask<{ ids: string | null }>(
    client,
    `SELECT string_agg(q.batch_id::text, ',') AS ids FROM (SELECT ${lead}.batch_id FROM ${from}
     ORDER BY ${order.key} ${direction}, ${lead}.batch_id ${direction}
     LIMIT $${values.length + 1} OFFSET $${values.length + 2}) q`,
    [...values, page.limit, page.offset],
  )
  const ids = rows[0]!.ids
  return ids === null ? new Int32Array() : Int32Array.from(ids.split(','), Number)
}

/** Looks at every batch of the organization. Rides batch_listed, and batch_state_pkey for statuses. */
export async function countSievedBatches(client: Client, organizationId: number, sieve: BatchSieve): Promise<number> {
  const { from, values } = sift(organizationId, sieve, 'batch')
  const rows = await ask<{ count: number }>(client, `SELECT count(*)::int AS count FROM ${from}`, values)
  return rows[0]!.count
}
