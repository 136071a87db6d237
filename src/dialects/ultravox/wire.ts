import { z } from 'zod'
import { callMedium, duration } from './media.ts'

/**
 * The shapes of this wire format: JSON in camelCase, ids as UUIDs, times in ISO 8601, lists with absolute links to the
 * pages beside them. Requests ignore what they do not know. Outside facts: the vendor's published OpenAPI schema and
 * its guide to scheduled batches.
 */

export const PAGE_SIZE = { min: 1, max: 100, fallback: 10 } as const
export const NAME_CHARS_MAX = 64
export const URL_CHARS_MAX = 200
export const SECRET_CHARS_MAX = 120

export const SCHEDULED_CALL_STATUSES = ['FUTURE', 'PENDING', 'SUCCESS', 'EXPIRED', 'ERROR'] as const
export type ScheduledCallStatus = (typeof SCHEDULED_CALL_STATUSES)[number]

const uuid = z.string().meta({ format: 'uuid' })
const instant = z.iso.datetime({ offset: true }).describe('ISO 8601 with its offset.')
const instantOut = z.string().meta({ format: 'date-time' })
const count = z.int().min(0)
const anything = z.unknown()
const anyObject = z.record(z.string(), z.unknown())

// Lists -------------------------------------------------------------------------------------------------------------

/** Clamped, not refused, when it is a whole number; anything else is a mistake. */
const pageSize = z
  .string()
  .regex(/^-?\d{1,9}$/, 'must be a whole number')
  .transform((text) => Math.min(PAGE_SIZE.max, Math.max(PAGE_SIZE.min, Number(text))))
  .optional()
  .describe(`Entries of a page, ${PAGE_SIZE.min} to ${PAGE_SIZE.max}; ${PAGE_SIZE.fallback} by default.`)

export const listQuery = z.object({
  cursor: z.string().min(1).max(1_000).optional().describe('From a link of another page, unchanged.'),
  pageSize,
})
export type ListQuery = z.output<typeof listQuery>

export const scheduledCallsQuery = listQuery.extend({ status: z.enum(SCHEDULED_CALL_STATUSES).optional() })
export const webhooksQuery = listQuery.extend({ agentId: z.string().min(1).max(200).optional() })
export const callsQuery = listQuery.extend({
  agentIds: z.string().min(1).max(200).optional().describe('One agent.'),
  fromDate: instant.optional(),
  toDate: instant.optional(),
})
export const agentsQuery = listQuery.extend({ search: z.string().min(1).max(200).optional() })

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    next: z.string().nullable().meta({ format: 'uri' }),
    previous: z.string().nullable().meta({ format: 'uri' }),
    results: z.array(item),
    total: count,
  })
}

// Agents ------------------------------------------------------------------------------------------------------------

/** Kept as it is sent: it is the product's own, and what this server uses of it is named here. */
export const callTemplate = z
  .looseObject({
    medium: callMedium.optional(),
    joinTimeout: duration.optional().describe('How long it may ring.'),
    maxDuration: duration.optional().describe('How long a call may last.'),
    systemPrompt: z.string().optional(),
    temperature: z.number().min(0).max(1).optional(),
    sharedSecrets: z.array(z.string()).optional().describe('Stored sealed.'),
    selectedTools: z
      .array(z.looseObject({ authTokens: z.record(z.string(), z.string()).optional() }))
      .optional()
      .describe('Tools of the product, which this server does not call; `authTokens` are stored sealed.'),
  })
  .meta({ id: 'ultravox.CallTemplate' })

const agentName = z.string().min(1).max(NAME_CHARS_MAX)
export const agentRequest = z
  .object({ name: agentName.optional(), callTemplate: callTemplate.nullish() })
  .meta({ id: 'ultravox.AgentRequest' })
export type AgentRequest = z.output<typeof agentRequest>

export const agent = z
  .object({
    agentId: uuid,
    publishedRevisionId: uuid.nullable(),
    name: z.string(),
    created: instantOut,
    callTemplate: anyObject.nullable(),
    statistics: z.object({ calls: count }),
  })
  .meta({ id: 'ultravox.Agent' })
export type Agent = z.output<typeof agent>

// Scheduled batches -------------------------------------------------------------------------------------------------

const scheduledCallFields = {
  medium: callMedium.nullish(),
  metadata: z.record(z.string(), z.string()).nullish().describe('Texts only; no key may start with `ultravox.`.'),
  templateContext: anyObject.nullish().describe('Values the agent may speak.'),
  experimentalSettings: anything.optional(),
}

