import type { Actor, CommandContext } from './context.ts'
import type { BatchView } from './views.ts'

/** `batchId` in any spelling. @throws AppError `batch-not-found`. */
export function getBatch(_c: CommandContext, _actor: Actor, _batchId: string): Promise<BatchView> {
  throw new Error('not filled in')
}
