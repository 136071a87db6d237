import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface TrunkRow {
  trunk_id: number
  trunk_uuid: string
  name: string
  carrier: string
  settings: Record<string, unknown>
  live_max: number
  live: number
  calls_per_second: number
  blocked_until: Date | null
  aliases: string[]
  created_at: Date
}

const SELECT = `SELECT t.trunk_id, t.trunk_uuid, t.name, t.carrier, t.settings, s.live_max, s.live, s.calls_per_second,
   s.blocked_until, t.created_at,
   ARRAY(SELECT a.alias FROM alias a WHERE a.organization_id = t.organization_id AND a.kind = 'trunk' AND a.object_id = t.trunk_id
     ORDER BY a.alias) AS aliases
 FROM trunk t JOIN trunk_state s ON s.organization_id = t.organization_id AND s.trunk_id = t.trunk_id
 WHERE t.organization_id = $1`

/** Oldest first; an organization has few. Rides trunk_pkey. */
export function selectTrunks(client: Client, organizationId: number): Promise<TrunkRow[]> {
  return ask<TrunkRow>(client, `${SELECT} ORDER BY t.trunk_id`, [organizationId])
}

export async function findTrunk(
  client: Client,
  organizationId: number,
  key: { uuid: string } | { trunkId: number },
): Promise<TrunkRow | undefined> {
  const rows =
    'uuid' in key
      ? await ask<TrunkRow>(client, `${SELECT} AND t.trunk_uuid = $2::uuid`, [organizationId, key.uuid])
      : await ask<TrunkRow>(client, `${SELECT} AND t.trunk_id = $2`, [organizationId, key.trunkId])
  return rows[0]
}

export async function insertTrunk(
  client: Client,
  row: {
    organizationId: number
    trunkId: number
    uuid: string
    name: string
    carrier: string
    settings: unknown
    version: number
    liveMax: number
    callsPerSecond: number
    now: string
  },
): Promise<void> {
  await change(
    client,
    `INSERT INTO trunk (organization_id, trunk_id, trunk_uuid, name, carrier, settings, version, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz)`,
    [
      row.organizationId,
      row.trunkId,
      row.uuid,
      row.name,
      row.carrier,
      JSON.stringify(row.settings),
      row.version,
      row.now,
    ],
  )
  await change(
    client,
    `INSERT INTO trunk_state (organization_id, trunk_id, live_max, calls_per_second, refilled_at)
     VALUES ($1, $2, $3, $4, $5::timestamptz)`,
    [row.organizationId, row.trunkId, row.liveMax, row.callsPerSecond, row.now],
  )
}

/** Under the gate; `version` is the one that makes nodes read the trunk again. */
export async function writeTrunk(
  client: Client,
  key: { organizationId: number; trunkId: number },
  values: { name: string; settings: unknown; version: number; liveMax: number; callsPerSecond: number },
): Promise<void> {
  await change(
    client,
    'UPDATE trunk SET name = $3, settings = $4, version = $5 WHERE organization_id = $1 AND trunk_id = $2',
    [key.organizationId, key.trunkId, values.name, JSON.stringify(values.settings), values.version],
  )
  await change(
    client,
    'UPDATE trunk_state SET live_max = $3, calls_per_second = $4 WHERE organization_id = $1 AND trunk_id = $2',
    [key.organizationId, key.trunkId, values.liveMax, values.callsPerSecond],
  )
}
