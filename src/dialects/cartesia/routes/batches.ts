import type { FastifyRequest } from 'fastify'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { createBatch } from '../../../commands/create-batch.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { listBatchesBeside } from '../../../commands/list-batches-beside.ts'
import { listRecipients } from '../../../commands/list-recipients.ts'
import { getOrganization } from '../../../commands/organizations.ts'
import { getTrunk } from '../../../commands/trunks.ts'
import type { BatchView, NumberView, RecipientView } from '../../../commands/views.ts'
import { AppError, invalidInput } from '../../../errors.ts'
import { cancelUnlessCompleted, retryUnreached } from '../../batch-verbs.ts'
import { actorOf } from '../../dialect.ts'
import { everyPage } from '../../every-page.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { decodeBatch, decodePlace } from '../decode.ts'
import { batchStatusOf, encodeBatch, encodeRecipient, isExpressible } from '../encode.ts'
import { decodeId } from '../ids.ts'
import { type AddRoutes, answers, asBadPlace, findAgent, findNumber, pageOf } from '../route-parts.ts'
import { versionOf } from '../version.ts'
import {
  type BatchRequest,
  batch,
  batchesQuery,
  batchPath,
  batchRequest,
  batchRequestDocumented,
  batchRequestOfFirstVersion,
  batchWithRecipients,
  listOf,
} from '../wire.ts'

const tags = ['Call batches']
const BATCHES = '/agents/calls/batches'
const RECIPIENTS_AT_ONCE = 1_000

export const addBatches: AddRoutes = (scope, services) => {
  const { commands, clock, region } = services

  scope.post(BATCHES, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Create Call Batch',
      description: 'Calls everybody on a list, now or at `scheduled_at`. On any error nothing is stored.',
      tags,
      body: documentAs(batchRequest, batchRequestDocumented),
      response: answers({ 201: batch }),
    },
    preValidation: async (request, reply) => {
      const known = versionOf(request).takesRegion ? batchRequestDocumented : batchRequestOfFirstVersion
      nameIgnoredFields(known, request.body, reply)
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const version = versionOf(request)
      const agent = await findAgent(commands, actor, request.body.agent_id)
      const number = await findNumber(commands, actor, request.body.from_number_id)
      if (version.takesRegion) await checkRegion({ commands, actor, number, region }, request.body)
      const { liveMax } = await getOrganization(commands, actor)
      const nowEpochMs = clock.nowEpochMs()
      const terms = { version, nowEpochMs, liveMax, agent: agent.id, callerNumber: number.id, region }
      const { input, recipients } = await decodeBatch(request.body, terms)
      const asked = { ...input, idempotent: request.idempotent }
      const created = await createBatch(commands, actor, asked, { recipients, path: 'recipients' })
      return reply.status(201).send(encodeBatch(created.batch, version, region))
    },
  })

  scope.get(BATCHES, {
    schema: {
      summary: 'List Call Batches',
      description: 'Newest first; without the recipients. The page past the end is empty.',
      tags,
      querystring: batchesQuery,
      response: answers({ 200: listOf(batch) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { agent_id: agentId, limit } = request.query
      const { beside, backwards } = decodePlace(request.query)
      const agent = agentId === undefined ? undefined : (await findAgent(commands, actor, agentId)).id
      const place = beside === null ? null : decodeId('batch', beside)
      const page = { beside: place, backwards, limit: limit + 1, agent, fits: isExpressible }
      const field = backwards ? 'ending_before' : 'starting_after'
      const found = await listBatchesBeside(commands, actor, page).catch(asBadPlace(['batch-not-found'], field))
      const version = versionOf(request)
      const shown = found.map((each) => encodeBatch(each, version, region))
      return pageOf(shown, { limit, backwards })
    },
  })
  addOneBatch(scope, services)
}

/** Only a trunk of one's own has another region than that of this server, and calls leave from here anyway. */
async function checkRegion(
  { commands, actor, number, region }: { commands: CommandContext; actor: Actor; number: NumberView; region: string },
  request: BatchRequest,
): Promise<void> {
  if (request.region === undefined) return
  const { carrier } = await getTrunk(commands, actor, number.trunkId)
  if (carrier !== 'sip') throw invalidInput('region', 'can only be named for the number of a SIP trunk')
  if (request.region !== region) throw invalidInput('region', `must be ${region}, that of this server, or left out`)
}

const addOneBatch: AddRoutes = (scope, { commands, region }) => {
  // Another format may have changed it since it was found.
  const answer = (request: FastifyRequest, view: BatchView) =>
    encodeBatch(requireExpressible(view), versionOf(request), region)

  scope.get(`${BATCHES}/:batch_id`, {
    schema: {
      summary: 'Get Call Batch',
      description: 'With its recipients.',
      tags,
      params: batchPath,
      response: answers({ 200: batchWithRecipients }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      const recipients = await allRecipients(commands, actor, found.id)
      return { ...answer(request, found), recipients: recipients.map((each) => encodeRecipient(each, found)) }
    },
  })

  scope.post(`${BATCHES}/:batch_id/cancel`, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Cancel Call Batch',
      description: 'Nobody is called any more after the answer; calls under way go on. Asking again changes nothing.',
      tags,
      params: batchPath,
      response: answers({ 200: batch }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      return answer(request, await cancelUnlessCompleted({ commands, actor }, found))
    },
  })

  scope.post(`${BATCHES}/:batch_id/retry`, {
    schema: {
      summary: 'Retry Call Batch',
      description: 'Calls once more whoever was busy, did not answer, declined, or could not be reached.',
      tags,
      params: batchPath,
      response: answers({ 200: batch }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const version = versionOf(request)
      const found = await findBatch(commands, actor, request.params.batch_id)
      if (batchStatusOf(found, version) === 'cancelled') {
        throw new AppError('batch-status-conflict', { args: ['cancelled', 'retry'] })
      }
      return answer(request, await retryUnreached({ commands, actor }, found))
    },
  })
}

/** @throws AppError `batch-not-found`, also for what this wire format cannot say. */
async function findBatch(commands: CommandContext, actor: Actor, id: string): Promise<BatchView> {
  return requireExpressible(await getBatch(commands, actor, decodeId('batch', id)))
}

function requireExpressible(view: BatchView): BatchView {
  if (!isExpressible(view)) throw new AppError('batch-not-found')
  return view
}

/** In the order of the request. */
async function allRecipients(commands: CommandContext, actor: Actor, batchId: string): Promise<RecipientView[]> {
  const all = await everyPage((cursor) =>
    listRecipients(commands, actor, batchId, { cursor, limit: RECIPIENTS_AT_ONCE }),
  )
  return all.sort((one, other) => one.line - other.line)
}
