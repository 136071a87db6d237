import { AppError } from '../errors.ts'
import { eraseCall } from '../store/calls.ts'
import { selectRecipients } from '../store/recipients.ts'
import { audit } from './audit.ts'
import type { Actor, CommandContext } from './context.ts'
import { requireCall } from './get-call.ts'
import { underGate } from './under-gate.ts'
import type { CallView } from './views.ts'

/**
 * Erases for good what was said in a call and which keys were pressed, and what was known of its person beside the
 * number: the variables, the metadata, and what a wire format kept of it. That the call took place stays. Repeating it
 * is harmless.
 *
 * @throws AppError `call-not-found`, `call-not-over` while it lives or its person is to be called again.
 */
export async function deleteCall(context: CommandContext, actor: Actor, id: string): Promise<CallView> {
  const { organizationId } = actor
  return underGate(context, actor, async (client, gate) => {
    const { batchId, seq, n } = await requireCall(context, client, actor, id)
    const range = { organizationId, batchId, fromSeq: seq, toSeq: seq + 1, limit: 1 }
    const [recipient] = await selectRecipients(client, range)
    if (recipient?.outcome === null) throw new AppError('call-not-over')
    await audit(client, actor, 'call.erased', { objectId: id })
    await eraseCall(client, gate, { batchId, seq, n: n ?? 0 })
    return (await requireCall(context, client, actor, id)).view
  })
}
