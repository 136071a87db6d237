import { readBearer } from '../credentials.ts'
import type { Dialect } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure } from './errors.ts'
import { addAgents } from './routes/agents.ts'
import { addBatches } from './routes/batches.ts'
import { addCalls } from './routes/calls.ts'
import { addCallList } from './routes/list-calls.ts'
import { addPhoneNumbers } from './routes/phone-numbers.ts'
import { analysisWebhook, callWebhook } from './webhook.ts'

const BODY_BYTES_MAX = 32 * 1_048_576
/** A verb and a thing, most often behind a version. */
const OWN_PATH = /^\/(?:v[23]\/)?(?:create|get|list|update|delete|stop|register|rerun)-[a-z-]+(?:\/|$)/

/** Batches of calls with a window of hours, and every call by itself. See the README beside this file. */
export const retell: Dialect = {
  name: 'retell',
  title: 'Retell',
  bodyLimitBytes: BODY_BYTES_MAX,
  openApi: {
    version: '3.0.0',
    description:
      'Calls batches of people through an agent and follows each call. Unknown fields are ignored and named in the header Carillon-Ignored-Fields; what a list cannot be filtered by is refused.',
    tags: [
      { name: 'Batch calls', description: 'Lists of people to call.' },
      { name: 'Calls', description: 'Each call, of batches and single ones.' },
      { name: 'Agents', description: 'Who speaks. Made and given a voice with the Carillon API.' },
      { name: 'Phone numbers', description: 'Numbers to call from.' },
      { name: 'Concurrency', description: 'Calls at once.' },
    ],
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    security: [{ bearer: [] }],
  },
  webhookForms: [callWebhook, analysisWebhook],
  owns: (path) => OWN_PATH.test(path),
  async authenticate(request, keys) {
    request.actor = await keys.organization(readBearer(request), request)
  },
  answerFailure(failure, _request, reply) {
    const { httpStatus, body } = encodeFailure(failure)
    // Sent as text: the answer to a failure is the same whatever the route has said about its answers.
    reply.status(httpStatus).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body))
  },
  register(scope, services) {
    addIdempotency(scope, services.commands)
    const routes = useZod(scope)
    for (const add of [addBatches, addCalls, addCallList, addAgents, addPhoneNumbers]) add(routes, services)
  },
}
