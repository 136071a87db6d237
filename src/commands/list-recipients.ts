import { codeOfStatus } from '../model/attempt-transitions.ts'
import { codeOfOutcome, OUTCOMES, type Outcome } from '../model/disposition.ts'
import {
  type RecipientFilter,
  type RecipientRow,
  selectFilteredRecipients,
  selectRecipients,
} from '../store/recipients.ts'
import { checkedLimit, checkedWhole } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { requireBatch } from './get-batch.ts'
import { recipientView } from './recipient-view.ts'
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

const LAST_SEQ = 2_147_483_647
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
): Promise<Page<RecipientView>> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const offset = checkedWhole(options.offset ?? 0, 'offset', { min: 0, max: OFFSET_MAX })
  const list = `recipients ${batchId} ${JSON.stringify([options.states, options.outcomes])}`
  const after = options.cursor === undefined ? 0 : Number(openCursor(context, actor, list, options.cursor)[0])
  const filter = filterOf(options)
  const rows = await inOrganization(context, actor, async (client): Promise<RecipientRow[]> => {
    const batch = await requireBatch(client, organizationId, batchId)
    const range = { organizationId, batchId: batch.batch_id, toSeq: LAST_SEQ, limit: limit + 1 }
    // Without a filter the offset is a place in the numbering, which has no gaps.
    if (filter === null) return selectRecipients(client, { ...range, fromSeq: after + 1 + offset })
    return selectFilteredRecipients(client, { ...range, fromSeq: after + 1, offset }, filter)
  })
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map((row) => recipientView(context, organizationId, row)),
    nextCursor: last === undefined ? null : sealCursor(context, actor, list, [last.seq]),
  }
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
