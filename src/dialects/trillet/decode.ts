import { z } from 'zod'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import { RECIPIENT_STATES, type RecipientState } from '../../commands/views.ts'
import { AppError, invalidInput } from '../../errors.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import {
  ATTEMPTS_MAX,
  defaultRetryPolicy,
  NO_RETRIES,
  problemsOfRetryPolicy,
  type RetryPolicy,
  TOTAL_GAP_SECONDS_MAX,
} from '../../model/retry-policy.ts'
import { readJsonBody } from '../json-body.ts'
import { callStatusOf } from './encode.ts'
import type { callRequest, TrilletCallFilter } from './wire.ts'

/** What a form asks for, and the names of what it carries beside. */
export interface StartRequest {
  readonly input: BatchInput
  /** Paths of fields that mean nothing here; they are ignored and named in the answer. */
  readonly ignoredFields: readonly string[]
}

const FORM_FIELDS = new Set(['agentId', 'scheduledAt', 'smartCallbackConfig', 'onBadRows'])
const AGENT_ID_CHARS_MAX = 255
const LATEST_START_EPOCH_MS = Date.UTC(2200, 0)

/**
 * Reads the fields of the form that starts a batch.
 *
 * @throws AppError `invalid-input` that names the field.
 */
export function decodeStart(fields: ReadonlyMap<string, string>, nowEpochMs: number): StartRequest {
  const ignoredFields = [...fields.keys()].filter((name) => !FORM_FIELDS.has(name))
  const agent = decodeAgentId(fields.get('agentId'))
  const startAt = decodeScheduledAt(fields.get('scheduledAt'), nowEpochMs)
  const retryPolicy = decodeSmartCallbackConfig(fields.get('smartCallbackConfig'), ignoredFields)
  const onBadRows = decodeOnBadRows(fields.get('onBadRows'))
  const input = { dialect: 'trillet', agent, startAt, pastStart: 'now', retryPolicy, onBadRows } as const
  return { input: { ...input, duplicateNumbers: 'skip' }, ignoredFields }
}

/** Reads the body that calls one person. */
export function decodeCall(request: z.output<typeof callRequest>): { input: CallInput; recipient: RecipientInput } {
  const { to, call_agent_id: agent, dynamic_variables: variables, metadata } = request
  const values = { variables: variables as JsonObject | null, metadata: metadata as JsonObject | null }
  return { input: { dialect: 'trillet', agent }, recipient: { to, ...values } }
}

function decodeAgentId(text: string | undefined): string {
  const agentId = text?.trim() ?? ''
  if (agentId === '') throw refusal('agentId', 'No agent ID provided')
  if (agentId.length > AGENT_ID_CHARS_MAX)
    throw invalidInput('agentId', `must have at most ${AGENT_ID_CHARS_MAX} characters`)
  return agentId
}

const instant = z.iso.datetime({ offset: true })

/** An instant that has passed means now, which is null. */
function decodeScheduledAt(text: string | undefined, nowEpochMs: number): Date | null {
  if (text === undefined) return null
  const written = text.trim()
  const epochMs = instant.safeParse(written).success ? Date.parse(written) : Number.NaN
  if (Number.isNaN(epochMs)) {
    throw invalidInput('scheduledAt', 'must be a time in UTC in ISO 8601, such as 2030-01-15T14:30:00Z')
  }
  if (epochMs >= LATEST_START_EPOCH_MS) throw invalidInput('scheduledAt', 'must lie before the year 2200')
  return epochMs <= nowEpochMs ? null : new Date(epochMs)
}

function decodeOnBadRows(text: string | undefined): 'accept' | 'reject' {
  if (text === undefined || text === 'accept') return 'accept'
  if (text === 'reject') return 'reject'
  throw invalidInput('onBadRows', 'must be accept or reject')
}

const SECONDS_OF_AN_HOUR = 3_600
const SECONDS_OF_A_DAY = 24 * SECONDS_OF_AN_HOUR
const duration = z.number().min(0)
const gap = z
  .looseObject({ days: duration.optional(), hours: duration.optional() })
  .refine(({ days, hours }) => days !== undefined || hours !== undefined, { message: 'must have days or hours' })
const smartCallbackConfig = z.looseObject({
  enabled: z.boolean(),
  maxAttempts: z.int().min(1).max(ATTEMPTS_MAX).optional(),
  gaps: z.array(gap).max(ATTEMPTS_MAX).optional(),
})

