import { getAgent } from '../commands/agents.ts'
import type { Actor, CommandContext } from '../commands/context.ts'
import { getNumber } from '../commands/numbers.ts'
import type { AgentView, NumberView } from '../commands/views.ts'
import { AppError, type ErrorCode } from '../errors.ts'

/** Whose key asks, and with what. */
export interface Asking {
  readonly commands: CommandContext
  readonly actor: Actor
}

/**
 * An agent by the ids that a text may stand for, in this order: what its owner calls it comes before ours without the
 * word that a wire format puts in front, since both may look the same.
 *
 * @throws AppError `agent-not-found` with the field that names it, also for one that is archived.
 */
export async function findAgentByAnyId(
  { commands, actor }: Asking,
  ids: readonly string[],
  field?: string,
): Promise<AgentView> {
  const found = await firstOf(ids, 'agent-not-found', async (id) => {
    const agent = await getAgent(commands, actor, id)
    return agent.archivedAt === null ? agent : null
  })
  if (found === null) throw new AppError('agent-not-found', field === undefined ? {} : { field })
  return found
}

/** A number, likewise. @throws AppError `number-not-found`. */
export async function findNumberByAnyId({ commands, actor }: Asking, ids: readonly string[]): Promise<NumberView> {
  const found = await firstOf(ids, 'number-not-found', (id) => getNumber(commands, actor, id))
  if (found === null) throw new AppError('number-not-found')
  return found
}

async function firstOf<Found>(
  ids: readonly string[],
  missing: ErrorCode,
  read: (id: string) => Promise<Found | null>,
): Promise<Found | null> {
  for (const id of new Set(ids)) {
    try {
      const found = await read(id)
      if (found !== null) return found
    } catch (error) {
      if (!(error instanceof AppError && error.code === missing)) throw error
    }
  }
  return null
}

/** Looks each agent of a long list up once. @throws AppError `agent-not-found` with the first field that names it. */
export function agentIdFinder<Reference extends { readonly text: string }>(
  find: (reference: Reference) => Promise<AgentView>,
): (reference: Reference) => Promise<string> {
  const found = new Map<string, string>()
  return async (reference) => {
    const known = found.get(reference.text)
    if (known !== undefined) return known
    const { id } = await find(reference)
    found.set(reference.text, id)
    return id
  }
}
