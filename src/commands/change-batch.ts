import { sleep } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { AuditAction } from '../model/audit-action.ts'
import { BATCH_STATUSES, BATCH_TRANSITIONS, type BatchStatus, type BatchVerb } from '../model/batch.ts'
import type { BatchRow } from '../store/batches.ts'
import type { Gate } from '../store/gate.ts'
import { countUnsentIntents } from '../store/live-calls.ts'
import type { Client } from '../store/owner-transaction.ts'
import { audit } from './audit.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { asQueryable, underGate } from './under-gate.ts'
import type { BatchView } from './views.ts'

const UNSENT_POLL_MS = 5
/** No intent can be sent later than 5 s after its claim; a little more than that is never waited. */
const UNSENT_WAIT_MS_MAX = 6_000

const ACTIONS = {
  start: 'batch.started',
  pause: 'batch.paused',
  resume: 'batch.resumed',
  cancel: 'batch.cancelled',
} as const satisfies Record<BatchVerb, AuditAction>

/** A batch under the gate, and what a verb may do with it. */
export interface BatchUnderGate {
  readonly client: Client
  readonly gate: Gate
  readonly row: BatchRow
  readonly status: BatchStatus
}

/**
 * Asks a verb of a batch under the gate. When the batch is already as the verb would make it, nothing is written; with
 * `onlyOnce` that is a conflict.
 *
 * @throws AppError `batch-not-found`, `batch-status-conflict`.
 */
export function askOfBatch(
  context: CommandContext,
  actor: Actor,
  request: { batchId: string; verb: BatchVerb; onlyOnce?: boolean },
  work: (batch: BatchUnderGate, target: BatchStatus) => Promise<void>,
): Promise<BatchView> {
  const { organizationId } = actor
  return underGate(context, actor, async (client, gate) => {
    const row = await requireBatch(client, organizationId, request.batchId)
    const status = BATCH_STATUSES[row.status]!
    const target: BatchStatus | null = BATCH_TRANSITIONS[request.verb][status]
    if (target === null || (request.onlyOnce === true && target === status))
      throw new AppError('batch-status-conflict', { args: [status, request.verb] })
    if (target !== status) {
      await work({ client, gate, row, status }, target)
      await audit(client, actor, ACTIONS[request.verb], { objectId: row.batch_uuid })
    }
    return readBatchView(client, organizationId, row.batch_id)
  })
}

/**
 * Resolves when no intent that was committed before can be sent any more: usually in milliseconds, since nodes drop
 * what they have not sent, and after 5 s at the latest, when the last of them is too old to be sent.
 */
export async function waitForUnsentIntents(
  context: CommandContext,
  actor: Actor,
  of: { batchId?: number; numberHashes?: readonly string[] },
): Promise<void> {
  const giveUpAt = context.clock.monotonicMs() + UNSENT_WAIT_MS_MAX
  for (;;) {
    const unsent = await inOrganization(context, actor, (client) =>
      countUnsentIntents(asQueryable(client), actor.organizationId, of),
    )
    if (unsent === 0 || context.clock.monotonicMs() > giveUpAt) return
    await sleep(context.clock, UNSENT_POLL_MS)
  }
}

/** Waits for the intents of one batch and reads it again. */
export async function afterUnsentIntents(context: CommandContext, actor: Actor, batchId: string): Promise<BatchView> {
  const row = await inOrganization(context, actor, (client) => requireBatch(client, actor.organizationId, batchId))
  await waitForUnsentIntents(context, actor, { batchId: row.batch_id })
  return inOrganization(context, actor, (client) => readBatchView(client, actor.organizationId, row.batch_id))
}
