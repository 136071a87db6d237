import { type EventRow, lastBlockNo, selectEvents } from '../store/event-log.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { eventView } from './event-view.ts'
import { requireBatch } from './get-batch.ts'
import type { EventView } from './views.ts'

export interface EventPage {
  readonly items: readonly EventView[]
  /** Where to go on, also when nothing more is there yet: ask again with it. */
  readonly nextCursor: string
  /** There is more already. */
  readonly hasMore: boolean
}

/** So many blocks are looked at for one page, which may be empty then and still goes forward. */
const BLOCKS_AT_ONCE = 1_000

/**
 * The event log from the beginning or behind a cursor, oldest first, gap-free and always in the same order. The id of
 * an event is a cursor too: what comes behind it.
 * @throws AppError `invalid-cursor`, `batch-not-found`.
 */
export function listEvents(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; limit?: number | undefined; batchId?: string | undefined } = {},
): Promise<EventPage> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  return inOrganization(context, actor, async (client) => {
    const batchId =
      options.batchId === undefined
        ? null
        : (await requireBatch(client, actor.organizationId, options.batchId)).batch_id
    const list = `events of ${batchId}`
    const from = placeOf(options.cursor) ?? openPlace(openCursor(context, actor, list, options.cursor ?? ''))
    const read = await readForward(client, actor.organizationId, { from, batchId, limit })
    return {
      items: read.rows.map((row) => eventView(context, actor.organizationId, row)),
      nextCursor: sealCursor(context, actor, list, [read.to.blockNo, read.to.index]),
      hasMore: read.hasMore,
    }
  })
}

/** No cursor has a point in it. Block numbers are exact as doubles. */
const EVENT_ID = /^(\d{1,15})\.(\d{1,9})$/

/** The beginning, or the place of an event; null: it is a cursor. */
function placeOf(cursor: string | undefined): Position | null {
  if (cursor === undefined) return { blockNo: 0, index: 0 }
  const [, blockNo, index] = EVENT_ID.exec(cursor) ?? []
  return blockNo === undefined ? null : { blockNo: Number(blockNo), index: Number(index) }
}

function openPlace([blockNo, index]: readonly (number | string)[]): Position {
  return { blockNo: Number(blockNo), index: Number(index) }
}

interface Position {
  readonly blockNo: number
  /** The last entry of the block that was read, from 1. */
  readonly index: number
}

/** Whatever is read lies in blocks that were committed before the last block's number was asked for. */
async function readForward(
  client: Client,
  organizationId: number,
  options: { from: Position; batchId: number | null; limit: number },
): Promise<{ rows: EventRow[]; to: Position; hasMore: boolean }> {
  const { from, batchId, limit } = options
  const lastNo = await lastBlockNo(client, organizationId)
  const toBlockNo = Math.min(lastNo, from.blockNo + BLOCKS_AT_ONCE)
  const found = await selectEvents(client, organizationId, { ...from, toBlockNo, batchId, limit: limit + 1 })
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  if (found.length > limit && last !== undefined) {
    return { rows, to: { blockNo: last.block_no, index: last.index }, hasMore: true }
  }
  // The next block begins behind the last entry of this one, whatever its number.
  const to = toBlockNo > from.blockNo ? { blockNo: toBlockNo, index: Number.MAX_SAFE_INTEGER } : from
  return { rows, to, hasMore: toBlockNo < lastNo }
}
