import { updateAgent } from '../../../commands/agents.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import type { AgentView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { allWebhooks, attachWebhook, findWebhook, isAttached } from '../agent-webhooks.ts'
import { encodeId, ownId } from '../ids.ts'
import { type AddRoutes, answers, findAgent } from '../route-parts.ts'
import { type Agent, agent, agentChanges, agentPath } from '../wire.ts'

const tags = ['Agents']

export const addAgents: AddRoutes = (scope, { commands }) => {
  scope.get('/agents/:agent_id', {
    schema: { summary: 'Get Agent', tags, params: agentPath, response: answers({ 200: agent }) },
    handler: async (request) => {
      const actor = actorOf(request)
      return encodeAgent(commands, actor, await findAgent(commands, actor, request.params.agent_id))
    },
  })

  scope.patch('/agents/:agent_id', {
    schema: {
      summary: 'Update Agent',
      description: 'Its name, and the webhook that is told of its calls.',
      tags,
      params: agentPath,
      body: agentChanges,
      response: answers({ 200: agent }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(agentChanges, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { name, webhook_id: webhookId } = request.body
      const found = await findAgent(commands, actor, request.params.agent_id)
      if (webhookId !== undefined) {
        const wanted = webhookId === null ? null : await findWebhook(commands, actor, webhookId)
        await attachWebhook({ commands, actor }, found.id, wanted)
      }
      const changed = name === undefined ? found : await updateAgent(commands, actor, found.id, { name })
      return encodeAgent(commands, actor, changed)
    },
  })
}

async function encodeAgent(commands: CommandContext, actor: Actor, view: AgentView): Promise<Agent> {
  const attached = (await allWebhooks(commands, actor)).find((webhook) => isAttached(webhook, view.id))
  return {
    id: ownId('agent', view.id, view.aliases),
    name: view.name,
    webhook_id: attached === undefined ? null : encodeId('webhook', attached.id),
    created_at: view.createdAt.toISOString(),
  }
}
