import type { Actor, CommandContext, Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'

/** One page of a list that can be read in both directions. */
export interface TwoWayPage<Item> extends Page<Item> {
  /** Pass it back for the page before; null: this is the first one. */
  readonly previousCursor: string | null
}

/** From where to read, and in which direction. */
export interface Position {
  /** Key of the entry beside which the page lies, that entry excluded; null: the list's own beginning. */
  readonly beside: readonly number[] | null
  readonly backwards: boolean
}

/** Which list of whom: decides what a cursor is good for. */
export interface CursorList {
  readonly context: Pick<CommandContext, 'secrets'>
  readonly actor: Pick<Actor, 'organizationId'>
  /** The list with everything that decides its order and its members. */
  readonly list: string
}

const BACKWARDS = 'back'

/** @throws AppError `invalid-cursor`. */
export function openPosition({ context, actor, list }: CursorList, cursor: string | undefined): Position {
  if (cursor === undefined) return { beside: null, backwards: false }
  const opened = openCursor(context, actor, list, cursor)
  const backwards = opened.at(-1) === BACKWARDS
  return { beside: (backwards ? opened.slice(0, -1) : opened).map(Number), backwards }
}

/**
 * The page out of rows that were read in the direction of travel, one more than its limit where there are so many.
 * Entries that come or go elsewhere in the list neither repeat nor hide any of it, since positions are keys.
 */
export function twoWayPage<Row>(
  at: CursorList,
  rows: readonly Row[],
  options: { limit: number; position: Position; keyOf: (row: Row) => readonly number[] },
): TwoWayPage<Row> {
  const { limit, position, keyOf } = options
  const { beside, backwards } = position
  const more = rows.length > limit
  const items = rows.slice(0, limit)
  if (backwards) items.reverse()
  const first = items[0] === undefined ? beside : keyOf(items[0])
  const last = items.length === 0 ? beside : keyOf(items.at(-1)!)
  const hasPrevious = backwards ? more : beside !== null
  const hasNext = backwards || more
  const seal = (key: readonly (number | string)[]) => sealCursor(at.context, at.actor, at.list, key)
  return {
    items,
    nextCursor: hasNext && last !== null ? seal(last) : null,
    previousCursor: hasPrevious && first !== null ? seal([...first, BACKWARDS]) : null,
  }
}
