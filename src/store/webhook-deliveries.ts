import { ask, change } from './ask.ts'
import type { EventRow } from './event-log.ts'
import type { Client } from './owner-transaction.ts'

/** Codes of `webhook_delivery.status`. */
export const DELIVERY_PENDING = 1
export const DELIVERY_DELIVERED = 2
export const DELIVERY_FAILED = 3

/** A delivery with the event it tells. */
export interface WebhookDeliveryRow extends EventRow {
  status: number
  next_at: Date | null
  tries: number
  last_at: Date | null
  http_status: number | null
  answer: string | null
  error: string | null
  took_ms: number | null
  created_at: Date
}

const SELECT = `SELECT d.block_no::float8 AS block_no, d.entry AS index, d.at, d.batch_id, b.batch_uuid, d.seq, d.n, d.kind, d.code,
   d.at_ms, d.status, d.next_at, d.tries, d.last_at, d.http_status, d.answer, d.error, d.took_ms, d.created_at
 FROM webhook_delivery d JOIN batch b ON b.organization_id = $1 AND b.batch_id = d.batch_id
 WHERE d.organization_id = $1 AND d.endpoint_id = $2`

export interface DeliveryKey {
  readonly organizationId: number
  readonly endpointId: number
  readonly blockNo: number
  readonly entry: number
}

/**
 * Newest first, before a position, of one status or of all. Rides webhook_delivery_pkey backwards; for the failed ones
 * webhook_delivery_failed.
 */
export function selectWebhookDeliveries(
  client: Client,
  key: { organizationId: number; endpointId: number },
  page: { beforeBlockNo: number; beforeEntry: number; status: number | null; limit: number },
): Promise<WebhookDeliveryRow[]> {
  const status = page.status === null ? '' : `AND d.status = ${Math.trunc(page.status)}`
  return ask<WebhookDeliveryRow>(
    client,
    `${SELECT} AND (d.block_no, d.entry) < ($3::bigint, $4::int) ${status} ORDER BY d.block_no DESC, d.entry DESC LIMIT $5`,
    [key.organizationId, key.endpointId, page.beforeBlockNo, page.beforeEntry, page.limit],
  )
}

/** No row: this endpoint was never told of that event, or it was too long ago. */
export async function findWebhookDelivery(client: Client, key: DeliveryKey): Promise<WebhookDeliveryRow | undefined> {
  const rows = await ask<WebhookDeliveryRow>(client, `${SELECT} AND d.block_no = $3 AND d.entry = $4`, [
    key.organizationId,
    key.endpointId,
    key.blockNo,
    key.entry,
  ])
  return rows[0]
}

/** Makes it due now with all tries before it, whatever became of it. */
export async function resendWebhookDelivery(client: Client, key: DeliveryKey): Promise<void> {
  await change(
    client,
    `UPDATE webhook_delivery SET status = ${DELIVERY_PENDING}, tries = 0, next_at = t.now
     FROM (SELECT carillon_now() AS now OFFSET 0) t
     WHERE organization_id = $1 AND endpoint_id = $2 AND block_no = $3 AND entry = $4`,
    [key.organizationId, key.endpointId, key.blockNo, key.entry],
  )
}

/** Makes everything due that was given up since an instant, and returns how many. Rides webhook_delivery_failed. */
export function resendFailedDeliveries(
  client: Client,
  key: { organizationId: number; endpointId: number },
  since: Date | null,
): Promise<number> {
  return change(
    client,
    `UPDATE webhook_delivery SET status = ${DELIVERY_PENDING}, tries = 0, next_at = t.now
     FROM (SELECT carillon_now() AS now OFFSET 0) t
     WHERE organization_id = $1 AND endpoint_id = $2 AND status = ${DELIVERY_FAILED} AND ($3::timestamptz IS NULL OR created_at >= $3)`,
    [key.organizationId, key.endpointId, since],
  )
}
