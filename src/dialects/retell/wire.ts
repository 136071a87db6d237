import { z } from 'zod'

/**
 * The shapes of this wire format: JSON in snake_case, instants in milliseconds since 1970, lists with `has_more` and a
 * `pagination_key`. Requests ignore what they do not know, but for filters. Outside facts: the types of the vendor's SDK
 * for TypeScript, version 5.66.1, and its published reference.
 */

export const PAGE_SIZE = { min: 1, max: 1_000, fallback: 50 } as const
/** Minutes of a day; the end of a window may be the last. */
export const DAY_MINUTES = 1_440
/** The vendor takes longer ringing; a telephone here rings at most so long. */
export const RING_MS = { min: 5_000, max: 80_000, fallback: 30_000 } as const
export const CALL_MS = { min: 60_000, max: 7_200_000, fallback: 3_600_000 } as const
export const SKIP_MAX = 10_000

export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const
export const CALL_STATUSES = ['registered', 'not_connected', 'ongoing', 'ended', 'error'] as const
export type RetellCallStatus = (typeof CALL_STATUSES)[number]
/** Those that calls of this server can have; the vendor knows more, for what is not here. */
export const DISCONNECTION_REASONS = [
  'user_hangup',
  'agent_hangup',
  'voicemail_reached',
  'inactivity',
  'max_duration_reached',
  'dial_busy',
  'dial_failed',
  'dial_no_answer',
  'invalid_destination',
  'telephony_provider_permission_denied',
  'telephony_provider_unavailable',
  'sip_routing_error',
  'user_declined',
  'error_llm_websocket_open',
  'error_llm_websocket_runtime',
  'error_no_audio_received',
  'error_retell',
  'error_unknown',
  'registered_call_timeout',
  'manual_stopped',
] as const
export type DisconnectionReason = (typeof DISCONNECTION_REASONS)[number]
/** What an agent's webhook may be told of here. */
export const WEBHOOK_EVENTS = ['call_started', 'call_ended', 'call_analyzed'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

const anId = z.string().min(1).max(255)
const aNumber = z.string().min(1).max(100).describe('E.164.')
const count = z.int().min(0)
const epochMs = z.int().describe('Milliseconds since 1970.')
const texts = z.record(z.string(), z.string())
const anyObject = z.record(z.string(), z.unknown())
const anything = z.unknown()

// Batches -----------------------------------------------------------------------------------------------------------

const timeWindow = z
  .object({
    start: z.int().min(0).max(DAY_MINUTES).describe('Minutes since midnight.'),
    end: z.int().min(0).max(DAY_MINUTES).describe('Minutes since midnight, later than `start`; exclusive.'),
  })
  .meta({ id: 'retell.TimeWindow' })

export const callTimeWindow = z
  .object({
    windows: z.array(timeWindow).min(1).max(100),
    timezone: z.string().min(1).max(100).optional().describe('IANA; America/Los_Angeles by default.'),
    day: z.array(z.enum(WEEKDAYS)).optional().describe('Every day by default.'),
  })
  .meta({ id: 'retell.CallTimeWindow' })
export type CallTimeWindow = z.output<typeof callTimeWindow>

const agentOverride = z
  .object({
    agent: z
      .object({
        ring_duration_ms: z.int().min(RING_MS.min).max(RING_MS.max).optional(),
        max_call_duration_ms: z.int().min(CALL_MS.min).max(CALL_MS.max).optional(),
      })
      .optional(),
  })
  .meta({ id: 'retell.AgentOverride' })

const callFields = {
  to_number: aNumber,
  override_agent_id: anId.optional().describe('Who speaks, in place of the agent whose number `from_number` is.'),
  agent_override: agentOverride.optional(),
  retell_llm_dynamic_variables: texts.nullish().describe('What the agent may speak.'),
  metadata: anyObject.nullish().describe('Given back with the call.'),
  ignore_e164_validation: z.boolean().optional().describe('Changes nothing: what is dialled is E.164.'),
}

export const task = z.object(callFields).meta({ id: 'retell.Task' })
export type Task = z.output<typeof task>

const batchSettings = {
  from_number: aNumber,
  name: z.string().max(1_020).optional(),
  trigger_timestamp: z.number().min(0).optional().describe('Milliseconds since 1970; by default, or when over, now.'),
  reserved_concurrency: count.max(1_000_000).optional().describe('Calls at once that are left to everything else.'),
  call_time_window: callTimeWindow.optional(),
}

/** The tasks are looked at one by one when they are decoded, so that many wrong ones are answered shortly. */
export const batchRequest = z.object({ ...batchSettings, tasks: z.array(anything) })
export type BatchRequest = z.output<typeof batchRequest>
export const batchRequestDocumented = z
  .object({ ...batchSettings, tasks: z.array(task).min(1) })
  .meta({ id: 'retell.BatchCallRequest' })

export const batchCall = z
  .object({
    batch_call_id: z.string(),
    name: z.string(),
    from_number: z.string(),
    scheduled_timestamp: z.int().describe('Seconds since 1970.'),
    total_task_count: count,
    call_time_window: callTimeWindow.optional().describe('Sorted, and joined where they touch.'),
  })
  .meta({ id: 'retell.BatchCall' })
export type BatchCall = z.output<typeof batchCall>

// Calls -------------------------------------------------------------------------------------------------------------

export const phoneCallRequest = z
  .object({ from_number: aNumber, ...callFields })
  .meta({ id: 'retell.CreatePhoneCallRequest' })

const callAnalysis = z.object({ in_voicemail: z.boolean().optional() })

const listedCallFields = {
  call_type: z.literal('phone_call'),
  call_id: z.string(),
  agent_id: z.string(),
  agent_name: z.string().optional().describe('Not of an agent that a task of a batch names.'),
  agent_version: z.literal(0).describe('Agents have no versions here.'),
  call_status: z.enum(CALL_STATUSES),
  direction: z.literal('outbound'),
  from_number: z.string(),
  to_number: z.string(),
  batch_call_id: z.string().optional(),
  metadata: anything.optional(),
  retell_llm_dynamic_variables: texts.optional(),
  start_timestamp: epochMs.optional().describe('When it was dialled, in milliseconds since 1970.'),
  end_timestamp: epochMs.optional(),
  duration_ms: count.optional().describe('From the answer to the end.'),
  disconnection_reason: z.enum(DISCONNECTION_REASONS).optional(),
  call_analysis: callAnalysis.optional().describe('Whether an answering machine took it, where that is known.'),
}

const utterance = z.object({ role: z.enum(['agent', 'user']), content: z.string(), words: z.array(anything) })

export const listedCall = z.object(listedCallFields).meta({ id: 'retell.ListedCall' })
export type ListedCall = z.output<typeof listedCall>
export const call = z
  .object({ ...listedCallFields, transcript: z.string().optional(), transcript_object: z.array(utterance).optional() })
  .meta({ id: 'retell.Call' })
export type Call = z.output<typeof call>

const oneOf = <Word extends string>(words: readonly [Word, ...Word[]]) =>
  z.strictObject({ type: z.literal('enum'), op: z.literal('in'), value: z.array(z.enum(words)) }).optional()

/** What is not here cannot be filtered by: a filter that is left out without a word would give wrong lists. */
export const callFilter = z
  .strictObject({
    batch_call_id: z.strictObject({ type: z.literal('string'), op: z.literal('eq'), value: anId }).optional(),
    agent: z
      .array(z.strictObject({ agent_id: anId, version: z.array(z.int()).optional() }))
      .max(1)
      .optional(),
    call_status: oneOf(['not_connected', 'ongoing', 'ended', 'error']),
    disconnection_reason: oneOf(DISCONNECTION_REASONS),
    call_type: oneOf(['phone_call', 'web_call']),
    direction: oneOf(['inbound', 'outbound']),
    start_timestamp: z
      .union([
        z.strictObject({ type: z.literal('number'), op: z.enum(['gt', 'ge', 'lt', 'le']), value: epochMs }),
        z.strictObject({ type: z.literal('range'), op: z.literal('bt'), value: z.array(epochMs).length(2) }),
      ])
      .optional(),
  })
  .meta({ id: 'retell.CallFilter' })
export type CallFilter = z.output<typeof callFilter>

const sortOrder = z.enum(['ascending', 'descending']).optional().describe('By the time of the dial; newest first.')

export const callsRequest = z
  .object({
    filter_criteria: callFilter.optional(),
    include_total: z.boolean().optional().describe('With `batch_call_id` as the only filter.'),
    limit: z.int().min(PAGE_SIZE.min).max(PAGE_SIZE.max).optional().describe(`${PAGE_SIZE.fallback} by default.`),
    pagination_key: anId.optional(),
    skip: count.max(SKIP_MAX).optional(),
    sort_order: sortOrder,
  })
  .meta({ id: 'retell.ListCallsRequest' })
export type CallsRequest = z.output<typeof callsRequest>
/** The client may leave the body out. */
export const callsRequestOrNone = callsRequest.optional()

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), has_more: z.boolean(), pagination_key: z.string().optional() })
}
export const callsPage = z.object({
  items: z.array(listedCall),
  has_more: z.boolean(),
  pagination_key: z.string().optional(),
  total: count.optional(),
})

