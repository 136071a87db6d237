import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import type { BatchChanges } from '../../commands/update-batch.ts'
import type { BatchView } from '../../commands/views.ts'
import { AppError, type ErrorDetail, invalidInput } from '../../errors.ts'
import { BATCH_STATUSES, type BatchStatus } from '../../model/batch.ts'
import type { CallingWindow } from '../../model/calling-window.ts'
import {
  DEFAULT_GAP_SECONDS,
  defaultRetryPolicy,
  type RetryableDisposition,
  type RetryPolicy,
  type RetryRule,
} from '../../model/retry-policy.ts'
import { canonicalZone } from '../../model/zone-offsets.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import { BATCH_STATUS, fieldsOf, timezoneOf } from './encode.ts'
import {
  type BatchChangesRequest,
  type BatchRequest,
  type TaskRequest,
  taskRequest,
  VARIABLES_BYTES_MAX,
  type ZuduBatchStatus,
} from './wire.ts'

/** Instants below this are seconds: as milliseconds it would be in 1973, as seconds in the year 5138. */
const SECONDS_BELOW = 1e11
const E164 = /^\+[1-9]\d{6,14}$/
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7] as const
/** Where a request wants retries and does not say how many dials; the number of the product's example. */
const ATTEMPTS_DEFAULT = 3
const PROBLEMS_LISTED = 100

const DISPOSITION_OF_CONDITION = {
  no_answer: 'no-answer',
  busy: 'busy',
  voicemail: 'voicemail',
  failed: 'failed',
  rejected: 'rejected',
} as const satisfies Record<string, RetryableDisposition>

/** A batch as it is asked for. Agents are named as the client writes them; `agents` has each of them once. */
export interface DecodedBatch {
  readonly input: Omit<BatchInput, 'agent'>
  readonly tasks: readonly TaskRequest[]
  /** The batch's own agent, else that of the first task. */
  readonly agent: AgentReference
  readonly recipientOf: (task: TaskRequest, agentId: string | undefined) => RecipientInput
}

export interface AgentReference {
  readonly text: string
  readonly field: string
}

/** @throws AppError that names the field. */
export function decodeBatch(request: BatchRequest): DecodedBatch {
  const tasks = decodeTasks(request)
  const timezone = decodeZone(request.timezone, 'timezone')
  if (!E164.test(request.from_number)) {
    throw invalidInput('from_number', 'must be a telephone number in the form of E.164, such as +14155550123')
  }
  const retries = decodeRetries(request, tasks, timezone ?? 'UTC')
  return {
    tasks,
    agent: agentOf(request, tasks),
    input: {
      name: request.name?.trim() ? request.name : undefined,
      dialect: 'zudu',
      callerNumber: request.from_number,
      ...decodeStart(request),
      retryPolicy: retries.policy,
      callingWindow: decodeQuietHours(request.quiet_hours, timezone ?? 'UTC'),
      duplicateNumbers: 'skip',
      dialectFields: fieldsToKeep(request, timezone),
    },
    recipientOf: (task, agent) => recipientOf(task, { agent, attemptsMax: retries.attemptsOf(task) }),
  }
}

function decodeTasks(request: BatchRequest): TaskRequest[] {
  const problems: ErrorDetail[] = []
  const tasks: TaskRequest[] = []
  for (const [index, sent] of request.tasks.entries()) {
    if (problems.length >= PROBLEMS_LISTED) break
    const at = `tasks[${index}]`
    const parsed = taskRequest.safeParse(sent, { reportInput: true })
    if (!parsed.success) {
      const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['tasks', index, ...issue.path] }))
      problems.push(...problemsOf(issues))
      continue
    }
    const task = parsed.data
    problems.push(...problemsOfTask(task, at, request))
    tasks.push(task)
  }
  if (problems.length > 0) throw refusalOf(problems.slice(0, PROBLEMS_LISTED))
  return tasks
}

