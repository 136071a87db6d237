import { AppError, invalidInput } from '../errors.ts'
import { BATCH_STATUSES } from '../model/batch.ts'
import { codeOfOutcome, type Outcome } from '../model/disposition.ts'
import { openClosedLanes, reopenRecipients } from '../store/reopen-recipients.ts'
import { audit } from './audit.ts'
import type { Actor, CommandContext } from './context.ts'
import { countPeople } from './daily-limits.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { nextVersion, underGate } from './under-gate.ts'
import type { BatchView } from './views.ts'

export interface RetryInput {
  /** People with one of these outcomes are dialled once more. */
  readonly outcomes: readonly Outcome[]
}

export interface RetriedBatch {
  readonly batch: BatchView
  /** How many people are dialled once more. */
  readonly reopened: number
}

/**
 * Who was reached is not called again, and who was final from the import on never can be. Everything else may be asked
 * for, `unknown` too: that is the only way in which somebody is rung again whose call may have taken place.
 */
const RETRYABLE: ReadonlySet<Outcome> = new Set([
  'voicemail',
  'busy',
  'no-answer',
  'rejected',
  'failed',
  'cancelled',
  'expired',
  'unknown',
  'suppressed',
])
const OPEN_TO_RETRY = new Set(['running', 'paused', 'completed', 'cancelled'])

/**
 * Dials people once more, whatever the retry policy says: one extra dial each. A batch that was over runs again, a
 * paused one stays paused. Suppression and every limit hold as for any other dial.
 *
 * @throws AppError `outcome-not-retryable`, `batch-expired` while the expiry lies in the past (change it first),
 * `batch-status-conflict` for a batch that has not started, `batch-not-found`.
 */
export async function retryBatch(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  input: RetryInput,
): Promise<RetriedBatch> {
  const { organizationId } = actor
  const outcomes = [...new Set(input.outcomes)]
  if (outcomes.length === 0) throw invalidInput('outcomes', 'must name at least one outcome')
  const refused = outcomes.find((outcome) => !RETRYABLE.has(outcome))
  if (refused !== undefined) throw new AppError('outcome-not-retryable', { args: [refused], field: 'outcomes' })
  return underGate(context, actor, async (client, gate) => {
    const row = await requireBatch(client, organizationId, batchId)
    const status = BATCH_STATUSES[row.status]!
    if (!OPEN_TO_RETRY.has(status)) throw new AppError('batch-status-conflict', { args: [status, 'retry'] })
    if (row.expires_at !== null && row.expires_at.getTime() <= gate.nowEpochMs) throw new AppError('batch-expired')
    await openClosedLanes(client, organizationId, row.batch_id)
    const reopened = await reopenRecipients(client, gate, {
      batchId: row.batch_id,
      version: await nextVersion(client, gate),
      outcomeCodes: outcomes.map(codeOfOutcome),
      attemptsMax: row.retry_policy.maxAttempts,
    })
    await audit(client, actor, 'batch.retried', { objectId: row.batch_uuid, detail: { people: reopened } })
    await countPeople(client, gate, actor, reopened)
    return { batch: await readBatchView(client, organizationId, row.batch_id), reopened }
  })
}
