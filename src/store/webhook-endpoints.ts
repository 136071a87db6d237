import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface WebhookEndpointRow {
  endpoint_id: number
  endpoint_uuid: string
  name: string
  url: string
  form: string
  form_fields: unknown
  /** Codes of event kinds; null: all that its form can tell. */
  kinds: number[] | null
  agent_ids: number[] | null
  agent_uuids: string[] | null
  batch_ids: number[] | null
  batch_uuids: string[] | null
  secret: Buffer
  previous_secret: Buffer | null
  previous_secret_until: Date | null
  active: boolean
  paused_at: Date | null
  paused_reason: string | null
  failures_in_row: number
  failing_since: Date | null
  last_delivered_at: Date | null
  last_error: string | null
  blocked_until: Date | null
  created_at: Date
  updated_at: Date
}

const SELECT = `SELECT e.endpoint_id, e.endpoint_uuid, e.name, e.url, e.form, e.form_fields, e.kinds, e.agent_ids, e.batch_ids,
   CASE WHEN e.agent_ids IS NOT NULL THEN ARRAY(SELECT a.agent_uuid::text FROM agent a
     WHERE a.organization_id = e.organization_id AND a.agent_id = ANY(e.agent_ids) ORDER BY a.agent_id) END AS agent_uuids,
   CASE WHEN e.batch_ids IS NOT NULL THEN ARRAY(SELECT b.batch_uuid::text FROM batch b
     WHERE b.organization_id = e.organization_id AND b.batch_id = ANY(e.batch_ids) ORDER BY b.batch_id) END AS batch_uuids,
   e.secret, e.previous_secret, e.previous_secret_until, e.active, e.paused_at, e.paused_reason, e.failures_in_row,
   e.failing_since, e.last_delivered_at, e.last_error, e.blocked_until, e.created_at, e.updated_at
 FROM webhook_endpoint e WHERE e.organization_id = $1`

/** Oldest first, behind an endpoint, of one wire form or of all. Rides webhook_endpoint_pkey. */
export function selectWebhookEndpoints(
  client: Client,
  organizationId: number,
  page: { after: number; limit: number; form: string | null },
): Promise<WebhookEndpointRow[]> {
  return ask<WebhookEndpointRow>(
    client,
    `${SELECT} AND e.endpoint_id > $2 AND ($4::text IS NULL OR e.form = $4) ORDER BY e.endpoint_id LIMIT $3`,
    [organizationId, page.after, page.limit, page.form],
  )
}

/** Rides the primary key or the unique key of its uuid; no row: there is no such endpoint in this organization. */
export async function findWebhookEndpoint(
  client: Client,
  organizationId: number,
  key: { uuid: string } | { endpointId: number },
): Promise<WebhookEndpointRow | undefined> {
  const rows =
    'uuid' in key
      ? await ask<WebhookEndpointRow>(client, `${SELECT} AND e.endpoint_uuid = $2::uuid`, [organizationId, key.uuid])
      : await ask<WebhookEndpointRow>(client, `${SELECT} AND e.endpoint_id = $2`, [organizationId, key.endpointId])
  return rows[0]
}

/** What a person says about an endpoint. */
export interface WebhookEndpointValues {
  readonly name: string
  readonly url: string
  readonly formFields: string | null
  readonly kinds: readonly number[] | null
  readonly agentIds: readonly number[] | null
  readonly batchIds: readonly number[] | null
  readonly active: boolean
}

/** It is told of what happens from now on: of blocks behind the last one that is committed. */
export async function insertWebhookEndpoint(
  client: Client,
  row: WebhookEndpointValues & {
    organizationId: number
    endpointId: number
    uuid: string
    form: string
    secret: Buffer
    createdAt: Date
  },
): Promise<void> {
  await change(
    client,
    `INSERT INTO webhook_endpoint (organization_id, endpoint_id, endpoint_uuid, name, url, form, form_fields, kinds, agent_ids,
       batch_ids, secret, active, block_no, created_at, updated_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, g.block_no, $13, $13 FROM gate g WHERE g.organization_id = $1`,
    [
      row.organizationId,
      row.endpointId,
      row.uuid,
      row.name,
      row.url,
      row.form,
      row.formFields,
      row.kinds,
      row.agentIds,
      row.batchIds,
      row.secret,
      row.active,
      row.createdAt,
    ],
  )
}

/** Changes what a person says; `revive` also forgets the failures of the past, so that it is tried at once. */
export async function writeWebhookEndpoint(
  client: Client,
  key: { organizationId: number; endpointId: number },
  values: WebhookEndpointValues & { updatedAt: Date; revive: boolean },
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_endpoint SET name = $3, url = $4, form_fields = $5, kinds = $6, agent_ids = $7, batch_ids = $8, active = $9,
       updated_at = $10, paused_at = CASE WHEN $11 THEN NULL ELSE paused_at END,
       paused_reason = CASE WHEN $11 THEN NULL ELSE paused_reason END,
       failures_in_row = CASE WHEN $11 THEN 0 ELSE failures_in_row END,
       failing_since = CASE WHEN $11 THEN NULL ELSE failing_since END,
       blocked_until = CASE WHEN $11 THEN NULL ELSE blocked_until END
     WHERE organization_id = $1 AND endpoint_id = $2`,
    [
      key.organizationId,
      key.endpointId,
      values.name,
      values.url,
      values.formFields,
      values.kinds,
      values.agentIds,
      values.batchIds,
      values.active,
      values.updatedAt,
      values.revive,
    ],
  )
}

/** The new secret signs from now on; with `keepUntil` the one before stays valid until then, else it ends at once. */
export async function replaceWebhookSecret(
  client: Client,
  key: { organizationId: number; endpointId: number },
  secrets: { secret: Buffer; previous: Buffer | null; keepUntil: Date | null; updatedAt: Date },
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_endpoint SET secret = $3, previous_secret = $4, previous_secret_until = $5, updated_at = $6
     WHERE organization_id = $1 AND endpoint_id = $2`,
    [key.organizationId, key.endpointId, secrets.secret, secrets.previous, secrets.keepUntil, secrets.updatedAt],
  )
}

/** Removes it with its deliveries. The row goes first: a node that works for the endpoint then finds it gone. */
export async function deleteWebhookEndpoint(
  client: Client,
  key: { organizationId: number; endpointId: number },
): Promise<void> {
  for (const table of ['webhook_endpoint', 'webhook_delivery']) {
    await change(client, `DELETE FROM ${table} WHERE organization_id = $1 AND endpoint_id = $2`, [
      key.organizationId,
      key.endpointId,
    ])
  }
}

/**
 * Drops what waits for an endpoint and goes on at the end of the log: pending deliveries are given up.
 * Rides webhook_delivery_pending.
 */
export async function skipToEndOfLog(
  client: Client,
  key: { organizationId: number; endpointId: number },
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_endpoint e SET block_no = g.block_no FROM gate g
     WHERE e.organization_id = $1 AND e.endpoint_id = $2 AND g.organization_id = $1`,
    [key.organizationId, key.endpointId],
  )
  await change(
    client,
    `UPDATE webhook_delivery SET status = 3, next_at = NULL, error = 'Skipped on request'
     WHERE organization_id = $1 AND endpoint_id = $2 AND status = 1`,
    [key.organizationId, key.endpointId],
  )
}