function problemsOfTask(task: TaskRequest, at: string, { from_number, agent_id }: BatchRequest): ErrorDetail[] {
  const problems: ErrorDetail[] = []
  if (task.to_number === from_number) {
    problems.push({ path: `${at}.to_number`, message: `${at}.to_number must differ from from_number.` })
  }
  const bytes = Buffer.byteLength(JSON.stringify(task.dynamic_variables ?? {}))
  if (bytes > VARIABLES_BYTES_MAX) {
    const message = `${at}.dynamic_variables must have at most 5 KB (${VARIABLES_BYTES_MAX} bytes) of JSON, not ${bytes}.`
    problems.push({ path: `${at}.dynamic_variables`, message })
  }
  if (isMissing(agent_id) && isMissing(task.agent_id)) {
    const message = `${at}.agent_id is missing: it is needed when the batch call has no agent_id.`
    problems.push({ path: `${at}.agent_id`, message })
  }
  return problems
}

function isMissing(value: string | null | undefined): value is null | undefined {
  return value === null || value === undefined
}

function agentOf(request: BatchRequest, tasks: readonly TaskRequest[]): AgentReference {
  const { agent_id } = request
  if (!isMissing(agent_id)) return { text: agent_id, field: 'agent_id' }
  return { text: tasks[0]!.agent_id!, field: 'tasks[0].agent_id' }
}

/**
 * `send_now` or the status `sent`: now, whatever the timestamp says. `draft`: waits, with its timestamp. Else the
 * timestamp decides, and without one the batch starts now.
 */
function decodeStart(request: BatchRequest): Pick<BatchInput, 'startAt' | 'draft' | 'pastStart'> {
  const { status, send_now, trigger_timestamp } = request
  refuseEndStatus(status)
  const startAt = decodeInstant(trigger_timestamp)
  if (send_now === true || status === 'sent') return { startAt: null }
  if (status === 'draft') return { startAt, draft: true }
  if (status === 'scheduled' && startAt === null) {
    throw invalidInput('trigger_timestamp', 'is missing: a batch call with the status scheduled needs it')
  }
  return { startAt, pastStart: 'refuse' }
}

/** What calls reach cannot be asked for. */
function refuseEndStatus(status: ZuduBatchStatus | null | undefined): void {
  if (status === 'completed' || status === 'failed') {
    throw invalidInput('status', `cannot be set to ${status}: send draft, scheduled or sent`)
  }
}

/** Seconds or milliseconds. */
export function decodeInstant(value: number | null | undefined): Date | null {
  if (value === null || value === undefined) return null
  const at = new Date(value < SECONDS_BELOW ? value * 1_000 : value)
  if (!(at.getTime() >= Date.UTC(2000, 0) && at.getTime() < Date.UTC(2200, 0))) {
    throw invalidInput('trigger_timestamp', 'must be an instant of this century, in seconds or milliseconds since 1970')
  }
  return at
}

/** As it was sent; null when none was. A fixed offset is no zone: it knows no summer time. */
function decodeZone(zone: string | null | undefined, field: string): string | null {
  if (zone === null || zone === undefined) return null
  if (!/^[A-Za-z]/.test(zone) || canonicalZone(zone) === null) {
    throw invalidInput(field, 'must be an IANA time zone such as America/New_York')
  }
  return zone
}

interface Retries {
  readonly policy: RetryPolicy
  readonly attemptsOf: (task: TaskRequest) => number | undefined
}

/**
 * Dials of a task: one and its `max_retries`, else `retry_config.max_attempts`. `retry_config.enabled: false` allows one
 * dial whatever else is said. After which outcomes, and when: `retry_rules`; without them the defaults of the core.
 */
