import { ask } from './ask.ts'
import { batchRowsSql } from './batches.ts'
import { KEPT_COUNT_SQL } from './kept-counts.ts'
import type { ReadStatement } from './one-message.ts'
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

/**
 * Only what is asked is written: a condition that takes everything would still have its column read, and a page could not
 * be found in an index alone. Where nothing but the batch's place in the list is asked, its state knows that.
 */
function sift(organizationId: number, sieve: BatchSieve, lead: 'batch' | 'batch_state'): Sifted {
  const { statuses, agentIds, nameParts, withCaller } = sieve
  const values: unknown[] = [organizationId]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const ofBatch = [
    ...(agentIds === null ? [] : [`b.agent_id = ANY(${parameter(agentIds)}::int[])`]),
    ...(nameParts === null
      ? []
      : [
          `EXISTS (SELECT FROM unnest(${parameter(nameParts)}::text[]) x(part) WHERE strpos(lower(b.name), lower(x.part)) > 0)`,
        ]),
  ]
  const ofState = statuses === null ? [] : [`s.status = ANY(${parameter(statuses)}::smallint[])`]
  const where = (conditions: readonly string[]) => `WHERE ${conditions.join(' AND ')}`
  const state = ['s.organization_id = $1', ...(withCaller ? ['s.listed'] : []), ...ofState]
  if (lead === 'batch_state' && withCaller && ofBatch.length === 0) {
    return { from: `batch_state s ${where(state)}`, values }
  }
  const listed = ['NOT b.single', 'b.deleted_at IS NULL', ...(withCaller ? ['b.caller_number IS NOT NULL'] : [])]
  const conditions = ['b.organization_id = $1', ...listed, ...ofBatch]
  if (lead === 'batch' && statuses === null) return { from: `batch b ${where(conditions)}`, values }
  return {
    from: `batch b JOIN batch_state s USING (organization_id, batch_id) ${where([...conditions, ...state])}`,
    values,
  }
}

/**
 * Numbers of batches in an order, from the `offset`th on; without a `limit` all of them, at some 20 bytes each. Equal
 * keys follow by number in the same direction. Rides batch_by_creation, batch_by_update, batch_by_name,
 * batch_state_by_start, batch_state_by_status or batch_state_by_total, and passes every entry before the offset: of
 * batches that call telephones, with nothing else asked of them, in that index alone.
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

/** A page of all batches that call telephones, and from which end its place is looked for. */
export interface OrderedPage {
  readonly order: BatchOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
  /** Counts from the other end of the list, which is quicker behind the middle and gives the same. */
  readonly fromEnd: boolean
}

const ALL: BatchSieve = { statuses: null, agentIds: null, nameParts: null, withCaller: true }

/**
 * A page and, as `list_total` of each row, the length of its list at the same instant, of all batches that call
 * telephones. Rides the index of the order, as {@link selectOrderedBatchIds} does, then batch_pkey and
 * listed_batch_count_of_status. Zero rows: the page lies behind the end, and `keptCount` knows the length.
 */
export function orderedPageStatement(organizationId: number, page: OrderedPage): ReadStatement {
  const { from: lead, key } = ORDERS[page.order]
  const table = lead === 'batch' ? 'b' : 's'
  const direction = page.descending === page.fromEnd ? 'ASC' : 'DESC'
  const shown = page.descending ? 'DESC' : 'ASC'
  const total = '(SELECT total FROM kept)'
  const cut = page.fromEnd
    ? `LIMIT greatest(least($3::int, ${total} - $2::int), 0) OFFSET greatest(${total} - $2::int - $3::int, 0)`
    : 'LIMIT $3::int OFFSET $2::int'
  const numbers = `SELECT ${table}.batch_id FROM ${sift(organizationId, ALL, lead).from}
     ORDER BY ${key} ${direction}, ${table}.batch_id ${direction} ${cut}`
  const rows = batchRowsSql(numbers, `${key} ${shown}, b.batch_id ${shown}`, `, ${total} AS list_total`)
  return {
    name: `batch_list_${page.order}_${shown}${page.fromEnd ? '_from_end' : ''}`.toLowerCase(),
    text: `WITH kept AS MATERIALIZED (${KEPT_COUNT_SQL}) ${rows}`,
    values: [organizationId, page.offset, page.limit],
  }
}

/** Passes every batch of the organization. Rides batch_by_creation alone where nothing but a caller is asked; one row, always. */
export async function countSievedBatches(client: Client, organizationId: number, sieve: BatchSieve): Promise<number> {
  const { from, values } = sift(organizationId, sieve, 'batch')
  const rows = await ask<{ count: number }>(client, `SELECT count(*)::int AS count FROM ${from}`, values)
  return rows[0]!.count
}
