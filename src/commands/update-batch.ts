import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE, BATCH_STATUSES } from '../model/batch.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { type BatchEdit, type BatchRow, touchBatch, writeBatchEdit, writeBatchStatus } from '../store/batches.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import type { Gate } from '../store/gate.ts'
import { checkedConcurrency, checkedExpiry, jsonOrNull, throttleIdOf } from './batch-terms.ts'
import { checkedDate, checkedText, checkedWindow, NAME_CHARS_MAX } from './checked-input.ts'
import type { Actor, CommandContext, JsonObject } from './context.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { checkMinimumWindow } from './minimum-window.ts'
import { asQueryable, nextVersion, underGate } from './under-gate.ts'
import type { BatchView } from './views.ts'

/** What may be changed while a batch lives; what is left out stays. */
export interface BatchChanges {
  readonly name?: string | undefined
  /** Counts from the next claim on; calls that live beyond it go on. */
  readonly concurrency?: number | undefined
  readonly callingWindow?: CallingWindow | null | undefined
  readonly expiresAt?: Date | null | undefined
  /** Refuses an expiry before which not everyone can be called. */
  readonly refuseShortWindow?: boolean | undefined
  /** Only before the batch has started. Null: one that is scheduled starts now. */
  readonly startAt?: Date | null | undefined
  /** What a start in the past means: a refusal (the default) or now. */
  readonly pastStart?: 'refuse' | 'now' | undefined
  /** Name or id; null takes it away. Holds from the next claim on. */
  readonly throttle?: string | null | undefined
  readonly metadata?: JsonObject | null | undefined
  readonly dialectFields?: JsonObject | null | undefined
}

/** Statuses in which nothing can be changed but the name, the metadata and, for a retry, the expiry. */
const OVER = new Set(['completed', 'cancelled'])

/** @throws AppError `batch-not-found`, `batch-status-conflict`, or what does not fit. */
export function updateBatch(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  changes: BatchChanges,
): Promise<BatchView> {
  const { organizationId } = actor
  return underGate(context, actor, async (client, gate) => {
    const row = await requireBatch(client, organizationId, batchId)
    const { throttle } = changes
    const throttleId = throttle === undefined ? row.throttle_id : await throttleIdOf(client, organizationId, throttle)
    const edit = { ...editOf(row, gate, changes), throttleId }
    await writeBatchEdit(client, { organizationId, batchId: row.batch_id }, edit)
    if (changes.refuseShortWindow === true) await checkMinimumWindow(client, gate, row.batch_id)
    const key = { batchId: row.batch_id, version: await nextVersion(client, gate) }
    if (startsNow(row, gate, edit)) {
      await writeBatchStatus(client, gate, key, { statusCode: BATCH_STATUS_CODE.running, started: true })
      await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-started'])
    } else await touchBatch(client, gate, key)
    return readBatchView(client, organizationId, row.batch_id)
  })
}

function editOf(row: BatchRow, gate: Gate, changes: BatchChanges): Omit<BatchEdit, 'throttleId'> {
  refuseWhatIsOver(row, changes)
  const { name, concurrency, callingWindow, expiresAt, metadata, dialectFields } = changes
  const startAt = changes.startAt === undefined ? row.start_at : newStart(row, gate, changes)
  return {
    name: name === undefined ? row.name : checkedText(name, 'name', { max: NAME_CHARS_MAX }),
    callingWindow: callingWindow === undefined ? row.calling_window : checkedWindow(callingWindow),
    metadata: metadata === undefined ? storedText(row.metadata) : jsonOrNull(metadata, 'metadata'),
    dialectFields:
      dialectFields === undefined ? storedText(row.dialect_fields) : jsonOrNull(dialectFields, 'dialectFields'),
    liveMax: concurrency === undefined ? row.live_max : checkedConcurrency(concurrency, gate.liveMax),
    startAt,
    expiresAt: expiresAt === undefined ? row.expires_at : checkedExpiry(expiresAt, startAt, gate.nowEpochMs),
  }
}

function refuseWhatIsOver(row: BatchRow, changes: BatchChanges): void {
  const status = BATCH_STATUSES[row.status]!
  const touched = (['concurrency', 'callingWindow', 'startAt'] as const).find((field) => changes[field] !== undefined)
  if (OVER.has(status) && touched !== undefined) {
    throw new AppError('batch-status-conflict', { args: [status, 'change how it is dialled'], field: touched })
  }
}

/** A scheduled batch whose start was taken away, or moved into the past. */
function startsNow(row: BatchRow, gate: Gate, { startAt }: BatchEdit): boolean {
  if (row.status !== BATCH_STATUS_CODE.scheduled) return false
  return startAt === null || startAt.getTime() <= gate.nowEpochMs
}

function newStart(row: BatchRow, gate: Gate, { startAt = null, pastStart }: BatchChanges): Date | null {
  const status = BATCH_STATUSES[row.status]!
  if (row.started_at !== null || OVER.has(status)) {
    throw new AppError('batch-status-conflict', { args: [status, 'start at another time'], field: 'startAt' })
  }
  if (startAt === null) return null
  checkedDate(startAt, 'startAt')
  if (startAt.getTime() <= gate.nowEpochMs && status !== 'draft' && pastStart !== 'now') {
    throw new AppError('start-in-past', { field: 'startAt' })
  }
  return startAt
}

function storedText(value: Record<string, unknown> | null): string | null {
  return value === null ? null : JSON.stringify(value)
}
