import { AppError } from '../errors.ts'
import { selectRejectedRows } from '../store/batches.ts'
import { batchMadeBy, noteBatchMade } from '../store/idempotent-answers.ts'
import { takeObjectId } from '../store/organizations.ts'
import { audit } from './audit.ts'
import { type Making, moveRecipients, newPlace, type RecipientSource, storeBatch, withStaged } from './batch-making.ts'
import { type BatchInput, batchParties } from './batch-terms.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { countPeople, peopleToCall } from './daily-limits.ts'
import { REJECTED_ROWS_SHOWN } from './file-recipients.ts'
import { readBatchView } from './get-batch.ts'
import { lockGate } from './under-gate.ts'
import type { BatchView, RejectedRowView } from './views.ts'

export interface CreatedBatch {
  readonly batch: BatchView
  /** The first 100. */
  readonly rejectedRows: readonly RejectedRowView[]
}

/**
 * Stores the whole batch or, on any error, nothing.
 *
 * Recipients are carried to the database in slices while they arrive. Then one transaction moves them to their places
 * and makes the batch; it takes the gate last of all, so that a long list does not hold up calls that are under way.
 *
 * @throws AppError for whatever does not fit.
 */
export async function createBatch(
  context: CommandContext,
  actor: Actor,
  input: BatchInput,
  source: RecipientSource,
): Promise<CreatedBatch> {
  const made = await madeBefore(context, actor, input)
  if (made !== null) return made
  try {
    return await withStaged(context, actor, { input, source }, async (making) => {
      const batch = await store(context, actor, making)
      context.signals.wake(actor.organizationId)
      return { batch, rejectedRows: (making.file?.rejected ?? []).slice(0, REJECTED_ROWS_SHOWN) }
    })
  } catch (error) {
    const twin = error instanceof MadeMeanwhile ? await madeBefore(context, actor, input) : null
    if (twin !== null) return twin
    throw error
  }
}

/** Another worker of the same idempotent request was faster. */
class MadeMeanwhile extends Error {}

/** The batch that the same idempotent request has made before, when its worker died without an answer. */
async function madeBefore(context: CommandContext, actor: Actor, input: BatchInput): Promise<CreatedBatch | null> {
  const { organizationId } = actor
  const { idempotent } = input
  if (idempotent === null || idempotent === undefined) return null
  return inOrganization(context, actor, async (client) => {
    const batchId = await batchMadeBy(client, { organizationId, ...idempotent })
    if (batchId === null) return null
    const rows = await selectRejectedRows(client, { organizationId, batchId }, { after: 0, limit: REJECTED_ROWS_SHOWN })
    const rejectedRows = rows.map(({ column_name, ...row }) => ({ ...row, column: column_name }))
    return { batch: await readBatchView(client, organizationId, batchId), rejectedRows }
  })
}

async function store(context: CommandContext, actor: Actor, making: Making): Promise<BatchView> {
  const { organizationId } = actor
  // A transaction of its own, so that the long one does not hold the organization's row; an unused number does no harm.
  const batchId = await inOrganization(context, actor, (client) => takeObjectId(client, organizationId))
  return inOrganization(context, actor, async (client) => {
    const layout = await moveRecipients(client, making.stage, batchId)
    const gate = await lockGate(client, actor)
    // The agent or the number may have gone while the list arrived.
    const parties = await batchParties(context, client, actor, making.input)
    const { trunkId, digits } = making.parties.caller
    if (parties.caller.trunkId !== trunkId || parties.caller.digits !== digits) {
      throw new AppError('no-caller-number', { field: 'callerNumber' })
    }
    const { idempotent } = making.input
    if (idempotent !== null && idempotent !== undefined) {
      const key = { organizationId, ...idempotent }
      if ((await batchMadeBy(client, key)) !== null) throw new MadeMeanwhile()
      await noteBatchMade(client, key, batchId)
    }
    await countPeople(client, gate, actor, peopleToCall(layout))
    const place = newPlace(batchId)
    await storeBatch(client, gate, { ...making, parties }, { layout, place })
    const action = making.input.single === true ? 'call.created' : 'batch.created'
    await audit(client, actor, action, { objectId: place.uuid, detail: { people: layout.total } })
    return readBatchView(client, organizationId, batchId)
  })
}
