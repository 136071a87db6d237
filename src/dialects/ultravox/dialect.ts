import type { IncomingHttpHeaders } from 'node:http'
import { readHeaderToken } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure } from './errors.ts'
import { addAgents } from './routes/agents.ts'
import { addBatchCalls } from './routes/batch-calls.ts'
import { addBatches } from './routes/batches.ts'
import { addCalls } from './routes/calls.ts'
import { addThrottles } from './routes/throttles.ts'
import { addWebhooks } from './routes/webhooks.ts'
import { accountWebhook, invitation } from './webhook.ts'

const BODY_BYTES_MAX = 32 * 1_048_576
const OWN_PATH = /^\/api(?:\/|$)/
/** Paths that another product has too; its requests carry the secret of a pair, which this wire format has not. */
const SHARED_PATHS = /^\/api\/(?:agents|agents\/[^/]+\/duplicate|post-call-webhooks\/.*)$/
const PAIR_HEADER = 'x-api-secret'

/** Agents that call scheduled batches of people, with lists read by cursor. See the README beside this file. */
export const ultravox: Dialect = {
  name: 'ultravox',
  title: 'Ultravox',
  bodyLimitBytes: BODY_BYTES_MAX,
  openApi: {
    version: '1.0.0',
    description:
      'Make an agent, schedule a batch of calls for it within a window of time, and follow each call. Unknown fields are ignored and named in the header Carillon-Ignored-Fields.',
    tags: [
      { name: 'Agents', description: 'Who speaks. An agent made here is bound to a voice with the Carillon API.' },
      { name: 'Scheduled batches', description: 'Lists of calls to be made within a window of time.' },
      { name: 'Calls', description: 'Calls that were made.' },
      { name: 'Webhooks', description: 'Servers that are told what becomes of calls.' },
      { name: 'Call throttles', description: 'At most so many calls in any window of time.' },
    ],
    securitySchemes: { apiKeyAuth: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
    security: [{ apiKeyAuth: [] }],
  },
  invitation,
  webhookForms: [accountWebhook],
  owns: (path, headers) => OWN_PATH.test(path) && !isOfAnother(path, headers),
  async authenticate(request, keys) {
    request.actor = await keys.organization(readHeaderToken(request, 'x-api-key'), request)
  },
  answerFailure(failure, _request, reply) {
    const { httpStatus, body } = encodeFailure(failure)
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body))
  },
  register(scope, services) {
    addIdempotency(scope, services.commands)
    const routes = useZod(scope)
    for (const add of [addAgents, addBatches, addBatchCalls, addCalls, addThrottles, addWebhooks]) add(routes, services)
  },
}

function isOfAnother(path: string, headers: IncomingHttpHeaders): boolean {
  return headers[PAIR_HEADER] !== undefined && SHARED_PATHS.test(path)
}
