import { transaction } from '../store/database.ts'
import { findDifferences } from '../store/recount.ts'
import type { CommandContext } from './context.ts'

/**
 * Recomputes every figure and every used limit of an organization from its rows, at one instant; one line for each that
 * differs, none when all is well. Reads everything the organization has.
 */
export function recount(context: Pick<CommandContext, 'database'>, organizationId: number): Promise<readonly string[]> {
  return transaction(context.database, { role: 'carillon_api', organizationId }, (client) =>
    findDifferences(client, organizationId),
  )
}
