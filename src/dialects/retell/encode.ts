import type { JsonObject, JsonValue } from '../../commands/context.ts'
import type {
  AgentView,
  AttemptView,
  BatchView,
  CallView,
  NumberView,
  RecipientState,
  RecipientView,
} from '../../commands/views.ts'
import { ALL_CAUSES, type Cause } from '../../model/cause.ts'
import { OUTCOMES, type Outcome } from '../../model/disposition.ts'
import { encodeId, ownAgentId } from './ids.ts'
import type {
  BatchCall,
  Call,
  CallTimeWindow,
  DisconnectionReason,
  ListedAgent,
  ListedCall,
  PhoneNumber,
  RetellCallStatus,
} from './wire.ts'

/** The one table of how calls end: the status, and the reason where the cause says no more. */
export const END_OF_OUTCOME = {
  answered: { status: 'ended', reason: 'agent_hangup' },
  voicemail: { status: 'ended', reason: 'voicemail_reached' },
  busy: { status: 'not_connected', reason: 'dial_busy' },
  'no-answer': { status: 'not_connected', reason: 'dial_no_answer' },
  rejected: { status: 'not_connected', reason: 'user_declined' },
  failed: { status: 'not_connected', reason: 'dial_failed' },
  cancelled: { status: 'not_connected', reason: 'manual_stopped' },
  expired: { status: 'not_connected', reason: 'registered_call_timeout' },
  unknown: { status: 'error', reason: 'error_unknown' },
  // Nobody ends so: whose call was not sent waits again.
  'not-sent': { status: 'not_connected', reason: 'dial_failed' },
  suppressed: { status: 'not_connected', reason: 'telephony_provider_permission_denied' },
  duplicate: { status: 'not_connected', reason: 'dial_failed' },
  'invalid-number': { status: 'not_connected', reason: 'invalid_destination' },
  'not-allowed': { status: 'not_connected', reason: 'telephony_provider_permission_denied' },
} as const satisfies Record<Outcome, { status: RetellCallStatus; reason: DisconnectionReason }>

/** Where the cause says more than the outcome. An answered call that ends in an error has the status `error`. */
const REASON_OF_CAUSE: Partial<Record<Outcome, Partial<Record<Cause, DisconnectionReason>>>> = {
  answered: {
    'callee-hung-up': 'user_hangup',
    'suppressed-by-callee': 'user_hangup',
    'hung-up-by-user': 'manual_stopped',
    'answered-too-late': 'manual_stopped',
    'max-duration': 'max_duration_reached',
    inactivity: 'inactivity',
    'media-lost': 'error_no_audio_received',
    'agent-unreachable': 'error_llm_websocket_open',
    'agent-error': 'error_llm_websocket_runtime',
    'node-lost': 'error_retell',
    'shut-down': 'error_retell',
    'evidence-missing': 'error_unknown',
  },
  failed: {
    'unallocated-number': 'invalid_destination',
    'number-incomplete': 'invalid_destination',
    'number-changed': 'invalid_destination',
    'carrier-credentials': 'telephony_provider_permission_denied',
    'caller-number-refused': 'telephony_provider_permission_denied',
    'destination-refused': 'telephony_provider_permission_denied',
    'carrier-error': 'telephony_provider_unavailable',
    'carrier-rate-limited': 'telephony_provider_unavailable',
    'carrier-out-of-credit': 'telephony_provider_unavailable',
    'trunk-unreachable': 'telephony_provider_unavailable',
    'media-not-agreed': 'sip_routing_error',
    'voice-failed': 'error_retell',
  },
}

