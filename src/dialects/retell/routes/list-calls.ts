import type { Actor, CommandContext } from '../../../commands/context.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { type CallListOptions, listCalls } from '../../../commands/list-calls.ts'
import { getUndialledCall, listUndialledCalls } from '../../../commands/undialled-calls.ts'
import type { BatchView, CallView } from '../../../commands/views.ts'
import { AppError, type ErrorCode, invalidInput } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import type { Asking } from '../../find-by-id.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { type DecodedFilter, decodeFilter } from '../decode.ts'
import { encodeListedCall, isExpressible } from '../encode.ts'
import { decodeId, encodeId } from '../ids.ts'
import { type AddRoutes, answers, badPaginationKey, findAgent } from '../route-parts.ts'
import { type CallFilter, type CallsRequest, callsPage, callsRequest, callsRequestOrNone, PAGE_SIZE } from '../wire.ts'

const CALLS_AT_ONCE = 100
const UNDIALLED_AT_ONCE = 1_000
/** A page is answered, with fewer calls than were asked for, when so many were looked at: few of them fit its filter. */
const LOOKED_AT_MAX = 20_000

export const addCallList: AddRoutes = (scope, { commands }) => {
  scope.post('/v3/list-calls', {
    config: { reads: true },
    schema: {
      summary: 'List Calls',
      description:
        'One entry for each dial, newest first; of a batch then one for each person who was settled without a dial. Goes on after `pagination_key`, the one of the page before; a page may hold fewer calls than `limit` and still have more after it.',
      tags: ['Calls'],
      body: documentAs(callsRequestOrNone, callsRequest),
      response: answers({ 200: callsPage }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(callsRequest, request.body, reply),
    handler: async (request) => {
      const asking = { commands, actor: actorOf(request) }
      const asked = request.body ?? {}
      const filter = asked.filter_criteria ?? {}
      const decoded = decodeFilter(filter)
      const named = await namedIn(asking, filter)
      const total = asked.include_total === true ? totalOf(filter, named) : {}
      if (decoded.isEmpty || named === null) return { items: [], has_more: false, ...total }
      const options = { ...decoded.asked, agent: named.agent, batchId: named.batch?.id }
      const { items, next } = await readBatchAndCalls(asking, asked, options, decoded.fits)
      const shown = items.map(encodeListedCall)
      if (next === null) return { items: shown, has_more: false, ...total }
      return { items: shown, has_more: true, pagination_key: encodeId('call', next), ...total }
    },
  })
}

/** What a filter names. */
interface Named {
  readonly batch: BatchView | undefined
  readonly agent: string | undefined
}

/** Null: it names something that is not there, which has no calls. */
async function namedIn(asking: Asking, { batch_call_id: batch, agent }: CallFilter): Promise<Named | null> {
  const { commands, actor } = asking
  const [wantedAgent] = agent ?? []
  try {
    return {
      batch: batch === undefined ? undefined : await getBatch(commands, actor, decodeId('batch', batch.value)),
      agent: wantedAgent === undefined ? undefined : (await findAgent(asking, wantedAgent.agent_id)).id,
    }
  } catch (error) {
    const missing: readonly ErrorCode[] = ['batch-not-found', 'agent-not-found']
    if (error instanceof AppError && missing.includes(error.code)) return null
    throw error
  }
}

/** Calls are counted where the figures of a batch tell. @throws AppError `invalid-input` for any other list. */
function totalOf({ batch_call_id: batch, ...others }: CallFilter, named: Named | null): { total: number } {
  const isBatchAlone = batch !== undefined && Object.values(others).every((other) => other === undefined)
  if (!isBatchAlone) throw invalidInput('include_total', 'can only be asked with the filter batch_call_id alone')
  if (named?.batch === undefined) return { total: 0 }
  const { retryPolicy, retryCount, figures } = named.batch
  const isOnce = retryPolicy.maxAttempts === 1 && retryCount === 0
  if (!isOnce) throw invalidInput('include_total', 'can only be asked of a batch that dials everybody once')
  // Whoever does not wait has one call, dialled or not.
  return { total: figures.total - figures.waiting - figures.due }
}

/** A page of dials and, where they end, of those people of the batch who were never dialled; both keep their order. */
async function readBatchAndCalls(
  asking: Asking,
  asked: CallsRequest,
  options: CallListOptions,
  fits: DecodedFilter['fits'],
): Promise<{ items: CallView[]; next: string | null }> {
  const { batchId } = options
  // Whoever was not dialled has no start that could lie in a range.
  if (batchId === undefined || options.from !== undefined || options.before !== undefined) {
    return readCalls(asking, asked, options, fits)
  }
  const { skip = 0, limit = PAGE_SIZE.fallback, pagination_key: key } = asked
  const isBehindDials = key !== undefined && (await isUndialled(asking, decodeId('call', key)))
  const dials = isBehindDials ? { items: [], next: null, fitting: 0 } : await readCalls(asking, asked, options, fits)
  if (dials.next !== null) return dials
  const others = await readUndialled(asking, fits, {
    batchId,
    after: isBehindDials ? decodeId('call', key) : undefined,
    skip: Math.max(0, skip - dials.fitting),
    limit: limit - dials.items.length,
  })
  const items = [...dials.items, ...others.items]
  return { items, next: others.isMore ? (others.last ?? items.at(-1)?.id ?? null) : null }
}

async function isUndialled({ commands, actor }: Asking, id: string): Promise<boolean> {
  return getUndialledCall(commands, actor, id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'call-not-found') return false
      throw error
    },
  )
}

