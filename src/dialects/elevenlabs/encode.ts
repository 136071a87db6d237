import type { JsonObject, JsonValue } from '../../commands/context.ts'
import type { BatchView, RecipientState, RecipientView } from '../../commands/views.ts'
import type { BatchStatus } from '../../model/batch.ts'
import type { Outcome } from '../../model/disposition.ts'
import { encodeId, ownId } from './ids.ts'
import { type Batch, type ElevenLabsBatchStatus, type ElevenLabsRecipientStatus, RECIPIENTS_MAX } from './wire.ts'

const STATUS_OF_BATCH = {
  draft: 'pending',
  scheduled: 'pending',
  running: 'in_progress',
  paused: 'in_progress',
  completed: 'completed',
  cancelled: 'cancelled',
} as const satisfies Record<BatchStatus, ElevenLabsBatchStatus>

const STATUS_OF_OUTCOME = {
  answered: 'completed',
  voicemail: 'voicemail',
  busy: 'failed',
  'no-answer': 'failed',
  rejected: 'failed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'failed',
  unknown: 'failed',
  // Nobody ends so: whose call was not sent waits again.
  'not-sent': 'failed',
  suppressed: 'failed',
  duplicate: 'failed',
  'invalid-number': 'failed',
  'not-allowed': 'failed',
} as const satisfies Record<Outcome, ElevenLabsRecipientStatus>

const STATUS_OF_STATE = {
  waiting: 'pending',
  due: 'pending',
  dialing: 'dispatched',
  accepted: 'initiated',
  ringing: 'initiated',
  answered: 'in_progress',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, ElevenLabsRecipientStatus>

/** The one table of statuses of recipients. */
export function statusOf(state: RecipientState, outcome: Outcome | null): ElevenLabsRecipientStatus {
  if (outcome !== null) return STATUS_OF_OUTCOME[outcome]
  return state === 'ended' ? 'failed' : STATUS_OF_STATE[state]
}

/** A batch that is over and of which nobody was ever dialled has failed. */
export function batchStatusOf({ status, figures }: Pick<BatchView, 'status' | 'figures'>): ElevenLabsBatchStatus {
  if (status === 'completed' && figures.attempts === 0) return 'failed'
  return STATUS_OF_BATCH[status]
}

/** Whether this wire format can say it: a list of so many people that one answer may hold them all. */
export function isExpressible(batch: BatchView): boolean {
  return !batch.isSingle && batch.figures.total <= RECIPIENTS_MAX
}

/**
 * Counts are of recipients. Whoever failed before a call could be placed was dispatched and has finished; whoever was
 * cancelled is neither; whoever is asked again is neither until the next dial.
 */
export function encodeBatch(batch: BatchView): Batch {
  const { total, waiting, due, settled, outcomes } = batch.figures
  const fields = batch.dialectFields
  const createdAt = unixOf(batch.createdAt)
  return {
    id: encodeId('batch', batch.id),
    phone_number_id: numberIdOf(batch),
    phone_provider: batch.callerNumberId === null ? null : providerOf(batch.trunk.carrier),
    whatsapp_params: null,
    name: batch.name,
    agent_id: agentIdOf(batch.agent, fields),
    branch_id: textOf(fields?.branchId),
    environment: textOf(fields?.environment),
    created_at_unix: createdAt,
    scheduled_time_unix: batch.startAt === null ? createdAt : unixOf(batch.startAt),
    timezone: textOf(fields?.timezone),
    total_calls_dispatched: total - waiting - due - outcomes.cancelled,
    total_calls_scheduled: total,
    total_calls_finished: settled - outcomes.cancelled,
    last_updated_at_unix: unixOf(latestOf(batch.updatedAt, batch.lastDialedAt, batch.completedAt)),
    status: batchStatusOf(batch),
    retry_count: batch.retryCount,
    telephony_call_config: telephonyOf(batch),
    target_concurrency_limit: fields?.concurrency === null ? null : batch.concurrency,
    agent_name: batch.agent.name,
    branch_name: null,
  }
}

/** The kind of provider behind a trunk; one that is neither carries calls as a SIP trunk of one's own does. */
export function providerOf(carrier: string): 'twilio' | 'sip_trunk' {
  return carrier === 'twilio' ? 'twilio' : 'sip_trunk'
}

/** The id that was sent, else one that its owner brought along, else ours. */
export function agentIdOf(agent: BatchView['agent'], fields: JsonObject | null): string {
  return textOf(fields?.agentId) ?? ownId('agent', agent.id, agent.aliases)
}

/** The id that was sent, else ours; null for a batch that calls from several numbers, or from none. */
export function numberIdOf({ dialectFields, callerNumberId }: Pick<BatchView, 'dialectFields' | 'callerNumberId'>) {
  const sent = textOf(dialectFields?.numberId)
  return sent ?? (callerNumberId === null ? null : encodeId('number', callerNumberId))
}

function telephonyOf({ dialectFields, ringTimeoutSeconds }: BatchView): Batch['telephony_call_config'] {
  const sent = objectOf(dialectFields?.telephony)
  return {
    ringing_timeout_secs: ringTimeoutSeconds,
    twilio_call_recording_enabled: sent.twilio_call_recording_enabled === true,
    twilio_machine_detection: sent.twilio_machine_detection ? objectOf(sent.twilio_machine_detection) : null,
  }
}

export function encodeRecipient(recipient: RecipientView, batch: Pick<BatchView, 'createdAt'>) {
  const { state, outcome, latestAttemptId, dialectFields } = recipient
  const status = statusOf(state, outcome)
  const { lastDialedAt, answeredAt, lastEndedAt, finishedAt } = recipient
  return {
    id: textOf(dialectFields?.id) ?? encodeId('recipient', recipient.id),
    phone_number: recipient.number === '' ? null : recipient.number,
    whatsapp_user_id: null,
    status,
    created_at_unix: unixOf(batch.createdAt),
    updated_at_unix: unixOf(latestOf(batch.createdAt, lastDialedAt, answeredAt, lastEndedAt, finishedAt)),
    conversation_id:
      latestAttemptId === null || status === 'pending' ? null : encodeId('conversation', latestAttemptId),
    conversation_initiation_client_data: clientDataOf(recipient),
  }
}

/** What a conversation begins with, as it was sent; clients look into these three without asking whether they are there. */
export function clientDataOf({ variables, dialectFields }: Pick<RecipientView, 'variables' | 'dialectFields'>) {
  const {
    conversation_config_override: override,
    custom_llm_extra_body: extra,
    ...rest
  } = objectOf(dialectFields?.data)
  return {
    ...rest,
    conversation_config_override: objectOf(override),
    custom_llm_extra_body: objectOf(extra),
    dynamic_variables: { ...variables },
  }
}

export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Whole seconds since 1970. */
export function unixOf(at: Date): number {
  return Math.floor(at.getTime() / 1_000)
}

function latestOf(...instants: (Date | null)[]): Date {
  return new Date(Math.max(...instants.map((at) => at?.getTime() ?? 0)))
}
