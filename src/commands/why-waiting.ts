import type { Waiting } from '../model/why-waiting.ts'
import type { Actor, CommandContext } from './context.ts'

/** Why a batch is not dialling (more) now, and when it will; null when nobody waits. */
export function whyBatchWaits(_c: CommandContext, _actor: Actor, _batchId: string): Promise<Waiting | null> {
  throw new Error('not filled in')
}
/** Why one recipient is not being called now, and when it will be; null when it is in a call or final. */
export function whyRecipientWaits(_c: CommandContext, _actor: Actor, _recipientId: string): Promise<Waiting | null> {
  throw new Error('not filled in')
}
