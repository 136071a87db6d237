import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { cancelBatch } from '../../commands/cancel-batch.ts'
import type { Actor, CommandContext } from '../../commands/context.ts'
import { createBatch } from '../../commands/create-batch.ts'
import { createCall } from '../../commands/create-call.ts'
import { exportRejectedRows } from '../../commands/export-rejected-rows.ts'
import { getBatch } from '../../commands/get-batch.ts'
import { listRecentOutcomes } from '../../commands/list-recent-outcomes.ts'
import { listRecipients } from '../../commands/list-recipients.ts'
import { organizationAnswersTo } from '../../commands/organizations.ts'
import { AppError } from '../../errors.ts'
import { readHeaderToken } from '../credentials.ts'
import { actorOf, type Dialect, type DialectServices } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { IGNORED_FIELDS_HEADER, ignoredFieldsHeader, nameIgnoredFields } from '../ignored-fields.ts'
import { type Form, readForm, takeForms } from '../multipart-form.ts'
import { documentAs } from '../open-api.ts'
import { useZod, type ZodScope } from '../zod-routes.ts'
import { decodeBatchId, decodeCall, decodeCallFilter, decodeStart } from './decode.ts'
import {
  countCalls,
  encodeBatchId,
  encodeCalls,
  encodeCancelled,
  encodeProgressAnswer,
  encodeStarted,
  encodeStartedCall,
  encodeStatus,
} from './encode.ts'
import { flatError } from './errors.ts'
import { trilletWebhook } from './webhook.ts'
import * as wire from './wire.ts'

/** The path that the product's reference prints, and the one that its overview prints. */
const PREFIXES = ['/v1/api/batch-calls', '/v1/batch-calls'] as const
const CALL_PATH = '/v1/api/call'
const OWN_PATH = /^\/v1\/(?:api(?:\/|$)|batch-calls)/
const WORKSPACE_HEADER = 'x-workspace-id'
const RECENT_CALLS_MAX = 10

/** Batches from an uploaded CSV file, followed by polling. See the README beside this file. */
export const trillet: Dialect = {
  name: 'trillet',
  title: 'Trillet',
  bodyLimitBytes: 1_048_576,
  openApi: {
    version: '1.0.0',
    description:
      'Upload a CSV file and everyone in it is called; ask how far it is and cancel it. Every path is also there under /v1/batch-calls.',
    securitySchemes: {
      apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      workspace: {
        type: 'apiKey',
        in: 'header',
        name: WORKSPACE_HEADER,
        description: 'The id of the organization that the key belongs to, or an alias of it.',
      },
    },
    security: [{ apiKey: [], workspace: [] }],
  },
  owns: (path) => OWN_PATH.test(path),
  async authenticate(request, keys, { commands }) {
    const actor = await keys.organization(readHeaderToken(request, 'x-api-key'), request)
    await checkWorkspace(request, commands, actor)
    request.actor = actor
  },
  answerFailure(failure, request, reply) {
    const { batchId } = (request.params ?? {}) as { batchId?: string }
    // Only a form with a list can be without its file.
    const { httpStatus, body } =
      request.routeOptions.url === CALL_PATH && failure.code === 'unsupported-media-type'
        ? { httpStatus: failure.httpStatus, body: { error: failure.message, message: failure.remedy } }
        : flatError(failure, batchId)
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body))
  },
  webhookForms: [trilletWebhook],
  async register(scope, services) {
    // A list comes as a form and a single call as JSON, so each has a scope with its own parsers.
    await scope.register(async (inner) => {
      addIdempotency(inner, services.commands)
      addCall(useZod(inner), services)
    })
    await scope.register(async (inner) => addBatches(inner, services))
  },
}

async function addBatches(scope: Parameters<Dialect['register']>[0], services: DialectServices): Promise<void> {
  // Bodies other than forms are not read: a client that sends one is told that its file is missing.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  await takeForms(scope)
  addIdempotency(scope, services.commands)
  const routes = useZod(scope)
  for (const [at, prefix] of PREFIXES.entries()) {
    // The second path is an alias and would only repeat the document.
    const place = { prefix, hide: at > 0 }
    addStart(routes, services, place)
    addReading(routes, services, place)
    addCancel(routes, services, place)
  }
}

/** One person, called at once through the same dispatcher as everyone else. */
function addCall(routes: ZodScope, { commands }: DialectServices): void {
  routes.route({
    method: 'POST',
    url: CALL_PATH,
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Call one person',
      body: wire.callRequest,
      response: { 200: wire.startedCall, ...failures },
    },
    // Before the schema leaves out what it does not know.
    preValidation: async (request, reply) => nameIgnoredFields(wire.callRequest, request.body, reply),
    handler: async (request, reply) => {
      const { input, recipient } = decodeCall(request.body)
      const asked = { ...input, idempotent: request.idempotent }
      const made = await createCall(commands, actorOf(request), asked, recipient)
      return reply.send(encodeStartedCall(made))
    },
  })
}

interface Place {
  readonly prefix: string
  readonly hide: boolean
}

const rejectedRowsFile = {
  description: 'The rows, one a line, after the names of the columns.',
  content: { 'text/csv': { schema: z.string() } },
}
const failures = { '4xx': wire.errorBody, '5xx': wire.errorBody }

