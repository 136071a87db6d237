import { z } from 'zod'
import { duplicateAgent, listAgents } from '../../../commands/agents.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { encodeAgent } from '../encode.ts'
import { type AddRoutes, answers, organizationIdOf, requireZuduAgent, success } from '../route-parts.ts'
import * as wire from '../wire.ts'

const tags = ['Agents']
const READ_AT_ONCE = 1_000

export const addAgents: AddRoutes = (scope, { commands }) => {
  scope.get('/api/agents', {
    schema: {
      summary: 'List agents, oldest first',
      tags,
      response: answers(wire.enveloped(z.object({ agents: z.array(wire.agent), total_count: z.int() }))),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const organizationId = await organizationIdOf(commands, actor)
      const agents: wire.Agent[] = []
      let cursor: string | undefined
      do {
        const page = await listAgents(commands, actor, { cursor, limit: READ_AT_ONCE })
        agents.push(...page.items.map((view) => encodeAgent(view, organizationId)))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
      return success('Agents retrieved successfully', { agents, total_count: agents.length })
    },
  })

  scope.post('/api/agents/:agent_id/duplicate', {
    schema: {
      summary: 'Make an agent like another one',
      tags,
      params: wire.agentPath,
      body: wire.duplicateRequest,
      response: answers(wire.enveloped(wire.agent)),
    },
    preValidation: async (request, reply) => nameIgnoredFields(wire.duplicateRequest, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { id } = await requireZuduAgent(commands, actor, { text: request.params.agent_id })
      const made = await duplicateAgent(commands, actor, id, { name: request.body.agent_name })
      return success('Agent duplicated successfully', encodeAgent(made, await organizationIdOf(commands, actor)))
    },
  })
}
