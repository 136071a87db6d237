import { BATCH_STATUS_CODE, type BatchStatus } from '../model/batch.ts'
import { type BatchFilter, selectBatches } from '../store/batches.ts'
import { keptCountOfAgent } from '../store/kept-counts.ts'
import type { Client } from '../store/owner-transaction.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inListOf, inOrganization } from './context.ts'
import { requireAgent } from './find-objects.ts'
import { batchView } from './get-batch.ts'
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
  // One that is sifted has another good plan for each filter.
  const run = statuses === null && dialects === null ? inListOf : inOrganization
  return run(context, actor, async (client) => {
    const filter = await filterOf(client, actor, options)
    const rows = await selectBatches(client, actor.organizationId, asked, filter)
    const page = twoWayPage(at, rows, { limit, position, keyOf: ({ batch_id }) => [batch_id] })
    return { ...page, items: page.items.map(batchView) }
  })
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
  const asked = { beside: position.beside?.[0] ?? null, backwards: position.backwards, limit: limit + 1 }
  return inListOf(context, actor, async (client) => {
    const { agent_id: agentId } = await requireAgent(client, organizationId, options.agent)
    const filter = { statuses: null, dialects: null, agentId, withoutRetries: true }
    const rows = await selectBatches(client, organizationId, asked, filter)
    const page = twoWayPage(at, rows, { limit, position, keyOf: ({ batch_id }) => [batch_id] })
    const total = await keptCountOfAgent(client, organizationId, agentId)
    return { ...page, items: page.items.map(batchView), total }
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
