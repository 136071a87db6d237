import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../../src/dialects/registry.ts'
import type { Belongings, DialectFacts } from '../dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, DIALECT_NAMES, type DialectName } from '../dialect-facts/registry.ts'
import { ACCOUNT_WEBHOOK, THROTTLE } from '../dialect-facts/ultravox.ts'
import { type NativeServer, startNativeServer } from '../native-server.ts'

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

test('every wire format has its facts', () => {
  expect([...DIALECT_NAMES].sort()).toEqual(dialects.map(({ name }) => name).sort())
})

describe('what belongs to another organization', () => {
  test('does not exist, on every route that names something, and is not changed by asking', async () => {
    const routes = api.server.routeTable.entries.filter(
      ({ url, dialect, method }) => dialect !== null && url.includes(':') && method !== 'HEAD',
    )
    expect(routes.length).toBeGreaterThan(40)
    const before = await everythingOfTheirs()
    for (const { url, method, dialect } of routes) {
      if (WITH_TOKENS.test(url)) continue
      const facts: DialectFacts = DIALECT_FACTS[dialect as DialectName]
      const path = url.replace(/:\w+/g, (name) => {
        const spell = facts.spellings[name]
        if (spell === undefined) throw new Error(`${method} ${url}: the facts of ${dialect} do not spell ${name}`)
        return spell(theirs, url)
      })
      const answer = await api.ask(method, path, {
        token: null,
        headers: facts.keyHeaders(ourToken, ourWorkspace),
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: facts.bodies?.[`${method} ${url}`] ?? {} }),
      })
      const known = ANSWERS[`${method} ${url}`]
      if (known !== undefined) {
        expect(answer.body).toEqual(known)
        continue
      }
      const expected = FOR_OPERATORS.test(url) ? [403, 404] : [facts.notFoundStatus ?? 404]
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
