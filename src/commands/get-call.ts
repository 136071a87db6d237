import { AppError } from '../errors.ts'
import type { AttemptKey } from '../model/attempt-key.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import { findBatch } from '../store/batches.ts'
import { findCall } from '../store/calls.ts'
import type { Client } from '../store/owner-transaction.ts'
import { selectRecipients } from '../store/recipients.ts'
import { callView, undialledCallView } from './call-view.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { SEQ_MAX } from './find-recipient.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { recipientView } from './recipient-view.ts'
import type { CallView } from './views.ts'

/** The first and only person of a single call. */
const SINGLE_SEQ = 1
/** What a smallint column can hold. */
const N_MAX = 32_767

/** A call as the database knows it. */
export interface FoundCall {
  readonly view: CallView
  readonly batchId: number
  readonly seq: number
  /** Null: it was never dialled. */
  readonly n: number | null
  /** Microseconds since 1970, 0 before the dial: with the others its place in lists. */
  readonly claimedUs: number
  readonly isSingle: boolean
}

/**
 * A call by its id in any spelling, live or over; one that was asked for by itself also while it waits.
 * @throws AppError `call-not-found`, also for a call of another organization or of a deleted batch.
 */
export async function getCall(context: CommandContext, actor: Actor, id: string): Promise<CallView> {
  const found = await inOrganization(context, actor, (client) => requireCall(context, client, actor, id))
  return found.view
}

/** The call for which a batch of one was made. */
export async function readCall(
  context: CommandContext,
  actor: Actor,
  { batchUuid }: { batchUuid: string },
): Promise<CallView> {
  const { organizationId } = actor
  return inOrganization(context, actor, async (client) => {
    const { batch_id: batchId } = await requireBatch(client, organizationId, batchUuid)
    return (await findSingle(context, client, { organizationId, batchId })).view
  })
}

/** Which dial an id in any spelling names, if there is one. @throws AppError `call-not-found`. */
export function dialNamed(
  { secrets }: Pick<CommandContext, 'secrets'>,
  { organizationId }: Pick<Actor, 'organizationId'>,
  id: string,
): AttemptKey {
  const parts = secrets.ids.decode(id)
  // The organization is compared first: an id of another one is no id here.
  if (parts === null || parts.organizationId !== organizationId || parts.n < 1) throw new AppError('call-not-found')
  const { batchId, seq, n } = parts
  if (batchId > SEQ_MAX || seq < 1 || seq > SEQ_MAX || n > N_MAX) throw new AppError('call-not-found')
  return { batchId, seq, n }
}

/** @throws AppError `call-not-found`. */
export async function requireCall(
  context: Pick<CommandContext, 'secrets'>,
  client: Client,
  actor: Pick<Actor, 'organizationId'>,
  id: string,
): Promise<FoundCall> {
  const { organizationId } = actor
  const { batchId, seq, n } = dialNamed(context, actor, id)
  const key = { organizationId, batchId, seq }
  const batch = await findBatch(client, organizationId, { batchId })
  if (batch === undefined) throw new AppError('call-not-found')
  if (batch.single) return findSingle(context, client, key)
  const row = await findCall(client, { ...key, n })
  if (row === undefined) throw new AppError('call-not-found')
  return { view: callView(context, organizationId, row), batchId, seq, n, claimedUs: row.claimed_us, isSingle: false }
}

async function findSingle(
  context: Pick<CommandContext, 'secrets'>,
  client: Client,
  { organizationId, batchId }: { organizationId: number; batchId: number },
): Promise<FoundCall> {
  const seq = SINGLE_SEQ
  const row = await findCall(client, { organizationId, batchId, seq, n: null })
  if (row !== undefined) {
    const view = callView(context, organizationId, row)
    return { view, batchId, seq, n: row.n, claimedUs: row.claimed_us, isSingle: true }
  }
  const batch = await readBatchView(client, organizationId, batchId)
  const range = { organizationId, batchId, fromSeq: seq, toSeq: seq + 1, limit: 1 }
  const recipient = recipientView(context, organizationId, (await selectRecipients(client, range))[0]!)
  const id = uuidFromHex(context.secrets.ids.encode({ kind: 'attempt', organizationId, batchId, seq, n: 1 }))
  return { view: undialledCallView(id, batch, recipient), batchId, seq, n: null, claimedUs: 0, isSingle: true }
}
