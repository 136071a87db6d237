import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import { findAlias } from '../store/aliases.ts'
import {
  findOrganizationByUuid,
  insertOrganization,
  type OrganizationRow,
  readUsage,
  selectOrganization,
  selectOrganizations,
  writeLiveMax,
  writeOrganization,
} from '../store/organizations.ts'
import { type Client, ownerTransaction } from '../store/owner-transaction.ts'
import { findNumber } from '../store/phone-numbers.ts'
import { audit, changedFields } from './audit.ts'
import { checkedCountry, checkedLimit, checkedText, checkedWhole, NAME_CHARS_MAX } from './checked-input.ts'
import { checkedUsageLimits } from './checked-limits.ts'
import { type Actor, type CommandContext, inOrganization, type OperatorActor, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { requireNumber, storeAliases, uuidOf } from './find-objects.ts'
import { lockGate } from './under-gate.ts'
import type { OrganizationUsage, OrganizationView } from './views.ts'

export const LIVE_MAX_DEFAULT = 50
/** More calls at once than any installation was measured with. */
const LIVE_MAX_MAX = 100_000
const RETENTION_DAYS_MAX = 36_500

export interface OrganizationInput {
  readonly name: string
  /** Calls at once at most; 50 by default. */
  readonly liveMax?: number
  readonly defaultCountry?: string | null
  readonly allowedCountries?: readonly string[] | null
  readonly aliases?: readonly string[]
}

export interface OrganizationChanges {
  readonly name?: string
  readonly liveMax?: number
  readonly defaultCountry?: string | null
  readonly allowedCountries?: readonly string[] | null
  /** Id, alias or E.164 of one of its numbers. */
  readonly defaultNumber?: string | null
  /** Replaces all there were; null takes them away. */
  readonly limits?: UsageLimits | null
  /** How many days after a batch is over its people are erased; null: what the installation says. */
  readonly retentionDays?: number | null
}

export async function createOrganization(
  context: CommandContext,
  operator: OperatorActor,
  input: OrganizationInput,
): Promise<OrganizationView> {
  return ownerTransaction(context.database, async (client) => {
    const organizationId = await storeOrganization(context, client, input)
    await audit(client, { organizationId, ...actorFrom(operator) }, 'organization.created')
    return organizationView((await selectOrganization(client, organizationId))!)
  })
}

/** The insert itself, for the first start too. Returns the organization's number. */
export async function storeOrganization(
  context: Pick<CommandContext, 'clock'>,
  client: Client,
  input: OrganizationInput,
): Promise<number> {
  const organizationId = await insertOrganization(client, {
    uuid: randomUUID(),
    name: checkedText(input.name, 'name', { max: NAME_CHARS_MAX }),
    defaultCountry: countryOrNull(input.defaultCountry, 'defaultCountry'),
    allowedCountries: countriesOrNull(input.allowedCountries),
    liveMax: checkedWhole(input.liveMax ?? LIVE_MAX_DEFAULT, 'concurrency', { min: 0, max: LIVE_MAX_MAX }),
    createdAt: new Date(context.clock.nowEpochMs()),
  })
  const object = { organizationId, kind: 'organization', objectId: organizationId } as const
  await storeAliases(client, object, input.aliases ?? [])
  return organizationId
}

/** Oldest first. */
export async function listOrganizations(
  context: CommandContext,
  _operator: OperatorActor,
  options: { cursor?: string; limit?: number },
): Promise<Page<OrganizationView>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const owner = { organizationId: 0 }
  const after =
    options.cursor === undefined ? 0 : Number(openCursor(context, owner, 'organizations', options.cursor)[0])
  const rows = await ownerTransaction(context.database, (client) => selectOrganizations(client, after, limit + 1))
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(organizationView),
    nextCursor: last === undefined ? null : sealCursor(context, owner, 'organizations', [last.organization_id]),
  }
}

/** For the operator: an actor of any organization, so that every other command can be used for it. */
export async function actAs(context: CommandContext, operator: OperatorActor, organizationId: string): Promise<Actor> {
  const row = await ownerTransaction(context.database, (client) => requireOrganization(client, organizationId))
  return { organizationId: row.organization_id, ...actorFrom(operator) }
}

/** The actor's own organization. */
export async function getOrganization(context: CommandContext, actor: Actor): Promise<OrganizationView> {
  return inOrganization(context, actor, (client) => readOrganization(client, actor.organizationId))
}

/** The same within a transaction. @throws AppError `organization-not-found`. */
export async function readOrganization(client: Client, organizationId: number): Promise<OrganizationView> {
  const row = await selectOrganization(client, organizationId)
  if (row === undefined) throw new AppError('organization-not-found')
  return organizationView(row)
}

/**
 * Changes what is named, and leaves the rest. A lowered limit lets live calls go on.
 * @throws AppError `organization-not-found`, `number-not-found`, `invalid-input`.
 */
