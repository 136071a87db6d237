import { transaction } from '../store/database.ts'
import { countLiveNodes } from '../store/nodes.ts'
import type { CommandContext } from './context.ts'
import { asQueryable } from './under-gate.ts'

/** How many nodes share the work at this moment. */
export function countNodes(context: Pick<CommandContext, 'database'>): Promise<number> {
  return transaction(context.database, { role: 'carillon_api' }, (client) => countLiveNodes(asQueryable(client)))
}
