import { z } from 'zod'

/**
 * The shapes of this wire format: JSON in snake_case, each answer in an envelope. Instants are epoch milliseconds, in
 * lists of batches epoch seconds, as the product's pages print them; requests may use either. Outside facts: the product's
 * published pages on batch calls, agents and post-call webhooks.
 */

export const TASKS_MAX = 1_000
export const NAME_CHARS_MAX = 255
/** 5 KB of JSON in UTF-8. */
export const VARIABLES_BYTES_MAX = 5 * 1_024
export const RETRIES_MAX = 19
export const ATTEMPTS_MAX = RETRIES_MAX + 1
export const PAGE_LIMIT_MAX = 100

export const BATCH_STATUSES = ['draft', 'scheduled', 'sent', 'completed', 'failed'] as const
export type ZuduBatchStatus = (typeof BATCH_STATUSES)[number]

/** Those that a client may ask for. */
export const ASKED_STATUSES = ['draft', 'scheduled', 'sent'] as const

export const TASK_STATUSES = ['PENDING', 'CALLING', 'COMPLETED', 'FAILED'] as const
export type ZuduTaskStatus = (typeof TASK_STATUSES)[number]

export const SORT_KEYS = [
  'created_at',
  'updated_at',
  'scheduled_timestamp',
  'name',
  'status',
  'total_task_count',
] as const
export const RETRY_CONDITIONS = ['no_answer', 'busy', 'voicemail', 'failed', 'rejected'] as const

const count = z.int().min(0)
const epochMs = z.int().describe('Milliseconds since 1970 in UTC.')
const anyObject = z.record(z.string(), z.unknown())

/** Words are taken in any case. */
function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), z.enum(words))
}

// Requests ----------------------------------------------------------------------------------------------------------

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time from 00:00 to 23:59')
const zoneName = z.string().min(1).max(100).describe('IANA time zone.')
const agentId = z.string().min(1).max(255).describe('`agent_` and a UUID, or an id brought along.')

export const taskRequest = z
  .object({
    to_number: z.string().describe('E.164.'),
    dynamic_variables: anyObject.nullish().describe('Values the agent may speak; at most 5 KB.'),
    max_retries: z.int().min(0).max(RETRIES_MAX).nullish().describe('Dials after the first one.'),
    agent_id: agentId.nullish().describe('Needed when the batch has none.'),
  })
  .meta({ id: 'zudu.Task' })
export type TaskRequest = z.output<typeof taskRequest>

const retryTerms = {
  enabled: z.boolean().optional(),
  retry_timing: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('AT'), time: timeOfDay }),
      z.object({ type: z.literal('AFTER'), duration_minutes: z.int().min(0).max(43_200) }),
    ])
    .nullish(),
}
export const retryRule = z
  .object({ condition: word(RETRY_CONDITIONS), ...retryTerms })
  .meta({ id: 'zudu.RetryRuleRequest' })
const givenRetryRule = z.object({ condition: z.enum(RETRY_CONDITIONS), ...retryTerms }).meta({ id: 'zudu.RetryRule' })

export const quietHours = z
  .object({
    enabled: z.boolean().optional(),
    start_time: timeOfDay.optional(),
    end_time: timeOfDay.optional(),
    timezone: zoneName.nullish(),
  })
  .meta({ id: 'zudu.QuietHours' })

export const retryConfig = z
  .object({ enabled: z.boolean().optional(), max_attempts: z.int().min(1).max(ATTEMPTS_MAX).nullish() })
  .meta({ id: 'zudu.RetryConfig' })

const terms = {
  // The command counts characters, not halves of them.
  name: z.string().nullish().describe(`At most ${NAME_CHARS_MAX} characters.`),
  trigger_timestamp: z.int().nullish().describe('Seconds or milliseconds since 1970 in UTC; below 1e11 is seconds.'),
  agent_id: agentId.nullish(),
  timezone: zoneName.nullish().describe('Of quiet hours and times of retries that name none; UTC by default.'),
  status: word(BATCH_STATUSES).nullish(),
  send_now: z.boolean().nullish(),
}

