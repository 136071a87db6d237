import type { FastifyRequest } from 'fastify'
import { getAgent } from '../../../commands/agents.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { getRecipient } from '../../../commands/get-recipient.ts'
import { findCallToJoin } from '../../../commands/join-token.ts'
import { listRecipients } from '../../../commands/list-recipients.ts'
import type { RecipientView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import { decodeStatus } from '../decode.ts'
import { countCalls, encodeScheduledCall, isBeforeWindow, mediumOf, templateOf, textOf } from '../encode.ts'
import { encodeCall, factsOfAttempt, factsOfLatest } from '../encode-call.ts'
import { whyNotJoinable } from '../joining.ts'
import { planOf } from '../media.ts'
import { type AddRoutes, answers, batchOfAgent, encodeList, joinUrls } from '../route-parts.ts'
import {
  batchPath,
  call,
  callPath,
  joinQuery,
  listOf,
  listQuery,
  PAGE_SIZE,
  scheduledCall,
  scheduledCallsQuery,
} from '../wire.ts'

const BATCH = '/api/agents/:agent_id/scheduled_batches/:batch_id'

export const addCalls: AddRoutes = (scope, services) => {
  const { commands, clock, publicUrl } = services

  scope.get(`${BATCH}/scheduled_calls`, {
    schema: {
      summary: 'The calls of a batch, each with its status',
      tags: ['Scheduled batches'],
      params: batchPath,
      querystring: scheduledCallsQuery,
      response: answers({ 200: listOf(scheduledCall) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize = PAGE_SIZE.fallback, status } = request.query
      const { batch } = await batchOfAgent(commands, actor, request.params)
      const isFuture = isBeforeWindow(batch, clock.nowEpochMs())
      const filter = status === undefined ? {} : decodeStatus(status, isFuture)
      const page = await listRecipients(commands, actor, batch.id, { ...filter, cursor, limit: pageSize })
      const total = status === undefined ? batch.figures.total : countCalls(batch, isFuture)[status]
      const encode = (recipient: RecipientView) => encodeScheduledCall(recipient, batch, isFuture)
      return encodeList(page, encode, { request, publicUrl, total })
    },
  })

  scope.get(`${BATCH}/created_calls`, {
    schema: {
      summary: 'The calls of a batch that were made',
      tags: ['Scheduled batches'],
      params: batchPath,
      querystring: listQuery,
      response: answers({ 200: listOf(call) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { cursor, pageSize = PAGE_SIZE.fallback } = request.query
      const { agent, batch } = await batchOfAgent(commands, actor, request.params)
      const filter = decodeStatus('SUCCESS', false)
      const page = await listRecipients(commands, actor, batch.id, { ...filter, cursor, limit: pageSize })
      const total = countCalls(batch, false).SUCCESS
      const systemPrompt = textOf(templateOf(agent)?.systemPrompt)
      const joinUrlOf = joinUrls(services)
      const encode = (recipient: RecipientView) => {
        const facts = factsOfLatest(recipient)!
        return encodeCall({ facts, recipient, batch, joinUrl: joinUrlOf(facts.id, recipient), systemPrompt })
      }
      return encodeList(page, encode, { request, publicUrl, total })
    },
  })
  addOneCall(scope, services)
}

const addOneCall: AddRoutes = (scope, services) => {
  const { commands } = services
  const readCall = async (request: FastifyRequest, callId: string) => {
    const actor = actorOf(request)
    const { recipient, attempts } = await getRecipient(commands, actor, callId).catch(asCallNotFound)
    const attempt = attempts.find(({ id }) => id === callId.toLowerCase())
    if (attempt === undefined || attempt.disposition === 'not-sent') throw new AppError('call-not-found')
    const batch = await getBatch(commands, actor, recipient.batchId).catch(asCallNotFound)
    const agent = await getAgent(commands, actor, batch.agent.id)
    const joinUrl = joinUrls(services)(attempt.id, recipient)
    const systemPrompt = textOf(templateOf(agent)?.systemPrompt)
    return encodeCall({ facts: factsOfAttempt(attempt), recipient, batch, joinUrl, systemPrompt })
  }

  addJoining(scope, services)

  scope.get('/api/calls/:call_id', {
    schema: { summary: 'One call', tags: ['Calls'], params: callPath, response: answers({ 200: call }) },
    handler: (request) => readCall(request, request.params.call_id),
  })
}

/** The address that was handed out with an invitation; whoever has it needs no key. */
const addJoining: AddRoutes = (scope, { commands }) => {
  scope.get('/api/calls/:call_id/join', {
    config: { public: true },
    schema: {
      summary: 'Join a call that somebody else places',
      tags: ['Calls'],
      params: callPath,
      querystring: joinQuery,
      response: answers({}),
    },
    handler: async (request) => {
      const { call_id: callId } = request.params
      const { recipient, batch } = await findCallToJoin(commands, callId, request.query.token).catch(asCallNotFound)
      const reason = whyNotJoinable(planOf(mediumOf(recipient, batch)).medium)
      throw new AppError('not-joinable', { args: [reason ?? 'it is joined over a WebSocket.'] })
    },
  })
}

function asCallNotFound(error: unknown): never {
  const unknown =
    error instanceof AppError && (error.code === 'recipient-not-found' || error.code === 'batch-not-found')
  throw unknown ? new AppError('call-not-found') : error
}
