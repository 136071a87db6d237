import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { AuditAction } from '../model/audit-action.ts'
import {
  type AgentFilter,
  type AgentRow,
  countAttemptsOfAgents,
  countSelectedAgents,
  findAgent,
  insertAgent,
  selectAgents,
  touchBatchesOfAgent,
  writeAgent,
} from '../store/agents.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { audit, changedFields } from './audit.ts'
import { jsonOrNull } from './batch-terms.ts'
import { checkedLimit, checkedText, NAME_CHARS_MAX } from './checked-input.ts'
import { checkedSettings } from './checked-settings.ts'
import { type Actor, type CommandContext, inOrganization, type JsonObject } from './context.ts'
import { requireAgent, requireNumber, storeAliases } from './find-objects.ts'
import { openPosition, type TwoWayPage, twoWayPage } from './two-way-page.ts'
import { UNBOUND_AGENT_KIND } from './unbound-agent.ts'
import { nextVersion, underGate } from './under-gate.ts'
import type { AgentView } from './views.ts'

export interface AgentInput {
  readonly name: string
  /** A kind of this version, or {@link UNBOUND_AGENT_KIND} for an agent that cannot be used before it has one. */
  readonly kind: string
  readonly settings: JsonObject
  /** What the dialect that makes it must be able to repeat. */
  readonly dialectFields?: JsonObject
  /** Id, alias or E.164 of a number from which it calls when a batch names none. */
  readonly defaultNumber?: string | null
  readonly aliases?: readonly string[]
}

export interface AgentChanges {
  readonly name?: string
  /** Needs settings that fit it. */
  readonly kind?: string
  readonly dialectFields?: JsonObject
  /** Replaces all settings. */
  readonly settings?: JsonObject
  readonly defaultNumber?: string | null
}

/** @throws AppError `unknown-agent-kind`, `invalid-settings`, `number-not-found`, `alias-taken`, `invalid-input`. */
export async function createAgent(context: CommandContext, actor: Actor, input: AgentInput): Promise<AgentView> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const agentId = await storeAgent(context, client, { organizationId, input })
    const row = (await findAgent(client, organizationId, { agentId }))!
    await audit(client, actor, 'agent.created', { objectId: row.agent_uuid })
    return agentView(context, row)
  })
}

/**
 * A new agent that is like another in all but its name and its aliases.
 * @throws AppError `agent-not-found`, also for an archived one; `invalid-input`.
 */
export async function duplicateAgent(
  context: CommandContext,
  actor: Actor,
  agent: string,
  { name }: { name: string },
): Promise<AgentView> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const row = await requireAgent(client, organizationId, agent)
    if (row.archived_at !== null) throw new AppError('agent-not-found')
    const agentId = await takeObjectId(client, organizationId)
    const uuid = randomUUID()
    await audit(client, actor, 'agent.created', { objectId: uuid })
    await insertAgent(client, {
      organizationId,
      agentId,
      uuid,
      name: checkedText(name, 'name', { max: NAME_CHARS_MAX }),
      kind: row.kind,
      settings: row.settings,
      dialectFields: textOf(row),
      defaultNumberId: row.default_number_id,
      createdAt: new Date(context.clock.nowEpochMs()),
    })
    return agentView(context, (await findAgent(client, organizationId, { agentId }))!)
  })
}

/** The insert itself, for the first start too. */
export async function storeAgent(
  context: Pick<CommandContext, 'agentKind' | 'clock'>,
  client: Client,
  { organizationId, input }: { organizationId: number; input: AgentInput },
): Promise<number> {
  const name = checkedText(input.name, 'name', { max: NAME_CHARS_MAX })
  const settings = settingsFor(context, input.kind, input.settings)
  const defaultNumberId = await numberIdOf(client, organizationId, input.defaultNumber ?? null)
  const agentId = await takeObjectId(client, organizationId)
  await insertAgent(client, {
    organizationId,
    agentId,
    uuid: randomUUID(),
    name,
    kind: input.kind,
    settings,
    dialectFields: jsonOrNull(input.dialectFields, 'dialectFields'),
    defaultNumberId,
    createdAt: new Date(context.clock.nowEpochMs()),
  })
  await storeAliases(client, { organizationId, kind: 'agent', objectId: agentId }, input.aliases ?? [])
  return agentId
}

export interface AgentListOptions {
  readonly cursor?: string | undefined
  /** 1..1000, by default 100. */
  readonly limit?: number | undefined
  readonly archived?: boolean | undefined
  /** Part of the name, in any case. */
  readonly search?: string | undefined
}

/** Oldest first; archived ones only with `archived`. */
export async function listAgents(
  context: CommandContext,
  actor: Actor,
  options: AgentListOptions,
): Promise<TwoWayPage<AgentView>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const filter = filterOf(options)
  const at = { context, actor, list: `agents ${JSON.stringify(filter)}` }
  const position = openPosition(at, options.cursor)
  const asked = { beside: position.beside?.[0] ?? null, backwards: position.backwards, limit: limit + 1 }
  const rows = await inOrganization(context, actor, (client) =>
    selectAgents(client, actor.organizationId, asked, filter),
  )
  const page = twoWayPage(at, rows, { limit, position, keyOf: ({ agent_id }) => [agent_id] })
  return { ...page, items: page.items.map((row) => agentView(context, row)) }
}

