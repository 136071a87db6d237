import {
  archiveAgent,
  countAgents,
  countCallsOfAgents,
  createAgent,
  listAgents,
  updateAgent,
} from '../../../commands/agents.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { UNBOUND_AGENT_KIND } from '../../../commands/unbound-agent.ts'
import type { AgentView } from '../../../commands/views.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { encodeAgent } from '../encode.ts'
import { type AddRoutes, answers, encodeList, liveAgent, nothing } from '../route-parts.ts'
import { templateFields, wholeTemplateOf } from '../template.ts'
import { agent, agentPath, agentRequest, agentsQuery, listOf, PAGE_SIZE } from '../wire.ts'

const tags = ['Agents']

/** An agent made here says nothing yet: who speaks is a kind of agent of this server, which somebody binds to it. */
export const addAgents: AddRoutes = (scope, services) => {
  const { commands, clock } = services

  scope.get('/api/agents', {
    schema: { summary: 'List agents', tags, querystring: agentsQuery, response: answers({ 200: listOf(agent) }) },
    handler: async (request) => {
      const { cursor, pageSize = PAGE_SIZE.fallback, search } = request.query
      const actor = actorOf(request)
      const page = await listAgents(commands, actor, { cursor, limit: pageSize, search })
      const calls = await countCallsOfAgents(
        commands,
        actor,
        page.items.map(({ id }) => id),
      )
      const total = await countAgents(commands, actor, { search })
      const encode = (view: AgentView) =>
        encodeAgent(view, wholeTemplateOf({ commands, actor }, view), calls.get(view.id) ?? 0)
      return encodeList(page, encode, { request, publicUrl: services.publicUrl, total })
    },
  })

  scope.post('/api/agents', {
    schema: { summary: 'Make an agent', tags, body: agentRequest, response: answers({ 201: agent }) },
    preValidation: async (request, reply) => nameIgnoredFields(agentRequest, request.body, reply),
    handler: async (request, reply) => {
      const { name = `Agent of ${new Date(clock.nowEpochMs()).toISOString().slice(0, 19)}Z` } = request.body
      const owner = { commands, actor: actorOf(request) }
      const dialectFields = templateFields(owner, request.body.callTemplate ?? {})
      const input = { name, kind: UNBOUND_AGENT_KIND, settings: {}, dialectFields }
      const made = await createAgent(commands, owner.actor, input)
      return reply.status(201).send(encodeAgent(made, wholeTemplateOf(owner, made), 0))
    },
  })
  addOneAgent(scope, services)
}

const addOneAgent: AddRoutes = (scope, { commands }) => {
  scope.get('/api/agents/:agent_id', {
    schema: { summary: 'One agent', tags, params: agentPath, response: answers({ 200: agent }) },
    handler: async (request) => {
      const actor = actorOf(request)
      return withCalls(commands, actor, await liveAgent(commands, actor, request.params.agent_id))
    },
  })

  scope.patch('/api/agents/:agent_id', {
    schema: {
      summary: 'Change an agent',
      tags,
      params: agentPath,
      body: agentRequest,
      response: answers({ 200: agent }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(agentRequest, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const { id, dialectFields } = await liveAgent(commands, actor, request.params.agent_id)
      const { name, callTemplate } = request.body
      const changed = await updateAgent(commands, actor, id, {
        ...(name === undefined ? {} : { name }),
        ...(callTemplate === undefined
          ? {}
          : { dialectFields: { ...dialectFields, ...templateFields({ commands, actor }, callTemplate) } }),
      })
      return withCalls(commands, actor, changed)
    },
  })

  scope.delete('/api/agents/:agent_id', {
    schema: {
      summary: 'Delete an agent: new batches cannot use it, those that use it go on',
      tags,
      params: agentPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const { id } = await liveAgent(commands, actor, request.params.agent_id)
      await archiveAgent(commands, actor, id)
      return reply.status(204).send(null)
    },
  })
}

async function withCalls(commands: CommandContext, actor: Actor, view: AgentView) {
  const calls = await countCallsOfAgents(commands, actor, [view.id])
  return encodeAgent(view, wholeTemplateOf({ commands, actor }, view), calls.get(view.id) ?? 0)
}
