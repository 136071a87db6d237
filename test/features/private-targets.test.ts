import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CARRIER_KINDS } from '../../src/carriers/registry.ts'
import { targetNames } from '../../src/commands/sealed-settings.ts'
import { TargetGuard } from '../../src/targets/target-guard.ts'
import { followed, readDocuments, type Schema } from '../../verify/requests/document.ts'
import type { DialectFacts } from '../dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import { ACCOUNT_WEBHOOK } from '../dialect-facts/ultravox.ts'
import { type NativeServer, startNativeServer } from '../native-server.ts'

/** One of each family; `src/targets/target-guard.test.ts` has all spellings. */
const PRIVATE = [
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://017700000001/',
  'https://0x7f.1/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[64:ff9b::a00:1]/',
  'https://[fd00::1]/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://localhost/',
]
const PUBLIC = 'https://93.184.215.14/hook'

interface Place {
  readonly dialect: DialectName
  readonly route: string
  readonly path: () => string
  /** Where the address stands in the body. */
  readonly field: string
  readonly body: (url: string) => object
}

let api: NativeServer
const ids = { webhook: '', accountWebhook: '', batch: '', agent: '' }
/** Of whom a batch webhook is told. */
const joined = { medium: { webRtc: {} } }

const PLACES: readonly Place[] = [
  {
    dialect: 'native',
    route: 'POST /carillon/v1/webhooks',
    path: () => '/carillon/v1/webhooks',
    field: 'url',
    body: (url) => ({ url }),
  },
  {
    dialect: 'native',
    route: 'PATCH /carillon/v1/webhooks/{id}',
    path: () => `/carillon/v1/webhooks/${ids.webhook}`,
    field: 'url',
    body: (url) => ({ url }),
  },
  {
    dialect: 'ultravox',
    route: 'POST /api/webhooks',
    path: () => '/api/webhooks',
    field: 'url',
    body: (url) => ({ ...ACCOUNT_WEBHOOK, url }),
  },
  ...(['PUT', 'PATCH'] as const).map(
    (method): Place => ({
      dialect: 'ultravox',
      route: `${method} /api/webhooks/{webhook_id}`,
      path: () => `/api/webhooks/${ids.accountWebhook}`,
      field: 'url',
      body: (url) => ({ ...ACCOUNT_WEBHOOK, url }),
    }),
  ),
  {
    dialect: 'ultravox',
    route: 'POST /api/agents/{agent_id}/scheduled_batches',
    path: () => `/api/agents/${ids.agent}/scheduled_batches`,
    field: 'webhookUrl',
    body: (webhookUrl) => ({ calls: [joined], paused: true, webhookUrl }),
  },
  {
    dialect: 'ultravox',
    route: 'PATCH /api/agents/{agent_id}/scheduled_batches/{batch_id}',
    path: () => `/api/agents/${ids.agent}/scheduled_batches/${ids.batch}`,
    field: 'webhookUrl',
    body: (webhookUrl) => ({ webhookUrl }),
  },
  {
    dialect: 'cartesia',
    route: 'POST /agents/webhooks',
    path: () => '/agents/webhooks',
    field: 'url',
    body: (url) => ({ url, secret: 'a-secret-of-a-test' }),
  },
  {
    dialect: 'zudu',
    route: 'POST /api/post-call-webhooks/create',
    path: () => '/api/post-call-webhooks/create',
    field: 'url',
    body: (url) => ({ name: 'calls', url }),
  },
  {
    dialect: 'retell',
    route: 'PATCH /update-agent/{agent_id}',
    path: () => `/update-agent/agent_${ids.agent.replaceAll('-', '')}`,
    field: 'webhook_url',
    body: (webhook_url) => ({ webhook_url }),
  },
  {
    dialect: 'elevenlabs',
    route: 'POST /v1/workspace/webhooks',
    path: () => '/v1/workspace/webhooks',
    field: 'settings.webhook_url',
    body: (webhook_url) => ({ settings: { auth_type: 'hmac', name: 'calls', webhook_url } }),
  },
]

beforeAll(async () => {
  // As it is by default: no private network may be reached.
  const targets = new TargetGuard({ allowedNetworks: [] })
  api = await startNativeServer()
  Object.assign(api.commands, { targets })
  ids.agent = api.first.agentId!
  ids.webhook = await made('native', '/carillon/v1/webhooks', { url: PUBLIC })
  ids.accountWebhook = await made('ultravox', '/api/webhooks', { ...ACCOUNT_WEBHOOK, url: PUBLIC })
  const batch = { calls: [joined], paused: true, webhookUrl: PUBLIC }
  ids.batch = await made('ultravox', `/api/agents/${ids.agent}/scheduled_batches`, batch)
})

