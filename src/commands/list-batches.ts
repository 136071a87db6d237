import type { BatchStatus } from '../model/batch.ts'
import type { Actor, CommandContext, Page } from './context.ts'
import type { BatchView } from './views.ts'

export interface BatchListOptions {
  readonly cursor?: string
  /** 1..100, by default 20. */
  readonly limit?: number
  readonly statuses?: readonly BatchStatus[]
  readonly dialects?: readonly string[]
  readonly agentId?: string
}
/** Newest first. */
export function listBatches(_c: CommandContext, _actor: Actor, _options: BatchListOptions): Promise<Page<BatchView>> {
  throw new Error('not filled in')
}
