import type { CreatedBatch } from '../../commands/create-batch.ts'
import type { BatchFigures, BatchView, CallView, RecipientState, RecipientView } from '../../commands/views.ts'
import type { BatchStatus } from '../../model/batch.ts'
import type { Outcome } from '../../model/disposition.ts'
import { decimalFromHex, parseId } from '../../model/id-cipher.ts'
import type {
  BatchProgressAnswer,
  BatchStatusAnswer,
  CallsAnswer,
  CallsQuery,
  CancelledBatch,
  Progress,
  RecentCall,
  StartedBatch,
  StartedCall,
  TrilletBatchStatus,
  TrilletCall,
  TrilletCallFilter,
  TrilletCallStatus,
} from './wire.ts'

const BATCH_STATUS = {
  draft: 'queued',
  scheduled: 'queued',
  running: 'processing',
  paused: 'processing',
  completed: 'completed',
  cancelled: 'cancelled',
} as const satisfies Record<BatchStatus, TrilletBatchStatus>

/** Null: the row is no call in this wire format, and is neither listed nor counted. Nobody ends as `not-sent`. */
const STATUS_OF_OUTCOME = {
  answered: 'completed',
  voicemail: 'completed',
  busy: 'failed',
  'no-answer': 'failed',
  rejected: 'failed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
  unknown: 'failed',
  'not-sent': null,
  suppressed: 'failed',
  duplicate: null,
  'invalid-number': 'failed',
  'not-allowed': 'failed',
} as const satisfies Record<Outcome, TrilletCallStatus | null>

const STATUS_OF_STATE = {
  waiting: 'waiting',
  due: 'waiting',
  dialing: 'active',
  accepted: 'active',
  ringing: 'active',
  answered: 'active',
} as const satisfies Record<Exclude<RecipientState, 'ended'>, TrilletCallStatus>

/** What a failed call says; `failed` says its cause instead, when there is one. */
const ERROR_OF_OUTCOME = {
  busy: 'Number busy',
  'no-answer': 'No answer',
  rejected: 'Call rejected',
  failed: 'Call failed',
  cancelled: 'Batch cancelled',
  expired: 'Batch expired before the call',
  unknown: 'Outcome unknown',
  suppressed: 'Number is on the do-not-call list',
  'invalid-number': 'Invalid phone number',
  'not-allowed': 'Calls to this number are not allowed',
} as const satisfies Partial<Record<Outcome, string>>

/** The one table of statuses. Null for what this wire format does not show. */
export function callStatusOf(state: RecipientState, outcome: Outcome | null): TrilletCallStatus | null {
  if (outcome !== null) return STATUS_OF_OUTCOME[outcome]
  return state === 'ended' ? 'failed' : STATUS_OF_STATE[state]
}

export function encodeBatchId(uuid: string): string {
  return `batch_${decimalOf(uuid)}`
}

/** A call has the id of its recipient, whichever dial it is at. */
export function encodeJobId(uuid: string): string {
  return `call_${decimalOf(uuid)}`
}

function decimalOf(uuid: string): string {
  const hex = parseId(uuid)
  if (hex === null) throw new TypeError('An id of ours is not a UUID')
  return decimalFromHex(hex)
}

/** The sums of a batch; repeated numbers are not in them. */
export type CallCounts = Readonly<Record<TrilletCallFilter, number>>

export function countCalls(figures: BatchFigures): CallCounts {
  const { duplicate, answered, voicemail } = figures.outcomes
  const all = figures.total - duplicate
  const waiting = figures.waiting + figures.due
  const completed = answered + voicemail
  return { all, waiting, active: figures.live, completed, failed: all - waiting - figures.live - completed }
}

/** `rejectedRowsUrl` is where all rejected rows can be read. */
export function encodeStarted(created: CreatedBatch, rejectedRowsUrl: string): StartedBatch {
  const { batch, rejectedRows } = created
  return {
    batchId: encodeBatchId(batch.id),
    totalCalls: countCalls(batch.figures).all,
    // Printed so by the product's page, also for a batch that starts at once: nobody has been called yet.
    status: 'queued',
    message: 'Batch calls initiated successfully',
    rejectedCount: batch.rejectedRows,
    rejectedRows: rejectedRows.slice(0, 100).map(({ line, column, value, reason, remedy }) => {
      return { line, column, value, reason, remedy }
    }),
    rejectedRowsUrl: batch.rejectedRows > 0 ? rejectedRowsUrl : null,
  }
}

/** A single call, before it is placed. */
export function encodeStartedCall(call: CallView): StartedCall {
  return { status: 'success', call_id: encodeJobId(call.recipientId), message: 'Call initiated successfully' }
}

