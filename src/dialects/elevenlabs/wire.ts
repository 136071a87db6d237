import { z } from 'zod'
import {
  aName,
  anId,
  anyObject,
  count,
  cursor,
  listInQuery,
  nullableText,
  pageSize,
  UNIX_MAX,
  unixSeconds,
  wholeIn,
} from './wire-parts.ts'

/**
 * The shapes of this wire format: JSON in snake_case, times in whole seconds since 1970, a field that has no value is
 * null. Requests ignore what they do not know. Outside facts: the vendor's reference pages of batch calling,
 * conversations and webhooks, and the types of its JavaScript client.
 */

export const RECIPIENTS_MAX = 10_000
/** The vendor's own default; the ends are those of this server. */
export const RING_SECONDS = { min: 5, max: 80, fallback: 60 } as const
export const BATCH_PAGE = { min: 1, max: 1_000, fallback: 100 } as const

export const BATCH_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const
export type ElevenLabsBatchStatus = (typeof BATCH_STATUSES)[number]
export const RECIPIENT_STATUSES = [
  'pending',
  'dispatched',
  'initiated',
  'in_progress',
  'completed',
  'failed',
  'cancelled',
  'voicemail',
] as const
export type ElevenLabsRecipientStatus = (typeof RECIPIENT_STATUSES)[number]
export const CONVERSATION_STATUSES = ['initiated', 'in-progress', 'processing', 'done', 'failed'] as const
export type ConversationStatus = (typeof CONVERSATION_STATUSES)[number]
export const CALL_RESULTS = ['answered', 'voicemail', 'busy', 'no_answer', 'failed'] as const
export type CallResult = (typeof CALL_RESULTS)[number]
export const SUCCESS = ['success', 'failure', 'unknown'] as const
export type CallSuccess = (typeof SUCCESS)[number]
export const PROVIDERS = ['twilio', 'sip_trunk', 'exotel'] as const

const provider = z.enum(PROVIDERS)
const unixInQuery = wholeIn({ min: 0, max: UNIX_MAX })

// What a conversation begins with ------------------------------------------------------------------------------------

const clientDataFields = {
  dynamic_variables: anyObject.nullish().describe('May be spoken.'),
  user_id: z.string().max(255).nullish().describe('Given back with the conversation.'),
}
/** Everything else in it is given back and has no effect. */
const clientDataTaken = z.looseObject(clientDataFields)
export type ClientData = z.output<typeof clientDataTaken>
const clientData = z.object(clientDataFields).meta({ id: 'elevenlabs.ConversationInitiationClientData' })

const telephonyFields = {
  ringing_timeout_secs: z.int().min(RING_SECONDS.min).max(RING_SECONDS.max).nullish(),
  twilio_call_recording_enabled: z.boolean().nullish().describe('Given back; nothing is recorded.'),
  twilio_machine_detection: anyObject.nullish().describe('Given back; the trunk decides.'),
}
const telephonyConfig = z.object(telephonyFields).meta({ id: 'elevenlabs.TelephonyCallConfig' })
export type TelephonyConfig = z.output<typeof telephonyConfig>

// Batches ------------------------------------------------------------------------------------------------------------

const recipientFields = {
  id: anId.nullish().describe('Given back; made when it is left out.'),
  phone_number: z.string().min(1).max(100).nullish().describe('E.164. Needed: only telephones are called.'),
  whatsapp_user_id: z.string().max(255).nullish().describe('Not taken without a phone_number.'),
}
export const recipientTaken = z.object({
  ...recipientFields,
  conversation_initiation_client_data: clientDataTaken.nullish(),
})
export type RecipientRequest = z.output<typeof recipientTaken>
const recipientDocumented = z
  .object({ ...recipientFields, conversation_initiation_client_data: clientData.nullish() })
  .meta({ id: 'elevenlabs.OutboundCallRecipient' })

const batchSettings = {
  call_name: aName,
  agent_id: anId,
  agent_phone_number_id: anId.nullish().describe("By default the agent's number, else the organization's."),
  scheduled_time_unix: unixSeconds.nullish().describe('Now when it is left out, or lies in the past.'),
  timezone: z.string().max(100).nullish().describe('An IANA zone. Given back; the time is an instant without it.'),
  target_concurrency_limit: z.int().min(1).max(1_000_000).nullish(),
  telephony_call_config: telephonyConfig.nullish(),
  whatsapp_params: z.null().optional().describe('Only telephones are called.'),
  branch_id: anId.nullish().describe('Given back.'),
  environment: anId.nullish().describe('Given back.'),
}

