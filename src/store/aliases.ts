import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export type AliasKind = 'organization' | 'agent' | 'number' | 'trunk'

/** What the alias stands for, or undefined. Rides alias_pkey. */
export async function findAlias(
  client: Client,
  key: { organizationId: number; kind: AliasKind; alias: string },
): Promise<number | undefined> {
  // The database can neither keep such a text nor look for it.
  if (key.alias.includes('\0')) return undefined
  const rows = await ask<{ object_id: number }>(
    client,
    'SELECT object_id FROM alias WHERE organization_id = $1 AND kind = $2 AND alias = $3',
    [key.organizationId, key.kind, key.alias],
  )
  return rows[0]?.object_id
}

/** False: the alias stands for something else already. Rides alias_pkey. */
export async function insertAlias(
  client: Client,
  row: { organizationId: number; kind: AliasKind; alias: string; objectId: number },
): Promise<boolean> {
  const written = await change(
    client,
    `INSERT INTO alias (organization_id, kind, alias, object_id) VALUES ($1, $2, $3, $4)
     ON CONFLICT (organization_id, kind, alias) DO UPDATE SET object_id = excluded.object_id
     WHERE alias.object_id = excluded.object_id`,
    [row.organizationId, row.kind, row.alias, row.objectId],
  )
  return written === 1
}

export function deleteAlias(
  client: Client,
  key: { organizationId: number; kind: AliasKind; alias: string },
): Promise<number> {
  return change(client, 'DELETE FROM alias WHERE organization_id = $1 AND kind = $2 AND alias = $3', [
    key.organizationId,
    key.kind,
    key.alias,
  ])
}

export function deleteAliasesOf(
  client: Client,
  key: { organizationId: number; kind: AliasKind; objectId: number },
): Promise<number> {
  return change(client, 'DELETE FROM alias WHERE organization_id = $1 AND kind = $2 AND object_id = $3', [
    key.organizationId,
    key.kind,
    key.objectId,
  ])
}
