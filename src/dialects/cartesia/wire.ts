import { z } from 'zod'
import { RECIPIENTS_MAX } from './version.ts'

/**
 * The shapes of this wire format: JSON in snake_case, times in RFC 3339 in UTC, lists with `has_more` and the id of an
 * entry as the place of a page. Requests ignore what they do not know. Outside facts: the vendor's reference pages of
 * call batches, and its published OpenAPI schema.
 */

export const PAGE_SIZE = { min: 1, max: 100, fallback: 10 } as const
export const RING_SECONDS = { min: 5, max: 80, fallback: 60 } as const
export const CALL_MINUTES = { min: 1, max: 480, fallback: 480 } as const
/** Calls that one request may ask for; the vendor names no limit. */
export const OUTBOUND_CALLS_MAX = 100

export const BATCH_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const
export type CartesiaBatchStatus = (typeof BATCH_STATUSES)[number]
export const RECIPIENT_STATUSES = ['queued', 'dispatched', 'started', 'completed', 'failed', 'cancelled'] as const
export type CartesiaRecipientStatus = (typeof RECIPIENT_STATUSES)[number]
export const CALL_STATUSES = ['created', 'started', 'completed', 'failed'] as const
export type CartesiaCallStatus = (typeof CALL_STATUSES)[number]
export const END_REASONS = [
  'agent_hangup',
  'client_hangup',
  'api_cancelled',
  'max_duration',
  'inactivity',
  'client_disconnected',
  'dial_busy',
  'dial_failed',
  'dial_no_answer',
  'error',
] as const
export type EndReason = (typeof END_REASONS)[number]

const count = z.int().min(0)
const anId = z.string().min(1).max(255)
const instant = z.iso.datetime({ offset: true, message: 'must be an RFC 3339 time with its offset' })
const instantOut = z.string().meta({ format: 'date-time' })
const anyObject = z.record(z.string(), z.unknown())
const region = z.enum(['US', 'EU', 'APAC'])
const endReason = z.enum(END_REASONS)

// Lists -------------------------------------------------------------------------------------------------------------

const limit = z
  .string()
  .refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= PAGE_SIZE.min && Number(text) <= PAGE_SIZE.max, {
    message: `must be a whole number from ${PAGE_SIZE.min} to ${PAGE_SIZE.max}`,
  })
  .transform(Number)
  .default(PAGE_SIZE.fallback)

const pageFields = {
  starting_after: anId.optional().describe('Id of the entry after which the page begins.'),
  ending_before: anId.optional().describe('Id of the entry before which the page ends.'),
  limit,
}

export interface PageQuery {
  readonly starting_after?: string | undefined
  readonly ending_before?: string | undefined
  readonly limit: number
}

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), has_more: z.boolean(), next_page: z.string().nullable().optional() })
}

// Batches -----------------------------------------------------------------------------------------------------------

export const outboundCall = z
  .object({
    to_number: z.string().min(1).max(100).describe('E.164.'),
    metadata: anyObject.nullish().describe('Given back with the recipient; the agent may speak it.'),
  })
  .meta({ id: 'cartesia.OutboundCall' })

const callSettings = {
  agent_id: anId,
  from_number_id: anId,
  ringing_timeout_seconds: z.int().min(RING_SECONDS.min).max(RING_SECONDS.max).optional(),
  max_call_duration_minutes: z.int().min(CALL_MINUTES.min).max(CALL_MINUTES.max).optional(),
}

const batchSettings = {
  name: z.string().min(1).max(1_020),
  ...callSettings,
  target_concurrency_limit: z.int().min(1).max(1_000_000).optional(),
  scheduled_at: instant.optional(),
}

/** The recipients are looked at one by one when they are decoded, so that many wrong ones are answered shortly. */
export const batchRequest = z.object({ ...batchSettings, region: region.optional(), recipients: z.array(z.unknown()) })
export type BatchRequest = z.output<typeof batchRequest>

export const batchRequestDocumented = z
  .object({
    ...batchSettings,
    region: region.optional().describe('For numbers of SIP trunks only; not in version 2026-03-01.'),
    recipients: z.array(outboundCall).min(1).max(RECIPIENTS_MAX).describe('Up to 1000 in version 2026-03-01.'),
  })
  .meta({ id: 'cartesia.CallBatchRequest' })
/** What the first version knows of it, for the header that names what was ignored. */
export const batchRequestOfFirstVersion = batchRequestDocumented.omit({ region: true })

export const recipient = z
  .object({
    id: z.string(),
    to_number: z.string(),
    status: z.enum(RECIPIENT_STATUSES),
    created_at: instantOut,
    agent_call_id: z.string().optional().describe('Once it was dialled.'),
    end_reason: endReason.optional(),
    error_message: z.string().optional().describe('Why it was never dialled.'),
    metadata: anyObject.optional(),
  })
  .meta({ id: 'cartesia.Recipient' })
export type Recipient = z.output<typeof recipient>

const batchFields = {
  id: z.string(),
  name: z.string(),
  agent_id: z.string(),
  from_number_id: z.string(),
  region: z.string(),
  target_concurrency_limit: count,
  status: z.enum(BATCH_STATUSES),
  total_calls_scheduled: count,
  total_calls_dispatched: count,
  total_calls_finished: count,
  retry_count: count,
  created_at: instantOut,
  last_updated_at: instantOut,
  scheduled_at: instantOut.optional(),
  admitted_at: instantOut.optional(),
}

