import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { findBatch, touchBatch } from '../store/batches.ts'
import { askToHangUp } from '../store/calls.ts'
import { cancelWaiting } from '../store/close-batches.ts'
import { audit } from './audit.ts'
import { waitForUnsentIntents } from './change-batch.ts'
import type { Actor, CommandContext } from './context.ts'
import { getCall, requireCall } from './get-call.ts'
import { asQueryable, nextVersion, underGate } from './under-gate.ts'
import type { CallView } from './views.ts'

/** In these somebody may still be waiting. */
const OPEN: ReadonlySet<number> = new Set(
  (['draft', 'scheduled', 'running', 'paused'] as const).map((status) => BATCH_STATUS_CODE[status]),
)

/**
 * Ends a call. One that waits is not placed any more, and after the answer it never is; a live one is ended by the node
 * that answers for it, within two heartbeats, and how it went is told by its own end. A call of a list that was ended
 * before it was answered is not tried again.
 *
 * @throws AppError `call-not-found`, `call-not-live` for a call that is over.
 */
export async function hangUpCall(context: CommandContext, actor: Actor, id: string): Promise<CallView> {
  const { organizationId } = actor
  const batchId = await underGate(context, actor, async (client, gate) => {
    const found = await requireCall(context, client, actor, id)
    if (found.view.state === 'ended') throw new AppError('call-not-live')
    if (found.isSingle) {
      const row = (await findBatch(client, organizationId, { batchId: found.batchId }))!
      if (OPEN.has(row.status)) await cancelWaiting(asQueryable(client), gate, found.batchId)
    }
    await audit(client, actor, 'call.hung-up', { objectId: found.view.id })
    if (found.n !== null) await askToHangUp(client, gate, { ...found, n: found.n })
    await touchBatch(client, gate, { batchId: found.batchId, version: await nextVersion(client, gate) })
    return found.isSingle ? found.batchId : null
  })
  if (batchId !== null) await waitForUnsentIntents(context, actor, { batchId })
  return getCall(context, actor, id)
}
