import type { Actor, CommandContext } from './context.ts'
import type { BatchView } from './views.ts'

export function pauseBatch(_c: CommandContext, _actor: Actor, _batchId: string): Promise<BatchView> {
  throw new Error('not filled in')
}
