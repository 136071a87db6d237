import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type NativeServer, startNativeServer } from '../native-server.ts'

/** What an organization owns, by the name of the thing. Another organization names it and gets nothing. */
interface Belongings {
  readonly organization: string
  readonly agent: string
  readonly trunk: string
  readonly number: string
  readonly key: string
  readonly webhook: string
  readonly throttle: string
  readonly accountWebhook: string
  readonly batch: string
  readonly recipient: string
  readonly call: string
  readonly suppressed: string
  readonly erasure: string
}

/** How a path's parameter is spelled, by dialect and name. A route with one that stands here in no line fails the test. */
const SPELLINGS: Readonly<Record<string, Readonly<Record<string, (theirs: Belongings, url: string) => string>>>> = {
  native: {
    ':id': (theirs, url) => theirs[thingOf(url)],
    ':recipientId': ({ recipient }) => recipient,
    ':alias': () => 'mine',
    ':keyId': ({ key }) => key,
    ':number': ({ suppressed }) => encodeURIComponent(suppressed),
    ':eventId': () => '1.1',
  },
  trillet: { ':batchId': ({ batch }) => `batch_${BigInt(`0x${batch.replaceAll('-', '')}`)}` },
  cartesia: {
    ':batch_id': ({ batch }) => batch,
    ':call_id': ({ call }) => call,
    ':agent_id': ({ agent }) => agent,
    ':id': (theirs, url) => (url.includes('webhooks') ? theirs.webhook : theirs.number),
  },
  ultravox: {
    ':agent_id': ({ agent }) => agent,
    ':batch_id': ({ batch }) => batch,
    ':call_id': ({ recipient }) => recipient,
    ':throttle_id': ({ throttle }) => throttle,
    ':webhook_id': ({ accountWebhook }) => accountWebhook,
  },
  zudu: {
    ':batch_call_id': ({ batch }) => `batch_call_${batch.replaceAll('-', '')}`,
    ':agent_id': ({ agent }) => `agent_${agent}`,
  },
}

const THROTTLE = { name: 'slow', rules: [{ maxCalls: 1, windowSeconds: 1 }] }
const ACCOUNT_WEBHOOK = { url: 'http://127.0.0.1:9/hook', events: ['call.ended'] }

const BATCH_CALL = { from_number: '+15005550100', agent_id: 'announcement', tasks: [{ to_number: '+12125550100' }] }

/** Bodies of routes that look at the body first, by method and path. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /carillon/v1/batches/:id/retry': { outcomes: ['unknown'] },
  'PUT /batch-call/:batch_call_id': BATCH_CALL,
  'POST /api/agents/:agent_id/duplicate': { agent_name: 'mine' },
  'POST /carillon/v1/trunks/:id/test': { to: '+12125550100' },
  'PUT /api/call_throttles/:throttle_id': THROTTLE,
  'PUT /api/webhooks/:webhook_id': ACCOUNT_WEBHOOK,
  'POST /api/agents/:agent_id/calls': { medium: { twilio: { outgoing: { to: '+12125550100' } } } },
  'POST /api/agents/:agent_id/scheduled_batches': {
    calls: [{ medium: { twilio: { outgoing: { to: '+12125550100', from: '+15005550100' } } } }],
  },
}

/** Refused before anything is looked for: the key is no operator's. */
const FOR_OPERATORS = /^\/carillon\/v1\/organizations\b/
/** A number is nobody's: the answer tells how many of one's own were removed. */
const ANSWERS: Readonly<Record<string, object>> = {
  'DELETE /carillon/v1/suppressions/:number': { removed: 0 },
}
/** Their only key is a secret in the address. */
const WITH_TOKENS = /\/(join|tasks\.json)$/

let api: NativeServer
let theirs: Belongings
let ourToken: string
let ourWorkspace: string

beforeAll(async () => {
  api = await startNativeServer()
  theirs = await belongings()
  const made = await api.ask('POST', '/carillon/v1/organizations', {
    token: api.operatorToken,
    body: { name: 'other', concurrency: 5 },
  })
  ourWorkspace = made.body.organization?.id ?? made.body.id
  const key = await api.ask('POST', `/carillon/v1/organizations/${ourWorkspace}/keys`, {
    token: api.operatorToken,
    body: { name: 'ours' },
  })
  ourToken = key.body.token
})

afterAll(() => api.close())

async function belongings(): Promise<Belongings> {
  const post = async (path: string, body: object) => (await api.ask('POST', `/carillon/v1${path}`, { body })).body
  const list = async (path: string) => (await api.ask('GET', `/carillon/v1${path}`)).body.items
  const batch = (await post('/batches', { agent: 'announcement', recipients: [{ to: '+12125550100' }], draft: true }))
    .batch.id
  const webhook = await post('/webhooks', { url: 'http://127.0.0.1:9/hook' })
  const ultravox = async (path: string, body: object) =>
    (await api.ask('POST', `/api${path}`, { body, headers: { 'x-api-key': api.token } })).body
  const throttle = await ultravox('/call_throttles', THROTTLE)
  const accountWebhook = await ultravox('/webhooks', ACCOUNT_WEBHOOK)
  await post('/suppressions', { numbers: ['+12125550199'] })
  const made: Belongings = {
    organization: api.first.organizationId!,
    agent: api.first.agentId!,
    trunk: api.first.trunkId!,
    number: (await list('/numbers'))[0].id,
    key: (await list('/keys'))[0].id,
    webhook: webhook.webhook?.id ?? webhook.id,
    throttle: throttle.throttleId,
    accountWebhook: accountWebhook.webhookId,
    batch,
    recipient: (await list(`/batches/${batch}/recipients`))[0].id,
    call: (await post('/calls', { agent: 'announcement', to: '+12125550101' })).id,
    suppressed: '+12125550199',
    erasure: (await post('/erasures', { number: '+12125550177' })).id,
  }
  // What was not made would be found nowhere, whoever asks.
  for (const [thing, value] of Object.entries(made)) expect(value, thing).toEqual(expect.any(String))
  return made
}

