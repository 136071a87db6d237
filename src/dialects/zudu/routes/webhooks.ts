import { createWebhook } from '../../../commands/webhooks.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { encodeWebhook } from '../encode.ts'
import { type AddRoutes, answers, organizationIdOf, printed, success } from '../route-parts.ts'
import { postCallWebhook } from '../webhook.ts'
import * as wire from '../wire.ts'

export const addWebhooks: AddRoutes = (scope, { commands }) => {
  scope.post('/api/post-call-webhooks/create', {
    schema: {
      summary: 'Have an address told of each call that has ended',
      tags: ['Post-call webhooks'],
      body: wire.webhookRequest,
      response: answers(wire.enveloped(wire.webhook)),
    },
    preValidation: async (request, reply) => nameIgnoredFields(wire.webhookRequest, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { name, url, description, is_active } = request.body
      if (!/^https:\/\//i.test(url)) throw printed('Webhook URL must be HTTPS')
      const { webhook } = await createWebhook(commands, actor, {
        name,
        url,
        form: postCallWebhook.name,
        active: is_active ?? true,
        formFields: { description: description ?? '' },
      })
      const data = encodeWebhook(webhook, await organizationIdOf(commands, actor))
      return success('Post-call webhook created successfully', data)
    },
  })
}
