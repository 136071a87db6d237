import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { getAgent, listAgents } from '../../commands/agents.ts'
import type { Actor, CommandContext, Page } from '../../commands/context.ts'
import { getNumber } from '../../commands/numbers.ts'
import type { AgentView, NumberView } from '../../commands/views.ts'
import { AppError } from '../../errors.ts'
import type { DialectServices } from '../dialect.ts'
import { IGNORED_FIELDS_HEADER, ignoredFields, ignoredFieldsHeader } from '../ignored-fields.ts'
import type { ZodScope } from '../zod-routes.ts'
import { requireNumberText } from './decode.ts'
import { decodeId } from './ids.ts'
import { errorBody, type PageQuery } from './wire.ts'

export type AddRoutes = (scope: ZodScope, services: DialectServices) => void

/** Whose key asks, and with what. */
export interface Asking {
  readonly commands: CommandContext
  readonly actor: Actor
}

export const ROWS_AT_ONCE = 1_000

/** The answers of a route: what it gives, and the form of every refusal. */
export function answers<Given extends Record<number, z.ZodType>>(given: Given) {
  return { ...given, '4xx': errorBody, '5xx': errorBody }
}

/** Names in the answer what of a body was not understood. */
export function nameIgnoredFields(schema: z.ZodType, body: unknown, reply: FastifyReply): void {
  const names = ignoredFields(schema, body)
  if (names.length > 0) reply.header(IGNORED_FIELDS_HEADER, ignoredFieldsHeader(names))
}

/**
 * An agent by the id its owner brought along, or by ours with or without the word before it. Theirs is looked for first,
 * since both may look the same. @throws AppError `agent-not-found`, also for one that is archived.
 */
export async function findAgent({ commands, actor }: Asking, text: string, field?: string): Promise<AgentView> {
  for (const reference of new Set([text, decodeId('agent', text)])) {
    try {
      const agent = await getAgent(commands, actor, reference)
      if (agent.archivedAt === null) return agent
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'agent-not-found')) throw error
    }
  }
  throw new AppError('agent-not-found', field === undefined ? {} : { field })
}

/** Looks each agent up once. */
export function agentFinder(asking: Asking) {
  const found = new Map<string, string>()
  return async (text: string, field: string): Promise<string> => {
    const known = found.get(text)
    if (known !== undefined) return known
    const { id } = await findAgent(asking, text, field)
    found.set(text, id)
    return id
  }
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

/** Every entry of a list that is read by cursor. */
export async function everyPage<Item>(read: (cursor: string | undefined) => Promise<Page<Item>>): Promise<Item[]> {
  const all: Item[] = []
  let cursor: string | undefined
  do {
    const page = await read(cursor)
    all.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return all
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
