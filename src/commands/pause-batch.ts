import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { writeBatchStatus } from '../store/batches.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import { afterUnsentIntents, askOfBatch } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { asQueryable, nextVersion } from './under-gate.ts'
import type { BatchView } from './views.ts'

/**
 * After the answer no call of the batch starts; calls that are under way go on. Repeating it is harmless.
 * @throws AppError `batch-not-found`, `batch-status-conflict`.
 */
export async function pauseBatch(context: CommandContext, actor: Actor, batchId: string): Promise<BatchView> {
  await askOfBatch(context, actor, { batchId, verb: 'pause' }, async ({ client, gate, row }) => {
    const key = { batchId: row.batch_id, version: await nextVersion(client, gate) }
    await writeBatchStatus(client, gate, key, { statusCode: BATCH_STATUS_CODE.paused })
    await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-paused'])
  })
  return afterUnsentIntents(context, actor, batchId)
}
