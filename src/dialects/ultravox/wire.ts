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
    sharedSecrets: z.array(z.string()).optional().describe('Never sent back.'),
  })
  .meta({ id: 'ultravox.CallTemplate' })

const agentName = z.string().min(1).max(NAME_CHARS_MAX)
export const agentRequest = z
  .object({ name: agentName.optional(), callTemplate: callTemplate.nullish() })
  .meta({ id: 'ultravox.AgentRequest' })

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

export const scheduledCallRequest = z
  .object({
    medium: callMedium.nullish(),
    metadata: z.record(z.string(), z.string()).nullish().describe('Texts only; no key may start with `ultravox.`.'),
    templateContext: anyObject.nullish().describe('Values the agent may speak.'),
    experimentalSettings: anything.optional(),
  })
  .superRefine(({ metadata }, context) => {
    for (const key of Object.keys(metadata ?? {})) {
      if (!key.startsWith('ultravox.')) continue
      context.addIssue({ code: 'custom', path: ['metadata'], message: 'must have no key that starts with ultravox.' })
    }
  })
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

// Addresses and errors ----------------------------------------------------------------------------------------------

const anId = z.string().min(1).max(500)
export const agentPath = z.object({ agent_id: anId })
export const batchPath = z.object({ agent_id: anId, batch_id: anId })
export const joinQuery = z.object({ token: z.string().min(1).max(200) })
export const callPath = z.object({ call_id: anId })

/** `detail` for the request as a whole, else a list of texts for each field that is wrong. */
export const errorBody = z.record(z.string(), z.unknown()).meta({ id: 'ultravox.Error' })
