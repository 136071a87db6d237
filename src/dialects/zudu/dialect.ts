import type { IncomingHttpHeaders } from 'node:http'
import { readPair } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure } from './errors.ts'
import { addAgents } from './routes/agents.ts'
import { addBatches } from './routes/batches.ts'
import { addLists } from './routes/lists.ts'
import { addWebhooks } from './routes/webhooks.ts'
import { postCallWebhook } from './webhook.ts'

const BODY_BYTES_MAX = 8 * 1_048_576
const OWN_PATH = /^\/batch-call(?:\/|$)/
/** Paths that another product has too; only requests of this wire format carry the secret of a pair. */
const SHARED_PATHS = /^\/api\/(?:agents|agents\/[^/]+\/duplicate|post-call-webhooks(?:\/.*)?)$/
const SECRET_HEADER = 'x-api-secret'

/** Batch calls of up to a thousand tasks, as drafts, scheduled or at once. See the README beside this file. */
export const zudu: Dialect = {
  name: 'zudu',
  title: 'Zudu',
  bodyLimitBytes: BODY_BYTES_MAX,
  openApi: {
    version: '1.0.0',
    description:
      'Create a batch call, start it, list batch calls with live figures and read what became of each task. Unknown fields are ignored and named in the header Carillon-Ignored-Fields.',
    tags: [
      { name: 'Batch calls', description: 'Lists of people who are called.' },
      { name: 'Agents', description: 'Who speaks.' },
      { name: 'Post-call webhooks', description: 'Who is told of calls that have ended.' },
    ],
    securitySchemes: {
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-KEY' },
      apiSecret: { type: 'apiKey', in: 'header', name: 'X-API-SECRET' },
    },
    security: [{ apiKey: [], apiSecret: [] }],
  },
  webhookForms: [postCallWebhook],
  owns: (path, headers) => OWN_PATH.test(path) || isShared(path, headers),
  async authenticate(request, keys) {
    request.actor = await keys.organization(readPair(request), request)
  },
  answerFailure(failure, _request, reply) {
    const { httpStatus, body } = encodeFailure(failure)
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body))
  },
  register(scope, services) {
    addIdempotency(scope, services.commands)
    const routes = useZod(scope)
    for (const add of [addBatches, addLists, addAgents, addWebhooks]) add(routes, services)
  },
}

function isShared(path: string, headers: IncomingHttpHeaders): boolean {
  return headers[SECRET_HEADER] !== undefined && SHARED_PATHS.test(path)
}
