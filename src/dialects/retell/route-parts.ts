import type { z } from 'zod'
import { listAgents } from '../../commands/agents.ts'
import { getNumber } from '../../commands/numbers.ts'
import type { AgentView, NumberView } from '../../commands/views.ts'
import { AppError } from '../../errors.ts'
import type { DialectServices } from '../dialect.ts'
import { everyPage, ROWS_AT_ONCE } from '../every-page.ts'
import { type Asking, agentIdFinder, findAgentByAnyId } from '../find-by-id.ts'
import type { ZodScope } from '../zod-routes.ts'
import { requireNumberText } from './decode.ts'
import { decodeId } from './ids.ts'
import { errorBody, type PageQuery } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends Record<number, z.ZodType>>(given: Given) {
  return { ...given, '4xx': errorBody, '5xx': errorBody }
}

/** An agent by its id here, its owner's or ours. @throws AppError `agent-not-found`, also for one that is archived. */
export function findAgent(asking: Asking, text: string, field?: string): Promise<AgentView> {
  return findAgentByAnyId(asking, [text, decodeId('agent', text)], field)
}

/** Looks each agent up once. */
export function agentFinder(asking: Asking) {
  return agentIdFinder(({ text, field }: { text: string; field: string }) => findAgent(asking, text, field))
}

/** A number of the organization as E.164. @throws AppError `caller-not-owned`, `invalid-input`. */
export async function findNumber({ commands, actor }: Asking, text: string, field: string): Promise<NumberView> {
  return getNumber(commands, actor, requireNumberText(text, field)).catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'number-not-found')) throw error
    throw new AppError('caller-not-owned', { field, cause: error })
  })
}

/** The oldest agent whose default number it is: what the vendor calls bound to the number. */
export async function agentOfNumber({ commands, actor }: Asking, number: NumberView): Promise<AgentView | undefined> {
  const agents = await everyPage((cursor) => listAgents(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
  return agents.find(({ defaultNumberId }) => defaultNumberId === number.id)
}

/** A page cut out of all entries, where there are few; its key is that of its last one. */
export function pageOf<Item>(
  oldestFirst: readonly Item[],
  { limit, pagination_key: after, sort_order: order }: PageQuery,
  keyOf: (item: Item) => string,
): { items: Item[]; has_more: boolean; pagination_key?: string } {
  const sorted = order === 'ascending' ? oldestFirst : [...oldestFirst].reverse()
  const at = after === undefined ? -1 : sorted.findIndex((item) => keyOf(item) === after)
  if (after !== undefined && at < 0) throw badPaginationKey()
  const items = sorted.slice(at + 1, at + 1 + limit)
  const last = items.at(-1)
  const hasMore = at + 1 + limit < sorted.length
  return { items, has_more: hasMore, ...(hasMore && last !== undefined ? { pagination_key: keyOf(last) } : {}) }
}

export function badPaginationKey(): AppError {
  return new AppError('invalid-input', {
    field: 'pagination_key',
    args: ['pagination_key is not one that this list has given.'],
    remedy: 'Send the pagination_key of the page before, as it came.',
  })
}
