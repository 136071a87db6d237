import { transaction } from '../store/database.ts'
import { foldKeptCount } from '../store/kept-counts.ts'
import type { CommandContext } from './context.ts'

/** Shortens one of the counts of lists that have grown long. False: there was none. */
export function foldStep(context: Pick<CommandContext, 'database'>): Promise<boolean> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, foldKeptCount)
}
