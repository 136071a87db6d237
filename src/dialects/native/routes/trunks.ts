import { z } from 'zod'
import type { JsonObject } from '../../../commands/context.ts'
import { createTrunk, getTrunk, listTrunks, updateTrunk } from '../../../commands/trunks.ts'
import { actorOf } from '../../dialect.ts'
import { encodeTrunk } from '../encode.ts'
import { type AddRoutes, answers, PREFIX } from '../route-parts.ts'
import { pathId, trunk, trunkChanges, trunkRequest } from '../wire.ts'

export const addTrunks: AddRoutes = (scope, { commands }) => {
  const tags = ['Trunks']

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
