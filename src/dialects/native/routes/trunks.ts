import { z } from 'zod'
import { addAlias, removeAlias } from '../../../commands/aliases.ts'
import type { JsonObject } from '../../../commands/context.ts'
import { testTrunk } from '../../../commands/test-trunk.ts'
import { createTrunk, getTrunk, listTrunks, updateTrunk } from '../../../commands/trunks.ts'
import { actorOf } from '../../dialect.ts'
import { encodeTrunk } from '../encode.ts'
import { type AddRoutes, answers, nothing, PREFIX } from '../route-parts.ts'
import { idOrAlias, pathId, trunk, trunkChanges, trunkRequest, trunkTest, trunkTestRequest } from '../wire.ts'

const tags = ['Trunks']
const aliasPath = pathId.extend({ alias: idOrAlias })

export const addTrunks: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post('/trunks', {
    schema: {
      summary: 'Make a trunk: an account at a carrier, with its limits',
      operationId: 'createTrunk',
      tags,
      body: trunkRequest,
      response: answers({ 201: trunk }),
    },
    handler: async (request, reply) => {
      const { concurrency, settings, ...input } = request.body
      const asked = { ...input, liveMax: concurrency, settings: settings as JsonObject }
      const made = await createTrunk(commands, actorOf(request), asked)
      return reply.status(201).header('location', `${PREFIX}/trunks/${made.id}`).send(encodeTrunk(made))
    },
  })

  scope.get('/trunks', {
    schema: {
      summary: 'The trunks of the organization',
      operationId: 'listTrunks',
      tags,
      response: answers({ 200: z.object({ items: z.array(trunk) }) }),
    },
    handler: async (request) => ({ items: (await listTrunks(commands, actorOf(request))).map(encodeTrunk) }),
  })

  scope.get('/trunks/:id', {
    schema: {
      summary: 'One trunk with its limits and what of them is used now',
      operationId: 'getTrunk',
      tags,
      params: pathId,
      response: answers({ 200: trunk }),
    },
    handler: async (request) => encodeTrunk(await getTrunk(commands, actorOf(request), request.params.id)),
  })

  scope.post('/trunks/:id/test', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Ring one telephone through a trunk and tell what happened',
      description:
        'Answers when the call is over, after a minute at most. The call belongs to no batch and counts for no limit.',
      operationId: 'testTrunk',
      tags,
      params: pathId,
      body: trunkTestRequest,
      response: answers({ 200: trunkTest }),
    },
    handler: async (request) => {
      const findings = await testTrunk(commands, actorOf(request), request.params.id, request.body)
      return { findings: [...findings] }
    },
  })

  addTrunkAliases(scope, services)

  scope.patch('/trunks/:id', {
    schema: {
      summary: 'Change a trunk or its limits; they hold from the next call on',
      operationId: 'updateTrunk',
      tags,
      params: pathId,
      body: trunkChanges,
      response: answers({ 200: trunk }),
    },
    handler: async (request) => {
      const { concurrency, settings, ...rest } = request.body
      const changes = {
        ...rest,
        ...(concurrency === undefined ? {} : { liveMax: concurrency }),
        ...(settings === undefined ? {} : { settings: settings as JsonObject }),
      }
      return encodeTrunk(await updateTrunk(commands, actorOf(request), request.params.id, changes))
    },
  })
}

const addTrunkAliases: AddRoutes = (scope, { commands }) => {
  scope.put('/trunks/:id/aliases/:alias', {
    schema: {
      summary: 'Give a trunk a name under which a wire format asks for it, such as that of a medium',
      operationId: 'addTrunkAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await addAlias(commands, actorOf(request), { kind: 'trunk', ...request.params })
      return reply.status(204).send(null)
    },
  })

  scope.delete('/trunks/:id/aliases/:alias', {
    schema: {
      summary: 'Remove a name of a trunk',
      operationId: 'removeTrunkAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      await getTrunk(commands, actor, request.params.id)
      await removeAlias(commands, actor, { kind: 'trunk', alias: request.params.alias })
      return reply.status(204).send(null)
    },
  })
}
