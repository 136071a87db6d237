import { selectRecentlyEnded } from '../store/recent-outcomes.ts'
import { selectRecipients } from '../store/recipients.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireBatch } from './get-batch.ts'
import { recipientView } from './recipient-view.ts'
import type { RecipientView } from './views.ts'

/** Some of those whose call ended last wait for another dial and are no outcome yet. */
const CANDIDATES_OF_ONE = 3

/**
 * Recipients of a batch who became final last, the latest first; 10 by default, at most 50. Its cost does not grow
 * with the batch, so it may be polled.
 *
 * @throws AppError `batch-not-found`.
 */
export async function listRecentOutcomes(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  options: { limit?: number } = {},
): Promise<readonly RecipientView[]> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 50, fallback: 10 })
  const rows = await inOrganization(context, actor, async (client) => {
    const batch = await requireBatch(client, organizationId, batchId)
    const key = { organizationId, batchId: batch.batch_id }
    const candidates = await selectRecentlyEnded(client, { ...key, limit: limit * CANDIDATES_OF_ONE })
    const found = []
    for (const seq of candidates) {
      const [row] = await selectRecipients(client, { ...key, fromSeq: seq, toSeq: seq + 1, limit: 1 })
      if (row !== undefined && row.outcome !== null) found.push(row)
      if (found.length === limit) break
    }
    return found
  })
  const byEnd = (one: RecipientView, other: RecipientView) => Number(other.finishedAt) - Number(one.finishedAt)
  return rows.map((row) => recipientView(context, organizationId, row)).sort(byEnd)
}
