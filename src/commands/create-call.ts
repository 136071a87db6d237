import { AppError } from '../errors.ts'
import type { BatchInput } from './batch-terms.ts'
import type { Actor, CommandContext } from './context.ts'
import { createBatch } from './create-batch.ts'
import { readCall } from './get-call.ts'
import type { RecipientInput } from './posted-recipients.ts'
import type { CallView } from './views.ts'

/** How one person is called; who that is stands beside it. */
export type CallInput = Omit<
  BatchInput,
  'name' | 'concurrency' | 'duplicateNumbers' | 'draft' | 'paused' | 'refuseShortWindow' | 'onBadRows' | 'single'
>

const RECIPIENT_PATH = 'call'

/**
 * Calls one person, now or at `startAt`, through the same dispatcher and under the same limits, hours and suppressions
 * as a list: it is a batch of one that lists of batches do not show. Answers before the call is placed.
 *
 * @throws AppError for whatever does not fit; faults of the person are those of fields of this call, such as `to`.
 */
export async function createCall(
  context: CommandContext,
  actor: Actor,
  input: CallInput,
  recipient: RecipientInput,
): Promise<CallView> {
  const terms: BatchInput = { ...input, name: 'Call', single: true }
  const source = { recipients: [recipient], path: RECIPIENT_PATH }
  const { batch } = await createBatch(context, actor, terms, source).catch((error: unknown) => {
    throw ofOnePerson(error)
  })
  return readCall(context, actor, { batchUuid: batch.id })
}

/** What a list would say of its first entry, said of the call. */
function ofOnePerson(error: unknown): unknown {
  const prefix = `${RECIPIENT_PATH}[0].`
  if (!(error instanceof AppError) || error.field?.startsWith(prefix) !== true) return error
  const field = error.field.slice(prefix.length)
  const detail = error.details?.[0]
  const message = detail === undefined ? error.message : `${field} ${detail.message}.`
  return new AppError('invalid-input', { field, args: [message], remedy: detail?.remedy ?? error.remedy, cause: error })
}