/** `recent` are final recipients, the latest first. */
export function encodeStatus(
  batch: BatchView,
  recent: readonly RecipientView[],
  nowEpochMs: number,
): BatchStatusAnswer {
  return {
    id: encodeBatchId(batch.id),
    status: BATCH_STATUS[batch.status],
    isComplete: isComplete(batch),
    totalCalls: countCalls(batch.figures).all,
    progress: encodeProgress(batch, recent),
    timestamp: nowEpochMs,
  }
}

export function encodeProgressAnswer(batch: BatchView, recent: readonly RecipientView[]): BatchProgressAnswer {
  return { ...encodeProgress(batch, recent), status: BATCH_STATUS[batch.status], isComplete: isComplete(batch) }
}

function encodeProgress(batch: BatchView, recent: readonly RecipientView[]): Progress {
  const { waiting, active, completed, failed, all } = countCalls(batch.figures)
  return {
    waiting,
    active,
    completed,
    failed,
    total: all,
    startTime: epochMsOf(batch.startedAt),
    lastCompletedTime: epochMsOf(recent[0]?.finishedAt ?? null),
    completedTime: epochMsOf(batch.completedAt),
    averageCallDuration: completed === 0 ? 0 : tenths(batch.figures.talkSeconds / completed),
    recent_calls: recent.flatMap(encodeRecentCall),
  }
}

/** A cancelled batch is complete once the calls that were live have ended. */
function isComplete(batch: BatchView): boolean {
  const { waiting, active } = countCalls(batch.figures)
  return (batch.status === 'completed' || batch.status === 'cancelled') && waiting + active === 0
}

function encodeRecentCall(recipient: RecipientView): RecentCall[] {
  const status = callStatusOf(recipient.state, recipient.outcome)
  const finishedAt = recipient.finishedAt?.getTime()
  const call = { jobId: encodeJobId(recipient.id), status: status!, phone_number: recipient.number }
  if (status === 'completed') return [{ ...call, completedAt: finishedAt, duration: tenths(recipient.talkSeconds) }]
  if (status === 'failed') return [{ ...call, failedAt: finishedAt, error: errorOf(recipient) }]
  return []
}

/** `page` is the recipients of the page; what is counted comes from the batch. */
export function encodeCalls(batch: BatchView, page: readonly RecipientView[], query: CallsQuery): CallsAnswer {
  const { all, ...summary } = countCalls(batch.figures)
  const total = query.status === 'all' ? all : summary[query.status]
  const totalPages = Math.ceil(total / query.limit)
  return {
    calls: page.flatMap(encodeCall),
    pagination: {
      page: query.page,
      limit: query.limit,
      total,
      totalPages,
      hasNext: query.page < totalPages,
      hasPrev: query.page > 1 && totalPages > 0,
    },
    summary: { total: all, ...summary },
  }
}

function encodeCall(recipient: RecipientView): TrilletCall[] {
  const status = callStatusOf(recipient.state, recipient.outcome)
  if (status === null) return []
  const call = {
    jobId: encodeJobId(recipient.id),
    status,
    phone_number: recipient.number,
    // A person who is to be called again has no call that runs; the times are those of the latest dial.
    startTime: status === 'waiting' ? null : epochMsOf(recipient.lastDialedAt),
    endTime: epochMsOf(recipient.finishedAt),
    metadata: recipient.variables,
  }
  if (status === 'completed') return [{ ...call, duration: tenths(recipient.talkSeconds) }]
  return [status === 'failed' ? { ...call, error: errorOf(recipient) } : call]
}

function errorOf(recipient: RecipientView): string {
  const { outcome, causeText } = recipient
  if (outcome === 'failed' && causeText !== '') return causeText
  return (ERROR_OF_OUTCOME as Partial<Record<Outcome, string>>)[outcome ?? 'failed'] ?? 'Call failed'
}

/**
 * Calls that still live are counted among the cancelled ones, so that the parts make the total; they finish, and
 * later answers count them by how they ended.
 */
export function encodeCancelled(batch: BatchView): CancelledBatch {
  const { all, waiting, active, completed, failed } = countCalls(batch.figures)
  const { cancelled } = batch.figures.outcomes
  return {
    batchId: encodeBatchId(batch.id),
    status: 'cancelled',
    message: 'Batch cancelled successfully',
    details: {
      completedCalls: completed,
      failedCalls: failed - cancelled,
      cancelledCalls: cancelled + waiting + active,
      totalCalls: all,
    },
  }
}

function epochMsOf(at: Date | null): number | null {
  return at === null ? null : at.getTime()
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10
}
