import { listAgents } from '../../../commands/agents.ts'
import type { AgentView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { unixOf } from '../encode.ts'
import { ownId } from '../ids.ts'
import { type AddRoutes, answers } from '../route-parts.ts'
import { type Agents, agents, agentsQuery } from '../wire-account.ts'

export const addAgents: AddRoutes = (scope, { commands }) => {
  scope.get('/v1/convai/agents', {
    schema: {
      summary: 'List agents',
      description:
        'Oldest first; archived ones only with `archived=true`. Agents are made and given a voice with the Carillon API.',
      tags: ['Agents'],
      querystring: agentsQuery,
      response: answers({ 200: agents }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(agentsQuery, request.query, reply),
    handler: async (request) => {
      const { cursor, page_size: limit, search, archived } = request.query
      const asked = { cursor, limit, search, archived: archived === 'true' }
      const page = await listAgents(commands, actorOf(request), asked)
      // The core shows archived ones beside the others, this wire format by themselves: such a page may be shorter.
      const shown = asked.archived ? page.items.filter(({ archivedAt }) => archivedAt !== null) : page.items
      return { agents: shown.map(encodeAgent), next_cursor: page.nextCursor, has_more: page.nextCursor !== null }
    },
  })
}

/** Nobody's name or address is known here: every key of the organization may do the same with it. */
function encodeAgent(view: AgentView): Agents['agents'][number] {
  return {
    agent_id: ownId('agent', view.id, view.aliases),
    name: view.name,
    voice_id: '',
    tags: [],
    created_at_unix_secs: unixOf(view.createdAt),
    access_info: { is_creator: true, creator_name: '', creator_email: '', role: 'admin' },
    last_call_time_unix_secs: null,
    archived: view.archivedAt !== null,
  }
}
