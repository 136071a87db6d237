import { BATCH_STATUS_CODE, type BatchStatus } from '../model/batch.ts'
import { type BatchFilter, selectBatches } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { requireAgent } from './find-objects.ts'
import { batchView } from './get-batch.ts'
import type { BatchView } from './views.ts'

export interface BatchListOptions {
  readonly cursor?: string | undefined
  /** 1..100, by default 20. */
  readonly limit?: number | undefined
  readonly statuses?: readonly BatchStatus[] | undefined
  /** Only those made in one of these wire formats. */
  readonly dialects?: readonly string[] | undefined
  /** Id in any spelling, or alias. */
  readonly agent?: string | undefined
}

const LAST_BATCH_ID = 2_147_483_647

/** Newest first. @throws AppError `invalid-cursor` for a cursor of another filter, `agent-not-found`. */
export async function listBatches(
  context: CommandContext,
  actor: Actor,
  options: BatchListOptions = {},
): Promise<Page<BatchView>> {
  const limit = checkedLimit(options.limit, { max: 100, fallback: 20 })
  const { statuses = null, dialects = null, agent = null } = options
  const list = `batches ${JSON.stringify([statuses, dialects, agent])}`
  const before =
    options.cursor === undefined ? LAST_BATCH_ID : Number(openCursor(context, actor, list, options.cursor)[0])
  const rows = await inOrganization(context, actor, async (client) =>
    selectBatches(client, actor.organizationId, { before, limit: limit + 1 }, await filterOf(client, actor, options)),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(batchView),
    nextCursor: last === undefined ? null : sealCursor(context, actor, list, [last.batch_id]),
  }
}

async function filterOf(client: Client, actor: Actor, options: BatchListOptions): Promise<BatchFilter> {
  const { statuses, dialects, agent } = options
  return {
    statuses: statuses?.map((status) => BATCH_STATUS_CODE[status]) ?? null,
    dialects: dialects ?? null,
    agentId: agent === undefined ? null : (await requireAgent(client, actor.organizationId, agent)).agent_id,
  }
}
