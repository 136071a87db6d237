import { listAgents } from '../commands/agents.ts'
import { listNumbers } from '../commands/numbers.ts'
import { listTrunks } from '../commands/trunks.ts'
import type { AgentView, NumberView, TrunkView } from '../commands/views.ts'
import { everyPage, ROWS_AT_ONCE } from './every-page.ts'
import type { Asking } from './find-by-id.ts'

/** What wire formats say of a number beside itself: which agent calls from it, and what carries the calls. */
export interface NumberSurroundings {
  /** By the number that is their default. */
  readonly agents: ReadonlyMap<string, AgentView>
  readonly trunks: ReadonlyMap<string, TrunkView>
}

export async function numberSurroundings({ commands, actor }: Asking): Promise<NumberSurroundings> {
  const agents = await everyPage((cursor) => listAgents(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
  const trunks = await listTrunks(commands, actor)
  return {
    agents: new Map(agents.map((agent) => [agent.defaultNumberId ?? '', agent])),
    trunks: new Map(trunks.map((trunk) => [trunk.id, trunk])),
  }
}

/** Oldest first. */
export function allNumbers({ commands, actor }: Asking): Promise<NumberView[]> {
  return everyPage((cursor) => listNumbers(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
}