function decodeRetries(request: BatchRequest, tasks: readonly TaskRequest[], timezone: string): Retries {
  const { retry_config, retry_rules } = request
  const isOff = retry_config?.enabled === false
  const wantsRetries = retry_config?.enabled === true || retry_rules?.some(({ enabled }) => enabled !== false) === true
  const usual = isOff ? 1 : (retry_config?.max_attempts ?? (wantsRetries ? ATTEMPTS_DEFAULT : 1))
  const attemptsOf = ({ max_retries }: TaskRequest) =>
    isOff || max_retries === null || max_retries === undefined ? usual : 1 + max_retries
  const maxAttempts = Math.max(...tasks.map(attemptsOf))
  const policy = { maxAttempts, rules: decodeRules(retry_rules, timezone) ?? defaultRetryPolicy(maxAttempts).rules }
  return {
    policy: maxAttempts === 1 ? { maxAttempts, rules: {} } : policy,
    attemptsOf: (task) => {
      const attempts = attemptsOf(task)
      return attempts < maxAttempts ? attempts : undefined
    },
  }
}

function decodeRules(rules: BatchRequest['retry_rules'], timezone: string): RetryPolicy['rules'] | null {
  if (rules === null || rules === undefined) return null
  const decoded: Partial<Record<RetryableDisposition, RetryRule>> = {}
  for (const [index, { condition, enabled, retry_timing: timing }] of rules.entries()) {
    if (enabled === false) continue
    const disposition = DISPOSITION_OF_CONDITION[condition]
    if (decoded[disposition] !== undefined) {
      throw invalidInput(`retry_rules[${index}].condition`, `must not name ${condition} twice`)
    }
    if (timing?.type === 'AT') decoded[disposition] = { at: timing.time, zone: timezone }
    else {
      decoded[disposition] = {
        gapsSeconds: [timing === null || timing === undefined ? DEFAULT_GAP_SECONDS : timing.duration_minutes * 60],
      }
    }
  }
  return decoded
}

/** Calls are allowed from the end of quiet hours to their beginning, every day. */
function decodeQuietHours(quiet: BatchRequest['quiet_hours'], timezone: string): CallingWindow | null {
  if (quiet === null || quiet === undefined) return null
  const zone = decodeZone(quiet.timezone, 'quiet_hours.timezone') ?? timezone
  if (quiet.enabled === false) return null
  const { start_time, end_time } = quiet
  if (start_time === undefined) throw invalidInput('quiet_hours.start_time', 'is missing')
  if (end_time === undefined) throw invalidInput('quiet_hours.end_time', 'is missing')
  if (start_time === end_time) {
    throw invalidInput('quiet_hours.end_time', 'must differ from start_time: nobody could ever be called')
  }
  return { zone, ranges: [{ weekdays: EVERY_DAY, from: end_time, to: start_time }] }
}

/** What the answers repeat and the core does not keep as it was sent. */
function fieldsToKeep(request: BatchRequest, timezone: string | null): JsonObject {
  const { agent_id = null, retry_config, quiet_hours, retry_rules } = request
  const given = Object.entries({ retry_config, quiet_hours, retry_rules }).filter(
    ([, value]) => value !== undefined && value !== null,
  )
  return { agent_id, timezone: timezone ?? 'UTC', ...(Object.fromEntries(given) as JsonObject) }
}

function recipientOf(
  task: TaskRequest,
  { agent, attemptsMax }: { agent: string | undefined; attemptsMax: number | undefined },
): RecipientInput {
  const { to_number, dynamic_variables, max_retries, agent_id } = task
  const kept = {
    ...(max_retries === null || max_retries === undefined ? {} : { max_retries }),
    ...(isMissing(agent_id) ? {} : { agent_id }),
  }
  return {
    to: to_number,
    variables: dynamic_variables as JsonObject | null | undefined,
    agent,
    attemptsMax,
    dialectFields: Object.keys(kept).length === 0 ? undefined : kept,
  }
}

/** A change of a batch: what to write, and whether it starts now. */
export interface DecodedChanges {
  readonly changes: Omit<BatchChanges, 'agent'>
  readonly start: boolean
}

