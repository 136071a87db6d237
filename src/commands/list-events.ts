import type { Actor, CommandContext } from './context.ts'
import type { EventView } from './views.ts'

export interface EventPage {
  readonly items: readonly EventView[]
  /** Where to go on, also when nothing more is there yet: ask again with it. */
  readonly nextCursor: string
  /** There is more already. */
  readonly hasMore: boolean
}
/** The event log from the beginning or behind a cursor, oldest first, gap-free and always in the same order. */
export function listEvents(_c: CommandContext, _actor: Actor, _o: { cursor?: string; limit?: number; batchId?: string }): Promise<EventPage> {
  throw new Error('not filled in')
}
