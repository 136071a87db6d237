import type { NumberView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { allNumbers, type NumberSurroundings, numberSurroundings } from '../../number-surroundings.ts'
import { providerOf } from '../encode.ts'
import { ownId } from '../ids.ts'
import { type AddRoutes, answers, findAgent, findNumber } from '../route-parts.ts'
import { type PhoneNumber, phoneNumber, phoneNumberPath, phoneNumbers, phoneNumbersQuery } from '../wire-account.ts'

const tags = ['Phone numbers']
const NUMBERS = '/v1/convai/phone-numbers'

export const addPhoneNumbers: AddRoutes = (scope, { commands }) => {
  scope.get(NUMBERS, {
    schema: {
      summary: 'List phone numbers',
      tags,
      querystring: phoneNumbersQuery,
      response: answers({ 200: phoneNumbers }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(phoneNumbersQuery, request.query, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { provider, agent_id: agentId } = request.query
      const wanted = agentId === undefined ? undefined : await findAgent(commands, actor, agentId)
      const around = await numberSurroundings({ commands, actor })
      const all = await allNumbers({ commands, actor })
      return all
        .filter(({ id }) => wanted === undefined || wanted.defaultNumberId === id)
        .map((number) => encodeNumber(number, around))
        .filter((number) => provider === undefined || number.provider === provider)
    },
  })

  scope.get(`${NUMBERS}/:phone_number_id`, {
    schema: { summary: 'Get phone number', tags, params: phoneNumberPath, response: answers({ 200: phoneNumber }) },
    handler: async (request) => {
      const actor = actorOf(request)
      const number = await findNumber(commands, actor, request.params.phone_number_id)
      return encodeNumber(number, await numberSurroundings({ commands, actor }))
    },
  })
}

function encodeNumber(number: NumberView, { agents, trunks }: NumberSurroundings): PhoneNumber {
  const agent = agents.get(number.id)
  const shared = {
    phone_number: number.number,
    label: number.number,
    phone_number_id: ownId('number', number.id, number.aliases),
    supports_inbound: false,
    supports_outbound: true,
    assigned_agent:
      agent === undefined ? null : { agent_id: ownId('agent', agent.id, agent.aliases), agent_name: agent.name },
  } as const
  const provider = providerOf(trunks.get(number.trunkId)?.carrier ?? '')
  return provider === 'twilio' ? { provider, ...shared } : { provider, ...shared, livekit_stack: 'standard' }
}
