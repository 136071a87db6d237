import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { allBatches, type BatchSelection, browseBatches } from '../../../commands/browse-batches.ts'
import type { Actor } from '../../../commands/context.ts'
import { listRecipients } from '../../../commands/list-recipients.ts'
import { openLink } from '../../../commands/signed-link.ts'
import type { BatchView } from '../../../commands/views.ts'
import { actorOf, type DialectServices } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { decodeStatuses } from '../decode.ts'
import {
  encodeListedBatchCall,
  encodeOrganizationId,
  encodePagination,
  encodeStoredTask,
  encodeTask,
} from '../encode.ts'
import {
  type AddRoutes,
  answers,
  organizationIdOf,
  requireBatchCall,
  requireZuduAgent,
  success,
  TASKS_LINK,
} from '../route-parts.ts'
import * as wire from '../wire.ts'

const tags = ['Batch calls']
const PAGE_LIMIT_DEFAULT = 20
const TASKS_AT_ONCE = 1_000
/** Nobody has so many: a page beyond it is as empty as any other beyond the end. */
const OFFSET_MAX = 2_000_000_000
const GIVEN = 'Batch calls retrieved successfully with real-time metrics'
const FILTERED = 'Batch calls retrieved successfully with filters'

const ORDER_OF_KEY = {
  created_at: 'created',
  updated_at: 'updated',
  scheduled_timestamp: 'start',
  name: 'name',
  status: 'status',
  total_task_count: 'total',
} as const satisfies Record<wire.SortKey, string>

/** What a list was asked for. */
interface Asked {
  readonly message: string
  /** Null: everything. */
  readonly page: { readonly page: number; readonly limit: number } | null
  readonly sort_by: wire.SortKey
  readonly sort_order: 'ascending' | 'descending'
  readonly selection: BatchSelection
  readonly appliedFilters: Readonly<Record<string, string>> | null
}

export const addLists: AddRoutes = (scope, services) => {
  const response = answers(wire.enveloped(wire.batchCallList))

  scope.get('/batch-call/list', {
    schema: { summary: 'List batch calls', tags, querystring: wire.listQuery, response },
    handler: async (request, reply) => {
      const { sort_by, sort_order } = request.query
      const page = pageOf(request.query)
      const asked = { message: GIVEN, page, sort_by, sort_order, selection: {}, appliedFilters: null }
      return reply
        .type('application/json; charset=utf-8')
        .send(asWritten(await listed(services, actorOf(request), asked)))
    },
  })

  scope.post('/batch-call/list', {
    config: { reads: true, repeatedBy: 'command' },
    schema: { summary: 'List batch calls that fit filters', tags, body: wire.listRequest, response },
    preValidation: async (request, reply) => nameIgnoredFields(wire.listRequest, request.body, reply),
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const { sort_by, sort_order, pagination, filter_criteria } = request.body
      const { page, limit } = pagination ?? {}
      const asked: Asked = {
        message: FILTERED,
        page: pageOf({ page: page ?? undefined, limit: limit ?? undefined, size: undefined }),
        sort_by,
        sort_order,
        selection: await selectionOf(services, actor, filter_criteria),
        appliedFilters: appliedFilters(filter_criteria),
      }
      return reply.type('application/json; charset=utf-8').send(asWritten(await listed(services, actor, asked)))
    },
  })
  addTasks(scope, services)
}

const addTasks: AddRoutes = (scope, { commands }) => {
  scope.get('/batch-call/:batch_call_id/tasks', {
    schema: {
      summary: 'Tasks of a batch call and what became of them',
      tags,
      params: wire.batchPath,
      querystring: wire.tasksQuery,
      response: answers(wire.enveloped(wire.taskList)),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { page, limit } = request.query
      const batch = await requireBatchCall(commands, actor, request.params.batch_call_id)
      const offset = page * limit
      const total_count = batch.figures.total
      const items =
        offset >= total_count ? [] : (await listRecipients(commands, actor, batch.id, { offset, limit })).items
      return success('Batch call tasks retrieved successfully', {
        tasks: items.map((recipient) => encodeTask(recipient, batch)),
        pagination: { page, limit, total_count },
      })
    },
  })

  scope.get('/batch-call/:batch_call_id/tasks.json', {
    config: { public: true },
    schema: {
      summary: 'All tasks as they were sent, by a link that opens for a day without a key',
      tags,
      params: wire.batchPath,
      querystring: wire.tokenQuery,
      response: answers(wire.storedTasks),
    },
    handler: async (request, reply) => {
      const { batch_call_id } = request.params
      const id = batch_call_id.replace(/^batch_call_/, '')
      const actor = openLink(commands, { purpose: TASKS_LINK, id }, request.query.token)
      const batch = await requireBatchCall(commands, actor, batch_call_id)
      const download: FastifyReply = reply
      download.type('application/json; charset=utf-8')
      return download.send(Readable.from(tasksAsJson(commands, actor, batch)))
    },
  })
}

