import { getAgent } from '../../../commands/agents.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { openPosition, twoWayPage } from '../../../commands/two-way-page.ts'
import type { WebhookView } from '../../../commands/views.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../../commands/webhooks.ts'
import { AppError } from '../../../errors.ts'
import type { EventKind } from '../../../model/event-kind.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { encodeWebhook } from '../encode-webhook.ts'
import { type AddRoutes, answers, encodeList, nothing } from '../route-parts.ts'
import { accountWebhook, joinSecrets, KINDS_OF_EVENT, splitSecrets } from '../webhook.ts'
import {
  listOf,
  PAGE_SIZE,
  type WebhookChanges,
  type WebhookEvent,
  webhook,
  webhookChanges,
  webhookPath,
  webhookRequest,
  webhooksQuery,
} from '../wire.ts'

const tags = ['Webhooks']
const WEBHOOKS = '/api/webhooks'
const FORM = accountWebhook.name
const ALL_AT_ONCE = 1_000

export const addWebhooks: AddRoutes = (scope, services) => {
  const { commands, publicUrl } = services

  scope.get(WEBHOOKS, {
    schema: { summary: 'List webhooks', tags, querystring: webhooksQuery, response: answers({ 200: listOf(webhook) }) },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize: limit = PAGE_SIZE.fallback, agentId } = request.query
      const all = await allWebhooks(commands, actor, agentId)
      const at = { context: commands, actor, list: `ultravox webhooks ${agentId ?? ''}` }
      const position = openPosition(at, cursor)
      const placed = all.map((view, place) => ({ view, place }))
      const from = position.beside?.[0]
      const ahead = position.backwards
        ? placed.slice(0, from).reverse()
        : placed.slice(from === undefined ? 0 : from + 1)
      const page = twoWayPage(at, ahead.slice(0, limit + 1), { limit, position, keyOf: ({ place }) => [place] })
      return encodeList(page, ({ view }) => encodeWebhook(view), { request, publicUrl, total: all.length })
    },
  })

  scope.post(WEBHOOKS, {
    schema: { summary: 'Make a webhook', tags, body: webhookRequest, response: answers({ 201: webhook }) },
    preValidation: async (request, reply) => nameIgnoredFields(webhookRequest, request.body, reply),
    handler: async (request, reply) => {
      const { url, events, agentId, secrets } = request.body
      const made = await createWebhook(commands, actorOf(request), {
        url,
        form: FORM,
        kinds: kindsOf(events),
        agentIds: typeof agentId === 'string' ? [agentId] : null,
        formFields: { events },
        ...(secrets === undefined || secrets.length === 0 ? {} : { secret: joinSecrets(secrets) }),
      }).catch(asFieldOfAgent)
      return reply.status(201).send(encodeWebhook(made.webhook, splitSecrets(made.secret)))
    },
  })
  addOneWebhook(scope, services)
}

const addOneWebhook: AddRoutes = (scope, { commands }) => {
  const address = `${WEBHOOKS}/:webhook_id`

  scope.get(address, {
    schema: { summary: 'One webhook', tags, params: webhookPath, response: answers({ 200: webhook }) },
    handler: async (request) => encodeWebhook(await ownWebhook(commands, actorOf(request), request.params.webhook_id)),
  })

  for (const [method, body] of [
    ['PUT', webhookRequest],
    ['PATCH', webhookChanges],
  ] as const) {
    scope.route({
      method,
      url: address,
      schema: { summary: 'Change a webhook', tags, params: webhookPath, body, response: answers({ 200: webhook }) },
      preValidation: async (request, reply) => nameIgnoredFields(body, request.body, reply),
      handler: async (request) => {
        const actor = actorOf(request)
        const { id } = await ownWebhook(commands, actor, request.params.webhook_id)
        return change(commands, actor, id, request.body)
      },
    })
  }

  scope.delete(address, {
    schema: { summary: 'Delete a webhook', tags, params: webhookPath, response: answers({ 204: nothing }) },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const { id } = await ownWebhook(commands, actor, request.params.webhook_id)
      await deleteWebhook(commands, actor, id)
      return reply.status(204).send(null)
    },
  })
}

/** A change also sets a webhook going again that was paused for its failures: somebody has looked after it. */
async function change(commands: CommandContext, actor: Actor, id: string, request: WebhookChanges) {
  const { url, events, agentId, secrets } = request
  const changed = await updateWebhook(commands, actor, id, {
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { kinds: kindsOf(events), formFields: { events } }),
    ...(agentId === undefined ? {} : { agentIds: agentId === null ? null : [agentId] }),
    active: true,
  }).catch(asFieldOfAgent)
  if (secrets === undefined || secrets.length === 0) return encodeWebhook(changed)
  // The old ones end at once: whoever changes over keeps them in the list.
  const rotated = await rotateWebhookSecret(commands, actor, id, { secret: joinSecrets(secrets), keepSeconds: 0 })
  return encodeWebhook(rotated.webhook, secrets)
}

/** Of this wire format only: others have words for theirs that this one has not. */
async function ownWebhook(commands: CommandContext, actor: Actor, id: string): Promise<WebhookView> {
  const found = await getWebhook(commands, actor, id)
  if (found.form !== FORM) throw new AppError('webhook-not-found')
  return found
}

/** An organization has few. */
async function allWebhooks(commands: CommandContext, actor: Actor, agentId: string | undefined) {
  const all: WebhookView[] = []
  let cursor: string | undefined
  do {
    const page = await listWebhooks(commands, actor, { form: FORM, limit: ALL_AT_ONCE, cursor })
    all.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  if (agentId === undefined) return all
  const { id } = await getAgent(commands, actor, agentId)
  return all.filter(({ agentIds }) => agentIds?.includes(id) === true)
}

function kindsOf(events: readonly WebhookEvent[]): EventKind[] {
  const kinds = events.flatMap((event): readonly EventKind[] => KINDS_OF_EVENT[event])
  if (kinds.length > 0) return kinds
  const rule = 'events must hold more than call.billed: nothing is billed here, so it would never be told of anything.'
  throw new AppError('invalid-input', { field: 'events', args: [rule], remedy: 'Add call.ended.' })
}

function asFieldOfAgent(error: unknown): never {
  if (!(error instanceof AppError && error.code === 'agent-not-found')) throw error
  const { message, remedy } = error
  throw new AppError('invalid-input', { field: 'agentId', args: [message], remedy, cause: error })
}