function refuseReservedKeys(
  { metadata }: { metadata?: Record<string, string> | null | undefined },
  context: z.core.$RefinementCtx,
): void {
  for (const key of Object.keys(metadata ?? {})) {
    if (!key.startsWith('ultravox.')) continue
    context.addIssue({ code: 'custom', path: ['metadata'], message: 'must have no key that starts with ultravox.' })
  }
}

export const scheduledCallRequest = z
  .object(scheduledCallFields)
  .superRefine(refuseReservedKeys)
  .meta({ id: 'ultravox.ScheduledCallRequest' })
export type ScheduledCallRequest = z.output<typeof scheduledCallRequest>

const webAddress = z
  .url({ protocol: /^https?$/, message: 'must be an address such as https://example.com/calls' })
  .max(URL_CHARS_MAX)

const batchSettings = {
  windowStart: instant.nullish().describe('Absent: now.'),
  windowEnd: instant.nullish().describe('Nobody is called after it. Absent: until everyone was called.'),
  throttle: z.string().min(1).max(100).nullish().describe('Name or id of a call throttle.'),
  webhookUrl: webAddress.nullish(),
  webhookSecret: z.string().min(1).max(SECRET_CHARS_MAX).nullish(),
  paused: z.boolean().optional(),
}

/** The calls are looked at one by one when they are decoded, so that a long list of wrong ones is answered shortly. */
export const batchRequest = z.object({ ...batchSettings, calls: z.array(z.unknown()).min(1) })
export const batchRequestDocumented = z
  .object({ ...batchSettings, calls: z.array(scheduledCallRequest).min(1) })
  .meta({ id: 'ultravox.ScheduledCallBatchRequest' })
export type BatchRequest = z.output<typeof batchRequest>

export const batchChanges = z
  .object({
    ...batchSettings,
    calls: z
      .unknown()
      .refine((calls) => calls === undefined, 'cannot be changed: make another batch')
      .optional(),
  })
  .meta({ id: 'ultravox.ScheduledCallBatchChanges' })
export type BatchChanges = z.output<typeof batchChanges>

export const scheduledBatch = z
  .object({
    batchId: uuid,
    created: instantOut,
    windowStart: instantOut.nullable(),
    windowEnd: instantOut.nullable(),
    throttle: z.string().nullable(),
    webhookUrl: z.string().nullable(),
    webhookSecret: z.string().nullable(),
    paused: z.boolean(),
    totalCount: count,
    completedCount: count.describe('Calls that were created or failed to be.'),
    endedAt: instantOut.nullable(),
  })
  .meta({ id: 'ultravox.ScheduledCallBatch' })
export type ScheduledBatch = z.output<typeof scheduledBatch>

export const scheduledCall = z
  .object({
    status: z.enum(SCHEDULED_CALL_STATUSES),
    batchId: uuid,
    callId: uuid.nullable().describe('Null until a call was made.'),
    error: z.string().nullable(),
    medium: anyObject.nullable(),
    metadata: anything,
    templateContext: anything,
    experimentalSettings: anything,
  })
  .meta({ id: 'ultravox.ScheduledCall' })
export type ScheduledCall = z.output<typeof scheduledCall>

// Calls -------------------------------------------------------------------------------------------------------------

export const END_REASONS = [
  'unjoined',
  'hangup',
  'agent_hangup',
  'timeout',
  'connection_error',
  'system_error',
] as const
export type EndReason = (typeof END_REASONS)[number]

/** A call of one person: what a template says may be said anew. */
export const callRequest = z
  .object({
    ...scheduledCallFields,
    joinTimeout: duration.optional(),
    maxDuration: duration.optional(),
    firstSpeakerSettings: anyObject.optional(),
    initialOutputMedium: z.string().max(100).optional(),
    recordingEnabled: z.boolean().optional(),
    voice: z.string().max(200).optional(),
  })
  .superRefine(refuseReservedKeys)
  .meta({ id: 'ultravox.StartAgentCallRequest' })
export type CallRequest = z.output<typeof callRequest>