/**
 * @param place.limit how many at most; with 0 it is only looked whether there are any.
 * @returns `last`: the one after which the next page begins, where that is not the last item.
 */
async function readUndialled(
  { commands, actor }: Asking,
  fits: DecodedFilter['fits'],
  place: { batchId: string; after: string | undefined; skip: number; limit: number },
): Promise<{ items: CallView[]; isMore: boolean; last: string | undefined }> {
  const wanted = place.skip + place.limit
  const found: CallView[] = []
  let { after } = place
  let isMore = true
  for (let looked = 0; isMore && looked < LOOKED_AT_MAX && found.length <= wanted; looked += UNDIALLED_AT_ONCE) {
    const page = await listUndialledCalls(commands, actor, place.batchId, { after, limit: UNDIALLED_AT_ONCE })
    found.push(...page.items.filter((each) => isExpressible(each) && fits(each)))
    isMore = page.hasMore
    after = page.items.at(-1)?.id
  }
  const items = found.slice(place.skip, wanted)
  return found.length > wanted ? { items, isMore: true, last: undefined } : { items, isMore, last: after }
}

/** @returns `next`: the call after which the next page begins; null at the end. `fitting`: how many were found to fit. */
async function readCalls(
  { commands, actor }: { commands: CommandContext; actor: Actor },
  asked: CallsRequest,
  options: CallListOptions,
  fits: DecodedFilter['fits'],
): Promise<{ items: CallView[]; next: string | null; fitting: number }> {
  const { skip = 0, limit = PAGE_SIZE.fallback, sort_order: order, pagination_key: key } = asked
  const isAscending = order === 'ascending'
  const direction = isAscending ? ('before' as const) : ('after' as const)
  const found: CallView[] = []
  let place = key === undefined ? null : decodeId('call', key)
  for (let looked = 0; looked < LOOKED_AT_MAX; looked += CALLS_AT_ONCE) {
    const beside = place === null ? undefined : { call: place, direction }
    const asks = { ...options, limit: CALLS_AT_ONCE, beside, oldestFirst: isAscending }
    const page = await listCalls(commands, actor, asks).catch(looked === 0 ? asBadKey : undefined)
    const inOrder = isAscending ? [...page.items].reverse() : page.items
    found.push(...inOrder.filter((each) => isExpressible(each) && fits(each)))
    const items = found.slice(skip, skip + limit)
    if (found.length > skip + limit) return { items, next: items.at(-1)!.id, fitting: found.length }
    const hasMore = (isAscending ? page.previousCursor : page.nextCursor) !== null
    place = inOrder.at(-1)?.id ?? null
    if (!hasMore || place === null) return { items, next: null, fitting: found.length }
  }
  return { items: found.slice(skip, skip + limit), next: place, fitting: found.length }
}

function asBadKey(error: unknown): never {
  throw error instanceof AppError && error.code === 'call-not-found' ? badPaginationKey() : error
}
