import type { JsonObject, JsonValue } from '../../commands/context.ts'
import type { BatchView, RecipientState, RecipientView } from '../../commands/views.ts'
import type { Cause } from '../../model/cause.ts'
import type { Outcome } from '../../model/disposition.ts'
import { encodeId, ownId } from './ids.ts'
import type { WireVersion } from './version.ts'
import { RECIPIENTS_MAX } from './version.ts'
import type { Batch, CartesiaBatchStatus, CartesiaRecipientStatus, EndReason, Recipient } from './wire.ts'

const STATUS_OF_OUTCOME = {
  answered: 'completed',
  voicemail: 'completed',
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
} as const satisfies Record<Outcome, CartesiaRecipientStatus>

const STATUS_OF_STATE = {
  waiting: 'queued',
  due: 'queued',
  dialing: 'dispatched',
  accepted: 'dispatched',
  ringing: 'dispatched',
  answered: 'started',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, CartesiaRecipientStatus>

/** Null: an answered call, whose cause says more. */
const END_OF_OUTCOME = {
  answered: null,
  voicemail: 'agent_hangup',
  busy: 'dial_busy',
  'no-answer': 'dial_no_answer',
  rejected: 'dial_failed',
  failed: 'dial_failed',
  cancelled: 'api_cancelled',
  expired: 'dial_failed',
  unknown: 'error',
  'not-sent': 'error',
  suppressed: 'dial_failed',
  duplicate: 'dial_failed',
  'invalid-number': 'dial_failed',
  'not-allowed': 'dial_failed',
} as const satisfies Record<Outcome, EndReason | null>

/** How an answered call ended, by its cause; whatever is not here was ended by the agent. */
const END_OF_CAUSE: Partial<Record<Cause, EndReason>> = {
  'callee-hung-up': 'client_hangup',
  'suppressed-by-callee': 'client_hangup',
  'hung-up-by-user': 'api_cancelled',
  'max-duration': 'max_duration',
  inactivity: 'inactivity',
  'media-lost': 'client_disconnected',
  'agent-unreachable': 'error',
  'agent-error': 'error',
  'node-lost': 'error',
  'shut-down': 'error',
  'evidence-missing': 'error',
}

/** The one table of statuses of recipients. */
export function statusOf(state: RecipientState, outcome: Outcome | null): CartesiaRecipientStatus {
  if (outcome !== null) return STATUS_OF_OUTCOME[outcome]
  return state === 'ended' ? 'failed' : STATUS_OF_STATE[state]
}

/** Why a call that was dialled is over. */
export function endReasonOf(outcome: Outcome, cause: Cause): EndReason {
  return END_OF_OUTCOME[outcome] ?? END_OF_CAUSE[cause] ?? 'agent_hangup'
}

export interface BatchCounts {
  readonly scheduled: number
  readonly dispatched: number
  readonly finished: number
}

/**
 * Counts are of recipients. Whoever failed before a call could be placed was dispatched and has finished; whoever was
 * cancelled is neither; whoever is asked again is neither until the next dial.
 */
export function countCalls({ figures }: BatchView): BatchCounts {
  const { total, waiting, due, settled, outcomes } = figures
  return {
    scheduled: total,
    dispatched: total - waiting - due - outcomes.cancelled,
    finished: settled - outcomes.cancelled,
  }
}

/** Derived from how far the dialling is, not from how the calls went. */
export function batchStatusOf(batch: BatchView, version: Pick<WireVersion, 'hasFailed'>): CartesiaBatchStatus {
  const { scheduled, dispatched } = countCalls(batch)
  if (batch.status === 'cancelled' && dispatched < scheduled) return 'cancelled'
  if (batch.status === 'draft' || batch.status === 'scheduled') return 'pending'
  if (dispatched === scheduled) return version.hasFailed && batch.figures.attempts === 0 ? 'failed' : 'completed'
  return dispatched === 0 ? 'pending' : 'in_progress'
}

/** Whether this wire format can say it: a list of at most 5000 people who are called from one number. */
export function isExpressible(batch: BatchView): boolean {
  return !batch.isSingle && batch.callerNumberId !== null && batch.figures.total <= RECIPIENTS_MAX
}

export function encodeBatch(batch: BatchView, version: WireVersion, region: string): Batch {
  const counts = countCalls(batch)
  const fields = batch.dialectFields
  return {
    id: encodeId('batch', batch.id),
    name: batch.name,
    agent_id: agentIdOf(batch.agent, fields),
    from_number_id: textOf(fields?.fromNumberId) ?? encodeId('number', batch.callerNumberId!),
    region: textOf(fields?.region) ?? region,
    target_concurrency_limit: batch.concurrency,
    status: batchStatusOf(batch, version),
    total_calls_scheduled: counts.scheduled,
    total_calls_dispatched: counts.dispatched,
    total_calls_finished: counts.finished,
    retry_count: batch.retryCount,
    created_at: batch.createdAt.toISOString(),
    last_updated_at: latestOf(batch.updatedAt, batch.lastDialedAt, batch.completedAt).toISOString(),
    ...(batch.startAt === null ? {} : { scheduled_at: batch.startAt.toISOString() }),
    ...(batch.startedAt === null ? {} : { admitted_at: batch.startedAt.toISOString() }),
  }
}

/** The id that was sent, else one that its owner brought along, else ours. */
export function agentIdOf(agent: BatchView['agent'], fields: JsonObject | null): string {
  return textOf(fields?.agentId) ?? ownId('agent', agent.id, agent.aliases)
}

export function encodeRecipient(recipient: RecipientView, batch: Pick<BatchView, 'createdAt'>): Recipient {
  const { state, outcome, cause, causeText, latestAttemptId } = recipient
  const status = statusOf(state, outcome)
  const metadata = metadataOf(recipient)
  const shown: Recipient = {
    id: encodeId('recipient', recipient.id),
    to_number: recipient.number,
    status,
    created_at: batch.createdAt.toISOString(),
  }
  const isQueued = status === 'queued'
  if (latestAttemptId !== null && !isQueued) shown.agent_call_id = encodeId('call', latestAttemptId)
  if (latestAttemptId !== null && outcome !== null) shown.end_reason = endReasonOf(outcome, cause)
  if (latestAttemptId === null && status === 'failed')
    shown.error_message = outcome === 'expired' ? 'expired' : causeText
  if (metadata !== null) shown.metadata = metadata
  return shown
}

/** Of a list that was made in another format: what is given back, else what may be spoken. */
export function metadataOf(of: { metadata: JsonValue | null; variables: JsonObject }): Record<string, unknown> | null {
  const { metadata, variables } = of
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return { ...metadata }
  return Object.keys(variables).length === 0 ? null : { ...variables }
}

export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function latestOf(...instants: (Date | null)[]): Date {
  return new Date(Math.max(...instants.map((at) => at?.getTime() ?? 0)))
}
