import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { writeBatchStatus } from '../store/batches.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import { askOfBatch } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { asQueryable, nextVersion } from './under-gate.ts'
import type { BatchView } from './views.ts'

/**
 * Lets a paused batch go on. One that was paused before its scheduled start waits for that start again, or starts now
 * when it has passed. Repeating it is harmless.
 *
 * @throws AppError `batch-not-found`, `batch-status-conflict`.
 */
export function resumeBatch(context: CommandContext, actor: Actor, batchId: string): Promise<BatchView> {
  return askOfBatch(context, actor, { batchId, verb: 'resume' }, async ({ client, gate, row }) => {
    const early = row.started_at === null && row.start_at !== null && row.start_at.getTime() > gate.nowEpochMs
    const key = { batchId: row.batch_id, version: await nextVersion(client, gate) }
    const statusCode = early ? BATCH_STATUS_CODE.scheduled : BATCH_STATUS_CODE.running
    await writeBatchStatus(client, gate, key, { statusCode, started: !early })
    await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-resumed'])
    if (!early && row.started_at === null) {
      await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-started'])
    }
  })
}
