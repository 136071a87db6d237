import { readHeaderToken } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure } from './errors.ts'
import { addAgents } from './routes/agents.ts'
import { addBatches } from './routes/batches.ts'
import { addConversations } from './routes/conversations.ts'
import { addOutboundCalls } from './routes/outbound-calls.ts'
import { addPhoneNumbers } from './routes/phone-numbers.ts'
import { addSettings } from './routes/settings.ts'
import { addWebhooks } from './routes/webhooks.ts'
import { postCallWebhook } from './webhook.ts'

const BODY_BYTES_MAX = 32 * 1_048_576
const OWN_PATH = /^\/v1\/(?:convai|workspace)(?:\/|$)/
const KEY_HEADER = 'xi-api-key'
/** Methods whose fields stand in the address. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE'])

/** Agents that call batches of people and keep a conversation of each call. See the README beside this file. */
export const elevenlabs: Dialect = {
  name: 'elevenlabs',
  title: 'ElevenLabs',
  bodyLimitBytes: BODY_BYTES_MAX,
  openApi: {
    version: '1.0',
    description:
      'Calls batches of people through an agent and keeps a conversation of each call. Times are whole seconds since 1970. Fields without effect are ignored and named in the header Carillon-Ignored-Fields.',
    tags: [
      { name: 'Batch calling', description: 'Lists of people to call.' },
      { name: 'Conversations', description: 'What became of each call.' },
      { name: 'Outbound calls', description: 'One person, called by itself.' },
      { name: 'Agents', description: 'Who speaks. Made and given a voice with the Carillon API.' },
      { name: 'Phone numbers', description: 'Numbers to call from.' },
      { name: 'Webhooks', description: 'Addresses that are told of calls, and which of them is.' },
    ],
    securitySchemes: { key: { type: 'apiKey', in: 'header', name: KEY_HEADER } },
    security: [{ key: [] }],
  },
  webhookForms: [postCallWebhook],
  owns: (path) => OWN_PATH.test(path),
  async authenticate(request, keys) {
    request.actor = await keys.organization(readHeaderToken(request, KEY_HEADER), request)
  },
  answerFailure(failure, request, reply) {
    const { httpStatus, body } = encodeFailure(failure, {
      id: request.id,
      part: WITHOUT_BODY.has(request.method) ? 'query' : 'body',
      hasKey: request.headers[KEY_HEADER] !== undefined,
    })
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body))
  },
  register(scope, services) {
    addIdempotency(scope, services.commands)
    const routes = useZod(scope)
    const all = [addBatches, addConversations, addOutboundCalls, addAgents, addPhoneNumbers, addWebhooks, addSettings]
    for (const add of all) add(routes, services)
  },
}
