import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BatchInput } from '../../commands/batch-terms.ts'
import type { JsonObject } from '../../commands/context.ts'
import type { CallInput } from '../../commands/create-call.ts'
import type { RecipientInput } from '../../commands/posted-recipients.ts'
import type { RecipientState } from '../../commands/views.ts'
import { type ErrorDetail, invalidInput } from '../../errors.ts'
import type { Outcome } from '../../model/disposition.ts'
import { NO_RETRIES } from '../../model/retry-policy.ts'
import { canonicalZone } from '../../model/zone-offsets.ts'
import { problemsOf, refusalOf } from '../zod-problems.ts'
import { OUTCOMES_OF_STATUS, STATES_OF_STATUS } from './encode-conversation.ts'
import {
  type BatchRequest,
  type CallRequest,
  type ClientData,
  CONVERSATION_STATUSES,
  type ConversationsQuery,
  RECIPIENTS_MAX,
  type RecipientRequest,
  RING_SECONDS,
  recipientTaken,
  type TelephonyConfig,
} from './wire.ts'

const PROBLEMS_LISTED = 100
const RECIPIENTS_A_TURN = 2_000
const SECOND = 1_000
const E164 = /^\+[1-9]\d{6,14}$/
/** The vendor publishes no limit for the length of a call; its agents have one of ten minutes by default. */
const CALL_SECONDS = 600

/** What a request means depends on it. */
export interface RequestTerms {
  /** Calls at once that the organization may have. */
  readonly liveMax: number
  /** Ids by which the core knows who was named. */
  readonly agent: string
  /** Undefined: the agent's own, else the organization's. */
  readonly callerNumber: string | undefined
}

/** A posted batch as a command. @throws AppError that names the fields, the first 100 for the recipients. */
export async function decodeBatch(
  request: BatchRequest,
  terms: RequestTerms,
): Promise<{ input: BatchInput; recipients: RecipientInput[] }> {
  if (request.recipients.length < 1 || request.recipients.length > RECIPIENTS_MAX) {
    throw invalidInput('recipients', `must have 1 to ${RECIPIENTS_MAX} entries`)
  }
  const timezone = decodeZone(request.timezone)
  const recipients = await decodeRecipients(request.recipients)
  const { agent, callerNumber, liveMax } = terms
  const { scheduled_time_unix: start, target_concurrency_limit: limit } = request
  const telephony = telephonyOf(request.telephony_call_config)
  const input: BatchInput = {
    dialect: 'elevenlabs',
    name: request.call_name,
    agent,
    callerNumber,
    ringTimeoutSeconds: telephony.ringing_timeout_secs,
    maxCallSeconds: CALL_SECONDS,
    retryPolicy: NO_RETRIES,
    concurrency: limit ?? Math.max(1, Math.floor(liveMax / 2)),
    startAt: typeof start === 'number' ? new Date(start * SECOND) : null,
    // Clients send the present second to begin at once.
    pastStart: 'now',
    duplicateNumbers: 'skip',
    // As they were sent: an owner's own ids come back as the owner writes them.
    dialectFields: {
      agentId: request.agent_id,
      numberId: request.agent_phone_number_id ?? null,
      timezone,
      branchId: request.branch_id ?? null,
      environment: request.environment ?? null,
      concurrency: limit ?? null,
      telephony,
    },
  }
  return { input, recipients }
}

/** One call as a command. @throws AppError `invalid-input`. */
export function decodeCall(
  request: CallRequest,
  { agent, callerNumber }: Pick<RequestTerms, 'agent' | 'callerNumber'>,
): { input: CallInput; recipient: RecipientInput } {
  const { to_number: to, agent_id: agentId, agent_phone_number_id: numberId } = request
  if (!E164.test(to)) throw invalidInput('to_number', 'must be a telephone number such as +14155550123')
  const telephony = telephonyOf(request.telephony_call_config)
  const input: CallInput = {
    dialect: 'elevenlabs',
    agent,
    callerNumber,
    ringTimeoutSeconds: telephony.ringing_timeout_secs,
    maxCallSeconds: CALL_SECONDS,
    retryPolicy: NO_RETRIES,
    dialectFields: { agentId, numberId },
  }
  return { input, recipient: recipientOf({ to, data: request.conversation_initiation_client_data }) }
}

