import { z } from 'zod'
import { PROVIDERS } from './wire.ts'
import { aName, anId, count, cursor, nullableText, pageSize } from './wire-parts.ts'

/** What an account has: agents, numbers, webhooks and which of them is told. Outside facts as in `wire.ts`. */

export const WEBHOOK_EVENTS = [
  'transcript',
  'audio',
  'call_initiation_failure',
  'answering_machine_detection',
  'unredacted_transcript',
  'unredacted_audio',
] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

// Agents -------------------------------------------------------------------------------------------------------------

export const agentsQuery = z.object({
  cursor,
  page_size: pageSize,
  search: z.string().max(255).optional().describe('A part of the name, in any case.'),
  archived: z.enum(['true', 'false']).optional(),
})

export const agents = z
  .object({
    agents: z.array(
      z.object({
        agent_id: z.string(),
        name: z.string(),
        voice_id: z.string(),
        tags: z.array(z.string()),
        created_at_unix_secs: count,
        access_info: z.object({
          is_creator: z.boolean(),
          creator_name: z.string(),
          creator_email: z.string(),
          role: z.literal('admin'),
        }),
        last_call_time_unix_secs: z.null(),
        archived: z.boolean(),
      }),
    ),
    next_cursor: nullableText,
    has_more: z.boolean(),
  })
  .meta({ id: 'elevenlabs.Agents' })
export type Agents = z.output<typeof agents>

// Phone numbers ------------------------------------------------------------------------------------------------------

const numberFields = {
  phone_number: z.string(),
  label: z.string(),
  phone_number_id: z.string(),
  supports_inbound: z.literal(false),
  supports_outbound: z.literal(true),
  assigned_agent: z.object({ agent_id: z.string(), agent_name: z.string() }).nullable(),
}
export const phoneNumber = z
  .discriminatedUnion('provider', [
    z.object({ provider: z.literal('twilio'), ...numberFields }),
    z.object({ provider: z.literal('sip_trunk'), ...numberFields, livekit_stack: z.literal('standard') }),
  ])
  .meta({ id: 'elevenlabs.PhoneNumber' })
export type PhoneNumber = z.output<typeof phoneNumber>
export const phoneNumbers = z.array(phoneNumber)
export const phoneNumbersQuery = z.object({
  provider: z.enum(PROVIDERS).optional(),
  agent_id: anId.optional().describe('Whose default number it is.'),
})
export const phoneNumberPath = z.object({ phone_number_id: anId })

// Webhooks -----------------------------------------------------------------------------------------------------------

export const webhookRequest = z
  .object({
    settings: z.object({
      auth_type: z.literal('hmac'),
      name: aName,
      webhook_url: z.string().min(1).max(2_000).describe('An https address.'),
    }),
  })
  .meta({ id: 'elevenlabs.WebhookRequest' })
export const webhookChanges = z
  .object({ is_disabled: z.boolean(), name: aName })
  .meta({ id: 'elevenlabs.WebhookChanges' })

export const createdWebhook = z
  .object({ webhook_id: z.string(), webhook_secret: z.string().describe('Only here.') })
  .meta({ id: 'elevenlabs.CreatedWebhook' })
export const webhook = z
  .object({
    name: z.string(),
    webhook_id: z.string(),
    webhook_url: z.string(),
    is_disabled: z.boolean(),
    is_auto_disabled: z.boolean(),
    created_at_unix: count,
    auth_type: z.literal('hmac'),
    usage: z.array(z.object({ usage_type: z.literal('ConvAI Settings') })).nullable(),
    most_recent_failure_error_code: z.null(),
    most_recent_failure_timestamp: count.nullable(),
  })
  .meta({ id: 'elevenlabs.Webhook' })
export type Webhook = z.output<typeof webhook>
export const webhooks = z.object({ webhooks: z.array(webhook) }).meta({ id: 'elevenlabs.Webhooks' })
export const webhooksQuery = z.object({ include_usages: z.enum(['true', 'false']).optional() })
export const webhookPath = z.object({ webhook_id: anId })
export const done = z.object({ status: z.literal('ok') })

// Settings -----------------------------------------------------------------------------------------------------------

export const settings = z
  .object({
    webhooks: z.object({
      post_call_webhook_id: nullableText,
      events: z.array(z.enum(WEBHOOK_EVENTS)),
      transcript_format: z.literal('json'),
    }),
  })
  .meta({ id: 'elevenlabs.Settings' })
export type Settings = z.output<typeof settings>
export const settingsChanges = z
  .object({
    webhooks: z
      .object({
        post_call_webhook_id: anId.nullish().describe('The webhook that is told of every call; null: none.'),
        events: z.array(z.enum(WEBHOOK_EVENTS)).max(WEBHOOK_EVENTS.length).nullish(),
      })
      .nullish(),
  })
  .meta({ id: 'elevenlabs.SettingsChanges' })
export type SettingsChanges = z.output<typeof settingsChanges>