export const batch = z.object(batchFields).meta({ id: 'cartesia.CallBatch' })
export type Batch = z.output<typeof batch>
export const batchWithRecipients = z
  .object({ ...batchFields, recipients: z.array(recipient) })
  .meta({ id: 'cartesia.CallBatchWithRecipients' })

export const batchesQuery = z.object({ agent_id: anId.optional(), ...pageFields })

// Calls -------------------------------------------------------------------------------------------------------------

export const callsRequest = z
  .object({ ...callSettings, outbound_calls: z.array(outboundCall).min(1).max(OUTBOUND_CALLS_MAX) })
  .meta({ id: 'cartesia.OutboundCallsRequest' })
export type CallsRequest = z.output<typeof callsRequest>

export const createdCalls = z
  .object({
    calls: z.array(
      z.object({
        number: z.string(),
        agent_call_id: z.string().optional(),
        error: z.object({ error_code: z.string(), message: z.string() }).optional(),
      }),
    ),
  })
  .meta({ id: 'cartesia.OutboundCalls' })
export type CreatedCalls = z.output<typeof createdCalls>

const transcriptPart = z.object({
  role: z.enum(['user', 'assistant', 'system']),
  text: z.string(),
  start_timestamp: z.number(),
  end_timestamp: z.number(),
})

export const call = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    agent_name: z.string(),
    status: z.enum(CALL_STATUSES),
    start_time: instantOut.nullable(),
    end_time: instantOut.nullable(),
    redacted_at: instantOut.nullable(),
    transcript: z.array(transcriptPart).nullable().optional().describe('In lists only with expand=transcript.'),
    telephony_params: z.object({
      to: z.string(),
      from: z.string(),
      call_sid: z.string().optional(),
      direction: z.literal('outbound'),
      connection_type: z.literal('phone'),
    }),
    summary: z.null(),
    error_message: z.string().nullable(),
    end_reason: endReason.nullable(),
    metadata: anyObject.nullable(),
  })
  .meta({ id: 'cartesia.Call' })
export type Call = z.output<typeof call>

export const callsQuery = z.object({
  agent_id: anId.optional(),
  batch_id: anId.optional(),
  start_time_gte: instant.optional(),
  start_time_lte: instant.optional(),
  expand: z.literal('transcript').optional(),
  ...pageFields,
})
export type CallsQuery = z.output<typeof callsQuery>

export const cancelledCall = z.object({ cancelled: z.literal(true) })

// Numbers -----------------------------------------------------------------------------------------------------------

export const NUMBER_TYPES = ['twilio', 'cartesia', 'sip_trunk'] as const

export const phoneNumber = z
  .object({
    id: z.string(),
    label: z.string().nullable(),
    number: z.string(),
    agent: z.object({ id: z.string(), name: z.string() }).nullable().describe('Whose default number it is.'),
    created_at: instantOut,
    updated_at: instantOut,
    provider: z.object({ type: z.enum(NUMBER_TYPES), id: z.string().optional(), label: z.string().optional() }),
  })
  .meta({ id: 'cartesia.PhoneNumber' })
export type PhoneNumber = z.output<typeof phoneNumber>

export const phoneNumbersQuery = z.object({
  agent_id: anId.optional(),
  provider_id: anId.optional(),
  type: z.enum(NUMBER_TYPES).optional(),
  q: z.string().max(100).optional().describe('A part of the number.'),
  ...pageFields,
})
export type PhoneNumbersQuery = z.output<typeof phoneNumbersQuery>

// Agents and webhooks -----------------------------------------------------------------------------------------------

export const agent = z
  .object({
    id: z.string(),
    name: z.string(),
    webhook_id: z.string().nullable(),
    created_at: instantOut,
  })
  .meta({ id: 'cartesia.Agent' })
export type Agent = z.output<typeof agent>

export const agentChanges = z
  .object({
    name: z.string().min(1).max(1_020).optional(),
    webhook_id: anId.nullish().describe('The webhook that is told of its calls; null: none.'),
  })
  .meta({ id: 'cartesia.AgentChanges' })

export const webhookRequest = z
  .object({
    url: z.string().min(1).max(2_000).describe('An https address.'),
    secret: z.string().min(1).max(200).describe('Sent with each event in X-Webhook-Secret.'),
    display_name: z.string().min(1).max(1_020).nullish(),
  })
  .meta({ id: 'cartesia.WebhookRequest' })

const webhookFields = {
  id: z.string(),
  url: z.string(),
  display_name: z.string().nullable(),
  created_at: instantOut,
  updated_at: instantOut,
}
export const webhook = z.object(webhookFields).meta({ id: 'cartesia.Webhook' })
export type Webhook = z.output<typeof webhook>
export const createdWebhook = z
  .object({ ...webhookFields, secret: z.string().describe('Only here.') })
  .meta({ id: 'cartesia.CreatedWebhook' })
export const webhooksQuery = z.object(pageFields)
export const agentPath = z.object({ agent_id: anId })

// Addresses and errors ----------------------------------------------------------------------------------------------

export const batchPath = z.object({ batch_id: anId })
export const callPath = z.object({ call_id: anId })
export const idPath = z.object({ id: anId })

export const errorBody = z
  .object({
    error_code: z.string().nullable(),
    title: z.string(),
    message: z.string(),
    request_id: z.string(),
    doc_url: z.string().optional(),
  })
  .meta({ id: 'cartesia.Error' })
export type ErrorBody = z.output<typeof errorBody>
