import type { Actor, CommandContext } from '../../../commands/context.ts'
import { createBatch } from '../../../commands/create-batch.ts'
import { deleteBatch } from '../../../commands/delete-batch.ts'
import { resultsOf } from '../../../commands/export-results.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { listBatchesBeside } from '../../../commands/list-batches-beside.ts'
import { getOrganization } from '../../../commands/organizations.ts'
import type { BatchView } from '../../../commands/views.ts'
import { AppError, invalidInput } from '../../../errors.ts'
import { cancelUnlessCompleted, retryUnreached } from '../../batch-verbs.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { decodeBatch } from '../decode.ts'
import { encodeBatch, encodeRecipient, isExpressible } from '../encode.ts'
import { decodeId, encodeId } from '../ids.ts'
import { type AddRoutes, answers, findAgent, findNumber } from '../route-parts.ts'
import {
  batch,
  batches,
  batchesQuery,
  batchPath,
  batchRequest,
  batchRequestDocumented,
  batchWithRecipients,
  type Recipient,
} from '../wire.ts'
import { nothing } from '../wire-parts.ts'

const tags = ['Batch calling']
const BATCHES = '/v1/convai/batch-calling'
const ONE = `${BATCHES}/:batch_id`

export const addBatches: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post(`${BATCHES}/submit`, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Submit batch calling job',
      description: 'Calls everybody on a list, now or at `scheduled_time_unix`. On any error nothing is stored.',
      tags,
      body: documentAs(batchRequest, batchRequestDocumented),
      response: answers({ 200: batch }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(batchRequestDocumented, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { agent_id: agentId, agent_phone_number_id: numberId } = request.body
      const agent = await findAgent(commands, actor, agentId)
      const number = typeof numberId === 'string' ? await findNumber(commands, actor, numberId) : undefined
      const { liveMax } = await getOrganization(commands, actor)
      const terms = { liveMax, agent: agent.id, callerNumber: number?.id }
      const { input, recipients } = await decodeBatch(request.body, terms)
      const asked = { ...input, idempotent: request.idempotent }
      return encodeBatch((await createBatch(commands, actor, asked, { recipients, path: 'recipients' })).batch)
    },
  })

  scope.get(`${BATCHES}/workspace`, {
    schema: {
      summary: 'List batch calling jobs',
      description: 'Newest first, without the recipients.',
      tags,
      querystring: batchesQuery,
      response: answers({ 200: batches }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(batchesQuery, request.query, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { agent_id: agentId, last_doc: last, limit } = request.query
      const agent = agentId === undefined ? undefined : (await findAgent(commands, actor, agentId)).id
      const beside = last === undefined ? null : decodeId('batch', last)
      const page = { beside, backwards: false, limit: limit + 1, agent, fits: isExpressible }
      const found = await listBatchesBeside(commands, actor, page).catch(asBadPlace)
      const shown = found.slice(0, limit)
      const hasMore = found.length > limit
      return {
        batch_calls: shown.map(encodeBatch),
        next_doc: hasMore ? encodeId('batch', shown.at(-1)!.id) : null,
        has_more: hasMore,
      }
    },
  })
  addOneBatch(scope, services)
  addVerbs(scope, services)
}

function asBadPlace(error: unknown): never {
  if (!(error instanceof AppError && error.code === 'batch-not-found')) throw error
  throw invalidInput('last_doc', 'is not the next_doc of a page of this list')
}

const addOneBatch: AddRoutes = (scope, { commands }) => {
  scope.get(ONE, {
    schema: {
      summary: 'Get batch calling job',
      description: 'With its recipients, in the order of the request.',
      tags,
      params: batchPath,
      response: answers({ 200: batchWithRecipients }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      const recipients: Recipient[] = []
      for await (const each of resultsOf(commands, actor, found.id)) recipients.push(encodeRecipient(each, found))
      return { ...encodeBatch(found), recipients }
    },
  })

  scope.delete(ONE, {
    schema: {
      summary: 'Delete batch calling job',
      description:
        'Nobody is called any more after the answer; calls under way go on. Nothing of it can be read again.',
      tags,
      params: batchPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      await deleteBatch(commands, actor, (await findBatch(commands, actor, request.params.batch_id)).id)
      return reply.status(204).send(null)
    },
  })
}

const addVerbs: AddRoutes = (scope, { commands }) => {
  scope.post(`${ONE}/cancel`, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Cancel batch calling job',
      description: 'Nobody is called any more after the answer; calls under way go on. Asking again changes nothing.',
      tags,
      params: batchPath,
      response: answers({ 200: batch }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      return answer(await cancelUnlessCompleted({ commands, actor }, found))
    },
  })

  scope.post(`${ONE}/retry`, {
    schema: {
      summary: 'Retry batch calling job',
      description: 'Calls once more whoever was busy, did not answer, declined, or could not be reached.',
      tags,
      params: batchPath,
      response: answers({ 200: batch }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      if (found.status === 'cancelled') throw new AppError('batch-status-conflict', { args: ['cancelled', 'retry'] })
      return answer(await retryUnreached({ commands, actor }, found))
    },
  })
}

/** @throws AppError `batch-not-found`, also for what this wire format cannot say. */
async function findBatch(commands: CommandContext, actor: Actor, id: string): Promise<BatchView> {
  return requireExpressible(await getBatch(commands, actor, decodeId('batch', id)))
}

/** Another format may have changed it since it was found. */
function answer(view: BatchView) {
  return encodeBatch(requireExpressible(view))
}

function requireExpressible(view: BatchView): BatchView {
  if (!isExpressible(view)) throw new AppError('batch-not-found')
  return view
}
