import type { CallingWindow } from '../model/calling-window.ts'
import type { Actor, CommandContext, JsonObject } from './context.ts'
import type { BatchView } from './views.ts'

/** What may be changed while a batch lives. A start may be changed before the batch has started. */
export interface BatchChanges {
  readonly name?: string
  readonly concurrency?: number
  readonly callingWindow?: CallingWindow | null
  readonly expiresAt?: Date | null
  readonly startAt?: Date
  readonly metadata?: JsonObject | null
  readonly dialectFields?: JsonObject | null
}
export function updateBatch(_c: CommandContext, _actor: Actor, _batchId: string, _changes: BatchChanges): Promise<BatchView> {
  throw new Error('not filled in')
}
