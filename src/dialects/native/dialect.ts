import type { FastifyRequest } from 'fastify'
import { actAs } from '../../commands/organizations.ts'
import { AppError } from '../../errors.ts'
import { readBearer, readPair } from '../credentials.ts'
import type { Dialect, DialectServices, Keys } from '../dialect.ts'
import { addIdempotency } from '../idempotency.ts'
import { PROBLEM_TYPE } from '../problem.ts'
import { useZod } from '../zod-routes.ts'
import { encodeFailure } from './errors.ts'
import { PREFIX } from './route-parts.ts'
import { addAgents } from './routes/agents.ts'
import { addAttention } from './routes/attention.ts'
import { addAudit } from './routes/audit.ts'
import { addBatchVerbs } from './routes/batch-verbs.ts'
import { addBatches } from './routes/batches.ts'
import { addCalls } from './routes/calls.ts'
import { addErasures } from './routes/erasures.ts'
import { addEvents } from './routes/events.ts'
import { addKeys } from './routes/keys.ts'
import { addLive } from './routes/live.ts'
import { addMe } from './routes/me.ts'
import { addNumbers } from './routes/numbers.ts'
import { addOrganizations } from './routes/organizations.ts'
import { addRecipients } from './routes/recipients.ts'
import { addResults } from './routes/results.ts'
import { addSuppressions } from './routes/suppressions.ts'
import { addThrottles } from './routes/throttles.ts'
import { addTrunks } from './routes/trunks.ts'
import { addWebhooks } from './routes/webhooks.ts'
import { standardWebhook } from './webhook.ts'

const BODY_BYTES_MAX = 32 * 1_048_576
/** With it the operator's key works for one organization. */
const ORGANIZATION_HEADER = 'carillon-organization'

/** Carillon's own wire format: what the console, the command line and the typed client speak. */
export const native: Dialect = {
  name: 'native',
  title: 'Carillon',
  bodyLimitBytes: BODY_BYTES_MAX,
  webhookForms: [standardWebhook],
  openApi: {
    version: '1',
    description:
      'Calls a list of people through a voice agent: everyone once, at an hour they may be called, under every limit, with the outcome known. ' +
      'Every POST takes an `Idempotency-Key`. Every refusal is a problem that names the field, what is wrong with it and what to do.',
    tags: [
      { name: 'Batches', description: 'Lists of people to call, and what became of each.' },
      { name: 'Calls', description: 'Every call, of lists and single ones; one person called now.' },
      { name: 'Agents', description: 'Who speaks after the answer.' },
      { name: 'Trunks', description: 'How calls leave the building.' },
      { name: 'Numbers', description: 'Numbers to call from.' },
      { name: 'Throttles', description: 'At most so many calls in any window of time.' },
      { name: 'Suppressions', description: 'Numbers that are never called.' },
      { name: 'Events', description: 'The log of everything that happened, in order and without gaps.' },
      { name: 'Attention', description: 'What stands still or fails now, and what to do about it.' },
      { name: 'Webhooks', description: 'Addresses that are told of events as they happen, signed.' },
      { name: 'Keys', description: 'API keys of an organization.' },
      { name: 'Organizations', description: 'For whoever runs the installation: organizations and their limits.' },
    ],
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', description: 'A token of an API key.' },
      key: { type: 'apiKey', in: 'header', name: 'X-API-KEY', description: 'The id of an API key, with its secret.' },
      secret: { type: 'apiKey', in: 'header', name: 'X-API-SECRET', description: 'The secret of the API key.' },
    },
    security: [{ token: [] }, { key: [], secret: [] }],
  },
  owns: (path) => path === PREFIX || path.startsWith(`${PREFIX}/`),
  authenticate,
  answerFailure(failure, request, reply) {
    reply
      .status(failure.httpStatus)
      .header('content-type', PROBLEM_TYPE)
      .send(JSON.stringify(encodeFailure(failure, request.id)))
  },
  async register(root, services) {
    await root.register(async (scope) => addRoutes(scope, services), { prefix: PREFIX })
  },
}

async function addRoutes(scope: Parameters<Dialect['register']>[0], services: DialectServices): Promise<void> {
  addIdempotency(scope, services.commands)
  const routes = useZod(scope)
  const nouns = [
    addMe,
    addBatches,
    addBatchVerbs,
    addRecipients,
    addResults,
    addCalls,
    addLive,
    addAgents,
    addTrunks,
    addNumbers,
    addThrottles,
    addSuppressions,
    addEvents,
    addWebhooks,
    addKeys,
    addOrganizations,
    addAttention,
    addAudit,
    addErasures,
  ]
  for (const add of nouns) await add(routes, services)
}

async function authenticate(request: FastifyRequest, keys: Keys, { commands }: DialectServices): Promise<void> {
  const bearer = readBearer(request)
  const reading = bearer.ok || bearer.reason !== 'absent' ? bearer : readPair(request)
  const { actor, operator } = await keys.anyone(reading, request)
  request.actor = actor
  request.operator = operator
  const audience = request.routeOptions.config.for ?? 'organization'
  if (audience === 'operator' && operator === null) throw new AppError('forbidden')
  if (audience === 'organization' && operator !== null) {
    const organization = request.headers[ORGANIZATION_HEADER]
    if (typeof organization !== 'string') throw new AppError('forbidden', { remedy: OPERATOR_REMEDY })
    request.actor = await actAs(commands, operator, organization)
  }
}

const OPERATOR_REMEDY = 'Use a key of an organization, or name the organization in the header Carillon-Organization.'
