import { randomUUID } from 'node:crypto'
import { AppError, invalidInput } from '../errors.ts'
import { EVENT_KINDS, type EventKind, eventKindFromCode } from '../model/event-kind.ts'
import { takeObjectId } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import {
  deleteWebhookEndpoint,
  findWebhookEndpoint,
  insertWebhookEndpoint,
  replaceWebhookSecret,
  selectWebhookEndpoints,
  skipToEndOfLog,
  type WebhookEndpointRow,
  writeWebhookEndpoint,
} from '../store/webhook-endpoints.ts'
import { audit, changedFields } from './audit.ts'
import { checkedJson, checkedLimit, checkedText, checkedWhole, NAME_CHARS_MAX } from './checked-input.ts'
import {
  type Actor,
  type CommandContext,
  inOrganization,
  type JsonObject,
  type Page,
  type WebhookFormTerms,
} from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { requireAgent, uuidOf } from './find-objects.ts'
import { requireBatch } from './get-batch.ts'
import type { WebhookView } from './views.ts'

const URL_CHARS_MAX = 2_000
const SECRET_CHARS_MAX = 2_000
const SCOPE_MAX = 1_000
const KEEP_SECONDS_DEFAULT = 86_400
const KEEP_SECONDS_MAX = 30 * 86_400
/** The native wire form. */
const FORM_DEFAULT = 'standard'

export interface WebhookInput {
  readonly url: string
  readonly name?: string | undefined
  /** A wire form of the registry; native by default. */
  readonly form?: string | undefined
  /** Null or absent: everything that the form can tell. */
  readonly kinds?: readonly EventKind[] | null | undefined
  /** Ids or aliases; null or absent: all agents. */
  readonly agentIds?: readonly string[] | null | undefined
  /** Null or absent: all batches. */
  readonly batchIds?: readonly string[] | null | undefined
  /** Made when absent. */
  readonly secret?: string | undefined
  readonly active?: boolean | undefined
  /** What the dialect must be able to repeat. */
  readonly formFields?: JsonObject | null | undefined
}

export type WebhookChanges = Omit<WebhookInput, 'url' | 'form' | 'secret'> & {
  readonly url?: string | undefined
  /** Gives up what waits and goes on with what happens from now on. */
  readonly skipWaiting?: boolean | undefined
}

/** Shown once; it cannot be read again. */
export interface WebhookWithSecret {
  readonly webhook: WebhookView
  readonly secret: string
}

/**
 * Makes an endpoint that is told of what happens from now on. To miss nothing of a batch, make the batch as a draft,
 * then its endpoint, and then start the batch.
 *
 * @throws AppError `target-refused`, `unknown-webhook-form`, `agent-not-found`, `batch-not-found`, `invalid-input`.
 */
export async function createWebhook(
  context: CommandContext,
  actor: Actor,
  input: WebhookInput,
): Promise<WebhookWithSecret> {
  const { organizationId } = actor
  const form = requireForm(context, input.form ?? FORM_DEFAULT)
  const secret = input.secret === undefined ? form.makeSecret() : checkedSecret(form, input.secret)
  const url = await checkedTarget(context, input.url)
  return inOrganization(context, actor, async (client) => {
    const endpointId = await takeObjectId(client, organizationId)
    await insertWebhookEndpoint(client, {
      organizationId,
      endpointId,
      uuid: randomUUID(),
      name: input.name === undefined ? '' : checkedText(input.name, 'name', { max: NAME_CHARS_MAX }),
      url,
      form: form.name,
      formFields: checkedFormFields(input.formFields ?? null),
      kinds: checkedKinds(form, input.kinds ?? null),
      ...(await scopeOf(client, organizationId, input)),
      active: input.active ?? true,
      secret: context.secrets.box.seal(secret, secretPlace(organizationId, endpointId)),
      createdAt: new Date(context.clock.nowEpochMs()),
    })
    const row = (await findWebhookEndpoint(client, organizationId, { endpointId }))!
    await audit(client, actor, 'webhook.created', { objectId: row.endpoint_uuid })
    return { webhook: webhookView(row), secret }
  })
}

/** Oldest first; with `form` those of one wire form. */
export async function listWebhooks(
  context: CommandContext,
  actor: Actor,
  options: { form?: string | undefined; cursor?: string | undefined; limit?: number | undefined } = {},
): Promise<Page<WebhookView>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const list = `webhooks of ${options.form ?? ''}`
  const [after = 0] = options.cursor === undefined ? [] : openCursor(context, actor, list, options.cursor).map(Number)
  const page = { after, limit: limit + 1, form: options.form ?? null }
  const rows = await inOrganization(context, actor, (client) =>
    selectWebhookEndpoints(client, actor.organizationId, page),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(webhookView),
    nextCursor: last === undefined ? null : sealCursor(context, actor, list, [last.endpoint_id]),
  }
}

