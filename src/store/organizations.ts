import type { UsageLimits } from '../model/usage-limits.ts'
import { ask, askPrepared, change } from './ask.ts'
import type { ReadStatement } from './one-message.ts'
import type { Client } from './owner-transaction.ts'

export interface OrganizationRow {
  organization_id: number
  organization_uuid: string
  name: string
  default_country: string | null
  allowed_countries: string[] | null
  default_number_uuid: string | null
  live_max: number
  live: number
  created_at: Date
  limits: UsageLimits | null
  retention_days: number | null
  aliases: string[]
}

const SELECT = `SELECT o.organization_id, o.organization_uuid, o.name, o.default_country, o.allowed_countries,
   p.number_uuid AS default_number_uuid, g.live_max, g.live, o.created_at, o.limits, o.retention_days,
   ARRAY(SELECT a.alias FROM alias a WHERE a.organization_id = o.organization_id AND a.kind = 'organization' ORDER BY a.alias) AS aliases
 FROM organization o JOIN gate g ON g.organization_id = o.organization_id
 LEFT JOIN phone_number p ON p.organization_id = o.organization_id AND p.number_id = o.default_number_id`

/** Makes the organization and its gate, and returns its number. */
export async function insertOrganization(
  client: Client,
  row: {
    uuid: string
    name: string
    defaultCountry: string | null
    allowedCountries: readonly string[] | null
    liveMax: number
    createdAt: Date
  },
): Promise<number> {
  const rows = await ask<{ organization_id: number }>(
    client,
    `WITH o AS (INSERT INTO organization (organization_uuid, name, default_country, allowed_countries, created_at)
       VALUES ($1, $2, $3, $4, $5) RETURNING organization_id)
     SELECT organization_id FROM o`,
    [row.uuid, row.name, row.defaultCountry, row.allowedCountries, row.createdAt],
  )
  const organizationId = rows[0]!.organization_id
  await change(client, 'INSERT INTO gate (organization_id, live_max) VALUES ($1, $2)', [organizationId, row.liveMax])
  return organizationId
}

/** Rides organization_pkey. Undefined: row-level security hides it, or there is none. */
export async function selectOrganization(client: Client, organizationId: number): Promise<OrganizationRow | undefined> {
  return (await askPrepared<OrganizationRow>(client, organizationStatement(organizationId)))[0]
}

/** The same for a reading of several things. */
export function organizationStatement(organizationId: number): ReadStatement {
  return { name: 'organization', text: `${SELECT} WHERE o.organization_id = $1`, values: [organizationId] }
}

/** For the operator. Rides the unique index of organization_uuid. */
export async function findOrganizationByUuid(client: Client, uuid: string): Promise<OrganizationRow | undefined> {
  return (await ask<OrganizationRow>(client, `${SELECT} WHERE o.organization_uuid = $1::uuid`, [uuid]))[0]
}

/** For the operator, oldest first. Rides organization_pkey. */
export function selectOrganizations(client: Client, after: number, limit: number): Promise<OrganizationRow[]> {
  return ask<OrganizationRow>(client, `${SELECT} WHERE o.organization_id > $1 ORDER BY o.organization_id LIMIT $2`, [
    after,
    limit,
  ])
}

export async function countOrganizations(client: Client): Promise<number> {
  return (await ask<{ count: number }>(client, 'SELECT count(*)::int AS count FROM organization'))[0]!.count
}

export interface OrganizationValues {
  readonly name: string
  readonly defaultCountry: string | null
  readonly allowedCountries: readonly string[] | null
  readonly defaultNumberId: number | null
  /** Left out: as they are. */
  readonly limits?: UsageLimits | null
  readonly retentionDays?: number | null
}

export async function writeOrganization(
  client: Client,
  organizationId: number,
  values: OrganizationValues,
): Promise<void> {
  await change(
    client,
    `UPDATE organization SET name = $2, default_country = $3, allowed_countries = $4, default_number_id = $5,
       limits = CASE WHEN $6 THEN $7::jsonb ELSE limits END,
       retention_days = CASE WHEN $8 THEN $9::int ELSE retention_days END
     WHERE organization_id = $1`,
    [
      organizationId,
      values.name,
      values.defaultCountry,
      values.allowedCountries,
      values.defaultNumberId,
      values.limits !== undefined,
      jsonOrNull(values.limits),
      values.retentionDays !== undefined,
      values.retentionDays ?? null,
    ],
  )
}

/** Under the gate. Calls that live beyond a lowered limit go on; nothing new starts until they are fewer. */
export async function writeLiveMax(client: Client, organizationId: number, liveMax: number): Promise<void> {
  await change(client, 'UPDATE gate SET live_max = $2 WHERE organization_id = $1', [organizationId, liveMax])
}

export interface DialingRulesRow {
  default_country: string | null
  allowed_countries: string[] | null
  default_number_id: number | null
  limits: UsageLimits | null
}

function jsonOrNull(value: UsageLimits | null | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value)
}

/** What the rules of dialling need to know of the organization. Rides organization_pkey. */
export async function readDialingRules(client: Client, organizationId: number): Promise<DialingRulesRow> {
  const rows = await ask<DialingRulesRow>(
    client,
    'SELECT default_country, allowed_countries, default_number_id, limits FROM organization WHERE organization_id = $1',
    [organizationId],
  )
  return rows[0]!
}

/** The next number for an agent, trunk, telephone number or batch. The row stays locked until the commit. */
export async function takeObjectId(client: Client, organizationId: number): Promise<number> {
  const rows = await ask<{ id: number }>(
    client,
    'UPDATE organization SET last_object_id = last_object_id + 1 WHERE organization_id = $1 RETURNING last_object_id AS id',
    [organizationId],
  )
  return rows[0]!.id
}

/**
 * Reads every batch of the organization: for a page about usage, not for a hot path. Rides batch_state_pkey
 * and batch_pkey. Batches of single calls are no batches to a person, their dials and talk count.
 */
export async function readUsage(
  client: Client,
  organizationId: number,
): Promise<{ live_max: number; live: number; open: number; batches: number; attempts: number; talk_ms: number }> {
  const rows = await ask<{
    live_max: number
    live: number
    open: number
    batches: number
    attempts: number
    talk_ms: number
  }>(
    client,
    `SELECT g.live_max, g.live, s.open, s.batches, s.attempts, s.talk_ms FROM gate g CROSS JOIN (
       SELECT count(*) FILTER (WHERE s.status IN (1, 2, 3) AND NOT b.single)::int AS open, count(*) FILTER (WHERE NOT b.single)::int AS batches,
         coalesce(sum(s.attempts), 0)::float8 AS attempts, coalesce(sum(s.talk_ms), 0)::float8 AS talk_ms
       FROM batch_state s JOIN batch b ON b.organization_id = $1 AND b.batch_id = s.batch_id WHERE s.organization_id = $1) s
     WHERE g.organization_id = $1`,
    [organizationId],
  )
  return rows[0]!
}
