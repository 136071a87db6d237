import { type FailingCycles, selectOrganizationIds, writeTroubles } from '../store/attention.ts'
import { transaction } from '../store/database.ts'
import type { CommandContext } from './context.ts'

export type { FailingCycles } from '../store/attention.ts'

/** Lets every node's API tell what this node fails at; an empty list says that all is well again. */
export async function reportTroubles(
  context: Pick<CommandContext, 'database'>,
  nodeId: number,
  failing: readonly FailingCycles[],
): Promise<void> {
  await transaction(context.database, { role: 'carillon_dispatcher' }, (client) =>
    writeTroubles(client, nodeId, failing),
  )
}

/** All organizations of the installation. */
export function whoseAttention(context: Pick<CommandContext, 'database'>): Promise<readonly number[]> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, selectOrganizationIds)
}