/** @throws AppError `webhook-not-found`. */
export async function getWebhook(context: CommandContext, actor: Actor, id: string): Promise<WebhookView> {
  return webhookView(await inOrganization(context, actor, (client) => requireWebhook(client, actor.organizationId, id)))
}

/**
 * Changes what is named. `active: true` also sets an endpoint going again that was paused for its failures; what waits
 * for it is then delivered, unless `skipWaiting` is set.
 */
export async function updateWebhook(
  context: CommandContext,
  actor: Actor,
  id: string,
  changes: WebhookChanges,
): Promise<WebhookView> {
  const { organizationId } = actor
  const url = changes.url === undefined ? undefined : await checkedTarget(context, changes.url)
  return inOrganization(context, actor, async (client) => {
    const row = await requireWebhook(client, organizationId, id)
    const key = { organizationId, endpointId: row.endpoint_id }
    const { name, kinds, formFields, active } = changes
    await writeWebhookEndpoint(client, key, {
      name: name === undefined ? row.name : checkedText(name, 'name', { max: NAME_CHARS_MAX }),
      url: url ?? row.url,
      formFields: checkedFormFields(formFields === undefined ? (row.form_fields as JsonObject | null) : formFields),
      kinds: kinds === undefined ? row.kinds : checkedKinds(requireForm(context, row.form), kinds),
      ...(await scopeOf(client, organizationId, changes, { agentIds: row.agent_ids, batchIds: row.batch_ids })),
      active: active ?? row.active,
      updatedAt: new Date(context.clock.nowEpochMs()),
      // A new address deserves a new chance too.
      revive: active === true || (url !== undefined && url !== row.url),
    })
    await audit(client, actor, 'webhook.changed', { objectId: row.endpoint_uuid, ...changedFields(changes) })
    if (changes.skipWaiting === true) await skipToEndOfLog(client, key)
    return readWebhook(client, key)
  })
}

/** Nothing is sent to it any more, and what waits is forgotten. @throws AppError `webhook-not-found`. */
export async function deleteWebhook(context: CommandContext, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor
  await inOrganization(context, actor, async (client) => {
    const row = await requireWebhook(client, organizationId, id)
    await audit(client, actor, 'webhook.deleted', { objectId: row.endpoint_uuid })
    await deleteWebhookEndpoint(client, { organizationId, endpointId: row.endpoint_id })
  })
}

/**
 * Gives the endpoint a new secret. Webhooks are signed with both for `keepSeconds` (a day by default, at most 30), so
 * that the receiver can change over; with 0 the one before ends at once.
 */
export async function rotateWebhookSecret(
  context: CommandContext,
  actor: Actor,
  id: string,
  options: { secret?: string | undefined; keepSeconds?: number | undefined } = {},
): Promise<WebhookWithSecret> {
  const { organizationId } = actor
  const { box } = context.secrets
  const keepSeconds =
    options.keepSeconds === undefined
      ? KEEP_SECONDS_DEFAULT
      : checkedWhole(options.keepSeconds, 'keepSeconds', { min: 0, max: KEEP_SECONDS_MAX })
  return inOrganization(context, actor, async (client) => {
    const row = await requireWebhook(client, organizationId, id)
    const form = requireForm(context, row.form)
    const secret = options.secret === undefined ? form.makeSecret() : checkedSecret(form, options.secret)
    const key = { organizationId, endpointId: row.endpoint_id }
    const place = secretPlace(organizationId, row.endpoint_id)
    const nowEpochMs = context.clock.nowEpochMs()
    await audit(client, actor, 'webhook.secret-changed', { objectId: row.endpoint_uuid })
    await replaceWebhookSecret(client, key, {
      secret: box.seal(secret, place),
      previous: keepSeconds === 0 ? null : box.seal(box.open(row.secret, place), previousSecretPlace(place)),
      keepUntil: keepSeconds === 0 ? null : new Date(nowEpochMs + keepSeconds * 1_000),
      updatedAt: new Date(nowEpochMs),
    })
    return { webhook: await readWebhook(client, key), secret }
  })
}

