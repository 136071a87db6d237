import { codeOfStatus } from '../model/attempt-transitions.ts'
import { codeOfOutcome, OUTCOMES, type Outcome } from '../model/disposition.ts'
import {
  type RecipientFilter,
  type RecipientRow,
  selectFilteredRecipients,
  selectRecipients,
} from '../store/recipients.ts'
import { checkedLimit, checkedWhole } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { SEQ_MAX } from './find-recipient.ts'
import { requireBatch } from './get-batch.ts'
import { recipientView } from './recipient-view.ts'
import { openPosition, type Position, type TwoWayPage, twoWayPage } from './two-way-page.ts'
import type { RecipientState, RecipientView } from './views.ts'

export interface RecipientListOptions {
  readonly cursor?: string | undefined
  /** 1..1000, by default 100. */
  readonly limit?: number | undefined
  /** How many of those that fit to leave out, instead of a cursor. */
  readonly offset?: number | undefined
  /** Those in one of these states or with one of these outcomes; by default all. */
  readonly states?: readonly RecipientState[] | undefined
  readonly outcomes?: readonly Outcome[] | undefined
}

const OFFSET_MAX = 2_000_000_000

/**
 * In the order of `seq`: those who may be called first, lane by lane, then those who were final from the start,
 * duplicates last.
 *
 * @throws AppError `batch-not-found`, `invalid-cursor`, `invalid-input`.
 */
export async function listRecipients(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  options: RecipientListOptions = {},
): Promise<TwoWayPage<RecipientView>> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const offset = checkedWhole(options.offset ?? 0, 'offset', { min: 0, max: OFFSET_MAX })
  const list = `recipients ${batchId} ${JSON.stringify([options.states, options.outcomes])}`
  const at = { context, actor, list }
  const position = openPosition(at, options.cursor)
  const filter = filterOf(options)
  const rows = await inOrganization(context, actor, async (client): Promise<RecipientRow[]> => {
    const batch = await requireBatch(client, organizationId, batchId)
    const range = { organizationId, batchId: batch.batch_id, ...seqsAt(position), limit: limit + 1 }
    if (filter !== null) {
      return selectFilteredRecipients(client, { ...range, offset, backwards: position.backwards }, filter)
    }
    // The numbering has no gaps, so that an offset is a place in it and the page before lies right before.
    if (!position.backwards) return selectRecipients(client, { ...range, fromSeq: range.fromSeq + offset })
    return (await selectRecipients(client, { ...range, fromSeq: Math.max(1, range.toSeq - limit - 1) })).reverse()
  })
  const page = twoWayPage(at, rows, { limit, position, keyOf: ({ seq }) => [seq] })
  return { ...page, items: page.items.map((row) => recipientView(context, organizationId, row)) }
}

function seqsAt({ beside, backwards }: Position): { fromSeq: number; toSeq: number } {
  const seq = beside?.[0] ?? 0
  return backwards ? { fromSeq: 1, toSeq: seq } : { fromSeq: seq + 1, toSeq: SEQ_MAX + 1 }
}

/** Null: everyone. */
function filterOf({ states, outcomes }: RecipientListOptions): RecipientFilter | null {
  if (states === undefined && outcomes === undefined) return null
  const wanted = new Set(states)
  const codes = new Set((outcomes ?? []).map(codeOfOutcome))
  if (wanted.has('ended')) for (const outcome of OUTCOMES) codes.add(codeOfOutcome(outcome))
  const liveStates = (['dialing', 'accepted', 'ringing', 'answered'] as const).filter((state) => wanted.has(state))
  return {
    waiting: wanted.has('waiting'),
    due: wanted.has('due'),
    liveStates: liveStates.map(codeOfStatus),
    outcomes: [...codes],
  }
}