// Agents, numbers and concurrency -----------------------------------------------------------------------------------

const limit = z
  .string()
  .refine((text) => /^\d{1,4}$/.test(text) && Number(text) >= PAGE_SIZE.min && Number(text) <= PAGE_SIZE.max, {
    message: `must be a whole number from ${PAGE_SIZE.min} to ${PAGE_SIZE.max}`,
  })
  .transform(Number)
  .default(PAGE_SIZE.fallback)

export const pageQuery = z.object({ limit, pagination_key: anId.optional(), sort_order: sortOrder })
export type PageQuery = z.output<typeof pageQuery>

export const TEXT_OPERATIONS = ['eq', 'ne', 'sw', 'ew', 'co'] as const
export const agentsRequest = z
  .object({
    filter_criteria: z
      .strictObject({
        channel: z
          .strictObject({
            type: z.literal('string'),
            op: z.enum(TEXT_OPERATIONS),
            value: z.enum(['voice', 'chat']),
          })
          .optional(),
        query: z.string().max(255).optional().describe('Part of the name or of the id.'),
      })
      .optional(),
  })
  .meta({ id: 'retell.ListAgentsRequest' })
export const agentsRequestOrNone = agentsRequest.optional()
export type AgentsRequest = z.output<typeof agentsRequest>

