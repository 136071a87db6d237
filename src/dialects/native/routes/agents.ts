import { z } from 'zod'
import { archiveAgent, createAgent, getAgent, listAgents, updateAgent } from '../../../commands/agents.ts'
import { addAlias, removeAlias } from '../../../commands/aliases.ts'
import type { JsonObject } from '../../../commands/context.ts'
import { actorOf } from '../../dialect.ts'
import { encodeAgent, encodePage } from '../encode.ts'
import { type AddRoutes, answers, nothing, PREFIX } from '../route-parts.ts'
import { agent, agentChanges, agentRequest, idOrAlias, pageOf, pageQuery, pathId } from '../wire.ts'

const tags = ['Agents']
const aliasPath = pathId.extend({ alias: idOrAlias })
const agentQuery = z.strictObject({
  ...pageQuery(100, 20),
  archived: z.enum(['true', 'false']).optional().describe('Whether archived agents are listed too; not by default.'),
})

export const addAgents: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post('/agents', {
    schema: {
      summary: 'Make an agent',
      operationId: 'createAgent',
      tags,
      body: agentRequest,
      response: answers({ 201: agent }),
    },
    handler: async (request, reply) => {
      const { settings, ...input } = request.body
      const made = await createAgent(commands, actorOf(request), { ...input, settings: settings as JsonObject })
      return reply.status(201).header('location', `${PREFIX}/agents/${made.id}`).send(encodeAgent(made))
    },
  })

  scope.get('/agents', {
    schema: {
      summary: 'The agents of the organization',
      operationId: 'listAgents',
      tags,
      querystring: agentQuery,
      response: answers({ 200: pageOf(agent) }),
    },
    handler: async (request) => {
      const { archived, ...page } = request.query
      const asked = { ...page, archived: archived === 'true' }
      return encodePage(await listAgents(commands, actorOf(request), asked), encodeAgent)
    },
  })

  scope.get('/agents/:id', {
    schema: {
      summary: 'One agent',
      operationId: 'getAgent',
      tags,
      params: pathId,
      response: answers({ 200: agent }),
    },
    handler: async (request) => encodeAgent(await getAgent(commands, actorOf(request), request.params.id)),
  })
  addAgentChanges(scope, services)
}

const addAgentChanges: AddRoutes = (scope, { commands }) => {
  scope.patch('/agents/:id', {
    schema: {
      summary: 'Change an agent; calls that are placed from now on use the new settings',
      operationId: 'updateAgent',
      tags,
      params: pathId,
      body: agentChanges,
      response: answers({ 200: agent }),
    },
    handler: async (request) => {
      const { settings, ...rest } = request.body
      const changes = { ...rest, ...(settings === undefined ? {} : { settings: settings as JsonObject }) }
      return encodeAgent(await updateAgent(commands, actorOf(request), request.params.id, changes))
    },
  })

  scope.delete('/agents/:id', {
    schema: {
      summary: 'Archive an agent: new batches cannot use it, those that use it go on',
      operationId: 'archiveAgent',
      tags,
      params: pathId,
      response: answers({ 200: agent }),
    },
    handler: async (request) => encodeAgent(await archiveAgent(commands, actorOf(request), request.params.id)),
  })

  scope.put('/agents/:id/aliases/:alias', {
    schema: {
      summary: 'Let another id stand for an agent',
      operationId: 'addAgentAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await addAlias(commands, actorOf(request), { kind: 'agent', ...request.params })
      return reply.status(204).send(null)
    },
  })

  scope.delete('/agents/:id/aliases/:alias', {
    schema: {
      summary: 'Remove an alias of an agent',
      operationId: 'removeAgentAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      await getAgent(commands, actor, request.params.id)
      await removeAlias(commands, actor, { kind: 'agent', alias: request.params.alias })
      return reply.status(204).send(null)
    },
  })
}
