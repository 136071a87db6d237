import type { z } from 'zod'
import type { DeliveryView, WebhookView } from '../../../commands/views.ts'
import { listDeliveries, resendDelivery, resendFailed } from '../../../commands/webhook-deliveries.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from '../../../commands/webhooks.ts'
import { actorOf } from '../../dialect.ts'
import { encodeEvent, encodePage } from '../encode.ts'
import { type AddRoutes, answers, nothing, PREFIX } from '../route-parts.ts'
import * as wire from '../webhook-wire.ts'
import { pageOf, pathId } from '../wire.ts'

const tags = ['Webhooks']

export const addWebhooks: AddRoutes = (scope, { commands }) => {
  scope.post('/webhooks', {
    schema: {
      summary: 'Have an address told of what happens from now on',
      description:
        'Posts each entry of the event log as JSON, signed after Standard Webhooks. The answer holds the secret, which is shown this once.',
      operationId: 'createWebhook',
      tags,
      body: wire.webhookRequest,
      response: answers({ 201: wire.webhookWithSecret }),
    },
    handler: async (request, reply) => {
      const { webhook, secret } = await createWebhook(commands, actorOf(request), request.body)
      reply.status(201).header('location', `${PREFIX}/webhooks/${webhook.id}`)
      return reply.send({ webhook: encodeWebhook(webhook), secret })
    },
  })

  scope.get('/webhooks', {
    schema: {
      summary: 'The webhooks of the organization, those of other wire formats too, oldest first',
      operationId: 'listWebhooks',
      tags,
      querystring: wire.webhookQuery,
      response: answers({ 200: pageOf(wire.webhook) }),
    },
    handler: async (request) =>
      encodePage(await listWebhooks(commands, actorOf(request), request.query), encodeWebhook),
  })

  scope.get('/webhooks/:id', {
    schema: {
      summary: 'One webhook and how it fares',
      operationId: 'getWebhook',
      tags,
      params: pathId,
      response: answers({ 200: wire.webhook }),
    },
    handler: async (request) => encodeWebhook(await getWebhook(commands, actorOf(request), request.params.id)),
  })

  scope.patch('/webhooks/:id', {
    schema: {
      summary: 'Change a webhook, stop it, or set it going again',
      description:
        'What happens while it is stopped waits for it, and is delivered later unless `skipWaiting` is sent.',
      operationId: 'updateWebhook',
      tags,
      params: pathId,
      body: wire.webhookChanges,
      response: answers({ 200: wire.webhook }),
    },
    handler: async (request) =>
      encodeWebhook(await updateWebhook(commands, actorOf(request), request.params.id, request.body)),
  })

  scope.delete('/webhooks/:id', {
    schema: {
      summary: 'Remove a webhook and what waits for it',
      operationId: 'deleteWebhook',
      tags,
      params: pathId,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await deleteWebhook(commands, actorOf(request), request.params.id)
      return reply.status(204).send(null)
    },
  })

  scope.post('/webhooks/:id/rotate-secret', {
    schema: {
      summary: 'Give a webhook a new secret; the one before stays valid for a while',
      operationId: 'rotateWebhookSecret',
      tags,
      params: pathId,
      body: wire.secretRotation,
      response: answers({ 200: wire.webhookWithSecret }),
    },
    handler: async (request) => {
      const options = request.body ?? {}
      const { webhook, secret } = await rotateWebhookSecret(commands, actorOf(request), request.params.id, options)
      return { webhook: encodeWebhook(webhook), secret }
    },
  })

  addDeliveries(scope, { commands })
}

const addDeliveries = (
  scope: Parameters<AddRoutes>[0],
  { commands }: Pick<Parameters<AddRoutes>[1], 'commands'>,
): void => {
  scope.get('/webhooks/:id/deliveries', {
    schema: {
      summary: 'What was sent to a webhook and what it answered, the newest events first',
      operationId: 'listDeliveries',
      tags,
      params: pathId,
      querystring: wire.deliveryQuery,
      response: answers({ 200: pageOf(wire.delivery) }),
    },
    handler: async (request) =>
      encodePage(await listDeliveries(commands, actorOf(request), request.params.id, request.query), encodeDelivery),
  })

  scope.post('/webhooks/:id/deliveries/:eventId/resend', {
    schema: {
      summary: 'Send an event again, whatever became of it; it keeps its id',
      operationId: 'resendDelivery',
      tags,
      params: wire.deliveryPath,
      response: answers({ 202: wire.delivery }),
    },
    handler: async (request, reply) => {
      const { id, eventId } = request.params
      const delivery = await resendDelivery(commands, actorOf(request), id, eventId)
      return reply.status(202).send(encodeDelivery(delivery))
    },
  })

  scope.post('/webhooks/:id/resend-failed', {
    schema: {
      summary: 'Send everything again that was given up',
      operationId: 'resendFailed',
      tags,
      params: pathId,
      body: wire.resendRequest,
      response: answers({ 202: wire.resent }),
    },
    handler: async (request, reply) => {
      const since = request.body?.since
      const options = since === undefined ? {} : { since: new Date(since) }
      return reply
        .status(202)
        .send({ resent: await resendFailed(commands, actorOf(request), request.params.id, options) })
    },
  })
}

function encodeWebhook(view: WebhookView): z.infer<typeof wire.webhook> {
  const { formFields: _, ...shown } = view
  return {
    ...shown,
    kinds: copyOf(view.kinds),
    agentIds: copyOf(view.agentIds),
    batchIds: copyOf(view.batchIds),
    pausedAt: time(view.pausedAt),
    failingSince: time(view.failingSince),
    lastDeliveredAt: time(view.lastDeliveredAt),
    blockedUntil: time(view.blockedUntil),
    previousSecretUntil: time(view.previousSecretUntil),
    createdAt: view.createdAt.toISOString(),
    updatedAt: view.updatedAt.toISOString(),
  }
}

function encodeDelivery(view: DeliveryView): z.infer<typeof wire.delivery> {
  return {
    ...view,
    event: encodeEvent(view.event),
    nextTryAt: time(view.nextTryAt),
    lastTryAt: time(view.lastTryAt),
    createdAt: view.createdAt.toISOString(),
  }
}

function copyOf<Item>(items: readonly Item[] | null): Item[] | null {
  return items === null ? null : [...items]
}

function time(at: Date | null): string | null {
  return at === null ? null : at.toISOString()
}
