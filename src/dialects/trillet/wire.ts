import { z } from 'zod'

/**
 * The shapes of this wire format: multipart form and query in, flat JSON out. Keys are camelCase, except for
 * `phone_number` and `recent_calls`, which the product spells so. Instants in answers are epoch milliseconds,
 * durations are seconds.
 */

/** The file part may have this many bytes: 20 MB of 1,048,576 bytes each. */
export const FILE_BYTES_MAX = 20 * 1_048_576

export const BATCH_STATES = ['queued', 'processing', 'completed', 'cancelled', 'failed'] as const
export type TrilletBatchStatus = (typeof BATCH_STATES)[number]

export const CALL_STATES = ['waiting', 'active', 'completed', 'failed'] as const
export type TrilletCallStatus = (typeof CALL_STATES)[number]

export const CALL_FILTERS = ['all', ...CALL_STATES] as const
export type TrilletCallFilter = (typeof CALL_FILTERS)[number]

const batchStatus = z.enum(BATCH_STATES)
const callStatus = z.enum(CALL_STATES)
const count = z.int().min(0)
const epochMs = z.int().describe('Milliseconds since 1970 in UTC.')
const maybeEpochMs = epochMs.nullable()
const batchId = z.string().describe('`batch_` and decimal digits.')

/** The fields of the form, for the document; the form itself is read part by part. */
export const startForm = z
  .object({
    file: z.file().describe('CSV with a header row and a column `phone_number`; at most 20 MB.'),
    agentId: z.string().describe('Id or alias of the agent that talks.'),
    scheduledAt: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('When to start, such as 2030-01-15T14:30:00Z. Absent or in the past: now.'),
    smartCallbackConfig: z
      .string()
      .optional()
      .describe(
        'JSON: {"enabled": boolean, "maxAttempts": number, "gaps": [{"days": number, "hours": number}]}. maxAttempts counts all dials of a person; gap i lies before dial i + 2; the last one is used again.',
      ),
    onBadRows: z
      .enum(['accept', 'reject'])
      .optional()
      .describe('What a row that cannot be called means: it is left out and reported (accept), or refuses the file.'),
  })
  .meta({ id: 'trillet.StartForm' })

const rejectedRow = z
  .object({ line: z.int(), column: z.string(), value: z.string(), reason: z.string(), remedy: z.string() })
  .meta({ id: 'trillet.RejectedRow' })

export const startedBatch = z
  .object({
    batchId,
    totalCalls: count.describe('Rows that will be called: without bad rows and repeated numbers.'),
    status: batchStatus,
    message: z.string(),
    rejectedCount: count,
    rejectedRows: z.array(rejectedRow).max(100),
    rejectedRowsUrl: z.string().nullable().describe('All rejected rows as CSV, with the same headers; null: none.'),
  })
  .meta({ id: 'trillet.StartedBatch' })
export type StartedBatch = z.output<typeof startedBatch>

const recentCall = z
  .object({
    jobId: z.string(),
    status: callStatus,
    phone_number: z.string(),
    completedAt: epochMs.optional(),
    failedAt: epochMs.optional(),
    duration: z.number().optional(),
    error: z.string().optional(),
  })
  .meta({ id: 'trillet.RecentCall' })
export type RecentCall = z.output<typeof recentCall>

const progressFields = {
  waiting: count,
  active: count,
  completed: count,
  failed: count,
  total: count,
  startTime: maybeEpochMs,
  lastCompletedTime: maybeEpochMs,
  completedTime: maybeEpochMs,
  averageCallDuration: z.number().min(0).describe('Seconds of a completed call on average.'),
  recent_calls: z.array(recentCall),
}

const progress = z.object(progressFields).meta({ id: 'trillet.Progress' })
export type Progress = z.output<typeof progress>

export const batchStatusAnswer = z
  .object({
    id: batchId,
    status: batchStatus,
    isComplete: z.boolean(),
    totalCalls: count,
    progress,
    timestamp: epochMs,
  })
  .meta({ id: 'trillet.BatchStatus' })
export type BatchStatusAnswer = z.output<typeof batchStatusAnswer>

export const batchProgressAnswer = z
  .object({ ...progressFields, status: batchStatus, isComplete: z.boolean() })
  .meta({ id: 'trillet.BatchProgress' })
export type BatchProgressAnswer = z.output<typeof batchProgressAnswer>

const call = z
  .object({
    jobId: z.string(),
    status: callStatus,
    phone_number: z.string(),
    startTime: maybeEpochMs,
    endTime: maybeEpochMs,
    duration: z.number().optional(),
    error: z.string().optional(),
    metadata: z.record(z.string(), z.unknown()).describe('The other columns of the row.'),
  })
  .meta({ id: 'trillet.Call' })
export type TrilletCall = z.output<typeof call>

export const callsAnswer = z
  .object({
    calls: z.array(call),
    pagination: z.object({
      page: z.int().min(1),
      limit: z.int().min(1),
      total: count,
      totalPages: count,
      hasNext: z.boolean(),
      hasPrev: z.boolean(),
    }),
    summary: z.object({ total: count, waiting: count, active: count, completed: count, failed: count }),
  })
  .meta({ id: 'trillet.Calls' })
export type CallsAnswer = z.output<typeof callsAnswer>

export const cancelledBatch = z
  .object({
    batchId,
    status: z.literal('cancelled'),
    message: z.string(),
    details: z.object({ completedCalls: count, failedCalls: count, cancelledCalls: count, totalCalls: count }),
  })
  .meta({ id: 'trillet.CancelledBatch' })
export type CancelledBatch = z.output<typeof cancelledBatch>

const flatValues = z.record(z.string(), z.unknown())

/** The companion of batches that calls one person. `callback_url` is not in it and so is named as ignored. */
export const callRequest = z
  .object({
    to: z.string().min(1).max(100).describe('A telephone number as + and 7 to 15 digits.'),
    call_agent_id: z.string().min(1).max(255).describe('Id or alias of the agent that talks.'),
    dynamic_variables: flatValues.nullish().describe('What the agent may speak.'),
    metadata: flatValues.nullish().describe('Kept with the call; never spoken.'),
  })
  .meta({ id: 'trillet.CallRequest' })

export const startedCall = z
  .object({
    status: z.literal('success'),
    call_id: z.string().describe('`call_` and decimal digits.'),
    message: z.string(),
  })
  .meta({ id: 'trillet.StartedCall' })
export type StartedCall = z.output<typeof startedCall>

export const errorBody = z
  .object({
    error: z.string(),
    message: z.string().optional().describe('What to do about it.'),
    id: z.string().optional().describe('The batch that was asked for, when there is none.'),
    details: z.array(z.object({ path: z.string(), message: z.string(), remedy: z.string().optional() })).optional(),
  })
  .meta({ id: 'trillet.Error' })
export type ErrorBody = z.output<typeof errorBody>

export const batchParams = z.object({ batchId: z.string() })

export const callsQuery = z.object({
  page: wholeNumberText({ min: 1, max: 1_000_000_000 }).default(1),
  limit: wholeNumberText({ min: 1, max: 100 }).default(20),
  status: z.enum(CALL_FILTERS).default('all'),
})
export type CallsQuery = z.output<typeof callsQuery>

/** Digits and nothing else: neither signs nor fractions, exponents or spaces are read as numbers. */
function wholeNumberText(range: { min: number; max: number }) {
  return z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= range.min && Number(text) <= range.max, {
      message: `must be a whole number from ${range.min} to ${range.max}`,
    })
    .transform(Number)
}
