import { z } from 'zod'
import { DELIVERY_STATUSES } from '../../commands/views.ts'
import { EVENT_KINDS, type EventKind } from '../../model/event-kind.ts'
import { event, id, idOrAlias, instant, instantOut, name, pageQuery } from './wire.ts'

/** What stands in requests and answers of the native dialect about webhooks. */

const kind = z.enum(Object.keys(EVENT_KINDS) as [EventKind, ...EventKind[]])
const url = z.string().min(1).max(2_000).describe('https, on port 443 or 8443, and reachable from everywhere.')
const kinds = z.array(kind).min(1).max(100).nullable().describe('Kinds of events it is told of; null: all.')
const agentIds = z.array(idOrAlias).max(1_000).nullable().describe('Only of these agents; null: of all.')
const batchIds = z.array(idOrAlias).max(1_000).nullable().describe('Only of these batches; null: of all.')
const secretIn = z.string().min(1).max(200).describe('`whsec_` and 24 to 64 bytes in base64; one is made by default.')
const secretOut = z.string().describe('Verifies the signature. It is shown this once.')

export const webhook = z
  .object({
    id,
    name: z.string(),
    url: z.string(),
    form: z.string().describe('The wire form of what is posted; `standard` is the native one.'),
    kinds: z.array(kind).nullable(),
    agentIds: z.array(id).nullable(),
    batchIds: z.array(id).nullable(),
    status: z
      .enum(['active', 'disabled', 'paused'])
      .describe('`paused`: it is gone or kept failing; `active: true` sets it going again.'),
    pausedAt: instantOut.nullable(),
    pausedReason: z.string().nullable(),
    failuresInRow: z.number().int(),
    failingSince: instantOut.nullable(),
    lastDeliveredAt: instantOut.nullable(),
    lastError: z.string().nullable(),
    blockedUntil: instantOut.nullable().describe('Nothing is sent before, since it asked for rest or fails.'),
    previousSecretUntil: instantOut.nullable().describe('Until then the secret before signs too.'),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'native.Webhook' })

export const webhookRequest = z
  .strictObject({
    url,
    name: name.optional(),
    kinds: kinds.optional(),
    agentIds: agentIds.optional(),
    batchIds: batchIds.optional(),
    form: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('The wire form of what is posted: `standard` (default), or that of another dialect by its name.'),
    secret: secretIn.optional(),
    active: z.boolean().optional(),
  })
  .meta({ id: 'native.WebhookRequest' })

export const webhookChanges = z
  .strictObject({
    url: url.optional(),
    name: name.optional(),
    kinds: kinds.optional(),
    agentIds: agentIds.optional(),
    batchIds: batchIds.optional(),
    active: z.boolean().optional().describe('true also sets it going again after it was paused.'),
    skipWaiting: z.boolean().optional().describe('true: give up what waits, and go on with what happens from now on.'),
  })
  .meta({ id: 'native.WebhookChanges' })

export const webhookWithSecret = z.object({ webhook, secret: secretOut }).meta({ id: 'native.WebhookWithSecret' })

export const secretRotation = z
  .strictObject({
    secret: secretIn.optional(),
    keepSeconds: z
      .int()
      .min(0)
      .max(2_592_000)
      .optional()
      .describe('So long the secret before signs too; a day by default.'),
  })
  .nullish()

export const webhookQuery = z.strictObject(pageQuery(1_000, 100))

export const delivery = z
  .object({
    eventId: z.string().describe('Also the header `webhook-id`; the same at every try.'),
    webhookId: id,
    event,
    status: z.enum(DELIVERY_STATUSES).describe('`failed`: given up after the last try.'),
    tries: z.number().int(),
    nextTryAt: instantOut.nullable().describe('Null when settled, or behind an earlier event of the same recipient.'),
    lastTryAt: instantOut.nullable(),
    httpStatus: z.number().int().nullable(),
    answer: z.string().nullable().describe('The first 1024 bytes of the last answer.'),
    error: z.string().nullable(),
    tookMs: z.number().int().nullable(),
    createdAt: instantOut,
  })
  .meta({ id: 'native.Delivery' })

export const deliveryQuery = z.strictObject({
  status: z.enum(DELIVERY_STATUSES).optional(),
  ...pageQuery(1_000, 100),
})

export const resendRequest = z.strictObject({ since: instant.optional().describe('Only what is not older.') }).nullish()

export const resent = z.object({ resent: z.number().int() }).meta({ id: 'native.Resent' })

export const deliveryPath = z.strictObject({ id: idOrAlias, eventId: z.string().min(3).max(40) })