/** `maxAttempts` counts all dials of a person. `ignored` takes the names of keys that mean nothing here. */
function decodeSmartCallbackConfig(text: string | undefined, ignored: string[]): RetryPolicy {
  if (text === undefined) return NO_RETRIES
  const json = readJsonBody(Buffer.from(text))
  if (!json.ok) throw invalidInput(fieldIn(json.field), `is not usable JSON: ${lastPartOf(json.message)}`)
  const parsed = smartCallbackConfig.safeParse(json.value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw invalidInput(fieldIn(pathOf(issue.path)), ruleOf(issue))
  }
  const config = parsed.data
  noteIgnored(config, ignored)
  if (!config.enabled) return NO_RETRIES
  if (config.maxAttempts === undefined) {
    throw invalidInput('smartCallbackConfig.maxAttempts', `must be a whole number from 1 to ${ATTEMPTS_MAX}`)
  }
  const gapsSeconds = (config.gaps ?? []).map(
    ({ days = 0, hours = 0 }) => days * SECONDS_OF_A_DAY + hours * SECONDS_OF_AN_HOUR,
  )
  if (config.maxAttempts === 1) return NO_RETRIES
  const policy = defaultRetryPolicy(config.maxAttempts, gapsSeconds)
  // The shape was checked above, so all that can be left is how long the gaps are together.
  if (problemsOfRetryPolicy(policy).length > 0) {
    const days = TOTAL_GAP_SECONDS_MAX / SECONDS_OF_A_DAY
    throw invalidInput('smartCallbackConfig.gaps', `must not add up to more than ${days} days for one person`)
  }
  return policy
}

function noteIgnored(config: z.output<typeof smartCallbackConfig>, ignored: string[]): void {
  const known = new Set(['enabled', 'maxAttempts', 'gaps'])
  for (const key of Object.keys(config)) if (!known.has(key)) ignored.push(fieldIn(key))
  for (const [index, entry] of (config.gaps ?? []).entries()) {
    for (const key of Object.keys(entry)) {
      if (key !== 'days' && key !== 'hours') ignored.push(fieldIn(`gaps[${index}].${key}`))
    }
  }
}

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.path.at(-1)) {
    case 'enabled':
      return 'must be true or false'
    case 'maxAttempts':
      return `must be a whole number from 1 to ${ATTEMPTS_MAX}`
    case 'gaps':
      return `must be a list of at most ${ATTEMPTS_MAX} gaps`
    case 'days':
    case 'hours':
      return 'must be a number that is not negative'
    case undefined:
      return 'must be an object with enabled, maxAttempts and gaps'
    default:
      return 'must be an object with days or hours'
  }
}

function fieldIn(path: string): string {
  return path === '' ? 'smartCallbackConfig' : `smartCallbackConfig.${path}`
}

function pathOf(steps: readonly PropertyKey[]): string {
  return steps
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${String(step)}`))
    .join('')
}

/** The reader speaks of a body, which the config is not. */
function lastPartOf(sentence: string): string {
  return sentence.replace(/^The body is not valid JSON: /, '').replace(/\.$/, '')
}

/** A refusal in words that clients of the product know. */
export function refusal(field: string, message: string): AppError {
  const remedy = `Send ${field} as a part of a multipart/form-data body.`
  return new AppError('invalid-input', { field, args: [message], remedy })
}

/** The id as the commands read it: in any spelling, with or without the prefix. */
export function decodeBatchId(text: string): string {
  return text.startsWith('batch_') ? text.slice('batch_'.length) : text
}

/** Which recipients a filter shows: those in a call or waiting by their state, the final ones by their outcome. */
export interface RecipientFilter {
  readonly states: readonly RecipientState[]
  readonly outcomes: readonly Outcome[]
}

/** Repeated numbers are no calls in this wire format, so no filter shows them. */
export function decodeCallFilter(filter: TrilletCallFilter): RecipientFilter {
  const isShown = (state: RecipientState, outcome: Outcome | null) => {
    const status = callStatusOf(state, outcome)
    return status !== null && (filter === 'all' || filter === status)
  }
  return {
    states: RECIPIENT_STATES.filter((state) => state !== 'ended' && isShown(state, null)),
    outcomes: OUTCOMES.filter((outcome) => isShown('ended', outcome)),
  }
}
