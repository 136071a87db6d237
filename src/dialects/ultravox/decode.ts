import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { DialectSecrets } from '../../commands/dialect-secrets.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import type { BatchChanges } from '../../commands/update-batch.ts'
import { RECIPIENT_STATES, type RecipientState } from '../../commands/views.ts'
import { AppError, type ErrorCode, type ErrorDetail } from '../../errors.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import { NO_RETRIES } from '../../model/retry-policy.ts'
import { type FieldWords, messageInWords } from '../field-words.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import { statusOf } from './encode.ts'
import { callSettingsOf } from './encode-call.ts'
import { type CallMedium, type CallPlan, callMedium, planOf, withoutPassword } from './media.ts'
import {
  type BatchChanges as BatchChangesRequest,
  type BatchRequest,
  type CallRequest,
  type ScheduledCallRequest,
  type ScheduledCallStatus,
  scheduledCallRequest,
} from './wire.ts'

/** The carrier of calls that somebody else places. */
export const JOINED_CARRIER = 'invitation'
/** Its name among the batch's sealed fields. */
export const WEBHOOK_SECRET = 'webhookSecret'
const PROBLEMS_LISTED = 100
const CALLS_A_TURN = 5_000
const RING_SECONDS = { min: 5, max: 80, fallback: 30 } as const
/** The vendor's default is an hour. */
const CALL_SECONDS = { min: 1, max: 28_800, fallback: 3_600 } as const

/** What of an agent's template decides on its calls. */
export interface AgentTerms {
  /** Id as it stands in the path. */
  readonly agent: string
  readonly medium: CallMedium | null
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  /** Repeated with each of its calls. */
  readonly callSettings: JsonObject
}

export interface DecodedBatch {
  readonly input: BatchInput
  readonly recipients: readonly RecipientInput[]
  /** How each call is made, in the order of the request. */
  readonly plans: readonly CallPlan[]
}

/** Reads what an agent's stored template says about its calls; what does not fit is taken as not there. */
export function decodeAgentTerms(agent: string, fields: JsonObject | null): AgentTerms {
  const template = (fields?.callTemplate ?? {}) as JsonObject
  const medium = callMedium.safeParse(template.medium)
  return {
    agent,
    medium: medium.success ? medium.data : null,
    ringTimeoutSeconds: secondsOf(template.joinTimeout, RING_SECONDS),
    maxCallSeconds: secondsOf(template.maxDuration, CALL_SECONDS),
    callSettings: callSettingsOf(template) as unknown as JsonObject,
  }
}

function secondsOf(value: unknown, range: { min: number; max: number; fallback: number }): number {
  if (typeof value !== 'string') return range.fallback
  return Math.min(range.max, Math.max(range.min, Math.ceil(Number.parseFloat(value))))
}

/** A posted batch as a command. @throws AppError that names the fields, the first 100 for the calls. */
export async function decodeBatch(request: BatchRequest, terms: AgentTerms): Promise<DecodedBatch> {
  const calls = await decodeCalls(request.calls, terms.medium)
  const plans = calls.map(({ plan }) => plan)
  checkWebhook(request, plans)
  const recipients = calls.map((call) => recipientOf(call))
  const [first] = recipients
  return {
    plans,
    recipients,
    input: {
      name: `Scheduled batch of ${recipients.length} calls`,
      dialect: 'ultravox',
      agent: terms.agent,
      trunk: first?.trunk,
      callerNumber: first?.callerNumber,
      ringTimeoutSeconds: terms.ringTimeoutSeconds,
      maxCallSeconds: terms.maxCallSeconds,
      startAt: dateOf(request.windowStart),
      pastStart: 'now',
      expiresAt: dateOf(request.windowEnd),
      refuseShortWindow: true,
      paused: request.paused === true,
      throttle: request.throttle,
      retryPolicy: NO_RETRIES,
      duplicateNumbers: 'skip',
      dialectFields: { ...batchFields(request), callSettings: terms.callSettings },
      dialectSecrets: batchSecrets(request),
    },
  }
}

/** What is stored with the batch and repeated, but for its secret. */
export function batchFields(request: BatchChangesRequest | BatchRequest): JsonObject {
  const { webhookUrl = null, throttle = null } = request
  return { webhookUrl, throttle }
}

