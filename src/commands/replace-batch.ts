import { AppError } from '../errors.ts'
import { BATCH_STATUSES, type BatchStatus } from '../model/batch.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { eraseBatch } from '../store/erase-batch.ts'
import { appendBatchEvent } from '../store/event-log.ts'
import { audit } from './audit.ts'
import { moveRecipients, type RecipientSource, storeBatch, withStaged } from './batch-making.ts'
import { type BatchInput, batchParties } from './batch-terms.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { countPeople, peopleToCall } from './daily-limits.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { asQueryable, underGate } from './under-gate.ts'
import type { BatchView } from './views.ts'

const NOT_STARTED: ReadonlySet<BatchStatus> = new Set(['draft', 'scheduled'])

/**
 * Gives a batch that has not started other terms and other recipients, as if it had been created so; its id and the
 * instant at which it was made stay. All of it or, on any error, nothing. Holds the gate while the recipients are moved:
 * some milliseconds for thousands.
 *
 * @throws AppError `batch-not-found`, `batch-status-conflict` once it has started, or whatever does not fit.
 */
export async function replaceBatch(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  { input, source }: { input: BatchInput; source: RecipientSource },
): Promise<BatchView> {
  const { organizationId } = actor
  // Asked before the list is read, and once more when nothing can come between.
  await inOrganization(context, actor, async (client) =>
    refuseStarted(await requireBatch(client, organizationId, batchId)),
  )
  return withStaged(context, actor, { input, source }, (making) =>
    underGate(context, actor, async (client, gate) => {
      const row = await requireBatch(client, organizationId, batchId)
      refuseStarted(row)
      const parties = await batchParties(context, client, actor, input)
      const { trunkId, digits } = making.parties.caller
      if (parties.caller.trunkId !== trunkId || parties.caller.digits !== digits) {
        throw new AppError('no-caller-number', { field: 'callerNumber' })
      }
      await eraseBatch(client, { organizationId, batchId: row.batch_id })
      await appendBatchEvent(asQueryable(client), gate, row.batch_id, EVENT_KINDS['batch-replaced'])
      const layout = await moveRecipients(client, making.stage, row.batch_id)
      await audit(client, actor, 'batch.replaced', { objectId: row.batch_uuid, detail: { people: layout.total } })
      await countPeople(client, gate, actor, peopleToCall(layout))
      const place = { batchId: row.batch_id, uuid: row.batch_uuid, createdAt: row.created_at }
      await storeBatch(client, gate, { ...making, parties }, { layout, place })
      return readBatchView(client, organizationId, row.batch_id)
    }),
  )
}

function refuseStarted({ status: code }: { status: number }): void {
  const status = BATCH_STATUSES[code]!
  if (!NOT_STARTED.has(status)) throw new AppError('batch-status-conflict', { args: [status, 'be replaced'] })
}