export const call = z
  .object({
    callId: uuid,
    clientVersion: z.string().nullable(),
    created: instantOut,
    joined: instantOut.nullable(),
    ended: instantOut.nullable(),
    endReason: z.enum(END_REASONS).nullable(),
    billedDuration: z.string().nullable(),
    billedSideInputTokens: count.nullable(),
    billedSideOutputTokens: count.nullable(),
    billingStatus: z.enum(['BILLING_STATUS_PENDING', 'BILLING_STATUS_FREE_OTHER']),
    firstSpeaker: z.enum(['FIRST_SPEAKER_AGENT', 'FIRST_SPEAKER_USER']),
    firstSpeakerSettings: anyObject,
    initialOutputMedium: z.enum(['MESSAGE_MEDIUM_VOICE', 'MESSAGE_MEDIUM_TEXT']),
    joinTimeout: z.string(),
    joinUrl: z.string().nullable(),
    languageHint: z.string().nullable(),
    maxDuration: z.string(),
    medium: anyObject.nullable(),
    model: z.string().optional(),
    recordingEnabled: z.boolean(),
    systemPrompt: z.string().nullable(),
    temperature: z.number(),
    timeExceededMessage: z.string().nullable(),
    voice: z.string().nullable(),
    shortSummary: z.string().nullable(),
    summary: z.string().nullable(),
    agent: z.object({ agentId: uuid, name: z.string() }),
    agentId: z.string(),
    experimentalSettings: anything,
    metadata: z.record(z.string(), z.string()),
    initialState: anyObject,
    requestContext: anything,
    sipDetails: z
      .object({ billedDuration: z.string().nullable(), terminationReason: z.string().nullable() })
      .nullable(),
  })
  .meta({ id: 'ultravox.Call' })
export type Call = z.output<typeof call>

// Throttles ---------------------------------------------------------------------------------------------------------

const throttleRule = z.object({
  maxCalls: z.int().min(1).max(100).describe('Calls that may start in a window.'),
  windowSeconds: z.int().min(1).max(86_400).describe('Length of the sliding window.'),
})
const throttleName = z.string().min(1).max(NAME_CHARS_MAX)
const throttleRules = z.array(throttleRule).min(1).max(20).describe('Each holds for itself.')
export const throttleRequest = z
  .object({ name: throttleName, rules: throttleRules })
  .meta({ id: 'ultravox.CallThrottleRequest' })
export const throttleChanges = z
  .object({ name: throttleName.optional(), rules: throttleRules.optional() })
  .meta({ id: 'ultravox.CallThrottleChanges' })

export const throttle = z
  .object({ throttleId: uuid, name: z.string(), created: instantOut, rules: z.array(throttleRule) })
  .meta({ id: 'ultravox.CallThrottle' })
export type Throttle = z.output<typeof throttle>

// Webhooks ----------------------------------------------------------------------------------------------------------

export const SECRETS_MAX = 10
export const WEBHOOK_EVENTS = ['call.started', 'call.joined', 'call.ended', 'call.billed'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

const webhookEvents = z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length)
const webhookSecrets = z
  .array(z.string().min(1).max(SECRET_CHARS_MAX))
  .max(SECRETS_MAX)
  .describe('Each signs; chosen when none is sent. Shown only in the answer to a request that sets them.')
const webhookFields = { agentId: z.string().max(200).nullish(), secrets: webhookSecrets.optional() }

export const webhookRequest = z
  .object({ ...webhookFields, url: webAddress, events: webhookEvents })
  .meta({ id: 'ultravox.WebhookRequest' })
export const webhookChanges = z
  .object({ ...webhookFields, url: webAddress.optional(), events: webhookEvents.optional() })
  .meta({ id: 'ultravox.WebhookChanges' })
export type WebhookChanges = z.output<typeof webhookChanges>

export const webhook = z
  .object({
    webhookId: uuid,
    agentId: uuid.nullable(),
    created: instantOut,
    url: z.string(),
    secrets: z.array(z.string()).optional(),
    events: z.array(z.enum(WEBHOOK_EVENTS)),
    status: z.enum(['normal', 'unhealthy']),
    lastStatusChange: instantOut.nullable(),
    recentFailures: z.array(z.object({ timestamp: instantOut, failure: z.string() })),
  })
  .meta({ id: 'ultravox.Webhook' })
export type Webhook = z.output<typeof webhook>

/** All calls are too many to be counted for each page. */
export const callsOf = listOf(call).omit({ total: true })

// Addresses and errors ----------------------------------------------------------------------------------------------

const anId = z.string().min(1).max(500)
export const agentPath = z.object({ agent_id: anId })
export const batchPath = z.object({ agent_id: anId, batch_id: anId })
export const webhookPath = z.object({ webhook_id: anId })
export const throttlePath = z.object({ throttle_id: anId })
export const throttleQuery = z.object({ throttle: z.string().min(1).max(100).optional() })
export const joinQuery = z.object({ token: z.string().min(1).max(200) })
export const callPath = z.object({ call_id: anId })

/** `detail` for the request as a whole, else a list of texts for each field that is wrong. */
export const errorBody = z.record(z.string(), z.unknown()).meta({ id: 'ultravox.Error' })