export async function updateOrganization(
  context: CommandContext,
  operator: OperatorActor,
  organizationId: string,
  changes: OrganizationChanges,
): Promise<OrganizationView> {
  const row = await ownerTransaction(context.database, async (client) => {
    const found = await requireOrganization(client, organizationId)
    await lockGate(client, { organizationId: found.organization_id })
    await writeChanges(client, (await selectOrganization(client, found.organization_id))!, changes)
    const actor = { organizationId: found.organization_id, ...actorFrom(operator) }
    await audit(client, actor, 'organization.changed', changedFields(changes))
    return (await selectOrganization(client, found.organization_id))!
  })
  context.signals.wake(row.organization_id)
  return organizationView(row)
}

/** What an organization may change of itself: everything but its limits and the countries it may call. */
export async function updateOwnOrganization(
  context: CommandContext,
  actor: Actor,
  changes: Pick<OrganizationChanges, 'name' | 'defaultCountry' | 'defaultNumber'>,
): Promise<OrganizationView> {
  const { name, defaultCountry, defaultNumber } = changes
  const row = await inOrganization(context, actor, async (client) => {
    const found = await selectOrganization(client, actor.organizationId)
    if (found === undefined) throw new AppError('organization-not-found')
    await writeChanges(client, found, { name, defaultCountry, defaultNumber })
    await audit(client, actor, 'organization.changed', changedFields(changes))
    return (await selectOrganization(client, actor.organizationId))!
  })
  return organizationView(row)
}

export async function getUsage(context: CommandContext, actor: Actor): Promise<OrganizationUsage> {
  const row = await inOrganization(context, actor, (client) => readUsage(client, actor.organizationId))
  return {
    liveMax: row.live_max,
    live: row.live,
    openBatches: row.open,
    batches: row.batches,
    attempts: row.attempts,
    talkSeconds: row.talk_ms / 1_000,
  }
}

/** Whether `id`, in any spelling, or an alias of that text names the actor's organization. */
export async function organizationAnswersTo(context: CommandContext, actor: Actor, id: string): Promise<boolean> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const row = await selectOrganization(client, organizationId)
    if (row !== undefined && row.organization_uuid === uuidOf(id)) return true
    return (await findAlias(client, { organizationId, kind: 'organization', alias: id })) !== undefined
  })
}

function actorFrom({ credentialId, origin }: OperatorActor): Omit<Actor, 'organizationId'> {
  return { credentialId, ...(origin === undefined ? {} : { origin }) }
}

async function writeChanges(client: Client, row: OrganizationRow, changes: OrganizationChanges): Promise<void> {
  const { organization_id: organizationId } = row
  await writeOrganization(client, organizationId, {
    name: changes.name === undefined ? row.name : checkedText(changes.name, 'name', { max: NAME_CHARS_MAX }),
    defaultCountry:
      changes.defaultCountry === undefined
        ? row.default_country
        : countryOrNull(changes.defaultCountry, 'defaultCountry'),
    allowedCountries:
      changes.allowedCountries === undefined ? row.allowed_countries : countriesOrNull(changes.allowedCountries),
    defaultNumberId: await defaultNumberId(client, row, changes.defaultNumber),
    ...(changes.retentionDays === undefined ? {} : { retentionDays: checkedRetention(changes.retentionDays) }),
    ...(changes.limits === undefined ? {} : { limits: checkedUsageLimits(changes.limits) }),
  })
  if (changes.liveMax !== undefined) {
    const liveMax = checkedWhole(changes.liveMax, 'concurrency', { min: 0, max: LIVE_MAX_MAX })
    await writeLiveMax(client, organizationId, liveMax)
  }
}

async function defaultNumberId(
  client: Client,
  row: OrganizationRow,
  wanted: string | null | undefined,
): Promise<number | null> {
  if (wanted === null) return null
  if (wanted !== undefined) return (await requireNumber(client, row.organization_id, wanted)).number_id
  if (row.default_number_uuid === null) return null
  return (await findNumber(client, row.organization_id, { uuid: row.default_number_uuid }))?.number_id ?? null
}

async function requireOrganization(client: Client, id: string): Promise<OrganizationRow> {
  const uuid = uuidOf(id)
  const row = uuid === null ? undefined : await findOrganizationByUuid(client, uuid)
  if (row === undefined) throw new AppError('organization-not-found')
  return row
}

function checkedRetention(days: number | null): number | null {
  return days === null ? null : checkedWhole(days, 'retentionDays', { min: 1, max: RETENTION_DAYS_MAX })
}

function countryOrNull(value: string | null | undefined, field: string): string | null {
  return value === null || value === undefined ? null : checkedCountry(value, field)
}

function countriesOrNull(values: readonly string[] | null | undefined): string[] | null {
  if (values === null || values === undefined) return null
  return [...new Set(values.map((value) => checkedCountry(value, 'allowedCountries')))].sort()
}

export function organizationView(row: OrganizationRow): OrganizationView {
  return {
    id: row.organization_uuid,
    name: row.name,
    aliases: row.aliases,
    defaultCountry: row.default_country,
    allowedCountries: row.allowed_countries,
    defaultNumberId: row.default_number_uuid,
    liveMax: row.live_max,
    limits: row.limits,
    retentionDays: row.retention_days,
    createdAt: row.created_at,
  }
}
