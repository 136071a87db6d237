import { createCall } from '../../../commands/create-call.ts'
import { deleteCall } from '../../../commands/delete-call.ts'
import { getCall } from '../../../commands/get-call.ts'
import { hangUpCall } from '../../../commands/hang-up-call.ts'
import { listCalls } from '../../../commands/list-calls.ts'
import { actorOf } from '../../dialect.ts'
import { call, callQuery, callRequest } from '../call-wire.ts'
import { decodeCall, decodeCallQuery } from '../decode.ts'
import { encodeCall, encodePage } from '../encode.ts'
import { type AddRoutes, answers, PREFIX } from '../route-parts.ts'
import { nothingToSend, pageOf, pathId } from '../wire.ts'

const tags = ['Calls']

export const addCalls: AddRoutes = (scope, { commands }) => {
  scope.get('/calls', {
    schema: {
      summary: 'Every call that was dialled, of lists and single ones, newest first',
      operationId: 'listCalls',
      tags,
      querystring: callQuery,
      response: answers({ 200: pageOf(call) }),
    },
    handler: async (request) =>
      encodePage(await listCalls(commands, actorOf(request), decodeCallQuery(request.query)), encodeCall),
  })

  scope.post('/calls', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Call one person',
      description: 'Under the same limits, hours and suppressions as a list. Answered before the call is placed.',
      operationId: 'createCall',
      tags,
      body: callRequest,
      response: answers({ 201: call }),
    },
    handler: async (request, reply) => {
      const { input, recipient } = decodeCall(request.body)
      const asked = { ...input, idempotent: request.idempotent }
      const made = await createCall(commands, actorOf(request), asked, recipient)
      return reply.status(201).header('location', `${PREFIX}/calls/${made.id}`).send(encodeCall(made))
    },
  })

  scope.get('/calls/:id', {
    schema: {
      summary: 'One call; one that was asked for by itself also before it is dialled',
      operationId: 'getCall',
      tags,
      params: pathId,
      response: answers({ 200: call }),
    },
    handler: async (request) => encodeCall(await getCall(commands, actorOf(request), request.params.id)),
  })

  scope.post('/calls/:id/hang-up', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'End a call; one that waits is not placed any more',
      operationId: 'hangUpCall',
      tags,
      params: pathId,
      body: nothingToSend,
      response: answers({ 200: call }),
    },
    handler: async (request) => encodeCall(await hangUpCall(commands, actorOf(request), request.params.id)),
  })

  scope.delete('/calls/:id', {
    schema: {
      summary: 'Erase what was said in a call that is over, and what was known of its person beside the number',
      description: 'Asking again changes nothing.',
      operationId: 'deleteCall',
      tags,
      params: pathId,
      response: answers({ 200: call }),
    },
    handler: async (request) => encodeCall(await deleteCall(commands, actorOf(request), request.params.id)),
  })
}
