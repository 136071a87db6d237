import { ask, askPrepared, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

export interface AgentRow {
  agent_id: number
  agent_uuid: string
  name: string
  kind: string
  settings: Record<string, unknown>
  dialect_fields: Record<string, unknown> | null
  default_number_id: number | null
  default_number_uuid: string | null
  aliases: string[]
  created_at: Date
  archived_at: Date | null
}

const SELECT = `SELECT g.agent_id, g.agent_uuid, g.name, g.kind, g.settings, g.dialect_fields, g.default_number_id,
   p.number_uuid AS default_number_uuid, g.created_at, g.archived_at,
   ARRAY(SELECT a.alias FROM alias a WHERE a.organization_id = g.organization_id AND a.kind = 'agent' AND a.object_id = g.agent_id
     ORDER BY a.alias) AS aliases
 FROM agent g LEFT JOIN phone_number p ON p.organization_id = g.organization_id AND p.number_id = g.default_number_id
 WHERE g.organization_id = $1`

export interface AgentFilter {
  /** Archived ones too. */
  readonly archived: boolean
  /** Part of the name. */
  readonly search: string | null
}

const FILTER = `($2 OR g.archived_at IS NULL) AND ($3::text IS NULL OR strpos(lower(g.name), lower($3)) > 0)`

/** Oldest first, or with `backwards` newest first. Rides agent_pkey. */
export function selectAgents(
  client: Client,
  organizationId: number,
  page: { beside: number | null; backwards: boolean; limit: number },
  filter: AgentFilter,
): Promise<AgentRow[]> {
  const [relation, direction] = page.backwards ? ['<', 'DESC'] : ['>', 'ASC']
  return ask<AgentRow>(
    client,
    `${SELECT} AND ${FILTER} AND ($4::int IS NULL OR g.agent_id ${relation} $4) ORDER BY g.agent_id ${direction} LIMIT $5`,
    [organizationId, filter.archived, filter.search, page.beside, page.limit],
  )
}

/** Rides agent_pkey; an organization has few agents. */
export async function countSelectedAgents(
  client: Client,
  organizationId: number,
  filter: AgentFilter,
): Promise<number> {
  const rows = await ask<{ count: number }>(
    client,
    `SELECT count(*)::int AS count FROM agent g WHERE g.organization_id = $1 AND ${FILTER}`,
    [organizationId, filter.archived, filter.search],
  )
  return rows[0]!.count
}

/**
 * By the agent's UUID, single calls and deleted batches too. Rides the unique index of agent_uuid, then batch_pkey and
 * batch_state_pkey: it looks at every batch of the organization.
 */
export async function countAttemptsOfAgents(
  client: Client,
  organizationId: number,
  agentUuids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await ask<{ agent_uuid: string; attempts: number }>(
    client,
    `SELECT g.agent_uuid, sum(s.attempts)::float8 AS attempts FROM agent g
     JOIN batch b ON b.organization_id = $1 AND b.agent_id = g.agent_id
     JOIN batch_state s ON s.organization_id = $1 AND s.batch_id = b.batch_id
     WHERE g.organization_id = $1 AND g.agent_uuid = ANY($2::uuid[]) GROUP BY g.agent_uuid`,
    [organizationId, agentUuids],
  )
  return new Map(rows.map(({ agent_uuid, attempts }) => [agent_uuid, attempts]))
}

export async function findAgent(
  client: Client,
  organizationId: number,
  key: { uuid: string } | { agentId: number },
): Promise<AgentRow | undefined> {
  const [name, condition, value] =
    'uuid' in key
      ? ['agent_by_uuid', 'g.agent_uuid = $2::uuid', key.uuid]
      : ['agent_by_id', 'g.agent_id = $2::int', key.agentId]
  const statement = { name, text: `${SELECT} AND ${condition}`, values: [organizationId, value] }
  return (await askPrepared<AgentRow>(client, statement))[0]
}

export async function insertAgent(
  client: Client,
  row: {
    organizationId: number
    agentId: number
    uuid: string
    name: string
    kind: string
    settings: unknown
    dialectFields: string | null
    defaultNumberId: number | null
    createdAt: Date
  },
): Promise<void> {
  await change(
    client,
    `INSERT INTO agent (organization_id, agent_id, agent_uuid, name, kind, settings, default_number_id, created_at, dialect_fields)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      row.organizationId,
      row.agentId,
      row.uuid,
      row.name,
      row.kind,
      JSON.stringify(row.settings),
      row.defaultNumberId,
      row.createdAt,
      row.dialectFields,
    ],
  )
}

/** What may be changed of an agent. */
export interface AgentValues {
  readonly name: string
  readonly kind: string
  readonly settings: unknown
  /** JSON text. */
  readonly dialectFields: string | null
  readonly defaultNumberId: number | null
  readonly archivedAt: Date | null
}

export async function writeAgent(
  client: Client,
  key: { organizationId: number; agentId: number },
  values: AgentValues,
): Promise<void> {
  await change(
    client,
    `UPDATE agent SET name = $3, settings = $4, default_number_id = $5, archived_at = $6, kind = $7, dialect_fields = $8
     WHERE organization_id = $1 AND agent_id = $2`,
    [
      key.organizationId,
      key.agentId,
      values.name,
      JSON.stringify(values.settings),
      values.defaultNumberId,
      values.archivedAt,
      values.kind,
      values.dialectFields,
    ],
  )
}

/** Makes nodes read the open batches of an agent again. Under the gate. Rides batch_state_open, then batch_pkey and lane_pkey. */
export async function touchBatchesOfAgent(
  client: Client,
  key: { organizationId: number; agentId: number },
  version: number,
): Promise<void> {
  await change(
    client,
    `UPDATE batch b SET version = $3 FROM batch_state s
     WHERE b.organization_id = $1 AND s.organization_id = $1 AND s.batch_id = b.batch_id AND s.status IN (2, 3)
       AND (b.agent_id = $2 OR EXISTS (SELECT FROM lane l WHERE l.organization_id = $1 AND l.batch_id = b.batch_id AND l.agent_id = $2))`,
    [key.organizationId, key.agentId, version],
  )
}
