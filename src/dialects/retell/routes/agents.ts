import type { FastifyRequest } from 'fastify'
import { listAgents, updateAgent } from '../../../commands/agents.ts'
import type { AgentView } from '../../../commands/views.ts'
import { AppError, invalidInput } from '../../../errors.ts'
import { readBearer } from '../../credentials.ts'
import { actorOf } from '../../dialect.ts'
import { everyPage, ROWS_AT_ONCE } from '../../every-page.ts'
import { messageInWords } from '../../field-words.ts'
import type { Asking } from '../../find-by-id.ts'
import { nameIgnoredFields } from '../../ignored-fields.ts'
import { documentAs } from '../../open-api.ts'
import { readAgentWebhook, writeAgentWebhook } from '../agent-webhooks.ts'
import { encodeListedAgent } from '../encode.ts'
import { ownAgentId } from '../ids.ts'
import { type AddRoutes, answers, findAgent, pageOf } from '../route-parts.ts'
import {
  type Agent,
  type AgentChanges,
  type AgentsRequest,
  agent,
  agentChanges,
  agentPath,
  agentsRequest,
  agentsRequestOrNone,
  listedAgent,
  pageQuery,
  pageOf as pageSchemaOf,
  type TEXT_OPERATIONS,
  WEBHOOK_EVENTS,
} from '../wire.ts'

const tags = ['Agents']

export const addAgents: AddRoutes = (scope, { commands }) => {
  scope.post('/v2/list-agents', {
    config: { reads: true },
    schema: {
      summary: 'List Agents',
      description: 'Newest first.',
      tags,
      querystring: pageQuery,
      body: documentAs(agentsRequestOrNone, agentsRequest),
      response: answers({ 200: pageSchemaOf(listedAgent) }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(agentsRequest, request.body, reply),
    handler: async (request) => {
      const actor = actorOf(request)
      const all = await everyPage((cursor) => listAgents(commands, actor, { cursor, limit: ROWS_AT_ONCE }))
      const wanted = all.filter((view) => fits(view, request.body?.filter_criteria ?? {}))
      return pageOf(wanted.map(encodeListedAgent), request.query, ({ agent_id }) => agent_id)
    },
  })

  scope.get('/get-agent/:agent_id', {
    schema: { summary: 'Get Agent', tags, params: agentPath, response: answers({ 200: agent }) },
    handler: async (request) => {
      const asking = { commands, actor: actorOf(request) }
      return encodeAgent(asking, await findAgent(asking, request.params.agent_id))
    },
  })

  scope.patch('/update-agent/:agent_id', {
    schema: {
      summary: 'Update Agent',
      description: 'Its name, and the address that is told of its calls. What is sent there is signed with this key.',
      tags,
      params: agentPath,
      body: agentChanges,
      response: answers({ 200: agent }),
    },
    preValidation: async (request, reply) => nameIgnoredFields(agentChanges, request.body, reply),
    handler: async (request) => {
      const asking = { commands, actor: actorOf(request) }
      const found = await findAgent(asking, request.params.agent_id)
      await changeWebhook(asking, found.id, request.body, presentedKey(request)).catch(inTheirWords)
      const { agent_name: name } = request.body
      const changed =
        name === undefined ? found : await updateAgent(commands, asking.actor, found.id, { name }).catch(inTheirWords)
      return encodeAgent(asking, changed)
    },
  })
}

async function changeWebhook(asking: Asking, agentId: string, changes: AgentChanges, secret: string): Promise<void> {
  const { webhook_url: url, webhook_events: events } = changes
  if (url === undefined && events === undefined) return
  const known = await readAgentWebhook(asking, agentId)
  const address = url === undefined ? known?.url : url
  if (address === undefined) throw invalidInput('webhook_events', 'has no effect without a webhook_url')
  if (address === null) return writeAgentWebhook(asking, agentId, null)
  const wanted = events === undefined ? (known?.events ?? WEBHOOK_EVENTS) : (events ?? WEBHOOK_EVENTS)
  return writeAgentWebhook(asking, agentId, { url: address, events: wanted, secret })
}

/** The key as it was sent: the vendor's clients check signatures with it. */
function presentedKey(request: FastifyRequest): string {
  const reading = readBearer(request)
  if (!reading.ok) throw new Error('A request was authenticated without a key in its Authorization header')
  const { credential } = reading
  return 'token' in credential ? credential.token : `${credential.id}:${credential.secret}`
}

/** What the core says of its own fields, said of those of this request. */
function inTheirWords(error: unknown): never {
  if (!(error instanceof AppError)) throw error
  if (error.field === 'secret') {
    const rule = messageInWords(error.message, 'secret', { secret: 'The key, with which webhooks are signed,' })
    throw new AppError('invalid-input', { args: [rule], remedy: 'Use another key.', cause: error })
  }
  if (error.field !== 'name') throw error
  const field = 'agent_name'
  const rule = messageInWords(error.message, 'name', { name: field })
  throw new AppError('invalid-input', { field, args: [rule], remedy: error.remedy, cause: error })
}

async function encodeAgent(asking: Asking, view: AgentView): Promise<Agent> {
  const webhook = await readAgentWebhook(asking, view.id)
  const { voice } = view.settings
  return {
    agent_id: ownAgentId(view),
    agent_name: view.name,
    version: 0,
    is_published: true,
    response_engine: { type: 'retell-llm', llm_id: view.kind },
    voice_id: typeof voice === 'string' ? voice : 'default',
    webhook_url: webhook?.url ?? null,
    webhook_events: webhook === null ? null : [...webhook.events],
    last_modification_timestamp: view.createdAt.getTime(),
  }
}

/** Every agent here speaks. */
function fits(view: AgentView, { channel, query }: NonNullable<AgentsRequest['filter_criteria']>): boolean {
  if (channel !== undefined && !HOLDS[channel.op]('voice', channel.value)) return false
  if (query === undefined) return true
  return view.name.toLowerCase().includes(query.toLowerCase()) || ownAgentId(view).includes(query)
}

const HOLDS: Readonly<Record<(typeof TEXT_OPERATIONS)[number], (text: string, wanted: string) => boolean>> = {
  eq: (text, wanted) => text === wanted,
  ne: (text, wanted) => text !== wanted,
  sw: (text, wanted) => text.startsWith(wanted),
  ew: (text, wanted) => text.endsWith(wanted),
  co: (text, wanted) => text.includes(wanted),
}
