import { problemOfJson } from '../../../commands/checked-input.ts'
import type { Actor, CommandContext } from '../../../commands/context.ts'
import { type CallInput, createCall } from '../../../commands/create-call.ts'
import { deleteCall } from '../../../commands/delete-call.ts'
import { getBatch } from '../../../commands/get-batch.ts'
import { getCall } from '../../../commands/get-call.ts'
import { hangUpCall } from '../../../commands/hang-up-call.ts'
import { type CallListOptions, listCalls } from '../../../commands/list-calls.ts'
import { AppError, invalidInput } from '../../../errors.ts'
import { actorOf } from '../../dialect.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { decodePlace, decodeTimes, recipientOf, settingsOf } from '../decode.ts'
import { callStatusOf, encodeCall } from '../encode-call.ts'
import { decodeId, encodeId } from '../ids.ts'
import { type AddRoutes, answers, asBadPlace, findAgent, findNumber } from '../route-parts.ts'
import { versionOf } from '../version.ts'
import {
  type CallsQuery,
  type CallsRequest,
  type CreatedCalls,
  call,
  callPath,
  callsQuery,
  callsRequest,
  cancelledCall,
  createdCalls,
  listOf,
} from '../wire.ts'

const tags = ['Calls']
const CALLS = '/agents/calls'
const E164 = /^\+[1-9]\d{6,14}$/

export const addCalls: AddRoutes = (scope, services) => {
  const { commands, clock, region } = services

  scope.get(CALLS, {
    schema: {
      summary: 'List Calls',
      description: 'One entry for each dial, newest first, of an agent or of a batch.',
      tags,
      querystring: callsQuery,
      response: answers({ 200: listOf(call) }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const { limit, expand } = request.query
      const { beside, backwards } = decodePlace(request.query)
      const field = backwards ? 'ending_before' : 'starting_after'
      const direction = backwards ? ('before' as const) : ('after' as const)
      const filter = await filterOf(commands, actor, request.query)
      const place = beside === null ? undefined : { call: decodeId('call', beside), direction }
      const asked = { ...filter, limit, beside: place }
      const page = await listCalls(commands, actor, asked).catch(asBadPlace(['call-not-found'], field))
      const data = page.items.map((each) => encodeCall(each, { hasTranscript: expand === 'transcript' }))
      const hasMore = (backwards ? page.previousCursor : page.nextCursor) !== null
      const next = backwards ? data[0] : data.at(-1)
      return { data, has_more: hasMore, next_page: hasMore ? (next?.id ?? null) : null }
    },
  })

  scope.post(CALLS, {
    schema: {
      summary: 'Create Outbound Call',
      description: 'Answers in the order of the request, before the calls are placed.',
      tags,
      body: callsRequest,
      response: answers({ 200: createdCalls }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(callsRequest, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const agent = await findAgent(commands, actor, request.body.agent_id)
      const number = await findNumber(commands, actor, request.body.from_number_id)
      checkCalls(request.body)
      const ids = { agent: agent.id, callerNumber: number.id }
      const terms = { ...ids, version: versionOf(request), nowEpochMs: clock.nowEpochMs(), liveMax: 0, region }
      return placeAll({ commands, actor }, settingsOf(request.body, terms), request.body)
    },
  })
  addOneCall(scope, services)
}

/** All that can be wrong with a call is looked for before the first one is placed. */
function checkCalls({ outbound_calls: calls }: CallsRequest): void {
  for (const [index, { to_number, metadata }] of calls.entries()) {
    const path = `outbound_calls[${index}]`
    if (!E164.test(to_number))
      throw invalidInput(`${path}.to_number`, 'must be a telephone number such as +14155550123')
    const problem =
      metadata === undefined || metadata === null
        ? null
        : problemOfJson(recipientOf({ to_number, metadata }).variables!)
    if (problem !== null) throw invalidInput(`${path}.metadata`, problem)
  }
}

async function placeAll(
  { commands, actor }: { commands: CommandContext; actor: Actor },
  settings: CallInput,
  { outbound_calls: wanted }: CallsRequest,
): Promise<CreatedCalls> {
  const calls: CreatedCalls['calls'] = []
  for (const each of wanted) {
    const made = await createCall(commands, actor, settings, recipientOf(each))
    const { outcome, causeText, cause } = made
    const error = { error_code: cause.replaceAll('-', '_'), message: causeText }
    const isSettled = outcome !== null && made.dialedAt === null
    calls.push({ number: each.to_number, ...(isSettled ? { error } : { agent_call_id: encodeId('call', made.id) }) })
  }
  return { calls }
}

/** @throws AppError `invalid-input` unless an agent or a batch is named, and when the batch is not of the agent. */
async function filterOf(commands: CommandContext, actor: Actor, query: CallsQuery): Promise<CallListOptions> {
  const { agent_id: agentId, batch_id: batchId } = query
  if (agentId === undefined && batchId === undefined) throw invalidInput('agent_id', 'or batch_id must be named')
  const agent = agentId === undefined ? undefined : (await findAgent(commands, actor, agentId)).id
  const batch = batchId === undefined ? undefined : await getBatch(commands, actor, decodeId('batch', batchId))
  if (agent !== undefined && batch !== undefined && batch.agent.id !== agent) {
    throw invalidInput('agent_id', 'is not the agent of this batch')
  }
  return { agent, batchId: batch?.id, ...decodeTimes(query) }
}

const addOneCall: AddRoutes = (scope, { commands }) => {
  const shown = { hasTranscript: true }

  scope.get(`${CALLS}/:call_id`, {
    schema: { summary: 'Get Call', tags, params: callPath, response: answers({ 200: call }) },
    handler: async (request) =>
      encodeCall(await getCall(commands, actorOf(request), decodeId('call', request.params.call_id)), shown),
  })

  scope.delete(`${CALLS}/:call_id`, {
    schema: {
      summary: 'Delete Call',
      description: 'Erases what was said and the metadata of a call that is over. Asking again changes nothing.',
      tags,
      params: callPath,
      response: answers({ 200: call }),
    },
    handler: async (request) =>
      encodeCall(await deleteCall(commands, actorOf(request), decodeId('call', request.params.call_id)), shown),
  })

  scope.post(`${CALLS}/:call_id/cancel`, {
    config: { repeatedBy: 'command' },
    schema: {
      summary: 'Cancel Call',
      description: 'Ends a call during the talk.',
      tags,
      params: callPath,
      response: answers({ 200: cancelledCall }),
    },
    handler: async (request) => {
      const actor = actorOf(request)
      const found = await getCall(commands, actor, decodeId('call', request.params.call_id))
      if (callStatusOf(found) !== 'started') throw new AppError('call-not-live', NOT_STARTED)
      await hangUpCall(commands, actor, found.id)
      return { cancelled: true as const }
    },
  })
}

const NOT_STARTED = { remedy: 'Only a call whose status is started can be cancelled.' }
