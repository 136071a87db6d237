import type { AttemptView, BatchView, CallView, RecipientState, RecipientView } from '../../commands/views.ts'
import type { Outcome } from '../../model/disposition.ts'
import { agentIdOf, clientDataOf, numberIdOf, objectOf, providerOf, textOf, unixOf } from './encode.ts'
import { encodeId } from './ids.ts'
import {
  type CallResult,
  type CallSuccess,
  CONVERSATION_STATUSES,
  type Conversation,
  type ConversationStatus,
  type ConversationSummary,
  type PhoneCall,
} from './wire.ts'

const STATUS_OF_STATE = {
  waiting: 'initiated',
  due: 'initiated',
  dialing: 'initiated',
  accepted: 'initiated',
  ringing: 'initiated',
  answered: 'in-progress',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, ConversationStatus>

interface EndOfCall {
  readonly status: ConversationStatus
  readonly result: CallResult
  /** Nobody judges what was said, so a call that was answered is no success and no failure. */
  readonly success: CallSuccess
}

const UNREACHED = { status: 'failed', result: 'failed', success: 'failure' } as const

const END_OF_OUTCOME = {
  answered: { status: 'done', result: 'answered', success: 'unknown' },
  voicemail: { status: 'done', result: 'voicemail', success: 'unknown' },
  busy: { ...UNREACHED, result: 'busy' },
  'no-answer': { ...UNREACHED, result: 'no_answer' },
  rejected: UNREACHED,
  failed: UNREACHED,
  cancelled: UNREACHED,
  expired: UNREACHED,
  unknown: { ...UNREACHED, success: 'unknown' },
  'not-sent': UNREACHED,
  suppressed: UNREACHED,
  duplicate: UNREACHED,
  'invalid-number': UNREACHED,
  'not-allowed': UNREACHED,
} as const satisfies Record<Outcome, EndOfCall>

/** The tables the other way round: which of ours each status stands for. */
export const STATES_OF_STATUS = grouped(STATUS_OF_STATE, (status) => status)
export const OUTCOMES_OF_STATUS = grouped(END_OF_OUTCOME, ({ status }) => status)

function grouped<Key extends string, Value>(
  table: Readonly<Record<Key, Value>>,
  statusOf: (value: Value) => ConversationStatus,
): Readonly<Record<ConversationStatus, readonly Key[]>> {
  const keys = Object.keys(table) as Key[]
  const entries = CONVERSATION_STATUSES.map((status) => [status, keys.filter((key) => statusOf(table[key]) === status)])
  return Object.fromEntries(entries) as Record<ConversationStatus, Key[]>
}

/** What is told of a dial. */
export type ConversationFacts = Pick<
  CallView,
  | 'id'
  | 'recipientId'
  | 'batchId'
  | 'agent'
  | 'from'
  | 'to'
  | 'state'
  | 'outcome'
  | 'causeText'
  | 'carrierCallId'
  | 'startAt'
  | 'answeredAt'
  | 'endedAt'
  | 'erasedAt'
  | 'spokenText'
  | 'variables'
  | 'dialectFields'
  | 'batchFields'
>

/** What clients look for, and a server that bills nothing and judges nothing has none of. */
const NOTHING_TO_TELL = {
  cost: null,
  feedback: { overall_score: null, likes: 0, dislikes: 0 },
  authorization_method: 'authorization_header',
  charging: { dev_discount: false },
  error: null,
  main_language: null,
} as const

/** The number from which it is called, and what carries the call. */
export interface Line {
  readonly numberId: string | null
  readonly carrier: string
}

/** The facts of a dial that was read with its batch and its recipient, and its line. */
export function conversationOf(read: { batch: BatchView; recipient: RecipientView; attempt: AttemptView }): {
  readonly call: ConversationFacts
  readonly line: Line
} {
  const { batch, recipient, attempt } = read
  const call: ConversationFacts = {
    ...attempt,
    recipientId: recipient.id,
    batchId: batch.isSingle ? null : batch.id,
    agent: batch.agent,
    batchFields: batch.dialectFields,
    from: batch.callerNumber,
    to: recipient.number,
    outcome: attempt.disposition,
    startAt: attempt.dialedAt,
    erasedAt: null,
    variables: recipient.variables,
    dialectFields: recipient.dialectFields,
  }
  return { call, line: { numberId: numberIdOf(batch), carrier: batch.trunk.carrier } }
}

export function conversationStatusOf({ state, outcome }: Pick<CallView, 'state' | 'outcome'>): ConversationStatus {
  if (outcome !== null) return END_OF_OUTCOME[outcome].status
  return state === 'ended' ? 'failed' : STATUS_OF_STATE[state]
}

export function encodeSummary(call: ConversationFacts): ConversationSummary {
  return {
    ...sharedFields(call),
    start_time_unix_secs: unixOf(call.startAt),
    call_duration_secs: secondsOf(call),
    message_count: call.spokenText === null ? 0 : 1,
    termination_reason: call.outcome === null ? null : call.causeText,
    call_successful: successOf(call),
    transcript_summary: null,
    call_summary_title: null,
    direction: 'outbound',
    rating: null,
  }
}

export function encodeConversation(call: ConversationFacts, line: Line): Conversation {
  const { batchFields, batchId, outcome, answeredAt, causeText } = call
  return {
    ...sharedFields(call),
    user_id: userIdOf(call),
    environment: textOf(batchFields?.environment),
    transcript: transcriptOf(call),
    metadata: {
      ...NOTHING_TO_TELL,
      deletion_settings: deletionOf(call),
      start_time_unix_secs: unixOf(call.startAt),
      accepted_time_unix_secs: answeredAt === null ? null : unixOf(answeredAt),
      call_duration_secs: secondsOf(call),
      phone_call: phoneCallOf(call, line),
      batch_call:
        batchId === null
          ? null
          : { batch_call_id: encodeId('batch', batchId), batch_call_recipient_id: recipientIdOf(call) },
      termination_reason: outcome === null ? '' : causeText,
      conversation_initiation_source: providerOf(line.carrier),
      timezone: textOf(batchFields?.timezone),
    },
    analysis: outcome === null ? null : analysisOf(call),
    conversation_initiation_client_data: clientDataOf(call),
    has_audio: false,
    has_user_audio: false,
    has_response_audio: false,
    has_auxiliary_audio: false,
  }
}

function sharedFields(call: ConversationFacts) {
  return {
    agent_id: agentIdOf(call.agent, call.batchFields),
    agent_name: call.agent.name,
    branch_id: null,
    version_id: null,
    conversation_id: encodeId('conversation', call.id),
    status: conversationStatusOf(call),
  }
}

function deletionOf({ erasedAt }: ConversationFacts): Conversation['metadata']['deletion_settings'] {
  return {
    deletion_time_unix_secs: null,
    deleted_logs_at_time_unix_secs: null,
    deleted_audio_at_time_unix_secs: null,
    deleted_transcript_at_time_unix_secs: erasedAt === null ? null : unixOf(erasedAt),
    delete_transcript_and_pii: false,
    delete_audio: false,
  }
}

function recipientIdOf({ dialectFields, recipientId }: ConversationFacts): string {
  return textOf(dialectFields?.id) ?? encodeId('recipient', recipientId)
}

function userIdOf({ dialectFields }: ConversationFacts): string | null {
  return textOf(objectOf(dialectFields?.data).user_id)
}

function successOf({ outcome }: Pick<CallView, 'outcome'>): CallSuccess {
  return outcome === null ? 'unknown' : END_OF_OUTCOME[outcome].success
}

function analysisOf(call: ConversationFacts): Conversation['analysis'] {
  return {
    evaluation_criteria_results: {},
    data_collection_results: {},
    call_successful: successOf(call),
    transcript_summary: '',
  }
}

/** From the answer to the end; 0 while it lasts. */
function secondsOf({ answeredAt, endedAt }: ConversationFacts): number {
  if (answeredAt === null || endedAt === null) return 0
  return Math.max(0, Math.round((endedAt.getTime() - answeredAt.getTime()) / 1_000))
}

/** What was said by the agent; nothing that the person said is known. */
function transcriptOf({ spokenText }: ConversationFacts): Conversation['transcript'] {
  if (spokenText === null) return []
  const said = { role: 'agent', message: spokenText, time_in_call_secs: 0 } as const
  return [
    { ...said, tool_calls: [], tool_results: [], feedback: null, conversation_turn_metrics: null, interrupted: false },
  ]
}

/** Null: nobody was called by telephone. */
function phoneCallOf(call: ConversationFacts, { numberId, carrier }: Line): PhoneCall | null {
  const { from, to, outcome, carrierCallId } = call
  if (to === '') return null
  const fields = {
    direction: 'outbound',
    phone_number_id: numberId ?? '',
    agent_number: from,
    external_number: to,
    call_result: outcome === null ? null : END_OF_OUTCOME[outcome].result,
    call_sid: carrierCallId ?? '',
  } as const
  if (providerOf(carrier) === 'twilio') return { type: 'twilio', ...fields, stream_sid: '' }
  return { type: 'sip_trunking', ...fields, call_id: carrierCallId }
}