/** @throws AppError `webhook-not-found`. */
export async function requireWebhook(client: Client, organizationId: number, id: string): Promise<WebhookEndpointRow> {
  const uuid = uuidOf(id)
  const row = uuid === null ? undefined : await findWebhookEndpoint(client, organizationId, { uuid })
  if (row === undefined) throw new AppError('webhook-not-found')
  return row
}

/** @throws AppError `webhook-not-found` when it was deleted meanwhile. */
async function readWebhook(client: Client, key: { organizationId: number; endpointId: number }): Promise<WebhookView> {
  const row = await findWebhookEndpoint(client, key.organizationId, key)
  if (row === undefined) throw new AppError('webhook-not-found')
  return webhookView(row)
}

/** What the sealed secret of an endpoint is bound to. */
export function secretPlace(organizationId: number, endpointId: number) {
  return { organizationId, table: 'webhook_endpoint', column: 'secret', rowId: endpointId }
}

export function previousSecretPlace(place: ReturnType<typeof secretPlace>) {
  return { ...place, column: 'previous_secret' }
}

function requireForm(context: CommandContext, name: string): WebhookFormTerms {
  const form = context.webhookForm(name)
  if (form === undefined) throw new AppError('unknown-webhook-form', { args: [name.slice(0, 100)], field: 'form' })
  return form
}

async function checkedTarget(context: CommandContext, written: string): Promise<string> {
  const url = checkedText(written, 'url', { max: URL_CHARS_MAX })
  await context.targets.requireTarget(url, 'url')
  return url
}

function checkedSecret(form: WebhookFormTerms, written: string): string {
  if (!/^[\x20-\x7e]+$/.test(written) || written.length > SECRET_CHARS_MAX) {
    throw invalidInput('secret', `must have 1 to ${SECRET_CHARS_MAX} printable ASCII characters`)
  }
  const problem = form.problemOfSecret(written)
  if (problem !== null) throw invalidInput('secret', problem)
  return written
}

function checkedFormFields(fields: JsonObject | null): string | null {
  return fields === null ? null : checkedJson(fields, 'formFields')
}

function checkedKinds(form: WebhookFormTerms, kinds: readonly EventKind[] | null): number[] | null {
  if (kinds === null) return null
  if (kinds.length === 0) throw invalidInput('kinds', 'must name at least one kind of event, or be null for all')
  const foreign = kinds.find((kind) => !form.kinds.includes(kind))
  if (foreign !== undefined) throw invalidInput('kinds', `must not hold ${foreign}, which this form cannot tell`)
  return [...new Set(kinds.map((kind) => EVENT_KINDS[kind]))]
}

async function scopeOf(
  client: Client,
  organizationId: number,
  asked: Pick<WebhookInput, 'agentIds' | 'batchIds'>,
  known: { agentIds: readonly number[] | null; batchIds: readonly number[] | null } = {
    agentIds: null,
    batchIds: null,
  },
) {
  const { agentIds, batchIds } = asked
  const agents = await idsOf(
    agentIds,
    'agentIds',
    async (id) => (await requireAgent(client, organizationId, id)).agent_id,
  )
  const batches = await idsOf(
    batchIds,
    'batchIds',
    async (id) => (await requireBatch(client, organizationId, id)).batch_id,
  )
  return {
    agentIds: agents === undefined ? known.agentIds : agents,
    batchIds: batches === undefined ? known.batchIds : batches,
  }
}

async function idsOf(
  references: readonly string[] | null | undefined,
  field: string,
  find: (reference: string) => Promise<number>,
): Promise<number[] | null | undefined> {
  if (references === null || references === undefined) return references
  if (references.length > SCOPE_MAX) throw invalidInput(field, `must hold at most ${SCOPE_MAX} ids`)
  const found: number[] = []
  for (const reference of references) found.push(await find(reference))
  return [...new Set(found)]
}

export function webhookView(row: WebhookEndpointRow): WebhookView {
  return {
    id: row.endpoint_uuid,
    name: row.name,
    url: row.url,
    form: row.form,
    formFields: row.form_fields as JsonObject | null,
    kinds: row.kinds === null ? null : row.kinds.map(eventKindFromCode),
    agentIds: row.agent_uuids,
    batchIds: row.batch_uuids,
    status: !row.active ? 'disabled' : row.paused_at !== null ? 'paused' : 'active',
    pausedAt: row.paused_at,
    pausedReason: row.paused_reason,
    failuresInRow: row.failures_in_row,
    failingSince: row.failing_since,
    lastDeliveredAt: row.last_delivered_at,
    lastError: row.last_error,
    blockedUntil: row.blocked_until,
    previousSecretUntil: row.previous_secret_until,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