afterAll(() => api.close())

function send(dialect: DialectName, method: string, path: string, body: object) {
  const headers = DIALECT_FACTS[dialect].keyHeaders(api.token, api.first.organizationId!)
  return api.ask(method, path, { token: null, headers, body })
}

async function made(dialect: DialectName, path: string, body: object): Promise<string> {
  const answer = await send(dialect, 'POST', path, body)
  expect(answer.status, answer.text).toBeLessThan(300)
  return answer.body.webhook?.id ?? answer.body.webhookId ?? answer.body.batchId
}

test('every address that a body of any wire format may hold stands in this table', async () => {
  const found: string[] = []
  for (const document of await readDocuments(api.server)) {
    for (const [path, methods] of Object.entries(document.json.paths)) {
      for (const [method, { requestBody }] of Object.entries(methods)) {
        const [content] = Object.values(requestBody?.content ?? {})
        const fields = addressesIn((schema) => followed(document, schema), content?.schema)
        found.push(...fields.map((field) => `${method.toUpperCase()} ${path} ${field}`))
      }
    }
  }
  const known = PLACES.map(({ route, field }) => `${route} ${field}`)
  expect([...new Set(found)].sort()).toEqual(known.sort())
})

/** Paths of the fields whose name says that they hold an address. */
function addressesIn(follow: (schema: Schema) => Schema, schema: Schema | undefined, depth = 0): string[] {
  if (schema === undefined || depth > 8) return []
  const {
    properties = {},
    anyOf = [],
    oneOf = [],
    allOf = [],
    items,
  } = follow(schema) as {
    properties?: Record<string, Schema>
    anyOf?: Schema[]
    oneOf?: Schema[]
    allOf?: Schema[]
    items?: Schema
  }
  const inFields = Object.entries(properties).flatMap(([name, field]) => [
    ...(/ur[il]/i.test(name) ? [name] : []),
    ...addressesIn(follow, field, depth + 1).map((below) => `${name}.${below}`),
  ])
  const others = [...anyOf, ...oneOf, ...allOf, ...(items === undefined ? [] : [items])]
  return [...inFields, ...others.flatMap((each) => addressesIn(follow, each, depth + 1))]
}

describe.each(PLACES)('$dialect $route', ({ dialect, route, path, field, body }) => {
  const [method] = route.split(' ') as [string]

  test('takes no address that is not public, and names the field', async () => {
    const facts: DialectFacts = DIALECT_FACTS[dialect]
    for (const url of PRIVATE) {
      const answer = await send(dialect, method, path(), body(url))
      expect(answer.status, `${url}: ${answer.text}`).toBe(facts.badRequestStatus ?? 400)
      expect(answer.text, url).toMatch(/not public|does not resolve/)
      const named = facts.fieldsOf?.(answer.body).includes(field) ?? answer.text.includes(field)
      expect(named, `${answer.text} does not name ${field}`).toBe(true)
    }
  })

  test('takes one that is', async () => {
    const answer = await send(dialect, method, path(), body(PUBLIC))
    expect(answer.status, answer.text).toBeLessThan(300)
  })
})

test('a trunk leads to no address that is not public', async () => {
  const limits = { concurrency: 1, callsPerSecond: 1 }
  const settings = { secret: 'x'.repeat(20) }
  const trunk = (url: string) => ({ name: 'far', carrier: 'loopback', ...limits, settings: { ...settings, url } })
  for (const url of PRIVATE) {
    const answer = await api.ask('POST', '/carillon/v1/trunks', { body: trunk(url) })
    expect(answer.status, `${url}: ${answer.text}`).toBe(400)
    expect(answer.body, answer.text).toMatchObject({ code: 'target-refused', field: 'settings.url' })
  }
  const { status, body, text } = await api.ask('POST', '/carillon/v1/trunks', { body: trunk(PUBLIC) })
  expect(status, text).toBe(201)
  const changed = { settings: { ...settings, url: PRIVATE[0] } }
  const answer = await api.ask('PATCH', `/carillon/v1/trunks/${body.id}`, { body: changed })
  expect(answer.body).toMatchObject({ status: 400, code: 'target-refused', field: 'settings.url' })
  // A carrier with an address in its settings marks it.
  const marked = CARRIER_KINDS.map(({ kind, settings }) => [kind, targetNames(settings)])
  expect(Object.fromEntries(marked)).toEqual({ loopback: ['url'], sip: [], invitation: [] })
})
