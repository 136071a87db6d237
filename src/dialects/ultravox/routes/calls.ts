import type { FastifyRequest } from 'fastify'
import { getAgent } from '../../../commands/agents.ts'
import { createCall } from '../../../commands/create-call.ts'
import { deleteCall } from '../../../commands/delete-call.ts'
import { getCall } from '../../../commands/get-call.ts'
import { joinCall, requireSeat } from '../../../commands/join-call.ts'
import { findCallToJoin } from '../../../commands/join-token.ts'
import { type CallListOptions, listCalls } from '../../../commands/list-calls.ts'
import { ensureJoinedTrunk } from '../../../commands/trunks.ts'
import type { CallView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { actorOf, type DialectServices } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { decodeAgentTerms, decodeCall, inCallRequest, JOINED_CARRIER } from '../decode.ts'
import { mediumOf, templateOf, textOf } from '../encode.ts'
import { encodeCall, readingOfCall } from '../encode-call.ts'
import { JoinSocket, type SocketMedium } from '../join-socket.ts'
import { whyNotJoinable } from '../joining.ts'
import type { CallMedium } from '../media.ts'
import { type AddRoutes, answers, encodeList, joinUrls, liveAgent, nothing } from '../route-parts.ts'
import {
  agentPath,
  call,
  callPath,
  callRequest,
  callsOf,
  callsQuery,
  joinQuery,
  type ListQuery,
  listQuery,
  PAGE_SIZE,
  throttleQuery,
} from '../wire.ts'

const tags = ['Calls']

export const addCalls: AddRoutes = (scope, services) => {
  const { commands, publicUrl } = services
  const list = async (request: FastifyRequest, { cursor, pageSize }: ListQuery, filter: CallListOptions) => {
    const limit = pageSize ?? PAGE_SIZE.fallback
    const page = await listCalls(commands, actorOf(request), { ...filter, cursor, limit })
    const encode = (view: CallView) => encodeCall(readingOfCall(view), { joinUrl: joinUrlOf(services, view) })
    const { next, previous, results } = encodeList(page, encode, { request, publicUrl, total: 0 })
    return { next, previous, results }
  }

  scope.get('/api/calls', {
    schema: { summary: 'List calls, newest first', tags, querystring: callsQuery, response: answers({ 200: callsOf }) },
    handler: (request) => {
      const { agentIds, fromDate, toDate, ...page } = request.query
      return list(request, page, {
        agent: agentIds,
        from: fromDate === undefined ? undefined : new Date(fromDate),
        before: toDate === undefined ? undefined : new Date(toDate),
      })
    },
  })

  scope.get('/api/agents/:agent_id/calls', {
    schema: {
      summary: 'List the calls of an agent, newest first',
      tags,
      params: agentPath,
      querystring: listQuery,
      response: answers({ 200: callsOf }),
    },
    handler: (request) => list(request, request.query, { agent: request.params.agent_id }),
  })
  addCreation(scope, services)
  addOneCall(scope, services)
  addJoining(scope, services)
}

const addCreation: AddRoutes = (scope, services) => {
  const { commands } = services
  scope.post('/api/agents/:agent_id/calls', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Call one person',
      tags,
      params: agentPath,
      querystring: throttleQuery,
      body: callRequest,
      response: answers({ 201: call }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(callRequest, request.body, reply),
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const agent = await liveAgent(commands, actor, request.params.agent_id)
      const { input, recipient, plan } = decodeCall(request.body, decodeAgentTerms(agent.id, agent.dialectFields))
      if (plan.kind === 'joined') {
        const reason = whyNotJoinable((recipient.dialectFields?.medium ?? null) as CallMedium | null)
        if (reason !== null) throw new AppError('not-joinable', { args: [reason] })
        await ensureJoinedTrunk(commands, actor, JOINED_CARRIER)
      }
      const asked = { ...input, throttle: request.query.throttle, idempotent: request.idempotent }
      const made = await createCall(commands, actor, asked, recipient).catch((error: unknown) => {
        throw inCallRequest(error, plan)
      })
      const systemPrompt = textOf(templateOf(agent)?.systemPrompt)
      return reply
        .status(201)
        .send(encodeCall(readingOfCall(made), { joinUrl: joinUrlOf(services, made), systemPrompt }))
    },
  })
}

const addOneCall: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.get('/api/calls/:call_id', {
    schema: { summary: 'One call', tags, params: callPath, response: answers({ 200: call }) },
    handler: async (request) => {
      const actor = actorOf(request)
      const view = await getCall(commands, actor, request.params.call_id)
      const agent = await getAgent(commands, actor, view.agent.id)
      const systemPrompt = textOf(templateOf(agent)?.systemPrompt)
      return encodeCall(readingOfCall(view), { joinUrl: joinUrlOf(services, view), systemPrompt })
    },
  })

  scope.delete('/api/calls/:call_id', {
    schema: {
      summary: 'Erase what was said in a call that is over, and what was known of its person',
      tags,
      params: callPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await deleteCall(commands, actorOf(request), request.params.call_id)
      return reply.status(204).send(null)
    },
  })
}

/** The address that was handed out with an invitation; whoever has it needs no key. */
const addJoining: AddRoutes = (scope, { commands, clock }) => {
  /** Of requests that were let through and are not connected yet. */
  const media = new WeakMap<object, SocketMedium>()
  /** @throws AppError `not-joinable`. */
  const mediumToJoin = async (callId: string, token: string): Promise<SocketMedium> => {
    const { recipient, batch } = await findCallToJoin(commands, callId, token)
    const medium = mediumOf(recipient, batch) as CallMedium | null
    const reason = whyNotJoinable(medium)
    if (reason !== null) throw new AppError('not-joinable', { args: [reason] })
    return medium!.serverWebSocket!
  }
  scope.route({
    method: 'GET',
    url: '/api/calls/:call_id/join',
    config: { public: true },
    schema: {
      summary: 'Join a call that somebody else places, over a WebSocket',
      tags,
      params: callPath,
      querystring: joinQuery,
      response: answers({}),
    },
    preHandler: async (request) => {
      const { call_id: callId } = request.params
      const medium = await mediumToJoin(callId, request.query.token)
      if (!request.ws) throw new AppError('websocket-needed')
      await requireSeat(commands, callId, request.query.token)
      media.set(request.raw, medium)
    },
    handler: () => {
      throw new AppError('websocket-needed')
    },
    wsHandler: (socket, request) => {
      const { call_id: callId } = request.params as { call_id: string }
      const caller = new JoinSocket(socket, { medium: media.get(request.raw)!, clock })
      caller.begin(callId, () => joinCall(commands, callId, caller))
    },
  })
}

function joinUrlOf(services: DialectServices, view: CallView): string | null {
  return joinUrls(services)(view.id, view.to, readingOfCall(view).medium)
}