/** The recipients are looked at one by one when they are decoded, so that many wrong ones are answered shortly. */
export const batchRequest = z.object({ ...batchSettings, recipients: z.array(z.unknown()) })
export type BatchRequest = z.output<typeof batchRequest>
export const batchRequestDocumented = z
  .object({ ...batchSettings, recipients: z.array(recipientDocumented).min(1).max(RECIPIENTS_MAX) })
  .meta({ id: 'elevenlabs.BatchCallRequest' })

const batchFields = {
  id: z.string(),
  phone_number_id: nullableText,
  phone_provider: provider.nullable(),
  whatsapp_params: z.null(),
  name: z.string(),
  agent_id: z.string(),
  branch_id: nullableText,
  environment: nullableText,
  created_at_unix: count,
  scheduled_time_unix: count,
  timezone: nullableText,
  total_calls_dispatched: count,
  total_calls_scheduled: count,
  total_calls_finished: count,
  last_updated_at_unix: count,
  status: z.enum(BATCH_STATUSES),
  retry_count: count,
  telephony_call_config: z.object({
    ringing_timeout_secs: z.int(),
    twilio_call_recording_enabled: z.boolean(),
    twilio_machine_detection: anyObject.nullable(),
  }),
  target_concurrency_limit: count.nullable(),
  agent_name: z.string(),
  branch_name: z.null(),
}
export const batch = z.object(batchFields).meta({ id: 'elevenlabs.BatchCall' })
export type Batch = z.output<typeof batch>

export const recipient = z
  .object({
    id: z.string(),
    phone_number: nullableText,
    whatsapp_user_id: z.null(),
    status: z.enum(RECIPIENT_STATUSES),
    created_at_unix: count,
    updated_at_unix: count,
    conversation_id: nullableText.describe('Of the latest dial.'),
    conversation_initiation_client_data: anyObject.nullable(),
  })
  .meta({ id: 'elevenlabs.Recipient' })
export type Recipient = z.output<typeof recipient>
export const batchWithRecipients = z
  .object({ ...batchFields, recipients: z.array(recipient) })
  .meta({ id: 'elevenlabs.BatchCallWithRecipients' })

export const batchesQuery = z.object({
  limit: wholeIn(BATCH_PAGE).default(BATCH_PAGE.fallback),
  last_doc: anId.optional().describe('The next_doc of the page before.'),
  agent_id: anId.optional(),
})
export const batches = z
  .object({ batch_calls: z.array(batch), next_doc: nullableText, has_more: z.boolean() })
  .meta({ id: 'elevenlabs.BatchCalls' })
export const batchPath = z.object({ batch_id: anId })

// Conversations ------------------------------------------------------------------------------------------------------

const conversationFields = {
  agent_id: z.string(),
  agent_name: z.string(),
  branch_id: z.null(),
  version_id: z.null(),
  conversation_id: z.string(),
  status: z.enum(CONVERSATION_STATUSES),
}

export const conversationSummary = z
  .object({
    ...conversationFields,
    start_time_unix_secs: count,
    call_duration_secs: count,
    message_count: count,
    termination_reason: nullableText,
    call_successful: z.enum(SUCCESS),
    transcript_summary: z.null(),
    call_summary_title: z.null(),
    direction: z.literal('outbound'),
    rating: z.null(),
  })
  .meta({ id: 'elevenlabs.ConversationSummary' })
export type ConversationSummary = z.output<typeof conversationSummary>

export const conversations = z
  .object({ conversations: z.array(conversationSummary), next_cursor: nullableText, has_more: z.boolean() })
  .meta({ id: 'elevenlabs.Conversations' })

export const conversationsQuery = z.object({
  cursor,
  page_size: pageSize,
  agent_id: anId.optional(),
  call_start_after_unix: unixInQuery.optional(),
  call_start_before_unix: unixInQuery.optional(),
  exclude_statuses: listInQuery(z.enum(CONVERSATION_STATUSES)).optional(),
  sort_direction: z.literal('desc').optional().describe('Newest first is the only order.'),
})
export type ConversationsQuery = z.output<typeof conversationsQuery>

const phoneCallFields = {
  direction: z.literal('outbound'),
  phone_number_id: z.string(),
  agent_number: z.string(),
  external_number: z.string(),
  call_result: z.enum(CALL_RESULTS).nullable(),
  call_sid: z.string(),
}
const phoneCall = z.discriminatedUnion('type', [
  z.object({ type: z.literal('twilio'), ...phoneCallFields, stream_sid: z.string() }),
  z.object({ type: z.literal('sip_trunking'), ...phoneCallFields, call_id: nullableText }),
])
export type PhoneCall = z.output<typeof phoneCall>

