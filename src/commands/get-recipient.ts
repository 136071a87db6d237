import type { Waiting } from '../model/why-waiting.ts'
import type { Actor, CommandContext } from './context.ts'
import type { AttemptView, EventView, RecipientView } from './views.ts'

export interface RecipientDetail {
  readonly recipient: RecipientView
  /** Oldest first, the live one last. */
  readonly attempts: readonly AttemptView[]
  /** Made from what stands on its attempts, oldest first. */
  readonly events: readonly RecipientEventView[]
  /** Null when it is in a call or final. */
  readonly waiting: Waiting | null
}
/** An event of one recipient; it has no id of its own, since it is read from the attempts and not from the log. */
export type RecipientEventView = Pick<EventView, 'kind' | 'at' | 'attemptId' | 'outcome'>

/** By the id of a recipient, or of one of its attempts (the reference a carrier was given), in any spelling. */
export function getRecipient(_c: CommandContext, _actor: Actor, _id: string): Promise<RecipientDetail> {
  throw new Error('not filled in')
}