/** How many agents the whole list has. */
export function countAgents(
  context: CommandContext,
  actor: Actor,
  options: Pick<AgentListOptions, 'archived' | 'search'>,
): Promise<number> {
  return inOrganization(context, actor, (client) =>
    countSelectedAgents(client, actor.organizationId, filterOf(options)),
  )
}

/** How many calls each of these agents has made, by its id; those without a call are not there. */
export function countCallsOfAgents(
  context: CommandContext,
  actor: Actor,
  agentIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return inOrganization(context, actor, (client) => countAttemptsOfAgents(client, actor.organizationId, agentIds))
}

function filterOf({ archived, search }: Pick<AgentListOptions, 'archived' | 'search'>): AgentFilter {
  return { archived: archived === true, search: search ?? null }
}

/** `agent` is an id in any spelling or an alias. @throws AppError `agent-not-found`. */
export async function getAgent(context: CommandContext, actor: Actor, agent: string): Promise<AgentView> {
  const row = await inOrganization(context, actor, (client) => requireAgent(client, actor.organizationId, agent))
  return agentView(context, row)
}

/** Also changes what batches that are under way say from the next call on. */
export function updateAgent(
  context: CommandContext,
  actor: Actor,
  agent: string,
  changes: AgentChanges,
): Promise<AgentView> {
  const note = { action: 'agent.changed', ...changedFields(changes) } as const
  return edit(context, actor, { agent, note }, async (client, row) => ({
    name: changes.name === undefined ? row.name : checkedText(changes.name, 'name', { max: NAME_CHARS_MAX }),
    ...boundTo(context, row, changes),
    dialectFields:
      changes.dialectFields === undefined ? textOf(row) : jsonOrNull(changes.dialectFields, 'dialectFields'),
    defaultNumberId:
      changes.defaultNumber === undefined
        ? row.default_number_id
        : await numberIdOf(client, actor.organizationId, changes.defaultNumber),
    archivedAt: row.archived_at,
  }))
}

/** New batches cannot use it any more; batches that use it go on. Repeating it is harmless. */
export function archiveAgent(context: CommandContext, actor: Actor, agent: string): Promise<AgentView> {
  return edit(context, actor, { agent, note: { action: 'agent.archived' } }, async (_client, row) => ({
    name: row.name,
    kind: row.kind,
    settings: row.settings,
    dialectFields: textOf(row),
    defaultNumberId: row.default_number_id,
    archivedAt: row.archived_at ?? new Date(context.clock.nowEpochMs()),
  }))
}

async function edit(
  context: CommandContext,
  actor: Actor,
  {
    agent,
    note: { action, detail },
  }: {
    agent: string
    note: { action: AuditAction; detail?: { fields: readonly string[] } }
  },
  values: (client: Client, row: AgentRow) => Promise<Parameters<typeof writeAgent>[2]>,
): Promise<AgentView> {
  const { organizationId } = actor
  return underGate(context, actor, async (client, gate) => {
    const row = await requireAgent(client, organizationId, agent)
    const key = { organizationId, agentId: row.agent_id }
    await writeAgent(client, key, await values(client, row))
    await audit(client, actor, action, { objectId: row.agent_uuid, ...(detail === undefined ? {} : { detail }) })
    await touchBatchesOfAgent(client, key, await nextVersion(client, gate))
    return agentView(context, (await findAgent(client, organizationId, { agentId: row.agent_id }))!)
  })
}

/** Settings of one kind say nothing to another: a new kind comes with its own. */
function boundTo(
  context: Pick<CommandContext, 'agentKind'>,
  row: AgentRow,
  { kind = row.kind, settings }: AgentChanges,
): { kind: string; settings: unknown } {
  if (settings !== undefined) return { kind, settings: settingsFor(context, kind, settings) }
  if (kind !== row.kind) return { kind, settings: settingsFor(context, kind, {}) }
  return { kind, settings: row.settings }
}

function textOf({ dialect_fields: fields }: AgentRow): string | null {
  return fields === null ? null : JSON.stringify(fields)
}

function settingsFor(context: Pick<CommandContext, 'agentKind'>, kind: string, settings: JsonObject): unknown {
  if (kind === UNBOUND_AGENT_KIND) return settings
  const terms = context.agentKind(kind)
  if (terms === undefined) throw new AppError('unknown-agent-kind', { args: [kind.slice(0, 100)], field: 'kind' })
  return checkedSettings(terms.settings, settings, `an agent of the kind ${kind}`)
}

async function numberIdOf(client: Client, organizationId: number, number: string | null): Promise<number | null> {
  return number === null ? null : (await requireNumber(client, organizationId, number)).number_id
}

function agentView(context: Pick<CommandContext, 'agentKind'>, row: AgentRow): AgentView {
  return {
    warnings: context.agentKind(row.kind)?.warnings?.(row.settings) ?? [],
    id: row.agent_uuid,
    name: row.name,
    kind: row.kind,
    settings: row.settings as JsonObject,
    dialectFields: row.dialect_fields as JsonObject | null,
    defaultNumberId: row.default_number_uuid,
    aliases: row.aliases,
    createdAt: row.created_at,
    archivedAt: row.archived_at,
  }
}
