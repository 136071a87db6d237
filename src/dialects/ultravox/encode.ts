import type { JsonObject } from '../../commands/context.ts'
import type { AgentView, BatchView, RecipientState, RecipientView, ThrottleView } from '../../commands/views.ts'
import type { Outcome } from '../../model/disposition.ts'
import type { Agent, ScheduledBatch, ScheduledCall, ScheduledCallStatus, Throttle } from './wire.ts'

const STATUS_OF_OUTCOME = {
  answered: 'SUCCESS',
  voicemail: 'SUCCESS',
  busy: 'SUCCESS',
  'no-answer': 'SUCCESS',
  rejected: 'SUCCESS',
  failed: 'ERROR',
  cancelled: 'EXPIRED',
  expired: 'EXPIRED',
  unknown: 'ERROR',
  // Nobody ends so: whose call was not sent waits again.
  'not-sent': 'ERROR',
  suppressed: 'ERROR',
  duplicate: 'ERROR',
  'invalid-number': 'ERROR',
  'not-allowed': 'ERROR',
} as const satisfies Record<Outcome, ScheduledCallStatus>

/** `PENDING` of those who wait is `FUTURE` before the window. A call is a success once it was made. */
const STATUS_OF_STATE = {
  waiting: 'PENDING',
  due: 'PENDING',
  dialing: 'PENDING',
  accepted: 'SUCCESS',
  ringing: 'SUCCESS',
  answered: 'SUCCESS',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, ScheduledCallStatus>

/** The one table of statuses. */
export function statusOf(state: RecipientState, outcome: Outcome | null, isFuture: boolean): ScheduledCallStatus {
  if (outcome !== null) return STATUS_OF_OUTCOME[outcome]
  if (state === 'ended') return 'ERROR'
  const waits = state === 'waiting' || state === 'due'
  return waits && isFuture ? 'FUTURE' : STATUS_OF_STATE[state]
}

/** Whether the window of a batch is not open yet. */
export function isBeforeWindow(batch: Pick<BatchView, 'startAt' | 'startedAt'>, nowEpochMs: number): boolean {
  return batch.startedAt === null && batch.startAt !== null && batch.startAt.getTime() > nowEpochMs
}

/** How many calls of the batch have each status; together all of them. */
export function countCalls(batch: BatchView, isFuture: boolean): Record<ScheduledCallStatus, number> {
  const counts = { FUTURE: 0, PENDING: 0, SUCCESS: 0, EXPIRED: 0, ERROR: 0 }
  const { figures } = batch
  const states = [
    ['waiting', figures.waiting],
    ['due', figures.due],
    ['dialing', figures.dialing],
    ['accepted', figures.accepted],
    ['ringing', figures.ringing],
    ['answered', figures.talking],
  ] as const
  for (const [state, count] of states) counts[statusOf(state, null, isFuture)] += count
  for (const [outcome, count] of Object.entries(figures.outcomes)) {
    counts[STATUS_OF_OUTCOME[outcome as Outcome]] += count
  }
  return counts
}

/** Whether this wire format can say what the batch is: it has no word for a second dial of somebody. */
export function isExpressible(batch: Pick<BatchView, 'retryPolicy'>): boolean {
  return batch.retryPolicy.maxAttempts === 1
}

export function encodeBatch(batch: BatchView, webhookSecret: string | null): ScheduledBatch {
  const { SUCCESS, ERROR } = countCalls(batch, false)
  const fields = batch.dialect === 'ultravox' ? batch.dialectFields : null
  return {
    batchId: batch.id,
    created: batch.createdAt.toISOString(),
    windowStart: time(batch.startAt),
    windowEnd: time(batch.expiresAt),
    throttle: textOf(fields?.throttle),
    webhookUrl: textOf(fields?.webhookUrl),
    webhookSecret,
    paused: batch.status === 'paused' || batch.status === 'draft',
    totalCount: batch.figures.total,
    completedCount: SUCCESS + ERROR,
    endedAt: time(batch.completedAt),
  }
}

export function encodeScheduledCall(recipient: RecipientView, batch: BatchView, isFuture: boolean): ScheduledCall {
  const status = statusOf(recipient.state, recipient.outcome, isFuture)
  const fields = recipient.dialectFields ?? {}
  return {
    status,
    batchId: batch.id,
    callId: status === 'PENDING' || status === 'FUTURE' ? null : recipient.latestAttemptId,
    error: errorOf(status, recipient),
    medium: mediumOf(recipient, batch),
    metadata: recipient.metadata,
    templateContext: Object.keys(recipient.variables).length === 0 ? null : recipient.variables,
    experimentalSettings: fields.experimentalSettings ?? null,
  }
}

/** As it was sent; of a batch that was made in another wire format, what its trunk says of it. */
export function mediumOf(recipient: RecipientView, batch: BatchView): JsonObject | null {
  const { dialectFields } = recipient
  if (batch.dialect === 'ultravox') return (dialectFields?.medium as JsonObject | undefined) ?? null
  const { carrier } = batch.trunk
  const [to, from] = [recipient.number, batch.callerNumber]
  if (carrier === 'twilio' || carrier === 'telnyx' || carrier === 'plivo')
    return { [carrier]: { outgoing: { to, from } } }
  return null
}

function errorOf(status: ScheduledCallStatus, { outcome, causeText }: RecipientView): string | null {
  if (outcome === 'cancelled') return 'cancelled'
  if (status !== 'ERROR') return null
  return causeText === '' ? `The call could not be made (${outcome})` : causeText
}

/** @param callTemplate with what was kept apart from the rest of it. */
export function encodeAgent(view: AgentView, callTemplate: Agent['callTemplate'], calls: number): Agent {
  return {
    agentId: view.id,
    publishedRevisionId: null,
    name: view.name,
    created: view.createdAt.toISOString(),
    callTemplate,
    statistics: { calls },
  }
}

/** As it was sent, but for what is secret in it. */
export function templateOf(view: Pick<AgentView, 'dialectFields'>): Record<string, unknown> | null {
  return (view.dialectFields?.callTemplate ?? null) as JsonObject | null
}

export function encodeThrottle(view: ThrottleView): Throttle {
  return {
    throttleId: view.id,
    name: view.name,
    created: view.createdAt.toISOString(),
    rules: view.rules.map(({ maxCalls, windowSeconds }) => ({ maxCalls, windowSeconds })),
  }
}

/** A stored text, or null for anything else. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function time(at: Date | null): string | null {
  return at === null ? null : at.toISOString()
}
