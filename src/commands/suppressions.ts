import type { Actor, CommandContext, Page } from './context.ts'
import type { SuppressionView } from './views.ts'

/** How many are on the list now that were not before, and the texts that are no numbers. */
export interface SuppressedNumbers {
  readonly added: number
  readonly alreadyThere: number
  readonly rejected: readonly { readonly line: number; readonly value: string; readonly reason: string; readonly remedy: string }[]
}
/** After the answer none of these numbers is dialled any more. */
export function addSuppressions(_c: CommandContext, _actor: Actor, _input: { numbers: readonly string[]; reason?: string }): Promise<SuppressedNumbers> {
  throw new Error('not filled in')
}
/** One number a line, in the first column or in one called like a phone column; a header line is skipped. */
export function importSuppressions(_c: CommandContext, _actor: Actor, _file: AsyncIterable<Buffer>, _o: { reason?: string }): Promise<SuppressedNumbers> {
  throw new Error('not filled in')
}
export function listSuppressions(_c: CommandContext, _actor: Actor, _o: { cursor?: string; limit?: number }): Promise<Page<SuppressionView>> {
  throw new Error('not filled in')
}
/** How many were on the list. */
export function removeSuppressions(_c: CommandContext, _actor: Actor, _input: { numbers: readonly string[] }): Promise<number> {
  throw new Error('not filled in')
}
