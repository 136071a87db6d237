import type { NumberView, TrunkView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { allNumbers, type NumberSurroundings, numberSurroundings } from '../../number-surroundings.ts'
import { decodePlace } from '../decode.ts'
import { ownId } from '../ids.ts'
import { type AddRoutes, answers, besidePlace, findAgent, findNumber, pageOf } from '../route-parts.ts'
import { idPath, listOf, type NUMBER_TYPES, type PhoneNumber, phoneNumber, phoneNumbersQuery } from '../wire.ts'

const tags = ['Phone numbers']

type NumberType = (typeof NUMBER_TYPES)[number]

export const addPhoneNumbers: AddRoutes = (scope, { commands }) => {
  scope.get('/agents/phone-numbers', {
    schema: {
      summary: 'List Phone Numbers',
      description: 'Newest first.',
      tags,
      querystring: phoneNumbersQuery,
      response: answers({ 200: listOf(phoneNumber) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { agent_id: agentId, provider_id: providerId, type, q, limit } = request.query
      const place = decodePlace(request.query)
      const agent = agentId === undefined ? undefined : await findAgent(commands, actor, agentId)
      const around = await numberSurroundings({ commands, actor })
      const numbers = await allNumbers({ commands, actor })
      const all = numbers.reverse().map((number) => encodeNumber(number, around))
      const wantedAgent = agent === undefined ? undefined : ownId('agent', agent.id, agent.aliases)
      const listed = all.filter(
        (number) =>
          (wantedAgent === undefined || number.agent?.id === wantedAgent) &&
          (providerId === undefined || number.provider.id === providerId) &&
          (type === undefined || number.provider.type === type) &&
          (q === undefined || number.number.includes(q)),
      )
      return pageOf(besidePlace(all, listed, place), { limit, backwards: place.backwards })
    },
  })

  scope.get('/agents/phone-numbers/:id', {
    schema: { summary: 'Get Phone Number', tags, params: idPath, response: answers({ 200: phoneNumber }) },
    handler: async (request) => {
      const actor = actorOf(request)
      const number = await findNumber(commands, actor, request.params.id)
      return encodeNumber(number, await numberSurroundings({ commands, actor }))
    },
  })
}

function encodeNumber(number: NumberView, { agents, trunks }: NumberSurroundings): PhoneNumber {
  const agent = agents.get(number.id)
  const trunk = trunks.get(number.trunkId)
  const createdAt = number.createdAt.toISOString()
  return {
    id: ownId('number', number.id, number.aliases),
    label: null,
    number: number.number,
    agent: agent === undefined ? null : { id: ownId('agent', agent.id, agent.aliases), name: agent.name },
    created_at: createdAt,
    // A number is never changed.
    updated_at: createdAt,
    provider: providerOf(trunk),
  }
}

/** A trunk that is neither is one of ours, as the vendor's own numbers are to its clients. */
function providerOf(trunk: TrunkView | undefined): PhoneNumber['provider'] {
  const types: Readonly<Record<string, NumberType>> = { twilio: 'twilio', sip: 'sip_trunk' }
  const type = types[trunk?.carrier ?? '']
  return type === undefined || trunk === undefined ? { type: 'cartesia' } : { type, id: trunk.id, label: trunk.name }
}
