import type { Outcome } from '../model/disposition.ts'
import type { Actor, CommandContext } from './context.ts'
import type { BatchView } from './views.ts'

export interface RetryInput {
  /** People with one of these outcomes are dialled once more. */
  readonly outcomes: readonly Outcome[]
}
export interface RetriedBatch {
  readonly batch: BatchView
  readonly reopened: number
}
export function retryBatch(_c: CommandContext, _actor: Actor, _batchId: string, _input: RetryInput): Promise<RetriedBatch> {
  throw new Error('not filled in')
}