const STATUS_OF_STATE = {
  waiting: 'registered',
  due: 'registered',
  dialing: 'registered',
  accepted: 'registered',
  ringing: 'registered',
  answered: 'ongoing',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, RetellCallStatus>

export function reasonOf(outcome: Outcome, cause: Cause): DisconnectionReason {
  return REASON_OF_CAUSE[outcome]?.[cause] ?? END_OF_OUTCOME[outcome].reason
}

export function statusOf({ state, outcome, cause }: Pick<CallFacts, 'state' | 'outcome' | 'cause'>): RetellCallStatus {
  if (outcome === null) return state === 'ended' ? 'error' : STATUS_OF_STATE[state]
  return reasonOf(outcome, cause).startsWith('error_') ? 'error' : END_OF_OUTCOME[outcome].status
}

/** The outcomes of which at least one cause gives a call that `holds`. */
export function outcomesWith(holds: (end: { outcome: Outcome; cause: Cause }) => boolean): Outcome[] {
  return OUTCOMES.filter((outcome) => ALL_CAUSES.some((cause) => holds({ outcome, cause })))
}

export function encodeBatch(batch: BatchView): BatchCall {
  const window = batch.dialect === 'retell' ? batch.dialectFields?.call_time_window : undefined
  return {
    batch_call_id: encodeId('batch', batch.id),
    name: batch.name,
    from_number: batch.callerNumber,
    // Seconds, though requests name milliseconds: so the vendor prints it.
    scheduled_timestamp: Math.floor((batch.startAt ?? batch.createdAt).getTime() / 1_000),
    total_task_count: batch.figures.total,
    ...(window === undefined ? {} : { call_time_window: window as CallTimeWindow }),
  }
}

/** What is told of a call. */
export type CallFacts = Pick<
  CallView,
  | 'id'
  | 'batchId'
  | 'agent'
  | 'dialectFields'
  | 'from'
  | 'to'
  | 'state'
  | 'outcome'
  | 'cause'
  | 'answeredBy'
  | 'dialedAt'
  | 'answeredAt'
  | 'endedAt'
  | 'spokenText'
  | 'variables'
  | 'metadata'
>

/** The facts of a dial that was read with its batch and its recipient. */
export function callOf(read: { batch: BatchView; recipient: RecipientView; attempt: AttemptView }): CallFacts {
  const { batch, recipient, attempt } = read
  return {
    ...attempt,
    batchId: batch.isSingle ? null : batch.id,
    agent: batch.agent,
    dialectFields: recipient.dialectFields,
    from: batch.callerNumber,
    to: recipient.number,
    outcome: attempt.disposition,
    variables: recipient.variables,
    metadata: recipient.metadata,
  }
}

/** Whether this wire format can say it: a telephone is called from a number. */
export function isExpressible({ from, to }: Pick<CallFacts, 'from' | 'to'>): boolean {
  return from !== '' && to !== ''
}

/** As lists show it: without what was said. */
export function encodeListedCall(call: CallFacts): ListedCall {
  const { outcome, dialedAt, answeredAt, endedAt, metadata } = call
  const named = sentAgentOf(call.dialectFields)
  const isOfBatch = named === null || ownAgentId(call.agent) === named
  const shown: ListedCall = {
    call_type: 'phone_call',
    call_id: encodeId('call', call.id),
    agent_id: named ?? ownAgentId(call.agent),
    ...(isOfBatch ? { agent_name: call.agent.name } : {}),
    agent_version: 0,
    call_status: statusOf(call),
    direction: 'outbound',
    from_number: call.from,
    to_number: call.to,
  }
  if (call.batchId !== null) shown.batch_call_id = encodeId('batch', call.batchId)
  if (metadata !== null) shown.metadata = metadata
  if (Object.keys(call.variables).length > 0) shown.retell_llm_dynamic_variables = textsOf(call.variables)
  if (dialedAt !== null) shown.start_timestamp = dialedAt.getTime()
  if (outcome === null) return shown
  if (endedAt !== null) shown.end_timestamp = endedAt.getTime()
  shown.duration_ms = answeredAt === null || endedAt === null ? 0 : endedAt.getTime() - answeredAt.getTime()
  shown.disconnection_reason = reasonOf(outcome, call.cause)
  return { ...shown, ...analysisOf(call) }
}

/** With what was said. */
export function encodeCall(call: CallFacts): Call {
  const shown = encodeListedCall(call)
  if (call.spokenText === null) return shown
  return {
    ...shown,
    transcript: `Agent: ${call.spokenText}\n`,
    transcript_object: [{ role: 'agent', content: call.spokenText, words: [] }],
  }
}

/** Nothing is analysed here but whether a machine answered, where that was looked for. */
function analysisOf({ outcome, answeredBy }: CallFacts): Pick<ListedCall, 'call_analysis'> {
  if (outcome === 'voicemail' || answeredBy === 'machine') return { call_analysis: { in_voicemail: true } }
  return answeredBy === 'human' ? { call_analysis: { in_voicemail: false } } : {}
}

/** The agent that was named for the call, as it was named. */
function sentAgentOf(fields: JsonObject | null): string | null {
  const sent = fields?.override_agent_id
  return typeof sent === 'string' ? sent : null
}

/** In this wire format they are texts; those of a list that was made in another format may be more. */
function textsOf(variables: JsonObject): Record<string, string> {
  const written = (value: JsonValue) => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, written(value)]))
}

export function encodeListedAgent(view: AgentView): ListedAgent {
  return {
    agent_id: ownAgentId(view),
    agent_name: view.name,
    channel: 'voice',
    tags: {},
    user_modified_timestamp: view.createdAt.getTime(),
  }
}

/** @param agent whose default number it is. */
export function encodeNumber(view: NumberView, agent: AgentView | undefined): PhoneNumber {
  return {
    phone_number: view.number,
    phone_number_pretty: view.number,
    phone_number_type: 'custom',
    nickname: null,
    inbound_agents: null,
    outbound_agents: agent === undefined ? null : [{ agent_id: ownAgentId(agent), agent_version: 0, weight: 1 }],
    last_modification_timestamp: view.createdAt.getTime(),
  }
}
