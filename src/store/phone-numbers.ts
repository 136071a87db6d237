import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface NumberRow {
  number_id: number
  number_uuid: string
  /** Digits without the plus. */
  number: string
  trunk_id: number
  trunk_uuid: string
  carrier: string
  aliases: string[]
  created_at: Date
}

const SELECT = `SELECT p.number_id, p.number_uuid, p.number, p.trunk_id, t.trunk_uuid, t.carrier, p.created_at,
   ARRAY(SELECT a.alias FROM alias a WHERE a.organization_id = p.organization_id AND a.kind = 'number' AND a.object_id = p.number_id
     ORDER BY a.alias) AS aliases
 FROM phone_number p JOIN trunk t ON t.organization_id = p.organization_id AND t.trunk_id = p.trunk_id
 WHERE p.organization_id = $1`

/** Oldest first. Rides phone_number_pkey. */
export function selectNumbers(
  client: Client,
  organizationId: number,
  page: { after: number; limit: number },
): Promise<NumberRow[]> {
  return ask<NumberRow>(client, `${SELECT} AND p.number_id > $2 ORDER BY p.number_id LIMIT $3`, [
    organizationId,
    page.after,
    page.limit,
  ])
}

export type NumberKey = { readonly numberId: number } | { readonly uuid: string } | { readonly digits: number }

/** Each key rides a unique index of its own. */
export async function findNumber(
  client: Client,
  organizationId: number,
  key: NumberKey,
): Promise<NumberRow | undefined> {
  const [condition, value] =
    'numberId' in key
      ? (['p.number_id = $2', key.numberId] as const)
      : 'uuid' in key
        ? (['p.number_uuid = $2::uuid', key.uuid] as const)
        : (['p.number = $2', key.digits] as const)
  return (await ask<NumberRow>(client, `${SELECT} AND ${condition}`, [organizationId, value]))[0]
}

/** Rides phone_number_pkey; an organization has few numbers. */
export async function oldestNumberOfTrunk(
  client: Client,
  organizationId: number,
  trunkId: number,
): Promise<NumberRow | undefined> {
  const rows = await ask<NumberRow>(client, `${SELECT} AND p.trunk_id = $2 ORDER BY p.number_id LIMIT 1`, [
    organizationId,
    trunkId,
  ])
  return rows[0]
}

/** False: the organization has the number already. */
export async function insertNumber(
  client: Client,
  row: { organizationId: number; numberId: number; uuid: string; digits: number; trunkId: number; createdAt: Date },
): Promise<boolean> {
  const inserted = await change(
    client,
    `INSERT INTO phone_number (organization_id, number_id, number_uuid, number, trunk_id, created_at)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, number) DO NOTHING`,
    [row.organizationId, row.numberId, row.uuid, row.digits, row.trunkId, row.createdAt],
  )
  return inserted === 1
}

export function deleteNumber(client: Client, organizationId: number, numberId: number): Promise<number> {
  return change(client, 'DELETE FROM phone_number WHERE organization_id = $1 AND number_id = $2', [
    organizationId,
    numberId,
  ])
}

/** Who has the number as a default: names of agents, and whether the organization does. */
export async function usersOfNumber(
  client: Client,
  organizationId: number,
  numberId: number,
): Promise<{ agents: string[]; organization: boolean }> {
  const rows = await ask<{ agents: string[]; organization: boolean }>(
    client,
    `SELECT ARRAY(SELECT name FROM agent WHERE organization_id = $1 AND default_number_id = $2 ORDER BY agent_id LIMIT 10) AS agents,
       EXISTS (SELECT 1 FROM organization WHERE organization_id = $1 AND default_number_id = $2) AS organization`,
    [organizationId, numberId],
  )
  return rows[0]!
}