export const listedAgent = z
  .object({
    agent_id: z.string(),
    agent_name: z.string(),
    channel: z.literal('voice'),
    tags: anyObject,
    user_modified_timestamp: epochMs,
  })
  .meta({ id: 'retell.ListedAgent' })
export type ListedAgent = z.output<typeof listedAgent>

export const agent = z
  .object({
    agent_id: z.string(),
    agent_name: z.string(),
    version: z.literal(0),
    is_published: z.literal(true),
    response_engine: z
      .object({ type: z.literal('retell-llm'), llm_id: z.string() })
      .describe('`llm_id` is the kind of agent of this server.'),
    voice_id: z.string(),
    webhook_url: z.string().nullable(),
    webhook_events: z.array(z.enum(WEBHOOK_EVENTS)).nullable(),
    last_modification_timestamp: epochMs,
  })
  .meta({ id: 'retell.Agent' })
export type Agent = z.output<typeof agent>

export const agentChanges = z
  .object({
    agent_name: z.string().min(1).max(1_020).optional(),
    webhook_url: z.string().min(1).max(2_000).nullish().describe('Null: nobody is told of its calls any more.'),
    webhook_events: z.array(z.enum(WEBHOOK_EVENTS)).min(1).nullish().describe('All three by default.'),
  })
  .meta({ id: 'retell.AgentChanges' })
export type AgentChanges = z.output<typeof agentChanges>

const boundAgent = z.object({ agent_id: z.string(), agent_version: z.literal(0), weight: z.literal(1) })
export const phoneNumber = z
  .object({
    phone_number: z.string(),
    phone_number_pretty: z.string(),
    phone_number_type: z.literal('custom'),
    nickname: z.string().nullable(),
    inbound_agents: z.array(boundAgent).nullable(),
    outbound_agents: z.array(boundAgent).nullable().describe('The agent whose default number it is.'),
    last_modification_timestamp: epochMs,
  })
  .meta({ id: 'retell.PhoneNumber' })
export type PhoneNumber = z.output<typeof phoneNumber>

export const concurrency = z
  .object({
    current_concurrency: count,
    concurrency_limit: count,
    base_concurrency: count,
    purchased_concurrency: count,
    concurrency_purchase_limit: count,
    remaining_purchase_limit: count,
    concurrency_burst_enabled: z.boolean(),
    concurrency_burst_limit: count,
    reserved_inbound_concurrency: count,
  })
  .meta({ id: 'retell.Concurrency' })

// Addresses and errors ----------------------------------------------------------------------------------------------

export const callPath = z.object({ call_id: anId })
export const agentPath = z.object({ agent_id: anId })
export const numberPath = z.object({ phone_number: anId })
export const nothing = z.null().describe('Nothing.')

export const errorBody = z.object({ status: z.literal('error'), message: z.string() }).meta({ id: 'retell.Error' })
export type ErrorBody = z.output<typeof errorBody>
