import type { Outcome } from '../model/disposition.ts'
import type { Actor, CommandContext, Page } from './context.ts'
import type { RecipientState, RecipientView } from './views.ts'

export interface RecipientListOptions {
  readonly cursor?: string
  /** 1..1000, by default 100. */
  readonly limit?: number
  /** Instead of a cursor: how many to leave out. */
  readonly offset?: number
  /** Those in one of these states or with one of these outcomes; by default all. */
  readonly states?: readonly RecipientState[]
  readonly outcomes?: readonly Outcome[]
}
/** In the order of `seq`. */
export function listRecipients(_c: CommandContext, _actor: Actor, _batchId: string, _options: RecipientListOptions): Promise<Page<RecipientView>> {
  throw new Error('not filled in')
}
