import { touchBatch } from '../store/batches.ts'
import { cancelWaiting } from '../store/close-batches.ts'
import { afterUnsentIntents, askOfBatch } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { asQueryable, nextVersion } from './under-gate.ts'
import type { BatchView } from './views.ts'

/**
 * Ends the waiting of everyone: whoever was never dialled ends `cancelled`, whoever waited for another dial keeps the
 * outcome of the last. After the answer no call of the batch starts; calls that are under way go on and end as they
 * end. Repeating it is harmless.
 *
 * @throws AppError `batch-not-found`, `batch-status-conflict` for a completed batch.
 */
export async function cancelBatch(context: CommandContext, actor: Actor, batchId: string): Promise<BatchView> {
  await askOfBatch(context, actor, { batchId, verb: 'cancel' }, async ({ client, gate, row }) => {
    await cancelWaiting(asQueryable(client), gate, row.batch_id)
    await touchBatch(client, gate, { batchId: row.batch_id, version: await nextVersion(client, gate) })
  })
  return afterUnsentIntents(context, actor, batchId)
}
