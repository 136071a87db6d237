import type { FastifyRequest } from 'fastify'
import { createBatch } from '../../../commands/create-batch.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { listBatches } from '../../../commands/list-batches.ts'
import { getOrganization } from '../../../commands/organizations.ts'
import { getTrunk } from '../../../commands/trunks.ts'
import { updateBatch } from '../../../commands/update-batch.ts'
import { whyBatchWaits } from '../../../commands/why-waiting.ts'
import { actorOf } from '../../dialect.ts'
import {
  type BatchRequest,
  batch,
  batchChanges,
  batchDetail,
  batchForm,
  batchQuery,
  batchRequest,
  createdBatch,
} from '../batch-wire.ts'
import { decodeBatch, decodeBatchChanges, decodeBatchQuery, decodeForm } from '../decode.ts'
import { encodeBatch, encodeBatchDetail, encodeCreatedBatch, encodePage } from '../encode.ts'
import { formOf, takeFormBodies } from '../form-body.ts'
import { type AddRoutes, answers, PREFIX } from '../route-parts.ts'
import { pageOf, pathId } from '../wire.ts'

const FILE_BYTES_MAX = 32 * 1_048_576
const tags = ['Batches']

export const addBatches: AddRoutes = async (scope, services) => {
  const { commands } = services
  await scope.register(async (inner) => addCreation(inner, services))

  scope.get('/batches', {
    schema: {
      summary: 'The batches of the organization, newest first, whatever wire format made them',
      operationId: 'listBatches',
      tags,
      querystring: batchQuery,
      response: answers({ 200: pageOf(batch) }),
    },
    handler: async (request) =>
      encodePage(await listBatches(commands, actorOf(request), decodeBatchQuery(request.query)), encodeBatch),
  })

  scope.get('/batches/:id', {
    schema: {
      summary: 'One batch: its figures, its limits, and why it is not calling (more) now',
      operationId: 'getBatch',
      tags,
      params: pathId,
      response: answers({ 200: batchDetail }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await getBatch(commands, actor, request.params.id)
      const [waiting, trunk, organization] = await Promise.all([
        whyBatchWaits(commands, actor, found.id),
        getTrunk(commands, actor, found.trunk.id),
        getOrganization(commands, actor),
      ])
      return encodeBatchDetail({ batch: found, waiting, trunk, organization })
    },
  })

  scope.patch('/batches/:id', {
    schema: {
      summary: 'Change a batch while it lives; limits and hours hold from the next call on',
      operationId: 'updateBatch',
      tags,
      params: pathId,
      body: batchChanges,
      response: answers({ 200: batch }),
    },
    handler: async (request) => {
      const changes = decodeBatchChanges(request.body)
      return encodeBatch(await updateBatch(commands, actorOf(request), request.params.id, changes))
    },
  })
}

const addCreation: AddRoutes = async (scope, { commands }) => {
  await takeFormBodies(scope, { fileBytesMax: FILE_BYTES_MAX })

  scope.post('/batches', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Call a list of people',
      description:
        'The list comes as JSON, or as a CSV file in a form whose other fields are those of the JSON body: texts as they are, everything else written as JSON. ' +
        'Fields may stand before or after the file. On any error nothing is stored.',
      operationId: 'createBatch',
      tags,
      body: {
        content: { 'application/json': { schema: batchRequest }, 'multipart/form-data': { schema: batchForm } },
      },
      response: answers({ 201: createdBatch }),
    },
    handler: async (request, reply) => {
      const { input, source } = await decodeCreation(request)
      const created = await createBatch(
        commands,
        actorOf(request),
        { ...input, idempotent: request.idempotent },
        source,
      )
      reply.status(201).header('location', `${PREFIX}/batches/${created.batch.id}`)
      return reply.send(encodeCreatedBatch(created))
    },
  })
}

async function decodeCreation(request: FastifyRequest) {
  const form = formOf(request)
  return form === undefined ? decodeBatch(request.body as BatchRequest) : decodeForm(form, FILE_BYTES_MAX)
}
