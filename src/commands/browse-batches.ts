import { AppError } from '../errors.ts'
import { BATCH_STATUS_CODE, type BatchStatus } from '../model/batch.ts'
import {
  type BatchOrder,
  type BatchSieve,
  countSievedBatches,
  orderedPageStatement,
  selectOrderedBatchIds,
} from '../store/batch-order.ts'
import { type ListedBatchRow, selectBatchesById } from '../store/batches.ts'
import { keptCount } from '../store/kept-counts.ts'
import { type OrganizationRow, organizationStatement } from '../store/organizations.ts'
import type { Client, Database } from '../store/owner-transaction.ts'
import { checkedLimit, checkedWhole } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, readFrom } from './context.ts'
import { lookForAgent } from './find-objects.ts'
import { listedBatchView } from './get-batch.ts'
import { countOfList } from './list-count.ts'
import { organizationView, readOrganization } from './organizations.ts'
import type { BatchView, OrganizationView } from './views.ts'

/** What of all batches is shown; what is left out takes all. */
export interface BatchSelection {
  readonly statuses?: readonly BatchStatus[] | undefined
  /** Ids in any spelling, or aliases; one that stands for nobody takes nothing. */
  readonly agents?: readonly string[] | undefined
  /** Texts of which the name holds at least one, in any case. */
  readonly names?: readonly string[] | undefined
  /** Only those that call telephones themselves. */
  readonly withCaller?: boolean | undefined
}

export interface BatchSorting {
  readonly order: BatchOrder
  readonly descending: boolean
}

export interface BrowsedPage {
  readonly items: readonly BatchView[]
  readonly total: number
  readonly organization: OrganizationView
}

const OFFSET_MAX = 2_000_000_000
const READ_AT_ONCE = 250

/** A numbered page of batches in an order, how many there are in all, and whose they are. @throws AppError `invalid-input`. */
export async function browseBatches(
  context: CommandContext,
  actor: Actor,
  selection: BatchSelection,
  page: BatchSorting & { readonly offset: number; readonly limit: number },
): Promise<BrowsedPage> {
  const offset = checkedWhole(page.offset, 'offset', { min: 0, max: OFFSET_MAX })
  const limit = checkedLimit(page.limit, { max: 100, fallback: 20 })
  const { organizationId } = actor
  if (isOfAll(selection)) return pageOfAll(context, actor, { ...page, offset, limit })
  return inOrganization(context, actor, async (client) => {
    const sieve = await sieveOf(client, organizationId, selection)
    const total = await countOf(context, client, organizationId, sieve)
    const ids = await pageOfIds(client, organizationId, { ...page, offset, limit, total }, sieve)
    const organization = await readOrganization(client, organizationId)
    return { items: await readInOrder(client, organizationId, ids), total, organization }
  })
}

function isOfAll({ statuses, agents, names, withCaller }: BatchSelection): boolean {
  return withCaller === true && statuses === undefined && agents === undefined && names === undefined
}

/** How long the list of an organization was when it was last read here: a hint at the nearer end of it and no more. */
const lastTotals = new WeakMap<Database, Map<number, number>>()
const LAST_TOTALS_MAX = 10_000

async function pageOfAll(
  context: CommandContext,
  actor: Actor,
  page: BatchSorting & { readonly offset: number; readonly limit: number },
): Promise<BrowsedPage> {
  const { organizationId } = actor
  const totals = lastTotals.get(context.database) ?? new Map<number, number>()
  lastTotals.set(context.database, totals)
  const fromEnd = (totals.get(organizationId) ?? Number.POSITIVE_INFINITY) - page.offset - page.limit < page.offset
  const [found, organizations] = (await readFrom(context, actor, [
    orderedPageStatement(organizationId, { ...page, fromEnd }),
    organizationStatement(organizationId),
  ])) as [(ListedBatchRow & { list_total: number })[], OrganizationRow[]]
  const organization = organizations[0]
  if (organization === undefined) throw new AppError('organization-not-found')
  const total =
    found[0]?.list_total ?? (await inOrganization(context, actor, (client) => keptCount(client, organizationId, null)))
  if (totals.size >= LAST_TOTALS_MAX) totals.clear()
  totals.set(organizationId, total)
  return { items: found.map(listedBatchView), total, organization: organizationView(organization) }
}

/** Calls end batches, so a list that depends on their statuses and more is counted each time. */
function countOf(context: CommandContext, client: Client, organizationId: number, sieve: BatchSieve): Promise<number> {
  const count = () => countSievedBatches(client, organizationId, sieve)
  const { statuses, agentIds, nameParts, withCaller } = sieve
  if (withCaller && agentIds === null && nameParts === null) return keptCount(client, organizationId, statuses)
  if (statuses !== null) return count()
  return countOfList(context, client, { organizationId, list: `browsed ${JSON.stringify(sieve)}` }, count)
}

/** What lies behind the middle is read from the other end, which is nearer. */
async function pageOfIds(
  client: Client,
  organizationId: number,
  page: BatchSorting & { readonly offset: number; readonly limit: number; readonly total: number },
  sieve: BatchSieve,
): Promise<Int32Array> {
  const { offset, total, order, descending } = page
  if (offset >= total) return new Int32Array()
  const limit = Math.min(page.limit, total - offset)
  const behind = total - offset - limit
  if (behind >= offset)
    return selectOrderedBatchIds(client, organizationId, { order, descending, offset, limit }, sieve)
  const fromEnd = { order, descending: !descending, offset: behind, limit }
  return (await selectOrderedBatchIds(client, organizationId, fromEnd, sieve)).reverse()
}

/**
 * All batches in an order: how many, and the batches themselves, read in slices while they are taken, each slice as it
 * is then. Memory holds four bytes for each and one slice, and no transaction stays open. One that is deleted meanwhile
 * is left out.
 */
export async function allBatches(
  context: CommandContext,
  actor: Actor,
  selection: BatchSelection,
  sorting: BatchSorting,
): Promise<{ total: number; batches: AsyncGenerator<readonly BatchView[]> }> {
  const { organizationId } = actor
  const ids = await inOrganization(context, actor, async (client) => {
    const sieve = await sieveOf(client, organizationId, selection)
    return selectOrderedBatchIds(client, organizationId, { ...sorting, offset: 0, limit: null }, sieve)
  })
  async function* slices() {
    for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
      const slice = ids.subarray(at, at + READ_AT_ONCE)
      yield await inOrganization(context, actor, (client) => readInOrder(client, organizationId, slice))
    }
  }
  return { total: ids.length, batches: slices() }
}

async function readInOrder(client: Client, organizationId: number, ids: Int32Array): Promise<BatchView[]> {
  if (ids.length === 0) return []
  const rows = await selectBatchesById(client, organizationId, [...ids])
  const byId = new Map(rows.map((row) => [row.batch_id, row]))
  return [...ids].flatMap((id) => {
    const row = byId.get(id)
    return row === undefined ? [] : [listedBatchView(row)]
  })
}

async function sieveOf(client: Client, organizationId: number, selection: BatchSelection): Promise<BatchSieve> {
  const { statuses, agents, names, withCaller } = selection
  const agentIds: number[] = []
  for (const reference of agents ?? []) {
    const agent = await lookForAgent(client, organizationId, reference)
    if (agent !== undefined) agentIds.push(agent.agent_id)
  }
  return {
    statuses: statuses?.map((status) => BATCH_STATUS_CODE[status]) ?? null,
    agentIds: agents === undefined ? null : agentIds,
    nameParts: names ?? null,
    withCaller: withCaller === true,
  }
}