/** What was not sent is what the vendor would do. */
function telephonyOf(sent: TelephonyConfig | null | undefined) {
  return {
    ringing_timeout_secs: sent?.ringing_timeout_secs ?? RING_SECONDS.fallback,
    twilio_call_recording_enabled: sent?.twilio_call_recording_enabled ?? null,
    twilio_machine_detection: (sent?.twilio_machine_detection ?? null) as JsonObject | null,
  }
}

function decodeZone(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null
  if (!/^[A-Za-z]/.test(text) || canonicalZone(text) === null) {
    throw invalidInput('timezone', 'must be an IANA time zone such as America/New_York')
  }
  return text
}

/** Variables may be spoken; the rest of what a conversation begins with is kept beside them and given back. */
function recipientOf(sent: { to: string; id?: string; data: ClientData | null | undefined }): RecipientInput {
  const { dynamic_variables: variables, ...rest } = sent.data ?? {}
  const kept: JsonObject = {
    ...(sent.id === undefined ? {} : { id: sent.id }),
    ...(Object.keys(rest).length === 0 ? {} : { data: rest as JsonObject }),
  }
  return {
    to: sent.to,
    variables: variables as JsonObject | null | undefined,
    ...(Object.keys(kept).length === 0 ? {} : { dialectFields: kept }),
  }
}

/** Looks for the first hundred faults and no further. Lets others have a turn: calls are placed by the same process. */
async function decodeRecipients(list: readonly unknown[]): Promise<RecipientInput[]> {
  const details: ErrorDetail[] = []
  const recipients: RecipientInput[] = []
  for (const [index, sent] of list.entries()) {
    if (index % RECIPIENTS_A_TURN === RECIPIENTS_A_TURN - 1) await nextTurn()
    const parsed = recipientTaken.safeParse(sent, { reportInput: true })
    if (parsed.success && typeof parsed.data.phone_number === 'string') {
      recipients.push(decodeRecipient(parsed.data, parsed.data.phone_number))
      continue
    }
    if (parsed.success) details.push(missingNumber(index))
    else details.push(...problemsOf(parsed.error.issues.map((issue) => ({ ...issue, path: placeOf(index, issue) }))))
    if (details.length >= PROBLEMS_LISTED) break
  }
  if (details.length > 0) throw refusalOf(details.slice(0, PROBLEMS_LISTED))
  return recipients
}

function decodeRecipient({ id, conversation_initiation_client_data: data }: RecipientRequest, to: string) {
  return recipientOf({ to, ...(typeof id === 'string' ? { id } : {}), data })
}

function placeOf(index: number, { path }: { path: PropertyKey[] }): PropertyKey[] {
  return ['recipients', index, ...path]
}

function missingNumber(index: number): ErrorDetail {
  const path = `recipients[${index}].phone_number`
  const remedy = 'Send a telephone number such as +14155550123; nobody is called over WhatsApp here.'
  return { path, message: `${path} is missing.`, remedy }
}

/** Which dials a list of conversations shows. Undefined: all. */
export function decodeStatuses({ exclude_statuses: excluded }: ConversationsQuery): {
  readonly states?: readonly RecipientState[]
  readonly outcomes?: readonly Outcome[]
} {
  if (excluded === undefined) return {}
  const without = new Set([excluded].flat())
  const shown = CONVERSATION_STATUSES.filter((status) => !without.has(status))
  return {
    states: shown.flatMap((status) => STATES_OF_STATUS[status]),
    outcomes: shown.flatMap((status) => OUTCOMES_OF_STATUS[status]),
  }
}

/** When calls of a list were dialled; both ends belong to it, as seconds. */
export function decodeTimes(query: ConversationsQuery): { from: Date | undefined; before: Date | undefined } {
  const { call_start_after_unix: after, call_start_before_unix: until } = query
  if (after !== undefined && until !== undefined && after > until) {
    throw invalidInput('call_start_before_unix', 'must not lie before call_start_after_unix')
  }
  return {
    from: after === undefined ? undefined : new Date(after * SECOND),
    before: until === undefined ? undefined : new Date((until + 1) * SECOND),
  }
}