async function checkWorkspace(request: FastifyRequest, commands: CommandContext, actor: Actor): Promise<void> {
  const workspaceId = request.headers[WORKSPACE_HEADER]
  if (typeof workspaceId !== 'string' || workspaceId.trim() === '') {
    const remedy = 'Send the id of the organization that the key belongs to, or an alias of it, in x-workspace-id.'
    throw new AppError('invalid-input', { field: WORKSPACE_HEADER, args: ['No workspace ID provided'], remedy })
  }
  const isOwn = await organizationAnswersTo(commands, actor, workspaceId.trim())
  if (!isOwn) throw new AppError('wrong-workspace', { field: WORKSPACE_HEADER })
}

function addStart(routes: ZodScope, services: DialectServices, { prefix, hide }: Place): void {
  const forms = new WeakMap<FastifyRequest, Form>()
  routes.route({
    method: 'POST',
    url: prefix,
    config: { repeatedBy: 'command' },
    schema: {
      hide,
      summary: 'Start a batch',
      body: { content: { 'multipart/form-data': { schema: documentAs(z.unknown(), wire.startForm) } } },
      response: { 200: wire.startedBatch, ...failures },
    },
    // Before the idempotency key is looked at, which needs the hash of the parts.
    preValidation: async (request, reply) => {
      forms.set(request, await readForm(request, reply, { fileBytesMax: wire.FILE_BYTES_MAX }))
    },
    handler: async (request, reply) => {
      const { fields, file } = forms.get(request)!
      const { input, ignoredFields: ignored } = decodeStart(fields, services.clock.nowEpochMs())
      const source = { file: file.bytes, fileName: file.name, maxBytes: wire.FILE_BYTES_MAX }
      const asked = { ...input, idempotent: request.idempotent }
      const created = await createBatch(services.commands, actorOf(request), asked, source)
      if (ignored.length > 0) reply.header(IGNORED_FIELDS_HEADER, ignoredFieldsHeader(ignored))
      const path = `${PREFIXES[0]}/${encodeBatchId(created.batch.id)}/rejected-rows`
      return reply.send(encodeStarted(created, `${services.publicUrl()}${path}`))
    },
  })
}

function addReading(routes: ZodScope, { commands, clock }: DialectServices, { prefix, hide }: Place): void {
  const recentCalls = (request: FastifyRequest) =>
    listRecentOutcomes(commands, actorOf(request), batchIdOf(request), { limit: RECENT_CALLS_MAX })
  const readBatch = (request: FastifyRequest) => getBatch(commands, actorOf(request), batchIdOf(request))
  routes.get(
    `${prefix}/:batchId`,
    {
      schema: {
        hide,
        summary: 'Status of a batch',
        params: wire.batchParams,
        response: { 200: wire.batchStatusAnswer, ...failures },
      },
    },
    async (request, reply) => {
      const batch = await readBatch(request)
      const recent = await recentCalls(request)
      return reply.send(encodeStatus(batch, recent, clock.nowEpochMs()))
    },
  )
  routes.get(
    `${prefix}/:batchId/status`,
    {
      schema: {
        hide,
        summary: 'Progress of a batch',
        params: wire.batchParams,
        response: { 200: wire.batchProgressAnswer, ...failures },
      },
    },
    async (request, reply) => reply.send(encodeProgressAnswer(await readBatch(request), await recentCalls(request))),
  )
  routes.get(
    `${prefix}/:batchId/calls`,
    {
      schema: {
        hide,
        summary: 'Calls of a batch',
        params: wire.batchParams,
        querystring: wire.callsQuery,
        response: { 200: wire.callsAnswer, ...failures },
      },
    },
    async (request, reply) => {
      const { page, limit, status } = request.query
      const batch = await readBatch(request)
      const counts = countCalls(batch.figures)
      const offset = (page - 1) * limit
      // Repeated numbers, which are not shown, stand behind everyone else; so a page of all needs no filter, and with
      // none the list begins anywhere at no cost.
      const filter = status === 'all' ? {} : decodeCallFilter(status)
      const options = { ...filter, offset, limit }
      const isBehindEnd = offset >= counts[status]
      const found = isBehindEnd ? [] : (await listRecipients(commands, actorOf(request), batch.id, options)).items
      return reply.send(encodeCalls(batch, found, { page, limit, status }))
    },
  )
  routes.get(
    `${prefix}/:batchId/rejected-rows`,
    {
      schema: {
        hide,
        summary: 'Rejected rows of the file as CSV',
        params: wire.batchParams,
        response: { 200: rejectedRowsFile, ...failures },
      },
    },
    async (request, reply) => {
      const rows = await exportRejectedRows(commands, actorOf(request), batchIdOf(request), 'csv')
      const download: FastifyReply = reply
      return download.header('content-type', 'text/csv; charset=utf-8').send(Readable.from(rows))
    },
  )
}

function addCancel(routes: ZodScope, { commands }: DialectServices, { prefix, hide }: Place): void {
  routes.delete(
    `${prefix}/:batchId`,
    {
      schema: {
        hide,
        summary: 'Cancel a batch',
        params: wire.batchParams,
        response: { 200: wire.cancelledBatch, ...failures },
      },
    },
    async (request, reply) =>
      reply.send(encodeCancelled(await cancelBatch(commands, actorOf(request), batchIdOf(request)))),
  )
}

function batchIdOf(request: FastifyRequest): string {
  return decodeBatchId((request.params as { batchId: string }).batchId)
}
