import { cancelBatch } from '../commands/cancel-batch.ts'
import { getBatch } from '../commands/get-batch.ts'
import { retryBatch } from '../commands/retry-batch.ts'
import type { BatchView } from '../commands/views.ts'
import { AppError } from '../errors.ts'
import type { Asking } from './find-by-id.ts'

/** Whoever was not reached. Whose outcome is unknown may have been, and is rung again only by the native API. */
const UNREACHED = ['busy', 'no-answer', 'rejected', 'failed'] as const

/** Cancels a batch for wire formats in which that is harmless when it is completed, also when it is just then. */
export async function cancelUnlessCompleted({ commands, actor }: Asking, found: BatchView): Promise<BatchView> {
  if (found.status === 'completed') return found
  try {
    return await cancelBatch(commands, actor, found.id)
  } catch (error) {
    if (error instanceof AppError && error.code === 'batch-status-conflict') return getBatch(commands, actor, found.id)
    throw error
  }
}

/** Calls whoever was not reached once more. In a batch that has not begun nobody was called, so nobody is called again. */
export async function retryUnreached({ commands, actor }: Asking, found: BatchView): Promise<BatchView> {
  if (found.status === 'draft' || found.status === 'scheduled') return found
  return (await retryBatch(commands, actor, found.id, { outcomes: UNREACHED })).batch
}
