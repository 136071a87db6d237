import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { getAgent } from '../../commands/agents.ts'
import type { Actor, CommandContext, JsonObject } from '../../commands/context.ts'
import { getBatch } from '../../commands/get-batch.ts'
import { joinToken } from '../../commands/join-token.ts'
import type { TwoWayPage } from '../../commands/two-way-page.ts'
import type { AgentView, BatchView } from '../../commands/views.ts'
import { AppError } from '../../errors.ts'
import type { DialectServices } from '../dialect.ts'
import type { ZodScope } from '../zod-routes.ts'
import { isExpressible } from './encode.ts'
import { joinUrl } from './joining.ts'
import { errorBody } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

export const nothing = z.null().meta({ id: 'ultravox.Nothing' })

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends Record<number, z.ZodType>>(given: Given) {
  return { ...given, '4xx': errorBody, '5xx': errorBody }
}

/** A page with absolute links to the pages beside it, made from the public address and the request's own query. */
export function encodeList<Item, Wire>(
  page: TwoWayPage<Item>,
  encode: (item: Item) => Wire,
  { request, publicUrl, total }: { request: FastifyRequest; publicUrl: () => string; total: number },
) {
  const linkTo = (cursor: string | null) => {
    if (cursor === null) return null
    const link = new URL(request.raw.url ?? '/', publicUrl())
    link.searchParams.set('cursor', cursor)
    // From the public address alone, whatever the request's target looks like.
    return `${publicUrl()}${link.pathname}${link.search}`
  }
  return {
    next: linkTo(page.nextCursor),
    previous: linkTo(page.previousCursor),
    results: page.items.map(encode),
    total,
  }
}

/** @throws AppError `agent-not-found`, also for one that was deleted. */
export async function liveAgent(commands: CommandContext, actor: Actor, id: string): Promise<AgentView> {
  const found = await getAgent(commands, actor, id)
  if (found.archivedAt !== null) throw new AppError('agent-not-found')
  return found
}

/** A batch of the agent in the path. @throws AppError `batch-not-found`, also for what this wire format cannot say. */
export async function batchOfAgent(
  commands: CommandContext,
  actor: Actor,
  { agent_id, batch_id }: { agent_id: string; batch_id: string },
): Promise<{ agent: AgentView; batch: BatchView }> {
  const agent = await getAgent(commands, actor, agent_id)
  const batch = await getBatch(commands, actor, batch_id)
  if (batch.agent.id !== agent.id || !isExpressible(batch)) throw new AppError('batch-not-found')
  return { agent, batch }
}

/** Makes the address at which a call can be joined; null for a call to a telephone, which is placed from here. */
export function joinUrls({ commands, publicUrl }: Pick<DialectServices, 'commands' | 'publicUrl'>) {
  return (callId: string, number: string, medium: JsonObject | null): string | null =>
    number === '' ? joinUrl(publicUrl(), { callId, token: joinToken(commands, callId), medium }) : null
}
