import type { ThrottleRule } from '../model/throttle.ts'
import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface ThrottleRow {
  throttle_id: number
  throttle_uuid: string
  name: string
  rules: ThrottleRule[]
  created_at: Date
}

const SELECT = `SELECT throttle_id, throttle_uuid, name, rules, created_at FROM throttle WHERE organization_id = $1`

/** Oldest first, or with `backwards` newest first. Rides throttle_pkey. */
export function selectThrottles(
  client: Client,
  organizationId: number,
  page: { beside: number | null; backwards: boolean; limit: number },
): Promise<ThrottleRow[]> {
  const [relation, direction] = page.backwards ? ['<', 'DESC'] : ['>', 'ASC']
  return ask<ThrottleRow>(
    client,
    `${SELECT} AND ($2::int IS NULL OR throttle_id ${relation} $2) ORDER BY throttle_id ${direction} LIMIT $3`,
    [organizationId, page.beside, page.limit],
  )
}

/** Rides throttle_pkey; an organization has few throttles. */
export async function countThrottles(client: Client, organizationId: number): Promise<number> {
  const rows = await ask<{ count: number }>(
    client,
    'SELECT count(*)::int AS count FROM throttle WHERE organization_id = $1',
    [organizationId],
  )
  return rows[0]!.count
}

/** Each key rides a unique index of its own. */
export async function findThrottle(
  client: Client,
  organizationId: number,
  key: { uuid: string } | { name: string } | { throttleId: number },
): Promise<ThrottleRow | undefined> {
  const [condition, value] =
    'uuid' in key
      ? (['throttle_uuid = $2::uuid', key.uuid] as const)
      : 'name' in key
        ? (['name = $2', key.name] as const)
        : (['throttle_id = $2', key.throttleId] as const)
  return (await ask<ThrottleRow>(client, `${SELECT} AND ${condition}`, [organizationId, value]))[0]
}

/** False: the name is taken. */
export async function insertThrottle(
  client: Client,
  row: {
    organizationId: number
    throttleId: number
    uuid: string
    name: string
    rules: readonly ThrottleRule[]
    createdAt: Date
  },
): Promise<boolean> {
  const { organizationId, throttleId, uuid, name, rules, createdAt } = row
  const inserted = await change(
    client,
    `INSERT INTO throttle (organization_id, throttle_id, throttle_uuid, name, rules, created_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (organization_id, name) DO NOTHING`,
    [organizationId, throttleId, uuid, name, JSON.stringify(rules), createdAt],
  )
  if (inserted === 0) return false
  await change(client, 'INSERT INTO throttle_state (organization_id, throttle_id) VALUES ($1, $2)', [
    organizationId,
    throttleId,
  ])
  return true
}

/** False: the name is taken. Under the gate: the next claim goes by the new rules. */
export async function writeThrottle(
  client: Client,
  key: { organizationId: number; throttleId: number },
  values: { name: string; rules: readonly ThrottleRule[] },
): Promise<boolean> {
  const written = await change(
    client,
    `UPDATE throttle SET name = $3, rules = $4 WHERE organization_id = $1 AND throttle_id = $2
       AND NOT EXISTS (SELECT 1 FROM throttle o WHERE o.organization_id = $1 AND o.name = $3 AND o.throttle_id <> $2)`,
    [key.organizationId, key.throttleId, values.name, JSON.stringify(values.rules)],
  )
  return written === 1
}

/** Whether a batch that may still dial is under it. Rides batch_throttled, then batch_state_pkey. */
export async function isThrottleInUse(
  client: Client,
  key: { organizationId: number; throttleId: number },
): Promise<boolean> {
  const rows = await ask<{ used: boolean }>(
    client,
    `SELECT EXISTS (SELECT 1 FROM batch b JOIN batch_state s ON s.organization_id = $1 AND s.batch_id = b.batch_id
       WHERE b.organization_id = $1 AND b.throttle_id = $2 AND s.status IN (0, 1, 2, 3)) AS used`,
    [key.organizationId, key.throttleId],
  )
  return rows[0]!.used
}

/** Batches that are over let go of it. */
export async function deleteThrottle(
  client: Client,
  key: { organizationId: number; throttleId: number },
): Promise<void> {
  const values = [key.organizationId, key.throttleId]
  await change(client, 'UPDATE batch SET throttle_id = NULL WHERE organization_id = $1 AND throttle_id = $2', values)
  await change(client, 'DELETE FROM throttle WHERE organization_id = $1 AND throttle_id = $2', values)
}