/** @throws AppError that names the field. */
export function decodeChanges(request: BatchChangesRequest, batch: BatchView, nowEpochMs: number): DecodedChanges {
  refuseEndStatus(request.status)
  const { status, send_now, name } = request
  const isAsked = status !== null && status !== undefined && status !== BATCH_STATUS[batch.status]
  const start = send_now === true || (isAsked && status === 'sent')
  const startAt = request.trigger_timestamp === undefined ? undefined : decodeInstant(request.trigger_timestamp)
  if (isAsked && status === 'scheduled' && !start) {
    const at = startAt === undefined ? batch.startAt : startAt
    if (at === null || at.getTime() <= nowEpochMs) {
      throw invalidInput('trigger_timestamp', 'must lie in the future for the status scheduled')
    }
  }
  if (startAt === null && batch.status === 'scheduled' && !start && status !== 'draft') {
    throw invalidInput(
      'trigger_timestamp',
      'cannot be taken from a scheduled batch call: send send_now or the status draft',
    )
  }
  return {
    start,
    changes: {
      ...(name === null || name === undefined ? {} : { name }),
      ...(startAt === undefined || start ? {} : { startAt }),
      ...(isAsked && !start ? { draft: status === 'draft' } : {}),
      ...decodeNewZone(request, batch),
    },
  }
}

/** A new time zone is also that of quiet hours and times of retries that named none of their own. */
function decodeNewZone(
  request: BatchChangesRequest,
  batch: BatchView,
): Pick<BatchChanges, 'callingWindow' | 'retryPolicy' | 'dialectFields'> {
  const timezone = decodeZone(request.timezone, 'timezone')
  const { agent_id } = request
  if (timezone === null && isMissing(agent_id)) return {}
  const fields = fieldsOf(batch)
  const zone = timezone ?? timezoneOf(batch)
  const kept = {
    dialectFields: { ...fields, timezone: zone, ...(isMissing(agent_id) ? {} : { agent_id }) },
  }
  if (timezone === null) return kept
  const quiet = fields.quiet_hours as BatchRequest['quiet_hours']
  const rules = decodeRules(fields.retry_rules as BatchRequest['retry_rules'], zone)
  const { maxAttempts } = batch.retryPolicy
  return {
    ...kept,
    ...(quiet === undefined ? {} : { callingWindow: decodeQuietHours(quiet, zone) }),
    ...(rules === null || maxAttempts === 1 ? {} : { retryPolicy: { maxAttempts, rules } }),
  }
}

/** The id as the commands read it, with and without its prefix. */
export function decodeId(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text
}

/** The statuses of the core that a status of this wire format stands for. */
export function decodeStatuses(statuses: readonly ZuduBatchStatus[]): BatchStatus[] {
  return BATCH_STATUSES.filter((status) => statuses.includes(BATCH_STATUS[status]))
}

/** Where a fault of the core lies in a request of this wire format. */
export function inRequest(error: unknown): unknown {
  if (!(error instanceof AppError) || error.field === undefined) return error
  return new AppError(error.code === 'agent-not-found' ? 'agent-not-found' : 'invalid-input', {
    field: inTheirWords(error.field),
    args: [error.message],
    remedy: error.remedy,
    details: error.details?.map((detail) => ({ ...detail, path: inTheirWords(detail.path) })),
    cause: error,
  })
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^callerNumber\b/, 'from_number'],
  [/^agent\b/, 'agent_id'],
  [/^startAt\b/, 'trigger_timestamp'],
  [/^callingWindow\b.*/, 'quiet_hours'],
  [/^retryPolicy\b.*/, 'retry_rules'],
  [/^(tasks\[\d+\])\.to$/, '$1.to_number'],
  [/^(tasks\[\d+\])\.variables\b/, '$1.dynamic_variables'],
  [/^(tasks\[\d+\])\.agent$/, '$1.agent_id'],
  [/^(tasks\[\d+\])\.attemptsMax$/, '$1.max_retries'],
]

function inTheirWords(path: string): string {
  return NAMES.reduce((spelled, [word, theirs]) => spelled.replace(word, theirs), path)
}
