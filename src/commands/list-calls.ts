import { codeOfStatus } from '../model/attempt-transitions.ts'
import { codeOfOutcome, isAttemptDisposition, OUTCOMES, type Outcome } from '../model/disposition.ts'
import { type CallFilter, type CallPlace, selectCalls } from '../store/calls.ts'
import type { Client } from '../store/owner-transaction.ts'
import { callView } from './call-view.ts'
import { checkedDate, checkedLimit } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireAgent } from './find-objects.ts'
import { requireBatch } from './get-batch.ts'
import { requireCall } from './get-call.ts'
import { openPosition, type Position, type TwoWayPage, twoWayPage } from './two-way-page.ts'
import type { CallView, RecipientState } from './views.ts'

export interface CallListOptions {
  readonly cursor?: string | undefined
  /** Id of a call beside which the page begins, instead of a cursor; `before` reads towards the newest. */
  readonly beside?: { readonly call: string; readonly direction: 'after' | 'before' } | undefined
  /** Without a place: begins at the oldest; each page is newest first all the same. */
  readonly oldestFirst?: boolean | undefined
  /** 1..100, by default 20. */
  readonly limit?: number | undefined
  /** Id in any spelling, or alias. */
  readonly agent?: string | undefined
  readonly batchId?: string | undefined
  /** Those in one of these states or with one of these outcomes; by default all. */
  readonly states?: readonly RecipientState[] | undefined
  readonly outcomes?: readonly Outcome[] | undefined
  /** Dialled at or after, and before. */
  readonly from?: Date | undefined
  readonly before?: Date | undefined
}

const LIVE_STATES = ['dialing', 'accepted', 'ringing', 'answered'] as const

/**
 * Every dial of the organization that was sent, of lists and of single calls, newest first. A page is read by its place,
 * so calls that come meanwhile neither repeat nor hide any.
 *
 * @throws AppError `agent-not-found`, `batch-not-found`, `call-not-found`, `invalid-cursor`, `invalid-input`.
 */
export async function listCalls(
  context: CommandContext,
  actor: Actor,
  options: CallListOptions = {},
): Promise<TwoWayPage<CallView>> {
  const { organizationId } = actor
  const limit = checkedLimit(options.limit, { max: 100, fallback: 20 })
  const { agent, batchId, states, outcomes, from, before } = options
  const at = { context, actor, list: `calls ${JSON.stringify([agent, batchId, states, outcomes, from, before])}` }
  const fromEnd = options.oldestFirst === true && options.cursor === undefined
  const opened = fromEnd ? { beside: null, backwards: true } : openPosition(at, options.cursor)
  const { rows, position } = await inOrganization(context, actor, async (client) => {
    const filter = await filterOf(client, actor, options)
    const position = options.beside === undefined ? opened : await placeOf(context, client, actor, options.beside)
    const page = { beside: position.beside as CallPlace | null, backwards: position.backwards, limit: limit + 1 }
    return { rows: await selectCalls(client, organizationId, page, filter), position }
  })
  const keyOf = (row: (typeof rows)[number]) => [row.claimed_us, row.batch_id, row.seq, row.n]
  const page = twoWayPage(at, rows, { limit, position, keyOf })
  return { ...page, items: page.items.map((row) => callView(context, organizationId, row)) }
}

async function placeOf(
  context: CommandContext,
  client: Client,
  actor: Actor,
  { call, direction }: { call: string; direction: 'after' | 'before' },
): Promise<Position> {
  const { batchId, seq, n, claimedUs } = await requireCall(context, client, actor, call)
  // One that was not dialled yet stands before all others.
  const beside = n === null ? null : [claimedUs, batchId, seq, n]
  return { beside, backwards: direction === 'before' }
}

async function filterOf(client: Client, actor: Actor, options: CallListOptions): Promise<CallFilter> {
  const { agent, batchId, states, outcomes, from, before } = options
  const agentRow = agent === undefined ? null : await requireAgent(client, actor.organizationId, agent)
  const batchRow = batchId === undefined ? null : await requireBatch(client, actor.organizationId, batchId)
  const bounds = [from === undefined ? null : checkedDate(from, 'from'), agentRow?.created_at, batchRow?.created_at]
  const latest = Math.max(...bounds.map((bound) => bound?.getTime() ?? 0))
  const all = states === undefined && outcomes === undefined
  const ends = states?.includes('ended') === true ? OUTCOMES : (outcomes ?? [])
  return {
    agentId: agentRow?.agent_id ?? null,
    batchId: batchRow?.batch_id ?? null,
    dispositions: all ? null : ends.filter(isAttemptDisposition).map(codeOfOutcome),
    liveStates: all ? null : LIVE_STATES.filter((state) => states?.includes(state)).map(codeOfStatus),
    from: latest === 0 ? null : new Date(latest),
    before: before === undefined ? null : checkedDate(before, 'before'),
  }
}