/** What is stored sealed; it is sent back, as the vendor does, to whoever has the key. */
export function batchSecrets({ webhookSecret }: BatchChangesRequest | BatchRequest): DialectSecrets | undefined {
  return typeof webhookSecret === 'string' ? { [WEBHOOK_SECRET]: webhookSecret } : undefined
}

interface DecodedCall {
  readonly request: ScheduledCallRequest
  readonly medium: CallMedium | null
  readonly plan: CallPlan
}

/** Looks for the first hundred faults and no further. Lets others have a turn: calls are placed by the same process. */
async function decodeCalls(list: readonly unknown[], fallback: CallMedium | null): Promise<DecodedCall[]> {
  const details: ErrorDetail[] = []
  const calls: DecodedCall[] = []
  for (const [index, sent] of list.entries()) {
    if (index % CALLS_A_TURN === CALLS_A_TURN - 1) await nextTurn()
    const parsed = scheduledCallRequest.safeParse(sent, { reportInput: true })
    if (parsed.success) {
      const medium = parsed.data.medium ?? fallback
      calls.push({ request: parsed.data, medium, plan: planOf(medium) })
      continue
    }
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['calls', index, ...issue.path] }))
    details.push(...problemsOf(issues))
    if (details.length >= PROBLEMS_LISTED) break
  }
  if (details.length > 0) throw refusalOf(details.slice(0, PROBLEMS_LISTED))
  return calls
}

/** Needed when somebody else places a call, and of no use otherwise. */
function checkWebhook({ webhookUrl }: BatchRequest, plans: readonly CallPlan[]): void {
  const joined = plans.findIndex(({ kind }) => kind === 'joined')
  const named = webhookUrl !== undefined && webhookUrl !== null
  if (joined >= 0 && !named) {
    const rule = `webhookUrl is missing: calls[${joined}] has the medium ${plans[joined]!.medium} without outgoing, and somebody must be asked to join it.`
    throw new AppError('invalid-input', {
      field: 'webhookUrl',
      args: [rule],
      remedy: 'Send the address of your server.',
    })
  }
  if (joined < 0 && named) {
    const rule = 'webhookUrl is not allowed: all calls have an outgoing medium, so nobody needs to be asked to join.'
    throw new AppError('invalid-input', { field: 'webhookUrl', args: [rule], remedy: 'Leave webhookUrl out.' })
  }
}

function recipientOf({ request, medium, plan }: DecodedCall): RecipientInput {
  const { metadata, templateContext, experimentalSettings = null } = request
  const shown = medium === null ? null : withoutPassword(medium)
  return {
    to: plan.kind === 'outgoing' ? plan.to : '',
    trunk: plan.kind === 'outgoing' ? plan.medium : JOINED_CARRIER,
    callerNumber: plan.kind === 'outgoing' ? plan.from : undefined,
    variables: templateContext as JsonObject | null | undefined,
    metadata,
    dialectFields: { medium: shown, experimentalSettings } as unknown as JsonObject,
  }
}

/** A call of one person as a command. */
export function decodeCall(
  request: CallRequest,
  terms: AgentTerms,
): { input: CallInput; recipient: RecipientInput; plan: CallPlan } {
  const { medium: sent, metadata, templateContext, experimentalSettings, ...settings } = request
  const medium = sent ?? terms.medium
  const plan = planOf(medium)
  const recipient = recipientOf({ request: { metadata, templateContext, experimentalSettings }, medium, plan })
  const input = {
    dialect: 'ultravox',
    agent: terms.agent,
    trunk: recipient.trunk,
    callerNumber: recipient.callerNumber,
    ringTimeoutSeconds: secondsOf(settings.joinTimeout, { ...RING_SECONDS, fallback: terms.ringTimeoutSeconds }),
    maxCallSeconds: secondsOf(settings.maxDuration, { ...CALL_SECONDS, fallback: terms.maxCallSeconds }),
    retryPolicy: NO_RETRIES,
    dialectFields: { callSettings: callSettingsOf({ ...terms.callSettings, ...settings }) as unknown as JsonObject },
  }
  return { input, recipient, plan }
}

