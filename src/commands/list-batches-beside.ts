import { selectBatches } from '../store/batches.ts'
import { type Actor, type CommandContext, inListOf } from './context.ts'
import { requireAgent } from './find-objects.ts'
import { batchView, requireBatch } from './get-batch.ts'
import type { BatchView } from './views.ts'

export interface BesideOptions {
  /** Id of the batch beside which to begin; null: at the newest, or with `backwards` at the oldest. */
  readonly beside: string | null
  /** Towards the newer ones. */
  readonly backwards: boolean
  /** How many are wanted. */
  readonly limit: number
  /** Id in any spelling, or alias. */
  readonly agent?: string | undefined
  /** Those that are left out are not counted. */
  readonly fits: (batch: BatchView) => boolean
}

const ROWS_AT_ONCE = 100

/**
 * Batches beside one of them, for lists whose pages are named by the id of an entry: in the direction of travel, at most
 * `limit`. Reads on until enough fit.
 *
 * @throws AppError `batch-not-found` for `beside`, `agent-not-found`.
 */
export async function listBatchesBeside(
  context: CommandContext,
  actor: Actor,
  { beside, backwards, limit, agent, fits }: BesideOptions,
): Promise<BatchView[]> {
  const { organizationId } = actor
  return inListOf(context, actor, async (client) => {
    const agentId = agent === undefined ? null : (await requireAgent(client, organizationId, agent)).agent_id
    const filter = { statuses: null, dialects: null, agentId, withoutRetries: false }
    let from = beside === null ? null : (await requireBatch(client, organizationId, beside)).batch_id
    const found: BatchView[] = []
    // Usually all fit; where many do not, few questions are better than short answers.
    for (let atOnce = limit; ; atOnce = ROWS_AT_ONCE) {
      const rows = await selectBatches(client, organizationId, { beside: from, backwards, limit: atOnce }, filter)
      for (const view of rows.map(batchView)) if (found.length < limit && fits(view)) found.push(view)
      if (found.length >= limit || rows.length < atOnce) return found
      from = rows.at(-1)!.batch_id
    }
  })
}
