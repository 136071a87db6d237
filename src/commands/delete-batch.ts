import { AppError } from '../errors.ts'
import { BATCH_STATUSES, type BatchStatus } from '../model/batch.ts'
import { markBatchDeleted, touchBatch } from '../store/batches.ts'
import { cancelWaiting } from '../store/close-batches.ts'
import { audit } from './audit.ts'
import { waitForUnsentIntents } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { requireBatch } from './get-batch.ts'
import { asQueryable, nextVersion, underGate } from './under-gate.ts'

/** Statuses in which nobody waits any more. */
const OVER = new Set(['completed', 'cancelled'])

/**
 * Drops whoever waits, as `cancelBatch` does, and hides the batch: no command finds it any more. Calls that are under
 * way go on and end as they end. After the answer no call of it starts.
 *
 * @throws AppError `batch-not-found`, also when it was deleted before; `batch-status-conflict` when its status is none of
 * `onlyWhen`.
 */
export async function deleteBatch(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  { onlyWhen }: { onlyWhen?: readonly BatchStatus[] } = {},
): Promise<void> {
  const { organizationId } = actor
  const deleted = await underGate(context, actor, async (client, gate) => {
    const row = await requireBatch(client, organizationId, batchId)
    const status = BATCH_STATUSES[row.status]!
    if (onlyWhen !== undefined && !onlyWhen.includes(status)) {
      throw new AppError('batch-status-conflict', { args: [status, 'be deleted'] })
    }
    if (!OVER.has(status)) await cancelWaiting(asQueryable(client), gate, row.batch_id)
    await audit(client, actor, 'batch.deleted', { objectId: row.batch_uuid })
    await markBatchDeleted(client, gate, row.batch_id)
    await touchBatch(client, gate, { batchId: row.batch_id, version: await nextVersion(client, gate) })
    return row.batch_id
  })
  await waitForUnsentIntents(context, actor, { batchId: deleted })
}
