import { listAgents } from '../../../commands/agents.ts'
import { listNumbers } from '../../../commands/numbers.ts'
import { getUsage } from '../../../commands/organizations.ts'
import { actorOf } from '../../dialect.ts'
import { everyPage, ROWS_AT_ONCE } from '../../every-page.ts'
import { encodeNumber } from '../encode.ts'
import { type AddRoutes, agentOfNumber, answers, findNumber, pageOf } from '../route-parts.ts'
import { concurrency, numberPath, pageQuery, pageOf as pageSchemaOf, phoneNumber } from '../wire.ts'

const tags = ['Phone numbers']

export const addPhoneNumbers: AddRoutes = (scope, { commands }) => {
  scope.get('/v2/list-phone-numbers', {
    schema: {
      summary: 'List Phone Numbers',
      description: 'Newest first.',
      tags,
      querystring: pageQuery,
      response: answers({ 200: pageSchemaOf(phoneNumber) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const numbers = await everyPage((cursor) =>
        listNumbers(commands, actor, { ...(cursor === undefined ? {} : { cursor }), limit: ROWS_AT_ONCE }),
      )
      const agents = await everyPage((cursor) => listAgents(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
      const shown = numbers.map((number) =>
        encodeNumber(
          number,
          agents.find(({ defaultNumberId }) => defaultNumberId === number.id),
        ),
      )
      return pageOf(shown, request.query, ({ phone_number }) => phone_number)
    },
  })

  scope.get('/get-phone-number/:phone_number', {
    schema: { summary: 'Get Phone Number', tags, params: numberPath, response: answers({ 200: phoneNumber }) },
    handler: async (request) => {
      const asking = { commands, actor: actorOf(request) }
      const number = await findNumber(asking, request.params.phone_number, 'phone_number')
      return encodeNumber(number, await agentOfNumber(asking, number))
    },
  })

  scope.get('/get-concurrency', {
    schema: {
      summary: 'Get Concurrency',
      description: 'Calls at once, now and at most.',
      tags: ['Concurrency'],
      response: answers({ 200: concurrency }),
    },
    handler: async (request) => {
      const { live, liveMax } = await getUsage(commands, actorOf(request))
      return {
        current_concurrency: live,
        concurrency_limit: liveMax,
        base_concurrency: liveMax,
        // Nothing is sold here.
        purchased_concurrency: 0,
        concurrency_purchase_limit: 0,
        remaining_purchase_limit: 0,
        concurrency_burst_enabled: false,
        concurrency_burst_limit: 0,
        reserved_inbound_concurrency: 0,
      }
    },
  })
}