/** Where a fault of the core lies in a request for one call. */
export function inCallRequest(error: unknown, plan: CallPlan): unknown {
  if (!(error instanceof AppError) || error.field === undefined) return error
  const path = `calls[0].${error.field}`
  const found = codeBehind(error) === 'trunk-not-found' ? noTrunk(path, path, [plan]) : error
  const { remedy } = found
  const message = inTheirWords(found.message, error.field)
  const field = pathInRequest(path, [plan]).slice('calls[0].'.length)
  return new AppError('invalid-input', { field, args: [message], remedy, cause: error })
}

/** A fault of the one person comes as one of the input; what it was before decides what is said. */
function codeBehind({ code, cause }: AppError): ErrorCode {
  return cause instanceof AppError ? cause.code : code
}

/** What is left out stays. */
export function decodeBatchChanges(request: BatchChangesRequest): BatchChanges {
  return {
    ...(request.windowStart === undefined ? {} : { startAt: dateOf(request.windowStart), pastStart: 'now' as const }),
    ...(request.throttle === undefined ? {} : { throttle: request.throttle, refuseShortWindow: true }),
    ...(request.windowEnd === undefined ? {} : { expiresAt: dateOf(request.windowEnd), refuseShortWindow: true }),
  }
}

function dateOf(text: string | null | undefined): Date | null {
  return text === null || text === undefined ? null : new Date(text)
}

/** Which recipients have this status. @param isFuture whether the window of the batch is not open yet. */
export function decodeStatus(
  status: ScheduledCallStatus,
  isFuture: boolean,
): { states: readonly RecipientState[]; outcomes: readonly Outcome[] } {
  return {
    states: RECIPIENT_STATES.filter((state) => state !== 'ended' && statusOf(state, null, isFuture) === status),
    outcomes: OUTCOMES.filter((outcome) => statusOf('ended', outcome, isFuture) === status),
  }
}

/** Where a fault of the core lies in a request of this wire format. */
export function inRequest(error: unknown, plans: readonly CallPlan[]): unknown {
  if (!(error instanceof AppError)) return error
  const pathOf = (path: string) => pathInRequest(path, plans)
  const { code, field, details, message, remedy } = error
  if (code === 'trunk-not-found' && field !== undefined) return noTrunk(pathOf(field), field, plans)
  if (field === undefined) return error
  return new AppError('invalid-input', {
    field: pathOf(field),
    args: [inTheirWords(message, field)],
    remedy,
    details: details?.map((detail) => ({
      ...detail,
      path: pathOf(detail.path),
      message: inTheirWords(detail.message, detail.path),
    })),
    cause: error,
  })
}

function noTrunk(path: string, field: string, plans: readonly CallPlan[]): AppError {
  const { medium } = plans[Number(/\[(\d+)\]/.exec(field)?.[1] ?? 0)]!
  return new AppError('invalid-input', {
    field: path,
    args: [`No trunk of the organization carries calls of the medium ${medium}.`],
    remedy: `Make a trunk of the carrier ${medium}, or let one stand for it: PUT /carillon/v1/trunks/{id}/aliases/${medium}.`,
  })
}

const CALL_PATH = /^calls\[(\d+)\]\.(\w+)/
const BATCH_PATHS: Readonly<Record<string, string>> = { trunk: 'trunk', callerNumber: 'callerNumber' }
const NAMES: FieldWords = { variables: 'templateContext', dialectFields: 'medium' }

/** Messages name the last step of their field alone. */
function inTheirWords(message: string, path: string): string {
  return messageInWords(message, path.slice(path.lastIndexOf('.') + 1), NAMES)
}

function pathInRequest(path: string, plans: readonly CallPlan[]): string {
  // The batch's own trunk and caller are those of its first call.
  const found = CALL_PATH.exec(BATCH_PATHS[path] === undefined ? path : `calls[0].${path}`)
  if (found === null) return path
  const at = `calls[${found[1]}]`
  const medium = plans[Number(found[1])]?.medium ?? 'medium'
  if (found[2] === 'to') return `${at}.medium.${medium}.outgoing.to`
  if (found[2] === 'callerNumber') return `${at}.medium.${medium}.outgoing.from`
  if (found[2] === 'trunk') return `${at}.medium.${medium}`
  return `${at}.${NAMES[found[2]!] ?? found[2]}`
}
