import { z } from 'zod'
import { addAlias, removeAlias } from '../../../commands/aliases.ts'
import { addNumber, getNumber, listNumbers, removeNumber } from '../../../commands/numbers.ts'
import { actorOf } from '../../dialect.ts'
import { encodeNumber, encodePage } from '../encode.ts'
import { type AddRoutes, answers, nothing, PREFIX } from '../route-parts.ts'
import { idOrAlias, number, numberRequest, pageOf, pageQuery, pathId } from '../wire.ts'

const tags = ['Numbers']
const aliasPath = pathId.extend({ alias: idOrAlias })

export const addNumbers: AddRoutes = (scope, services) => {
  const { commands } = services

  scope.post('/numbers', {
    schema: {
      summary: 'Add a number to call from, with the trunk it belongs to',
      operationId: 'addNumber',
      tags,
      body: numberRequest,
      response: answers({ 201: number }),
    },
    handler: async (request, reply) => {
      const made = await addNumber(commands, actorOf(request), request.body)
      return reply.status(201).header('location', `${PREFIX}/numbers/${made.id}`).send(encodeNumber(made))
    },
  })

  scope.get('/numbers', {
    schema: {
      summary: 'The numbers of the organization',
      operationId: 'listNumbers',
      tags,
      querystring: z.strictObject(pageQuery(100, 20)),
      response: answers({ 200: pageOf(number) }),
    },
    handler: async (request) => encodePage(await listNumbers(commands, actorOf(request), request.query), encodeNumber),
  })

  scope.get('/numbers/:id', {
    schema: {
      summary: 'One number, by its id, an alias, or the number itself',
      operationId: 'getNumber',
      tags,
      params: pathId,
      response: answers({ 200: number }),
    },
    handler: async (request) => encodeNumber(await getNumber(commands, actorOf(request), request.params.id)),
  })

  scope.delete('/numbers/:id', {
    schema: {
      summary: 'Remove a number; batches that call from it go on',
      operationId: 'removeNumber',
      tags,
      params: pathId,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await removeNumber(commands, actorOf(request), request.params.id)
      return reply.status(204).send(null)
    },
  })
  addNumberAliases(scope, services)
}

const addNumberAliases: AddRoutes = (scope, { commands }) => {
  scope.put('/numbers/:id/aliases/:alias', {
    schema: {
      summary: 'Let another id stand for a number',
      operationId: 'addNumberAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      await addAlias(commands, actorOf(request), { kind: 'number', ...request.params })
      return reply.status(204).send(null)
    },
  })

  scope.delete('/numbers/:id/aliases/:alias', {
    schema: {
      summary: 'Remove an alias of a number',
      operationId: 'removeNumberAlias',
      tags,
      params: aliasPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      await getNumber(commands, actor, request.params.id)
      await removeAlias(commands, actor, { kind: 'number', alias: request.params.alias })
      return reply.status(204).send(null)
    },
  })
}
