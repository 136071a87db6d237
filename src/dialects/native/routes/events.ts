import { listEvents } from '../../../commands/list-events.ts'
import { actorOf } from '../../dialect.ts'
import { encodeEventPage } from '../encode.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { eventPage, eventQuery } from '../wire.ts'

export const addEvents: AddRoutes = (scope, { commands }) => {
  scope.get('/events', {
    schema: {
      summary: 'Everything that happened, oldest first, without gaps and always in the same order',
      operationId: 'listEvents',
      tags: ['Events'],
      querystring: eventQuery,
      response: answers({ 200: eventPage }),
    },
    handler: async (request) => {
      const { after, limit, batchId } = request.query
      return encodeEventPage(await listEvents(commands, actorOf(request), { cursor: after, limit, batchId }))
    },
  })
}
