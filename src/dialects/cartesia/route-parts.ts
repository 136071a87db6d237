import type { z } from 'zod'
import type { Actor, CommandContext } from '../../commands/context.ts'
import type { AgentView, NumberView } from '../../commands/views.ts'
import { AppError, type ErrorCode, invalidInput } from '../../errors.ts'
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

/** What the id of an entry that names a page may not be: one that is not there. */
export function asBadPlace(codes: readonly ErrorCode[], field: string) {
  return (error: unknown): never => {
    const isMissing = error instanceof AppError && codes.includes(error.code)
    if (!isMissing) throw error
    const args = [`${field} is not the id of an entry of this list.`]
    throw new AppError('invalid-input', { field, args, remedy: 'Send the id of an entry, as it was listed.' })
  }
}

/** One page out of entries in the direction of travel, one more than its limit where there are so many. */
export function pageOf<Item extends { readonly id: string }>(
  found: readonly Item[],
  { limit, backwards }: { limit: number; backwards: boolean },
): { data: Item[]; has_more: boolean; next_page: string | null } {
  const data = found.slice(0, limit)
  if (backwards) data.reverse()
  const hasMore = found.length > limit
  const next = backwards ? data[0] : data.at(-1)
  return { data, has_more: hasMore, next_page: hasMore ? (next?.id ?? null) : null }
}

/** A page is cut out of all entries, where there are few. In the direction of travel. @throws AppError `invalid-input`. */
export function besidePlace<Item extends { readonly id: string }>(
  all: readonly Item[],
  listed: readonly Item[],
  { beside, backwards }: { beside: string | null; backwards: boolean },
): Item[] {
  if (beside === null) return backwards ? [...listed].reverse() : [...listed]
  const at = all.findIndex(({ id }) => id === beside)
  const field = backwards ? 'ending_before' : 'starting_after'
  if (at < 0) throw invalidInput(field, 'is not the id of an entry of this list')
  const side = new Set(backwards ? all.slice(0, at) : all.slice(at + 1))
  const found = listed.filter((entry) => side.has(entry))
  return backwards ? found.reverse() : found
}
