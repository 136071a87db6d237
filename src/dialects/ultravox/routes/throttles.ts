import {
  createThrottle,
  getThrottle,
  listThrottles,
  removeThrottle,
  updateThrottle,
} from '../../../commands/throttles.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { encodeThrottle } from '../encode.ts'
import { type AddRoutes, answers, encodeList, nothing } from '../route-parts.ts'
import { listOf, listQuery, PAGE_SIZE, throttle, throttleChanges, throttlePath, throttleRequest } from '../wire.ts'

const tags = ['Call throttles']
const THROTTLES = '/api/call_throttles'

export const addThrottles: AddRoutes = (scope, services) => {
  const { commands, publicUrl } = services

  scope.get(THROTTLES, {
    schema: { summary: 'List throttles', tags, querystring: listQuery, response: answers({ 200: listOf(throttle) }) },
    handler: async (request) => {
      const { cursor, pageSize = PAGE_SIZE.fallback } = request.query
      const page = await listThrottles(commands, actorOf(request), { cursor, limit: pageSize })
      return encodeList(page, encodeThrottle, { request, publicUrl, total: page.total })
    },
  })

  scope.post(THROTTLES, {
    schema: { summary: 'Make a throttle', tags, body: throttleRequest, response: answers({ 201: throttle }) },
    preValidation: async (request, reply) => nameIgnoredFields(throttleRequest, request.body, reply),
    handler: async (request, reply) => {
      const made = await createThrottle(commands, actorOf(request), request.body)
      return reply.status(201).send(encodeThrottle(made))
    },
  })
  addOneThrottle(scope, services)
}

const addOneThrottle: AddRoutes = (scope, { commands }) => {
  const address = `${THROTTLES}/:throttle_id`

  scope.get(address, {
    schema: { summary: 'One throttle', tags, params: throttlePath, response: answers({ 200: throttle }) },
    handler: async (request) =>
      encodeThrottle(await getThrottle(commands, actorOf(request), request.params.throttle_id)),
  })

  for (const [method, body] of [
    ['PUT', throttleRequest],
    ['PATCH', throttleChanges],
  ] as const) {
    scope.route({
      method,
      url: address,
      schema: {
        summary: 'Change a throttle; it holds from the next call on',
        tags,
        params: throttlePath,
        body,
        response: answers({ 200: throttle }),
      },
      preValidation: async (request, reply) => nameIgnoredFields(body, request.body, reply),
      handler: async (request) => {
        const { name, rules } = request.body
        const changes = { ...(name === undefined ? {} : { name }), ...(rules === undefined ? {} : { rules }) }
        return encodeThrottle(await updateThrottle(commands, actorOf(request), request.params.throttle_id, changes))
      },
    })
  }

  scope.delete(address, {
    schema: { summary: 'Delete a throttle', tags, params: throttlePath, response: answers({ 204: nothing }) },
    handler: async (request, reply) => {
      await removeThrottle(commands, actorOf(request), request.params.throttle_id)
      return reply.status(204).send(null)
    },
  })
}
