import type { z } from 'zod'
import type { Actor, CommandContext } from '../../commands/context.ts'
import type { AgentView, NumberView } from '../../commands/views.ts'
import type { DialectServices } from '../dialect.ts'
import { findAgentByAnyId, findNumberByAnyId } from '../find-by-id.ts'
import type { ZodScope } from '../zod-routes.ts'
import { decodeId } from './ids.ts'
import { errorBody } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends Record<number, z.ZodType>>(given: Given) {
  return { ...given, '4xx': errorBody, '5xx': errorBody }
}

/** An agent by its id here, its owner's or ours. @throws AppError `agent-not-found`, also for one that is archived. */
export function findAgent(commands: CommandContext, actor: Actor, text: string): Promise<AgentView> {
  return findAgentByAnyId({ commands, actor }, [text, decodeId('agent', text)])
}

/** A number, likewise. @throws AppError `number-not-found`. */
export function findNumber(commands: CommandContext, actor: Actor, text: string): Promise<NumberView> {
  return findNumberByAnyId({ commands, actor }, [text, decodeId('number', text)])
}
