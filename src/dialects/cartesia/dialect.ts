import { readBearer, readHeaderToken } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure, plainText } from './errors.ts'
import { addAgents } from './routes/agents.ts'
import { addBatches } from './routes/batches.ts'
import { addCalls } from './routes/calls.ts'
import { addPhoneNumbers } from './routes/phone-numbers.ts'
import { addWebhooks } from './routes/webhooks.ts'
import { expectsPlainErrors, versionOf } from './version.ts'
import { callWebhook } from './webhook.ts'

const BODY_BYTES_MAX = 32 * 1_048_576
const OWN_PATH = /^\/agents(?:\/|$)/

/** Agents that call batches of people, with versions by date. See the README beside this file. */
export const cartesia: Dialect = {
  name: 'cartesia',
  title: 'Cartesia',
  bodyLimitBytes: BODY_BYTES_MAX,
  openApi: {
    version: '2026-08-14',
    description:
      'Calls batches of people through an agent and follows each call. Every request names a version in the header Cartesia-Version, 2026-03-01 or later. Unknown fields are ignored and named in the header Carillon-Ignored-Fields.',
    tags: [
      { name: 'Call batches', description: 'Lists of people to call.' },
      { name: 'Calls', description: 'Each call, of batches and single ones.' },
      { name: 'Webhooks', description: 'Addresses that are told of the calls of agents.' },
      { name: 'Agents', description: 'Who speaks. Made and given a voice with the Carillon API.' },
      { name: 'Phone numbers', description: 'Numbers to call from.' },
    ],
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    },
    security: [{ bearer: [] }, { key: [] }],
  },
  webhookForms: [callWebhook],
  owns: (path) => OWN_PATH.test(path),
  async authenticate(request, keys) {
    const bearer = readBearer(request)
    const reading = bearer.ok || bearer.reason !== 'absent' ? bearer : readHeaderToken(request, 'x-api-key')
    request.actor = await keys.organization(reading, request)
  },
  answerFailure(failure, request, reply) {
    const { httpStatus, body } = encodeFailure(failure, request.id)
    const [type, text] = expectsPlainErrors(request)
      ? ['text/plain; charset=utf-8', plainText(body)]
      : ['application/json; charset=utf-8', JSON.stringify(body)]
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', type).send(text)
  },
  register(scope, services) {
    scope.addHook('preValidation', async (request) => {
      versionOf(request)
    })
    addIdempotency(scope, services.commands)
    const routes = useZod(scope)
    for (const add of [addBatches, addCalls, addPhoneNumbers, addWebhooks, addAgents]) add(routes, services)
  },
}
