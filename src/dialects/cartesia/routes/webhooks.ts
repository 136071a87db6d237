import type { WebhookView } from '../../../commands/views.ts'
import { createWebhook, deleteWebhook } from '../../../commands/webhooks.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import { messageInWords } from '../../field-words.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { allWebhooks, findWebhook } from '../agent-webhooks.ts'
import { decodePlace } from '../decode.ts'
import { encodeId } from '../ids.ts'
import { type AddRoutes, answers, besidePlace, pageOf } from '../route-parts.ts'
import { CARTESIA_FORM } from '../webhook.ts'
import { createdWebhook, idPath, listOf, type Webhook, webhook, webhookRequest, webhooksQuery } from '../wire.ts'

const tags = ['Webhooks']
const WEBHOOKS = '/agents/webhooks'

/** The core calls it the name. */
function asDisplayName(error: unknown): never {
  if (!(error instanceof AppError && error.field === 'name')) throw error
  const rule = messageInWords(error.message, 'name', { name: 'display_name' })
  throw new AppError('invalid-input', { field: 'display_name', args: [rule], remedy: error.remedy, cause: error })
}

export const addWebhooks: AddRoutes = (scope, { commands }) => {
  scope.post(WEBHOOKS, {
    schema: {
      summary: 'Create Webhook',
      description: 'It is told of the calls of every agent whose `webhook_id` it is; of none at first.',
      tags,
      body: webhookRequest,
      response: answers({ 200: createdWebhook }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(webhookRequest, request.body, reply),
    handler: async (request) => {
      const { url, secret, display_name: name } = request.body
      const asked = { url, secret, name: name ?? undefined, form: CARTESIA_FORM, agentIds: [] }
      const made = await createWebhook(commands, actorOf(request), asked).catch(asDisplayName)
      return { ...encodeWebhook(made.webhook), secret: made.secret }
    },
  })

  scope.get(WEBHOOKS, {
    schema: {
      summary: 'List Webhooks',
      description: 'Newest first.',
      tags,
      querystring: webhooksQuery,
      response: answers({ 200: listOf(webhook) }),
    },
    handler: async (request) => {
      const place = decodePlace(request.query)
      const all = (await allWebhooks(commands, actorOf(request))).reverse().map(encodeWebhook)
      return pageOf(besidePlace(all, all, place), { limit: request.query.limit, backwards: place.backwards })
    },
  })

  scope.get(`${WEBHOOKS}/:id`, {
    schema: { summary: 'Get Webhook', tags, params: idPath, response: answers({ 200: webhook }) },
    handler: async (request) => encodeWebhook(await findWebhook(commands, actorOf(request), request.params.id)),
  })

  scope.delete(`${WEBHOOKS}/:id`, {
    schema: {
      summary: 'Delete Webhook',
      description: 'Nothing is sent to it any more.',
      tags,
      params: idPath,
      response: answers({ 200: webhook }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findWebhook(commands, actor, request.params.id)
      await deleteWebhook(commands, actor, found.id)
      return encodeWebhook(found)
    },
  })
}

function encodeWebhook(view: WebhookView): Webhook {
  return {
    id: encodeId('webhook', view.id),
    url: view.url,
    display_name: view.name === '' ? null : view.name,
    created_at: view.createdAt.toISOString(),
    updated_at: view.updatedAt.toISOString(),
  }
}
