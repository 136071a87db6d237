import { z } from 'zod'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { deleteCall } from '../../../commands/delete-call.ts'
import { getCall } from '../../../commands/get-call.ts'
import { listCalls } from '../../../commands/list-calls.ts'
import { getNumber } from '../../../commands/numbers.ts'
import { getTrunk } from '../../../commands/trunks.ts'
import type { CallView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { decodeStatuses, decodeTimes } from '../decode.ts'
import { textOf } from '../encode.ts'
import { encodeConversation, encodeSummary, type Line } from '../encode-conversation.ts'
import { decodeId, ownId } from '../ids.ts'
import { type AddRoutes, answers, findAgent } from '../route-parts.ts'
import { conversation, conversationPath, conversations, conversationsQuery } from '../wire.ts'

const tags = ['Conversations']
const CONVERSATIONS = '/v1/convai/conversations'
const ONE = `${CONVERSATIONS}/:conversation_id`

export const addConversations: AddRoutes = (scope, { commands }) => {
  scope.get(CONVERSATIONS, {
    schema: {
      summary: 'List conversations',
      description:
        'One entry for each dial that was sent, newest first. Filters that are not here are named as ignored.',
      tags,
      querystring: conversationsQuery,
      response: answers({ 200: conversations }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(conversationsQuery, request.query, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { agent_id: agentId, page_size: limit, cursor } = request.query
      const agent = agentId === undefined ? undefined : (await findAgent(commands, actor, agentId)).id
      const filter = { agent, ...decodeTimes(request.query), ...decodeStatuses(request.query) }
      const page = await listCalls(commands, actor, { ...filter, limit, cursor })
      return {
        conversations: page.items.map(encodeSummary),
        next_cursor: page.nextCursor,
        has_more: page.nextCursor !== null,
      }
    },
  })

  scope.get(ONE, {
    schema: {
      summary: 'Get conversation',
      tags,
      params: conversationPath,
      response: answers({ 200: conversation }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const call = await getCall(commands, actor, decodeId('conversation', request.params.conversation_id))
      return encodeConversation(call, await lineOf(commands, actor, call))
    },
  })

  scope.delete(ONE, {
    schema: {
      summary: 'Delete conversation',
      description: 'Erases what was said and what it began with, once it is over. That somebody was called stays.',
      tags,
      params: conversationPath,
      response: answers({ 200: z.object({}) }),
    },
    handler: async (request) => {
      await deleteCall(commands, actorOf(request), decodeId('conversation', request.params.conversation_id))
      return {}
    },
  })
}

/** The number of a call as it is now: it may have been removed, or given to another trunk. */
async function lineOf(commands: CommandContext, actor: Actor, { from, batchFields }: CallView): Promise<Line> {
  const sent = textOf(batchFields?.numberId)
  const number = await getNumber(commands, actor, from).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'number-not-found') return null
    throw error
  })
  if (number === null) return { numberId: sent, carrier: '' }
  const { carrier } = await getTrunk(commands, actor, number.trunkId)
  return { numberId: sent ?? ownId('number', number.id, number.aliases), carrier }
}
