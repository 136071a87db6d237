import type { z } from 'zod'
import { getAgent } from '../../commands/agents.ts'
import type { Actor, CommandContext } from '../../commands/context.ts'
import { getNumber } from '../../commands/numbers.ts'
import type { AgentView, NumberView } from '../../commands/views.ts'
import { AppError } from '../../errors.ts'
import type { DialectServices } from '../dialect.ts'
import type { ZodScope } from '../zod-routes.ts'
import { decodeId } from './ids.ts'
import { errorBody } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends Record<number, z.ZodType>>(given: Given) {
  return { ...given, '4xx': errorBody, '5xx': errorBody }
}

/**
 * An agent by the id its owner brought along, or by ours with or without the word before it. Theirs is looked for first,
 * since both look the same. @throws AppError `agent-not-found`, also for one that is archived.
 */
export async function findAgent(commands: CommandContext, actor: Actor, text: string): Promise<AgentView> {
  const found = await getAgent(commands, actor, text).catch((error: unknown) => {
    if (decodeId('agent', text) === text) throw error
    return getAgent(commands, actor, decodeId('agent', text))
  })
  if (found.archivedAt !== null) throw new AppError('agent-not-found')
  return found
}

/** A number, likewise. @throws AppError `number-not-found`. */
export function findNumber(commands: CommandContext, actor: Actor, text: string): Promise<NumberView> {
  return getNumber(commands, actor, text).catch((error: unknown) => {
    if (decodeId('number', text) === text) throw error
    return getNumber(commands, actor, decodeId('number', text))
  })
}
