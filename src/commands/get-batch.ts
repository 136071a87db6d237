import { AppError } from '../errors.ts'
import { BATCH_STATUSES } from '../model/batch.ts'
import { OUTCOMES, type Outcome } from '../model/disposition.ts'
import { type BatchCounts, type BatchRow, countsOf, findBatch, type ListedBatchRow } from '../store/batches.ts'
import { FINAL_OUTCOMES } from '../store/outcome-columns.ts'
import type { Client } from '../store/owner-transaction.ts'
import { shownConcurrency } from './batch-terms.ts'
import { type Actor, type CommandContext, inOrganization, type JsonObject } from './context.ts'
import { uuidOf } from './find-objects.ts'
import type { BatchFigures, BatchView } from './views.ts'

/** `batchId` in any spelling. @throws AppError `batch-not-found`. */
export async function getBatch(context: CommandContext, actor: Actor, batchId: string): Promise<BatchView> {
  return batchView(
    await inOrganization(context, actor, (client) => requireBatch(client, actor.organizationId, batchId)),
  )
}

/** @throws AppError `batch-not-found`. */
export async function requireBatch(client: Client, organizationId: number, batchId: string): Promise<BatchRow> {
  const uuid = uuidOf(batchId)
  const row = uuid === null ? undefined : await findBatch(client, organizationId, { uuid })
  if (row === undefined) throw new AppError('batch-not-found')
  return row
}

/** What the batch looks like to this statement. @throws AppError `batch-not-found` when it was deleted meanwhile. */
export async function readBatchView(client: Client, organizationId: number, batchId: number): Promise<BatchView> {
  const row = await findBatch(client, organizationId, { batchId })
  if (row === undefined) throw new AppError('batch-not-found')
  return batchView(row)
}

/** The same of a row that a list has read. */
export function listedBatchView(row: ListedBatchRow): BatchView {
  return viewOf(row, countsOf(row))
}

export function batchView(row: BatchRow): BatchView {
  return viewOf(row, row)
}

function viewOf(row: Omit<BatchRow, keyof BatchCounts>, counts: BatchCounts): BatchView {
  return {
    id: row.batch_uuid,
    name: row.name,
    dialect: row.dialect,
    isSingle: row.single,
    status: BATCH_STATUSES[row.status]!,
    agent: { id: row.agent_uuid, name: row.agent_name, aliases: row.agent_aliases },
    callerNumber: row.caller_number === null ? '' : `+${row.caller_number}`,
    callerNumberId: row.caller_number_uuid,
    trunk: { id: row.trunk_uuid, name: row.trunk_name, carrier: row.carrier },
    concurrency: shownConcurrency(row),
    ringTimeoutSeconds: row.ring_timeout_seconds,
    maxCallSeconds: row.max_call_seconds,
    callingWindow: row.calling_window,
    retryPolicy: row.retry_policy,
    duplicateNumbers: row.duplicate_numbers,
    columns: row.columns,
    phoneColumn: row.phone_column,
    rejectedRows: row.rejected_rows,
    retryCount: row.retry_count,
    metadata: row.metadata as JsonObject | null,
    dialectFields: row.dialect_fields as JsonObject | null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startAt: row.start_at,
    expiresAt: row.expires_at,
    startedAt: row.started_at,
    lastDialedAt: row.last_dialed_at,
    completedAt: row.completed_at,
    figures: batchFigures(counts, row.talk_ms),
  }
}

const NO_OUTCOMES = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>

function batchFigures(counts: BatchCounts, talkMs: number): BatchFigures {
  const outcomes = { ...NO_OUTCOMES }
  // A loop, since a page of a list has hundreds of them.
  for (const { outcome, column } of FINAL_OUTCOMES) outcomes[outcome] = counts[column]
  const { total, due, live, settled, dialing, accepted, ringing, talking, attempts } = counts
  const stages = { due, live, settled, dialing, accepted, ringing, talking, attempts }
  return { total, waiting: total - due - live - settled, ...stages, talkSeconds: talkMs / 1_000, outcomes }
}