function thingOf(url: string): keyof Belongings {
  const [, plural] = /^\/carillon\/v1\/(\w+)\//.exec(url) ?? []
  return plural === 'batches' ? 'batch' : (plural?.replace(/s$/, '') as keyof Belongings)
}

function oneKeyOf(token: string): Record<string, string> {
  return { 'x-api-key': token, 'x-workspace-id': ourWorkspace, 'cartesia-version': '2026-08-14' }
}

/** Everything in the database that belongs to the first organization, as one text. */
async function everythingOfTheirs(): Promise<string> {
  const tables = await api.commands.database.query<{ name: string }>(
    `SELECT c.table_name AS name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = 'carillon' AND c.column_name = 'organization_id' AND t.table_type = 'BASE TABLE' ORDER BY 1`,
  )
  const texts = tables.rows.map(async ({ name }) => {
    const { rows } = await api.commands.database.query<{ text: string | null }>(
      `SELECT string_agg(x::text, E'\\n' ORDER BY x::text) AS text FROM ${name} x WHERE organization_id = 1`,
    )
    return `${name}\n${rows[0]!.text}`
  })
  return (await Promise.all(texts)).join('\n')
}

/** A key of ours as a wire format with two headers sends it. */
function pairOf(token: string) {
  const [, id, secret] = /^(crl_[^_]+)_(.+)$/.exec(token)!
  return { 'x-api-key': id!, 'x-api-secret': secret! }
}

describe('what belongs to another organization', () => {
  test('does not exist, on every route that names something, and is not changed by asking', async () => {
    const routes = api.server.routeTable.entries.filter(
      ({ url, dialect, method }) => dialect !== null && url.includes(':') && method !== 'HEAD',
    )
    expect(routes.length).toBeGreaterThan(40)
    const before = await everythingOfTheirs()
    for (const { url, method, dialect } of routes) {
      if (WITH_TOKENS.test(url)) continue
      const path = url.replace(/:\w+/g, (name) => {
        const spell = SPELLINGS[dialect!]?.[name]
        if (spell === undefined) throw new Error(`${method} ${url}: SPELLINGS has no ${name} of ${dialect}`)
        return spell(theirs, url)
      })
      const answer = await api.ask(method, path, {
        token: ourToken,
        headers: dialect === 'zudu' ? pairOf(ourToken) : oneKeyOf(ourToken),
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: BODIES[`${method} ${url}`] ?? {} }),
      })
      const known = ANSWERS[`${method} ${url}`]
      if (known !== undefined) {
        expect(answer.body).toEqual(known)
        continue
      }
      const expected = FOR_OPERATORS.test(url) ? [403, 404] : [404]
      expect(expected, `${method} ${path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`).toContain(
        answer.status,
      )
      expect(answer.text, `${method} ${path}`).not.toContain('5550100')
    }
    expect(await everythingOfTheirs()).toBe(before)
  })

  test('is not shown by lists, and cannot be named in a body', async () => {
    for (const list of ['batches', 'agents', 'trunks', 'numbers', 'suppressions', 'webhooks', 'events', 'calls']) {
      const { body } = await api.ask('GET', `/carillon/v1/${list}`, { token: ourToken })
      expect(body.items, list).toEqual([])
    }
    const create = (body: object) => api.ask('POST', '/carillon/v1/batches', { token: ourToken, body })
    const recipients = [{ to: '+12125550100' }]
    expect((await create({ agent: theirs.agent, recipients })).status).toBe(404)
    const number = await api.ask('POST', '/carillon/v1/numbers', {
      token: ourToken,
      body: { number: '+15005550111', trunkId: theirs.trunk },
    })
    expect(number.status).toBe(404)
  })

  test('stays out of reach of a statement that forgets to ask whose it is', async () => {
    const client = await api.commands.database.connect()
    try {
      await client.query('BEGIN; SET LOCAL ROLE carillon_api')
      const count = async () => (await client.query('SELECT count(*)::int AS count FROM recipient')).rows[0].count
      expect(await count()).toBe(0)
      await client.query(`SELECT set_config('carillon.organization_id', '2', true)`)
      expect(await count()).toBe(0)
      await client.query(`SELECT set_config('carillon.organization_id', '1', true)`)
      expect(await count()).toBe(2)
      const stolen = client.query(
        `INSERT INTO suppression SELECT 2, 1, 1, $1, '2026-01-01' WHERE EXISTS (SELECT 1 FROM batch)`,
        [randomUUID()],
      )
      await expect(stolen).rejects.toThrow(/row-level security/)
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })
})
