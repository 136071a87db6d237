import { listAgents } from '../../../commands/agents.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { listNumbers } from '../../../commands/numbers.ts'
import { listTrunks } from '../../../commands/trunks.ts'
import type { AgentView, NumberView, TrunkView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { everyPage } from '../../every-page.ts'
import { decodePlace } from '../decode.ts'
import { ownId } from '../ids.ts'
import { type AddRoutes, answers, besidePlace, findAgent, findNumber, pageOf } from '../route-parts.ts'
import { idPath, listOf, type NUMBER_TYPES, type PhoneNumber, phoneNumber, phoneNumbersQuery } from '../wire.ts'

const tags = ['Phone numbers']
const ROWS_AT_ONCE = 1_000

type NumberType = (typeof NUMBER_TYPES)[number]

/** What else an answer says of a number. */
interface Surroundings {
  /** By the number that is their default. */
  readonly agents: ReadonlyMap<string, AgentView>
  readonly trunks: ReadonlyMap<string, TrunkView>
}

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
      const around = await surroundings(commands, actor)
      const numbers = await everyPage((cursor) => listNumbers(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
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
      return encodeNumber(number, await surroundings(commands, actor))
    },
  })
}

async function surroundings(commands: CommandContext, actor: Actor): Promise<Surroundings> {
  const agents = await everyPage((cursor) => listAgents(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
  const trunks = await listTrunks(commands, actor)
  return {
    agents: new Map(agents.map((agent) => [agent.defaultNumberId ?? '', agent])),
    trunks: new Map(trunks.map((trunk) => [trunk.id, trunk])),
  }
}

function encodeNumber(number: NumberView, { agents, trunks }: Surroundings): PhoneNumber {
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
