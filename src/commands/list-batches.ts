import { BATCH_STATUS_CODE, type BatchStatus } from '../model/batch.ts'
import { type BatchFilter, countSelectedBatches, selectBatches } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireAgent } from './find-objects.ts'
import { batchView } from './get-batch.ts'
import { countOfList } from './list-count.ts'
import { openPosition, type TwoWayPage, twoWayPage } from './two-way-page.ts'
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
  /** Only those in which nobody is dialled twice. */
  readonly withoutRetries?: boolean | undefined
}

/** Newest first. @throws AppError `invalid-cursor` for a cursor of another filter, `agent-not-found`. */
export async function listBatches(
  context: CommandContext,
  actor: Actor,
  options: BatchListOptions = {},
): Promise<TwoWayPage<BatchView>> {
  const limit = checkedLimit(options.limit, { max: 100, fallback: 20 })
  const { statuses = null, dialects = null, agent = null, withoutRetries = false } = options
  const list = `batches ${JSON.stringify([statuses, dialects, agent, withoutRetries])}`
  const at = { context, actor, list }
  const position = openPosition(at, options.cursor)
  const asked = { beside: position.beside?.[0] ?? null, backwards: position.backwards, limit: limit + 1 }
  const rows = await inOrganization(context, actor, async (client) =>
    selectBatches(client, actor.organizationId, asked, await filterOf(client, actor, options)),
  )
  const page = twoWayPage(at, rows, { limit, position, keyOf: ({ batch_id }) => [batch_id] })
  return { ...page, items: page.items.map(batchView) }
}

/** How many batches the whole list has. @throws AppError `agent-not-found`. */
export function countBatches(
  context: CommandContext,
  actor: Actor,
  options: Pick<BatchListOptions, 'statuses' | 'dialects' | 'agent' | 'withoutRetries'>,
): Promise<number> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const filter = await filterOf(client, actor, options)
    const count = () => countSelectedBatches(client, organizationId, filter)
    // Calls end batches, so a list that depends on their statuses is counted each time.
    if (filter.statuses !== null) return count()
    return countOfList(context, client, { organizationId, list: `selected ${JSON.stringify(filter)}` }, count)
  })
}

async function filterOf(client: Client, actor: Actor, options: BatchListOptions): Promise<BatchFilter> {
  const { statuses, dialects, agent } = options
  return {
    statuses: statuses?.map((status) => BATCH_STATUS_CODE[status]) ?? null,
    dialects: dialects ?? null,
    withoutRetries: options.withoutRetries === true,
    agentId: agent === undefined ? null : (await requireAgent(client, actor.organizationId, agent)).agent_id,
  }
}
