import { createWebhook, deleteWebhook, updateWebhook } from '../../../commands/webhooks.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { allWebhooks, encodeWebhook, findWebhook } from '../account-webhooks.ts'
import { encodeId } from '../ids.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { ELEVENLABS_FORM } from '../webhook.ts'
import {
  createdWebhook,
  done,
  webhookChanges,
  webhookPath,
  webhookRequest,
  webhooks,
  webhooksQuery,
} from '../wire-account.ts'

const tags = ['Webhooks']
const WEBHOOKS = '/v1/workspace/webhooks'

export const addWebhooks: AddRoutes = (scope, { commands }) => {
  scope.get(WEBHOOKS, {
    schema: { summary: 'List webhooks', tags, querystring: webhooksQuery, response: answers({ 200: webhooks }) },
    preValidation: async (request, reply) => nameIgnoredFields(webhooksQuery, request.query, reply),
    handler: async (request) => {
      const withUsage = request.query.include_usages === 'true'
      const all = await allWebhooks(commands, actorOf(request))
      return { webhooks: all.map((each) => encodeWebhook(each, { withUsage })) }
    },
  })

  scope.post(WEBHOOKS, {
    schema: {
      summary: 'Create webhook',
      description: 'It is told of nothing until the settings name it.',
      tags,
      body: webhookRequest,
      response: answers({ 200: createdWebhook }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(webhookRequest, request.body, reply),
    handler: async (request) => {
      const { name, webhook_url: url } = request.body.settings
      const asked = { name, url, form: ELEVENLABS_FORM, agentIds: [] }
      const made = await createWebhook(commands, actorOf(request), asked)
      return { webhook_id: encodeId('webhook', made.webhook.id), webhook_secret: made.secret }
    },
  })

  scope.patch(`${WEBHOOKS}/:webhook_id`, {
    schema: {
      summary: 'Update webhook',
      description: 'Enabling it also sets it going again when it was paused for its failures.',
      tags,
      params: webhookPath,
      body: webhookChanges,
      response: answers({ 200: done }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(webhookChanges, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { id } = await findWebhook(commands, actor, request.params.webhook_id)
      const { name, is_disabled: isDisabled } = request.body
      await updateWebhook(commands, actor, id, { name, active: !isDisabled })
      return { status: 'ok' as const }
    },
  })

  scope.delete(`${WEBHOOKS}/:webhook_id`, {
    schema: {
      summary: 'Delete webhook',
      description: 'Nothing is sent to it any more.',
      tags,
      params: webhookPath,
      response: answers({ 200: done }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      await deleteWebhook(commands, actor, (await findWebhook(commands, actor, request.params.webhook_id)).id)
      return { status: 'ok' as const }
    },
  })
}
