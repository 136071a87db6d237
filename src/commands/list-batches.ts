import { BATCH_STATUS_CODE, type BatchStatus } from '../model/batch.ts'
import {
  type BatchFilter,
  type BatchPage,
  batchPageStatement,
  type ListedBatchRow,
  selectSiftedBatches,
} from '../store/batches.ts'
import { keptCountOfAgentStatement } from '../store/kept-counts.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, readFrom } from './context.ts'
import { agentReference, requireAgent } from './find-objects.ts'
import { listedBatchView } from './get-batch.ts'
import { openPosition, type Position, type TwoWayPage, twoWayPage } from './two-way-page.ts'
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
  const filter = {
    statuses: statuses?.map((status) => BATCH_STATUS_CODE[status]) ?? null,
    dialects,
    agent: agent === null ? null : agentReference(agent),
    withoutRetries,
  }
  const rows = await rowsOf(context, actor, pageAt(position, limit), filter)
  if (rows.length === 0 && agent !== null) await mustHaveAgent(context, actor, agent)
  const page = twoWayPage(at, rows, { limit, position, keyOf: ({ batch_id }) => [batch_id] })
  return { ...page, items: page.items.map(listedBatchView) }
}

/**
 * The batches of an agent in which nobody is dialled twice, newest first, and how many they are in all.
 * @throws AppError `agent-not-found`, `invalid-cursor`.
 */
export async function listOnceBatches(
  context: CommandContext,
  actor: Actor,
  options: { readonly agent: string; readonly cursor?: string | undefined; readonly limit: number },
): Promise<TwoWayPage<BatchView> & { readonly total: number }> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 100, fallback: 20 })
  const at = { context, actor, list: `once batches ${options.agent}` }
  const position = openPosition(at, options.cursor)
  const agent = agentReference(options.agent)
  const filter = { statuses: null, dialects: null, agent, withoutRetries: true }
  const [rows, counts] = (await readFrom(context, actor, [
    batchPageStatement(organizationId, pageAt(position, limit), filter),
    keptCountOfAgentStatement(organizationId, agent),
  ])) as [ListedBatchRow[], { total: number }[]]
  if (rows.length === 0) await mustHaveAgent(context, actor, options.agent)
  const page = twoWayPage(at, rows, { limit, position, keyOf: ({ batch_id }) => [batch_id] })
  return { ...page, items: page.items.map(listedBatchView), total: counts[0]!.total }
}

/** One more than its limit, which tells whether there are more. */
function pageAt({ beside, backwards }: Position, limit: number): BatchPage {
  return { beside: beside?.[0] ?? null, backwards, limit: limit + 1 }
}

async function rowsOf(
  context: CommandContext,
  actor: Actor,
  page: BatchPage,
  filter: BatchFilter,
): Promise<ListedBatchRow[]> {
  const { organizationId } = actor
  if (filter.statuses !== null || filter.dialects !== null) {
    return inOrganization(context, actor, (client) => selectSiftedBatches(client, organizationId, page, filter))
  }
  const [rows] = await readFrom(context, actor, [batchPageStatement(organizationId, page, filter)])
  return rows as ListedBatchRow[]
}

/** Asked when nothing was found. @throws AppError `agent-not-found`. */
async function mustHaveAgent(context: CommandContext, actor: Actor, reference: string): Promise<void> {
  await inOrganization(context, actor, (client) => requireAgent(client, actor.organizationId, reference))
}