const creation = {
  from_number: z.string().describe('E.164; a number of the organization.'),
  ...terms,
  retry_config: retryConfig.nullish(),
  quiet_hours: quietHours.nullish(),
  retry_rules: z
    .array(retryRule)
    .max(RETRY_CONDITIONS.length * 2)
    .nullish(),
}

/** Tasks are looked at one by one when they are decoded, so that a long list of wrong ones is answered shortly. */
export const batchRequest = z.object({ ...creation, tasks: z.array(z.unknown()).min(1).max(TASKS_MAX) })
export const batchRequestDocumented = z
  .object({ ...creation, tasks: z.array(taskRequest).min(1).max(TASKS_MAX) })
  .meta({ id: 'zudu.BatchCallRequest' })
export type BatchRequest = z.output<typeof batchRequest>

export const batchChanges = z.object(terms).meta({ id: 'zudu.BatchCallChanges' })
export type BatchChangesRequest = z.output<typeof batchChanges>

const wholeText = (range: { min: number; max: number }) =>
  z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= range.min && Number(text) <= range.max, {
      message: `must be a whole number from ${range.min} to ${range.max}`,
    })
    .transform(Number)

const PAGE = { min: 0, max: 2_147_483_647 } as const
const LIMIT = { min: 1, max: PAGE_LIMIT_MAX } as const
/** Null: everything. */
const limitText = z.union([z.enum(['', 'null']).transform(() => null), wholeText(LIMIT)])
const sorting = {
  sort_by: z.enum(SORT_KEYS).default('updated_at'),
  sort_order: z.enum(['ascending', 'descending']).default('descending'),
}
export type SortKey = (typeof SORT_KEYS)[number]

export const listQuery = z.object({
  page: wholeText(PAGE).optional().describe('From 0.'),
  limit: limitText.optional().describe('1 to 100. Without limit, size and page, or with null: everything.'),
  size: wholeText(LIMIT).optional().describe('Counts when limit is absent.'),
  ...sorting,
  performance_mode: z
    .enum(['fast', 'accurate', 'ultra_fast'])
    .optional()
    .describe('Taken and of no effect: figures are always exact.'),
})
export type ListQuery = z.output<typeof listQuery>

const texts = z.array(z.string().min(1).max(255)).max(100)
export const listRequest = z
  .object({
    filter_criteria: z
      .object({
        status: z.array(word(BATCH_STATUSES)).max(100).nullish(),
        agent_id: texts.nullish(),
        name: texts.nullish().describe('Texts of which a name holds at least one, in any case.'),
      })
      .nullish(),
    pagination: z
      .object({
        page: z.int().min(PAGE.min).max(PAGE.max).nullish(),
        limit: z.int().min(LIMIT.min).max(LIMIT.max).nullish(),
      })
      .nullish(),
    ...sorting,
  })
  .meta({ id: 'zudu.ListRequest' })
export type ListRequest = z.output<typeof listRequest>

export const tasksQuery = z.object({
  page: wholeText(PAGE).default(0).describe('From 0.'),
  limit: wholeText(LIMIT).default(50),
})

export const duplicateRequest = z.object({ agent_name: z.string().min(1).max(NAME_CHARS_MAX) })

export const webhookRequest = z
  .object({
    name: z.string().min(1).max(NAME_CHARS_MAX),
    url: z.string().min(1).max(2_000).describe('https only.'),
    description: z.string().max(2_000).nullish(),
    is_active: z.boolean().nullish().describe('True by default.'),
  })
  .meta({ id: 'zudu.WebhookRequest' })

export const batchPath = z.object({ batch_call_id: z.string().min(1).max(500) })
export const agentPath = z.object({ agent_id: z.string().min(1).max(500) })
export const tokenQuery = z.object({ token: z.string().min(1).max(200) })

// Answers -----------------------------------------------------------------------------------------------------------

/** Every success. */
export function enveloped<Data extends z.ZodType>(data: Data) {
  return z.object({ message: z.string(), status: z.literal('success'), error: z.null(), data })
}

