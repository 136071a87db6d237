import type { z } from 'zod'
import { type ErasureView, erasePerson, getErasure } from '../../../commands/erase-person.ts'
import { actorOf } from '../../dialect.ts'
import { type AddRoutes, answers, PREFIX } from '../route-parts.ts'
import { erasure, erasureRequest, pathId } from '../wire.ts'

const tags = ['Suppressions']

export const addErasures: AddRoutes = (scope, { commands }) => {
  scope.post('/erasures', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Erase a person from all lists, by the number',
      description:
        'From the answer on the number is not called any more and stays suppressed, in the end as a keyed hash alone. Lists are worked through afterwards: numbers, variables, metadata, what was said and pressed go, counts and outcomes stay. Read the erasure again to see it finished.',
      operationId: 'createErasure',
      tags,
      body: erasureRequest,
      response: answers({ 202: erasure }),
    },
    handler: async (request, reply) => {
      const made = await erasePerson(commands, actorOf(request), request.body.number)
      return reply.status(202).header('location', `${PREFIX}/erasures/${made.id}`).send(encodeErasure(made))
    },
  })

  scope.get('/erasures/:id', {
    schema: {
      summary: 'How far an erasure has come',
      operationId: 'getErasure',
      tags,
      params: pathId,
      response: answers({ 200: erasure }),
    },
    handler: async (request) => encodeErasure(await getErasure(commands, actorOf(request), request.params.id)),
  })
}

function encodeErasure(view: ErasureView): z.infer<typeof erasure> {
  return {
    ...view,
    requestedAt: view.requestedAt.toISOString(),
    finishedAt: view.finishedAt === null ? null : view.finishedAt.toISOString(),
  }
}
