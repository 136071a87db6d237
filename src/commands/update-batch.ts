import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE, BATCH_STATUSES } from '../model/batch.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import { type BatchEdit, type BatchRow, touchBatch, writeBatchEdit, writeBatchStatus } from '../store/batches.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import type { Gate } from '../store/gate.ts'
import type { Client } from '../store/owner-transaction.ts'
import { audit, changedFields } from './audit.ts'
import { checkedConcurrency, checkedExpiry, jsonOrNull, speakingAgent, throttleIdOf } from './batch-terms.ts'
import { checkedDate, checkedRetryPolicy, checkedText, checkedWindow, NAME_CHARS_MAX } from './checked-input.ts'
import type { Actor, CommandContext, JsonObject } from './context.ts'
import { type DialectSecrets, withDialectSecrets } from './dialect-secrets.ts'
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
  /** Only before the batch has started. Null: one that is scheduled, or no draft any more, starts now. */
  readonly startAt?: Date | null | undefined
  /** What a start in the past means: a refusal (the default) or now. */
  readonly pastStart?: 'refuse' | 'now' | undefined
  /** Only before the batch has started: true makes a draft of it, false ends that, and it starts at its start or now. */
  readonly draft?: boolean | undefined
  /** Id in any spelling, or alias: who speaks from the next call on. The caller stays. */
  readonly agent?: string | undefined
  /** Counts from the next call that ends on. */
  readonly retryPolicy?: RetryPolicy | undefined
  /** Name or id; null takes it away. Holds from the next claim on. */
  readonly throttle?: string | null | undefined
  readonly metadata?: JsonObject | null | undefined
  readonly dialectFields?: JsonObject | null | undefined
  /** Those that are named; the others stay. */
  readonly dialectSecrets?: DialectSecrets | undefined
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
    const edit = await editOf({ context, client }, row, gate, changes)
    await audit(client, actor, 'batch.changed', { objectId: row.batch_uuid, ...changedFields(changes) })
    await writeBatchEdit(client, { organizationId, batchId: row.batch_id }, edit)
    if (changes.refuseShortWindow === true) await checkMinimumWindow(client, gate, row.batch_id)
    const key = { batchId: row.batch_id, version: await nextVersion(client, gate) }
    const statusCode = statusAfter(row, gate, { changes, edit })
    const started = statusCode === BATCH_STATUS_CODE.running && row.started_at === null
    if (statusCode !== row.status) await writeBatchStatus(client, gate, key, { statusCode, started })
    else await touchBatch(client, gate, key)
    if (started) await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-started'])
    return readBatchView(client, organizationId, row.batch_id)
  })
}

async function editOf(
  { context, client }: { context: CommandContext; client: Client },
  row: BatchRow,
  gate: Gate,
  changes: BatchChanges,
): Promise<BatchEdit> {
  refuseWhatIsOver(row, changes)
  const { name, concurrency, callingWindow, expiresAt, metadata, agent, retryPolicy, throttle } = changes
  const startAt = changes.startAt === undefined ? row.start_at : newStart(row, gate, changes)
  return {
    name: name === undefined ? row.name : checkedText(name, 'name', { max: NAME_CHARS_MAX }),
    callingWindow: callingWindow === undefined ? row.calling_window : checkedWindow(callingWindow),
    metadata: metadata === undefined ? storedText(row.metadata) : jsonOrNull(metadata, 'metadata'),
    dialectFields: fieldsAfter(context, row, gate, changes),
    agentId:
      agent === undefined
        ? row.agent_id
        : (await speakingAgent(client, gate.organizationId, { reference: agent, field: 'agent' })).agent_id,
    throttleId: throttle === undefined ? row.throttle_id : await throttleIdOf(client, gate.organizationId, throttle),
    retryPolicy: retryPolicy === undefined ? row.retry_policy : checkedRetryPolicy(retryPolicy),
    liveMax: concurrency === undefined ? row.live_max : checkedConcurrency(concurrency, gate.liveMax),
    startAt,
    expiresAt: expiresAt === undefined ? row.expires_at : checkedExpiry(expiresAt, startAt, gate.nowEpochMs),
  }
}

function fieldsAfter(context: CommandContext, row: BatchRow, gate: Gate, changes: BatchChanges): string | null {
  const { dialectFields = row.dialect_fields as JsonObject | null, dialectSecrets: secrets } = changes
  const place = { organizationId: gate.organizationId, batchUuid: row.batch_uuid }
  return jsonOrNull(withDialectSecrets(context.secrets.box, dialectFields, { ...place, secrets }), 'dialectFields')
}

function refuseWhatIsOver(row: BatchRow, changes: BatchChanges): void {
  const status = BATCH_STATUSES[row.status]!
  const touched = (['concurrency', 'callingWindow', 'startAt', 'agent', 'retryPolicy'] as const).find(
    (field) => changes[field] !== undefined,
  )
  if (OVER.has(status) && touched !== undefined) {
    throw new AppError('batch-status-conflict', { args: [status, 'change how it is dialled'], field: touched })
  }
}

/** What has not started waits as a draft, waits for its start, or starts when that was taken away or has passed. */
function statusAfter(row: BatchRow, gate: Gate, to: { changes: BatchChanges; edit: BatchEdit }): number {
  const { draft } = to.changes
  const { startAt } = to.edit
  const { status } = row
  const waits = status === BATCH_STATUS_CODE.draft || status === BATCH_STATUS_CODE.scheduled
  if (!waits && draft !== undefined) {
    throw new AppError('batch-status-conflict', { args: [BATCH_STATUSES[status]!, 'change its start'], field: 'draft' })
  }
  if (!waits) return status
  if (draft ?? status === BATCH_STATUS_CODE.draft) return BATCH_STATUS_CODE.draft
  const starts = startAt === null || startAt.getTime() <= gate.nowEpochMs
  return starts ? BATCH_STATUS_CODE.running : BATCH_STATUS_CODE.scheduled
}

function newStart(row: BatchRow, gate: Gate, { startAt = null, pastStart, draft }: BatchChanges): Date | null {
  const status = BATCH_STATUSES[row.status]!
  if (row.started_at !== null || OVER.has(status)) {
    throw new AppError('batch-status-conflict', { args: [status, 'start at another time'], field: 'startAt' })
  }
  if (startAt === null) return null
  checkedDate(startAt, 'startAt')
  if (startAt.getTime() <= gate.nowEpochMs && !staysDraft(status, draft) && pastStart !== 'now') {
    throw new AppError('start-in-past', { field: 'startAt' })
  }
  return startAt
}

function staysDraft(status: string, draft: boolean | undefined): boolean {
  return draft ?? status === 'draft'
}

function storedText(value: Record<string, unknown> | null): string | null {
  return value === null ? null : JSON.stringify(value)
}
