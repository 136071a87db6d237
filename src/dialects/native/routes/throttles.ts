import { z } from 'zod'
import {
  createThrottle,
  getThrottle,
  listThrottles,
  removeThrottle,
  updateThrottle,
} from '../../../commands/throttles.ts'
import { actorOf } from '../../dialect.ts'
import { encodePage, encodeThrottle } from '../encode.ts'
import { type AddRoutes, answers, nothing, PREFIX } from '../route-parts.ts'
import { pageOf, pageQuery, pathId, throttle, throttleChanges, throttleRequest } from '../wire.ts'

const tags = ['Throttles']

export const addThrottles: AddRoutes = (scope, { commands }) => {
  scope.post('/throttles', {
    schema: {
      summary: 'Make a throttle: at most so many calls in any window of time, for the batches that name it',
      operationId: 'createThrottle',
      tags,
      body: throttleRequest,
      response: answers({ 201: throttle }),
    },
    handler: async (request, reply) => {
      const made = await createThrottle(commands, actorOf(request), request.body)
      return reply.status(201).header('location', `${PREFIX}/throttles/${made.id}`).send(encodeThrottle(made))
    },
  })

  scope.get('/throttles', {
    schema: {
      summary: 'The throttles of the organization',
      operationId: 'listThrottles',
      tags,
      querystring: z.strictObject(pageQuery(100, 20)),
      response: answers({ 200: pageOf(throttle) }),
    },
    handler: async (request) =>
      encodePage(await listThrottles(commands, actorOf(request), request.query), encodeThrottle),
  })

  scope.get('/throttles/:id', {
    schema: {
      summary: 'One throttle',
      operationId: 'getThrottle',
      tags,
      params: pathId,
      response: answers({ 200: throttle }),
    },
    handler: async (request) => encodeThrottle(await getThrottle(commands, actorOf(request), request.params.id)),
  })

  scope.patch('/throttles/:id', {
    schema: {
      summary: 'Change a throttle; it holds from the next call on, and calls made before count',
      operationId: 'updateThrottle',
      tags,
      params: pathId,
      body: throttleChanges,
      response: answers({ 200: throttle }),
    },
    handler: async (request) => {
      const { name, rules } = request.body
      const changes = { ...(name === undefined ? {} : { name }), ...(rules === undefined ? {} : { rules }) }
      return encodeThrottle(await updateThrottle(commands, actorOf(request), request.params.id, changes))
    },
  })

  scope.delete('/throttles/:id', {
    schema: {
      summary: 'Delete a throttle that no batch needs any more',
      operationId: 'deleteThrottle',
      tags,
      params: pathId,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await removeThrottle(commands, actorOf(request), request.params.id)
      return reply.status(204).send(null)
    },
  })
}