/** Without limit, size and page, or with a limit of null, the list is everything. */
function pageOf({ page, limit, size }: Pick<wire.ListQuery, 'page' | 'limit' | 'size'>): Asked['page'] {
  if (limit === null) return null
  const asked = limit ?? size
  if (asked === undefined && page === undefined) return null
  return { page: page ?? 0, limit: asked ?? PAGE_LIMIT_DEFAULT }
}

async function selectionOf(
  { commands }: DialectServices,
  actor: Actor,
  criteria: wire.ListRequest['filter_criteria'],
): Promise<BatchSelection> {
  const { status, agent_id, name } = criteria ?? {}
  const agents: string[] = []
  // An agent that is not there has no batches.
  for (const text of agent_id ?? []) {
    agents.push(
      await requireZuduAgent(commands, actor, { text }).then(
        ({ id }) => id,
        () => text,
      ),
    )
  }
  return {
    ...(status?.length ? { statuses: decodeStatuses(status) } : {}),
    ...(agents.length > 0 ? { agents } : {}),
    ...(name?.length ? { names: name } : {}),
  }
}

function appliedFilters(criteria: wire.ListRequest['filter_criteria']): Record<string, string> {
  const counted = (['status', 'agent_id', 'name'] as const).flatMap((key) => {
    const count = criteria?.[key]?.length ?? 0
    return count === 0 ? [] : [[key, count === 1 ? '1 value' : `${count} values`] as const]
  })
  return Object.fromEntries(counted)
}

/** Text and streams are sent as they are, whatever schema the route has for its document. */
function asWritten(text: string | Readable): never {
  return text as never
}

/** A page is made whole; everything is written while it is read. */
async function listed({ commands }: DialectServices, actor: Actor, asked: Asked): Promise<string | Readable> {
  const selection = { ...asked.selection, withCaller: true }
  const sorting = { order: ORDER_OF_KEY[asked.sort_by], descending: asked.sort_order === 'descending' }
  if (asked.page === null) {
    const organizationId = await organizationIdOf(commands, actor)
    const { total, batches } = await allBatches(commands, actor, selection, sorting)
    return Readable.from(listAsJson({ asked, organizationId, total, batches }))
  }
  const { page, limit } = asked.page
  const offset = Math.min(page * limit, OFFSET_MAX)
  const browsed = await browseBatches(commands, actor, selection, { ...sorting, offset, limit })
  const { items, total } = browsed
  const organizationId = encodeOrganizationId(browsed.organization)
  const head = {
    organization_id: organizationId,
    batch_calls: items.map((item) => encodeListedBatchCall(item, organizationId)),
  }
  const data = { ...head, ...tailOf(asked, encodePagination(page, limit, total), items.length) }
  return JSON.stringify(success(asked.message, data))
}

function tailOf({ sort_order, sort_by, appliedFilters }: Asked, pagination: wire.Pagination, returned_count: number) {
  return {
    pagination,
    returned_count,
    sort_order,
    sort_by,
    ...(appliedFilters === null ? {} : { applied_filters: appliedFilters }),
  }
}

/** Pieces of the JSON of {@link listed}. What was deleted while it was read is missing from the count as well. */
async function* listAsJson({
  asked,
  organizationId,
  total,
  batches,
}: {
  asked: Asked
  organizationId: string
  total: number
  batches: AsyncIterable<readonly BatchView[]>
}) {
  const { data: _, ...envelope } = success(asked.message, null)
  yield `${JSON.stringify(envelope).slice(0, -1)},"data":{"organization_id":${JSON.stringify(organizationId)},"batch_calls":[`
  let returned = 0
  for await (const slice of batches) {
    const texts = slice.map((batch) => JSON.stringify(encodeListedBatchCall(batch, organizationId)))
    if (texts.length > 0) yield `${returned === 0 ? '' : ','}${texts.join(',')}`
    returned += slice.length
  }
  const tail = tailOf(asked, encodePagination(0, total, total), returned)
  yield `],${JSON.stringify(tail).slice(1)}}`
}

async function* tasksAsJson(commands: DialectServices['commands'], actor: Actor, batch: BatchView) {
  yield '['
  let cursor: string | undefined
  let isFirst = true
  do {
    const page = await listRecipients(commands, actor, batch.id, { cursor, limit: TASKS_AT_ONCE })
    const texts = page.items.map((recipient) => JSON.stringify(encodeStoredTask(recipient, batch)))
    if (texts.length > 0) yield `${isFirst ? '' : ','}${texts.join(',')}`
    isFirst = false
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  yield ']'
}
