import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { writeBatchStatus } from '../store/batches.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import { askOfBatch } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { asQueryable, nextVersion } from './under-gate.ts'
import type { BatchView } from './views.ts'

/**
 * Starts a draft or a scheduled batch now. Repeating it is harmless.
 * @throws AppError `batch-not-found`; `batch-status-conflict`, with `onlyOnce` also for one that has started.
 */
export function startBatch(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  { onlyOnce = false }: { onlyOnce?: boolean } = {},
): Promise<BatchView> {
  return askOfBatch(context, actor, { batchId, verb: 'start', onlyOnce }, async ({ client, gate, row }) => {
    const key = { batchId: row.batch_id, version: await nextVersion(client, gate) }
    await writeBatchStatus(client, gate, key, { statusCode: BATCH_STATUS_CODE.running, started: true })
    await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-started'])
  })
}