export const nothing = z.null().meta({ id: 'zudu.Nothing' })

export const errorBody = z
  .object({ message: z.string(), status: z.literal('error'), error: z.string() })
  .meta({ id: 'zudu.Error' })
export type ErrorBody = z.output<typeof errorBody>

const batchCallFields = {
  batch_call_id: z.string().describe('`batch_call_` and 32 hexadecimal digits.'),
  name: z.string(),
  from_number: z.string(),
  scheduled_timestamp: epochMs.nullable(),
  total_task_count: count,
  total: count,
  sent: count.describe('Tasks that were dialled.'),
  picked_up: count.describe('Tasks whose call was answered, by voicemail too.'),
  completed: count.describe('Of those, the ones whose call is over.'),
  agent_id: z.string().nullable(),
  organization_id: z.string(),
  status: z.enum(BATCH_STATUSES),
  timezone: z.string(),
  last_sent_timestamp: epochMs.nullable().describe('Of the latest dial.'),
  tasks_url: z.string().describe('Opens for 24 hours without a key.'),
  created_timestamp: epochMs,
}
const given = {
  retry_config: retryConfig.optional(),
  quiet_hours: quietHours.optional(),
  retry_rules: z.array(givenRetryRule).optional(),
}
export const batchCall = z.object({ ...batchCallFields, ...given }).meta({ id: 'zudu.BatchCall' })
export type BatchCall = z.output<typeof batchCall>

export const createdBatchCall = z
  .object({
    ...batchCallFields,
    access_info: z.object({ user_id: z.string(), session_id: z.string() }),
    ...given,
  })
  .meta({ id: 'zudu.CreatedBatchCall' })

export const listedBatchCall = z
  .object({
    batch_call_id: z.string(),
    name: z.string(),
    from_number: z.string(),
    status: z.enum(BATCH_STATUSES),
    total_task_count: count,
    sent: count,
    picked_up: count,
    completed: count,
    scheduled_timestamp: z.int().nullable().describe('Seconds since 1970 in UTC.'),
    agent_id: z.string().nullable(),
    organization_id: z.string(),
  })
  .meta({ id: 'zudu.ListedBatchCall' })
export type ListedBatchCall = z.output<typeof listedBatchCall>

const pagination = z.object({
  page: count,
  limit: count,
  total_count: count,
  total_pages: count,
  has_next_page: z.boolean(),
  has_previous_page: z.boolean(),
})
export type Pagination = z.output<typeof pagination>

export const batchCallList = z
  .object({
    organization_id: z.string(),
    batch_calls: z.array(listedBatchCall),
    pagination,
    returned_count: count,
    sort_order: z.string(),
    sort_by: z.string(),
    applied_filters: z.record(z.string(), z.string()).optional(),
  })
  .meta({ id: 'zudu.BatchCallList' })

const task = z
  .object({
    task_id: z.string(),
    to_number: z.string(),
    status: z.enum(TASK_STATUSES),
    call_id: z.string().nullable(),
    error_message: z.string().nullable(),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'zudu.TaskState' })
export type Task = z.output<typeof task>

/** Sent as a stream, so this only documents it. */
export const storedTasks = z.array(anyObject).describe('The tasks as they were sent, with what became of them.')

export const taskList = z
  .object({ tasks: z.array(task), pagination: z.object({ page: count, limit: count, total_count: count }) })
  .meta({ id: 'zudu.TaskList' })

export const execution = z
  .object({ batch_call_id: z.string(), status: z.literal('SENT'), execution_started_at: z.string() })
  .meta({ id: 'zudu.Execution' })

export const agent = z
  .object({
    agent_id: z.string(),
    agent_name: z.string(),
    organization_id: z.string(),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'zudu.Agent' })
export type Agent = z.output<typeof agent>

export const webhook = z
  .object({
    id: z.string(),
    organization_id: z.string(),
    name: z.string(),
    url: z.string(),
    description: z.string(),
    is_active: z.boolean(),
    created_at: z.string().meta({ format: 'date-time' }),
    updated_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'zudu.Webhook' })
