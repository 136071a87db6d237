import type { AttemptView, BatchView, CallView, RecipientView } from '../../commands/views.ts'
import { agentIdOf, endReasonOf, metadataOf, statusOf } from './encode.ts'
import { encodeId } from './ids.ts'
import type { Call, CartesiaCallStatus, CartesiaRecipientStatus } from './wire.ts'

/** A call has no word for one that waits, nor for one that was cancelled. */
const CALL_STATUS = {
  queued: 'created',
  dispatched: 'created',
  started: 'started',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
} as const satisfies Record<CartesiaRecipientStatus, CartesiaCallStatus>

export function callStatusOf({ state, outcome }: Pick<CallView, 'state' | 'outcome'>): CartesiaCallStatus {
  return CALL_STATUS[statusOf(state, outcome)]
}

/** What is told of a call. */
export type CallFacts = Pick<
  CallView,
  | 'id'
  | 'agent'
  | 'batchFields'
  | 'from'
  | 'to'
  | 'state'
  | 'outcome'
  | 'cause'
  | 'causeText'
  | 'carrierCallId'
  | 'dialedAt'
  | 'answeredAt'
  | 'endedAt'
  | 'erasedAt'
  | 'spokenText'
  | 'variables'
  | 'metadata'
>

/** The facts of a dial that was read with its batch and its recipient. */
export function callOf(read: { batch: BatchView; recipient: RecipientView; attempt: AttemptView }): CallFacts {
  const { batch, recipient, attempt } = read
  return {
    ...attempt,
    agent: batch.agent,
    batchFields: batch.dialectFields,
    from: batch.callerNumber,
    to: recipient.number,
    outcome: attempt.disposition,
    erasedAt: null,
    variables: recipient.variables,
    metadata: recipient.metadata,
  }
}

/** @param hasTranscript whether what was said is shown. */
export function encodeCall(call: CallFacts, { hasTranscript }: { hasTranscript: boolean }): Call {
  const { outcome, cause, causeText } = call
  const status = callStatusOf(call)
  return {
    id: encodeId('call', call.id),
    agent_id: agentIdOf(call.agent, call.batchFields),
    agent_name: call.agent.name,
    status,
    start_time: call.dialedAt?.toISOString() ?? null,
    end_time: call.endedAt?.toISOString() ?? null,
    redacted_at: call.erasedAt?.toISOString() ?? null,
    ...(hasTranscript ? { transcript: transcriptOf(call) } : {}),
    telephony_params: {
      to: call.to,
      from: call.from,
      ...(call.carrierCallId === null ? {} : { call_sid: call.carrierCallId }),
      direction: 'outbound',
      connection_type: 'phone',
    },
    summary: null,
    error_message: status === 'failed' ? causeText : null,
    end_reason: outcome === null ? null : endReasonOf(outcome, cause),
    metadata: metadataOf(call),
  }
}

/** Null: nothing was said, or it was erased. Times are seconds from the answer. */
function transcriptOf({ spokenText, answeredAt, endedAt }: CallFacts): Call['transcript'] {
  if (spokenText === null || answeredAt === null || endedAt === null) return null
  const seconds = (endedAt.getTime() - answeredAt.getTime()) / 1_000
  return [{ role: 'assistant', text: spokenText, start_timestamp: 0, end_timestamp: seconds }]
}
