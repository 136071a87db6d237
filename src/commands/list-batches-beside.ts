import { AppError } from '../errors.ts'
import { type BatchPage, batchPageStatement, type ListedBatchRow } from '../store/batches.ts'
import { type Actor, type CommandContext, inOrganization, readFrom } from './context.ts'
import { agentReference, requireAgent, uuidOf } from './find-objects.ts'
import { listedBatchView, requireBatch } from './get-batch.ts'
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
  const reference = agent === undefined ? null : agentReference(agent)
  const filter = { statuses: null, dialects: null, agent: reference, withoutRetries: false }
  const found: BatchView[] = []
  let from: BatchPage['beside'] = beside === null ? null : placeOf(beside)
  // Usually all fit; where many do not, few questions are better than short answers.
  for (let atOnce = limit; ; atOnce = ROWS_AT_ONCE) {
    const page = { beside: from, backwards, limit: atOnce }
    const [read] = await readFrom(context, actor, [batchPageStatement(organizationId, page, filter)])
    const rows = read as ListedBatchRow[]
    if (rows.length === 0 && (from === null || typeof from !== 'number')) {
      await mustHaveBoth(context, actor, { beside, agent })
    }
    for (const view of rows.map(listedBatchView)) if (found.length < limit && fits(view)) found.push(view)
    if (found.length >= limit || rows.length < atOnce) return found
    from = rows.at(-1)!.batch_id
  }
}

/** @throws AppError `batch-not-found` for what is the id of no batch. */
function placeOf(beside: string): { uuid: string } {
  const uuid = uuidOf(beside)
  if (uuid === null) throw new AppError('batch-not-found')
  return { uuid }
}

/** Asked when nothing was found. @throws AppError `agent-not-found`, `batch-not-found`. */
async function mustHaveBoth(
  context: CommandContext,
  actor: Actor,
  { beside, agent }: Pick<BesideOptions, 'beside' | 'agent'>,
): Promise<void> {
  await inOrganization(context, actor, async (client) => {
    if (agent !== undefined) await requireAgent(client, actor.organizationId, agent)
    if (beside !== null) await requireBatch(client, actor.organizationId, beside)
  })
}
