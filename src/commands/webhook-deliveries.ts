import { AppError, invalidInput } from '../errors.ts'
import {
  findWebhookDelivery,
  resendFailedDeliveries,
  resendWebhookDelivery,
  selectWebhookDeliveries,
  type WebhookDeliveryRow,
} from '../store/webhook-deliveries.ts'
import { audit } from './audit.ts'
import { checkedDate, checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { eventView } from './event-view.ts'
import { DELIVERY_STATUSES, type DeliveryStatus, type DeliveryView } from './views.ts'
import { requireWebhook } from './webhooks.ts'

const AFTER_ALL = [Number.MAX_SAFE_INTEGER, 0] as const
/** No log has more digits: block numbers are exact as doubles, entries are ints. */
const EVENT_ID = /^([1-9]\d{0,14})\.([1-9]\d{0,8})$/

/** The newest events first, each with what became of it. @throws AppError `webhook-not-found`, `invalid-cursor`. */
export async function listDeliveries(
  context: CommandContext,
  actor: Actor,
  webhookId: string,
  options: { status?: DeliveryStatus | undefined; cursor?: string | undefined; limit?: number | undefined } = {},
): Promise<Page<DeliveryView>> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  return inOrganization(context, actor, async (client) => {
    const endpoint = await requireWebhook(client, organizationId, webhookId)
    const key = { organizationId, endpointId: endpoint.endpoint_id }
    const list = `deliveries of ${endpoint.endpoint_id} ${options.status ?? ''}`
    const [beforeBlockNo = AFTER_ALL[0], beforeEntry = AFTER_ALL[1]] =
      options.cursor === undefined ? AFTER_ALL : openCursor(context, actor, list, options.cursor).map(Number)
    const status = options.status === undefined ? null : DELIVERY_STATUSES.indexOf(options.status) + 1
    const rows = await selectWebhookDeliveries(client, key, { beforeBlockNo, beforeEntry, status, limit: limit + 1 })
    const items = rows.slice(0, limit)
    const last = rows.length > limit ? items.at(-1) : undefined
    return {
      items: items.map((row) => deliveryView(context, { organizationId, webhookId: endpoint.endpoint_uuid }, row)),
      nextCursor: last === undefined ? null : sealCursor(context, actor, list, [last.block_no, last.index]),
    }
  })
}

/**
 * Sends an event again, at once and with all tries before it, whatever became of it. It has the same id, so a receiver
 * that has seen it can tell.
 * @throws AppError `webhook-not-found`; `delivery-not-found` for an event that this endpoint was never told of.
 */
export async function resendDelivery(
  context: CommandContext,
  actor: Actor,
  webhookId: string,
  eventId: string,
): Promise<DeliveryView> {
  const { organizationId } = actor
  const [, blockNo, entry] = EVENT_ID.exec(eventId) ?? []
  if (blockNo === undefined) throw new AppError('delivery-not-found')
  return inOrganization(context, actor, async (client) => {
    const endpoint = await requireWebhook(client, organizationId, webhookId)
    const key = { organizationId, endpointId: endpoint.endpoint_id, blockNo: Number(blockNo), entry: Number(entry) }
    await resendWebhookDelivery(client, key)
    const row = await findWebhookDelivery(client, key)
    if (row === undefined) throw new AppError('delivery-not-found')
    await audit(client, actor, 'webhook.resent', { objectId: endpoint.endpoint_uuid, detail: { events: 1 } })
    return deliveryView(context, { organizationId, webhookId: endpoint.endpoint_uuid }, row)
  })
}

/** Sends everything again that was given up, or only what is not older than `since`. Returns how many. */
export async function resendFailed(
  context: CommandContext,
  actor: Actor,
  webhookId: string,
  options: { since?: Date | undefined } = {},
): Promise<number> {
  const { organizationId } = actor
  const since = options.since === undefined ? null : checkedDate(options.since, 'since')
  if (since !== null && since.getTime() > context.clock.nowEpochMs()) throw invalidInput('since', 'must not lie ahead')
  return inOrganization(context, actor, async (client) => {
    const endpoint = await requireWebhook(client, organizationId, webhookId)
    const events = await resendFailedDeliveries(client, { organizationId, endpointId: endpoint.endpoint_id }, since)
    await audit(client, actor, 'webhook.resent', { objectId: endpoint.endpoint_uuid, detail: { events } })
    return events
  })
}

function deliveryView(
  context: Pick<CommandContext, 'secrets'>,
  place: { organizationId: number; webhookId: string },
  row: WebhookDeliveryRow,
): DeliveryView {
  return {
    eventId: `${row.block_no}.${row.index}`,
    webhookId: place.webhookId,
    event: eventView(context, place.organizationId, row),
    status: DELIVERY_STATUSES[row.status - 1]!,
    tries: row.tries,
    nextTryAt: row.next_at,
    lastTryAt: row.last_at,
    httpStatus: row.http_status,
    answer: row.answer,
    error: row.error,
    tookMs: row.took_ms,
    createdAt: row.created_at,
  }
}
