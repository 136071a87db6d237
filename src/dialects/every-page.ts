import type { Page } from '../commands/context.ts'

/** As many as the core gives at once. */
export const ROWS_AT_ONCE = 1_000

/** Every entry of a list that is read by cursor, for wire formats that show it whole, or cut pages out of it. */
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
