import { AppError } from '../errors.ts'
import type { AttemptKey } from '../model/attempt-key.ts'
import { codeOfOutcome, UNDIALLED_OUTCOMES } from '../model/disposition.ts'
import { uuidFromHex } from '../model/id-cipher.ts'
import { findBatch } from '../store/batches.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type RecipientRow, selectFilteredRecipients, selectRecipients } from '../store/recipients.ts'
import { undialledCallView } from './call-view.ts'
import { checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { SEQ_MAX } from './find-recipient.ts'
import { readBatchView, requireBatch } from './get-batch.ts'
import { dialNamed } from './get-call.ts'
import { recipientView } from './recipient-view.ts'
import type { BatchView, CallView } from './views.ts'

/**
 * People of a batch who were settled without a dial, as calls: for wire formats in which everybody of a batch has one.
 * Each has the id that its first dial would have had.
 */

/** Among those with the last two are some who were dialled before. */
const OUTCOMES_WITHOUT_DIAL = [...UNDIALLED_OUTCOMES, 'cancelled', 'expired'] as const

export interface UndialledOptions {
  /** 1..1000. */
  readonly limit: number
  /** Id of the one after which the page begins. */
  readonly after?: string | undefined
}

/**
 * A page of them in the order of their places in the batch, at most `limit`.
 *
 * @throws AppError `batch-not-found`, `call-not-found` for an `after` that is no call of the batch.
 */
export async function listUndialledCalls(
  context: CommandContext,
  actor: Actor,
  batchUuid: string,
  options: UndialledOptions,
): Promise<{ items: CallView[]; hasMore: boolean }> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  return inOrganization(context, actor, async (client) => {
    const { organizationId } = actor
    const { batch_id: batchId } = await requireBatch(client, organizationId, batchUuid)
    const after = options.after === undefined ? { batchId, seq: 0 } : firstDialNamed(context, actor, options.after)
    if (after.batchId !== batchId) throw new AppError('call-not-found')
    const batch = await readBatchView(client, organizationId, batchId)
    const range = { organizationId, batchId, toSeq: SEQ_MAX + 1, limit: limit + 1, offset: 0, backwards: false }
    const wanted = { waiting: false, due: false, liveStates: [], outcomes: OUTCOMES_WITHOUT_DIAL.map(codeOfOutcome) }
    const found: CallView[] = []
    // A dial that was ended while it rang leaves its person cancelled as well: those are passed over.
    for (let fromSeq = after.seq + 1; found.length <= limit; ) {
      const rows = await selectFilteredRecipients(client, { ...range, fromSeq }, wanted)
      found.push(...rows.filter(isUndialled).map((row) => viewOf(context, actor, batch, { batchId, row })))
      const last = rows.at(-1)
      if (rows.length <= limit || last === undefined) break
      fromSeq = last.seq + 1
    }
    return { items: found.slice(0, limit), hasMore: found.length > limit }
  })
}

/** One of them by its id in any spelling. @throws AppError `call-not-found`, also for one that was dialled or waits. */
export async function getUndialledCall(context: CommandContext, actor: Actor, id: string): Promise<CallView> {
  const dial = firstDialNamed(context, actor, id)
  const view = await inOrganization(context, actor, (client) => readUndialled(context, client, actor, dial))
  if (view === null) throw new AppError('call-not-found')
  return view
}

async function readUndialled(
  context: CommandContext,
  client: Client,
  actor: Actor,
  { batchId, seq }: { batchId: number; seq: number },
): Promise<CallView | null> {
  const { organizationId } = actor
  const found = await findBatch(client, organizationId, { batchId })
  if (found === undefined || found.single) return null
  const range = { organizationId, batchId, fromSeq: seq, toSeq: seq + 1, limit: 1 }
  const [row] = await selectRecipients(client, range)
  if (row === undefined || !isUndialled(row)) return null
  return viewOf(context, actor, await readBatchView(client, organizationId, batchId), { batchId, row })
}

function isUndialled(row: RecipientRow): boolean {
  return row.outcome !== null && row.live_state === null && row.dials === 0
}

function viewOf(
  context: CommandContext,
  { organizationId }: Actor,
  batch: BatchView,
  { batchId, row }: { batchId: number; row: RecipientRow },
): CallView {
  const key = { kind: 'attempt', organizationId, batchId, seq: row.seq, n: 1 } as const
  const id = uuidFromHex(context.secrets.ids.encode(key))
  return undialledCallView(id, batch, recipientView(context, organizationId, row))
}

/** Such an id names the first dial, which there never was. @throws AppError `call-not-found`. */
function firstDialNamed(context: CommandContext, actor: Actor, id: string): AttemptKey {
  const dial = dialNamed(context, actor, id)
  if (dial.n !== 1) throw new AppError('call-not-found')
  return dial
}
