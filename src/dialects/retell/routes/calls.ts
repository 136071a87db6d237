import { createCall } from '../../../commands/create-call.ts'
import { deleteCall } from '../../../commands/delete-call.ts'
import { getCall } from '../../../commands/get-call.ts'
import { hangUpCall } from '../../../commands/hang-up-call.ts'
import { getUndialledCall } from '../../../commands/undialled-calls.ts'
import type { CallView } from '../../../commands/views.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import type { Asking } from '../../find-by-id.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { recipientOf, requireNumberText, settingsOf } from '../decode.ts'
import { encodeCall, isExpressible } from '../encode.ts'
import { decodeId } from '../ids.ts'
import { type AddRoutes, answers, findAgent, findNumber } from '../route-parts.ts'
import { call, callPath, nothing, phoneCallRequest } from '../wire.ts'
import { requireAgentOfNumber } from './batches.ts'

const tags = ['Calls']

export const addCalls: AddRoutes = (scope, { commands }) => {
  scope.post('/v2/create-phone-call', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Create Phone Call',
      description: 'Calls one person. Answers before the call is placed.',
      tags,
      body: phoneCallRequest,
      response: answers({ 201: call }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(phoneCallRequest, request.body, reply),
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const asking = { commands, actor }
      const { from_number: from, ...person } = request.body
      requireNumberText(person.to_number, 'to_number')
      const number = await findNumber(asking, from, 'from_number')
      const field = 'override_agent_id'
      const named = person.override_agent_id
      const agent =
        named === undefined
          ? await requireAgentOfNumber(asking, number, field)
          : (await findAgent(asking, named, field)).id
      const input = { ...settingsOf([person]), agent, callerNumber: number.id, idempotent: request.idempotent }
      const made = await createCall(commands, actor, input, recipientOf(person, undefined))
      return reply.status(201).send(encodeCall(made))
    },
  })

  scope.get('/v2/get-call/:call_id', {
    schema: { summary: 'Get Call', tags, params: callPath, response: answers({ 200: call }) },
    handler: async (request) =>
      encodeCall(await findAnyCall({ commands, actor: actorOf(request) }, request.params.call_id)),
  })

  scope.delete('/v2/delete-call/:call_id', {
    schema: {
      summary: 'Delete Call',
      description: 'Erases what was said, the metadata and the variables of a call that is over.',
      tags,
      params: callPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const found = await findCall({ commands, actor }, request.params.call_id)
      await deleteCall(commands, actor, found.id)
      return reply.status(204).send(null)
    },
  })

  scope.post('/v2/stop-call/:call_id', {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Stop Call',
      description: 'Ends a call that lives; one that waits is not placed any more.',
      tags,
      params: callPath,
      response: answers({ 204: nothing }),
    },
    handler: async (request, reply) => {
      const actor = actorOf(request)
      const found = await findCall({ commands, actor }, request.params.call_id)
      await hangUpCall(commands, actor, found.id)
      return reply.status(204).send(null)
    },
  })
}

/** @throws AppError `call-not-found`, also for what this wire format cannot say. */
async function findCall({ commands, actor }: Asking, id: string): Promise<CallView> {
  const found = await getCall(commands, actor, decodeId('call', id))
  if (!isExpressible(found)) throw new AppError('call-not-found')
  return found
}

/** Also that of somebody who was settled without a dial. @throws AppError `call-not-found`. */
async function findAnyCall(asking: Asking, id: string): Promise<CallView> {
  const { commands, actor } = asking
  try {
    return await findCall(asking, id)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'call-not-found')) throw error
    const found = await getUndialledCall(commands, actor, decodeId('call', id))
    if (!isExpressible(found)) throw error
    return found
  }
}