export const conversation = z
  .object({
    ...conversationFields,
    user_id: nullableText,
    environment: nullableText,
    transcript: z.array(
      z.object({
        role: z.enum(['user', 'agent']),
        message: nullableText,
        time_in_call_secs: count,
        tool_calls: z.array(z.unknown()),
        tool_results: z.array(z.unknown()),
        feedback: z.null(),
        conversation_turn_metrics: z.null(),
        interrupted: z.boolean(),
      }),
    ),
    metadata: z.object({
      start_time_unix_secs: count,
      accepted_time_unix_secs: count.nullable(),
      call_duration_secs: count,
      cost: z.null(),
      deletion_settings: z.object({
        deletion_time_unix_secs: z.null(),
        deleted_logs_at_time_unix_secs: z.null(),
        deleted_audio_at_time_unix_secs: z.null(),
        deleted_transcript_at_time_unix_secs: count.nullable(),
        delete_transcript_and_pii: z.literal(false),
        delete_audio: z.literal(false),
      }),
      feedback: z.object({ overall_score: z.null(), likes: z.literal(0), dislikes: z.literal(0) }),
      authorization_method: z.literal('authorization_header'),
      charging: z.object({ dev_discount: z.literal(false) }),
      phone_call: phoneCall.nullable(),
      batch_call: z.object({ batch_call_id: z.string(), batch_call_recipient_id: z.string() }).nullable(),
      termination_reason: z.string(),
      error: z.null(),
      main_language: z.null(),
      conversation_initiation_source: z.enum(['twilio', 'sip_trunk']),
      timezone: nullableText,
    }),
    analysis: z
      .object({
        evaluation_criteria_results: anyObject,
        data_collection_results: anyObject,
        call_successful: z.enum(SUCCESS),
        transcript_summary: z.string(),
      })
      .nullable()
      .describe('Null until the call is over.'),
    conversation_initiation_client_data: anyObject,
    has_audio: z.literal(false),
    has_user_audio: z.literal(false),
    has_response_audio: z.literal(false),
    has_auxiliary_audio: z.literal(false),
  })
  .meta({ id: 'elevenlabs.Conversation' })
export type Conversation = z.output<typeof conversation>
export const conversationPath = z.object({ conversation_id: anId })

// One call -----------------------------------------------------------------------------------------------------------

const callFields = {
  agent_id: anId,
  agent_phone_number_id: anId,
  to_number: z.string().min(1).max(100).describe('E.164.'),
  telephony_call_config: telephonyConfig.nullish(),
}
const recording = { call_recording_enabled: z.boolean().nullish().describe('Nothing is recorded.') }
const callTaken = { ...callFields, conversation_initiation_client_data: clientDataTaken.nullish() }
const callDocumented = { ...callFields, conversation_initiation_client_data: clientData.nullish() }
export type CallRequest = z.output<ReturnType<typeof z.object<typeof callTaken>>>

/** For each of the two paths: what is taken, and what is documented. */
export const callRequests = {
  twilio: {
    taken: z.object({ ...callTaken, ...recording }),
    documented: z.object({ ...callDocumented, ...recording }).meta({ id: 'elevenlabs.TwilioOutboundCallRequest' }),
  },
  'sip-trunk': {
    taken: z.object(callTaken),
    documented: z.object(callDocumented).meta({ id: 'elevenlabs.SipTrunkOutboundCallRequest' }),
  },
} as const

const createdCallFields = { success: z.boolean(), message: z.string(), conversation_id: nullableText }
export const createdCalls = {
  twilio: z.object({ ...createdCallFields, callSid: z.null() }).meta({ id: 'elevenlabs.TwilioOutboundCall' }),
  'sip-trunk': z
    .object({ ...createdCallFields, sip_call_id: z.null() })
    .meta({ id: 'elevenlabs.SipTrunkOutboundCall' }),
} as const

// Errors -------------------------------------------------------------------------------------------------------------

/** The vendor's stack lists what is wrong with fields, and says anything else in one object. */
export const errorBody = z
  .object({
    detail: z.union([
      z.array(z.object({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), type: z.string() })),
      z.object({
        type: z.string(),
        code: z.string(),
        message: z.string(),
        status: z.string(),
        request_id: z.string(),
        param: nullableText,
      }),
    ]),
  })
  .meta({ id: 'elevenlabs.Error' })
export type ErrorBody = z.output<typeof errorBody>
