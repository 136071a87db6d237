import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DialectFacts } from '../dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import { type NativeServer, startNativeServer } from '../native-server.ts'
import { POSTS } from '../requests/posts.ts'

/** Their only key is a secret in the address. */
const WITH_TOKENS = /\/(join|tasks\.json)$/
const FOR_OPERATORS = /^\/carillon\/v1\/organizations\b/
/** Of a request that names nothing there is. */
const NOWHERE = '00000000-0000-4000-8000-000000000000'

let api: NativeServer
let reader: string

beforeAll(async () => {
  api = await startNativeServer()
  reader = (await makeKey({ name: 'reader', access: 'read' })).token
})

afterAll(() => api.close())

async function makeKey(body: object): Promise<{ key: { id: string }; token: string }> {
  const made = await api.ask('POST', '/carillon/v1/keys', { body })
  expect(made.status, made.text).toBe(201)
  return made.body
}

test('a key that may only read changes nothing by any route there is, in any wire format', async () => {
  const reads = new Set(POSTS.filter((row) => row.reads === true).map(({ route }) => route))
  const seen: string[] = []
  for (const { method, url, dialect } of api.server.routeTable.entries) {
    if (dialect === null || method === 'HEAD' || WITH_TOKENS.test(url) || FOR_OPERATORS.test(url)) continue
    const facts: DialectFacts = DIALECT_FACTS[dialect as DialectName]
    const answer = await api.ask(method, url.replace(/:\w+/g, NOWHERE), {
      token: null,
      headers: facts.keyHeaders(reader, api.first.organizationId!),
      ...(method === 'GET' || method === 'DELETE' ? {} : { body: {} }),
    })
    const isRefused = answer.status === 403
    const what = `${method} ${url} was answered ${answer.status}: ${answer.text.slice(0, 200)}`
    expect(isRefused, what).toBe(method !== 'GET' && !reads.has(`${method} ${url}`))
    if (!isRefused) continue
    seen.push(dialect)
    expect(facts.isRefusal(answer.body), what).toBe(true)
    expect(answer.text).toMatch(/may read and change nothing/)
  }
  expect([...new Set(seen)].sort()).toEqual(Object.keys(DIALECT_FACTS).sort())
})

test('it reads what others do, and says of itself that it may not do more', async () => {
  const me = await api.ask('GET', '/carillon/v1/me', { token: reader })
  expect(me.body.key).toMatchObject({ name: 'reader', access: 'read', expiresAt: null })
  const list = '/carillon/v1/batches'
  expect((await api.ask('GET', list, { token: reader })).body).toEqual((await api.ask('GET', list)).body)
})

test('whatever is wrong with a key, the answer is the same', async () => {
  const { token } = await makeKey({ name: 'cut' })
  const revoked = await makeKey({ name: 'revoked' })
  expect((await api.ask('DELETE', `/carillon/v1/keys/${revoked.key.id}`)).status).toBe(200)
  const ended = await makeKey({ name: 'ended', expiresAt: new Date(Date.now() + 3_600_000).toISOString() })
  const end = `UPDATE credential SET expires_at = carillon_now() - interval '1 s' WHERE credential_id = $1`
  await api.commands.database.query(end, [ended.key.id])
  const notOurs = `crl_${'0'.repeat(12)}_${'0'.repeat(49)}`
  for (const [index, [name, each]] of Object.entries(DIALECT_FACTS).entries()) {
    const facts: DialectFacts = each
    const texts = new Set<string>()
    for (const wrong of [token.slice(0, -1), revoked.token, ended.token, notOurs]) {
      const answer = await api.server.inject({
        url: facts.readPath,
        headers: facts.keyHeaders(wrong, api.first.organizationId!),
        // Many wrong keys from one address would wait.
        remoteAddress: `192.0.2.${index}`,
      })
      expect(answer.statusCode, `${name} ${answer.body}`).toBe(401)
      texts.add(answer.body.replace(/"request_?[iI]d":"[^"]+"/, ''))
    }
    expect([...texts], name).toHaveLength(1)
  }
})

test('a key in the query opens nothing, and is not logged', async () => {
  for (const [name, { readPath }] of Object.entries(DIALECT_FACTS)) {
    for (const field of ['api_key', 'key', 'token', 'access_token', 'authorization', 'x-api-key', 'xi-api-key']) {
      const answer = await api.ask('GET', `${readPath}?${field}=${api.token}`, { token: null, headers: {} })
      expect(answer.status, `${name} ${field}`).toBe(401)
    }
  }
  expect(api.logged.length).toBeGreaterThan(0)
  expect(api.logged.join('\n')).not.toContain(api.token.slice(20))
})

test('two keys in one request are refused, in every wire format', async () => {
  await api.server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = api.server.server.address() as AddressInfo
  for (const [name, each] of Object.entries(DIALECT_FACTS)) {
    const facts: DialectFacts = each
    const headers = Object.entries(facts.keyHeaders(api.token, api.first.organizationId!))
    // `fetch` would join them.
    const twice = headers.flatMap(([header, value]) => [`${header}: ${value}`, `${header}: ${value}`])
    const text = await exchange(port, [`GET ${facts.readPath} HTTP/1.1`, 'Host: a', 'Connection: close', ...twice])
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head, name).toMatch(/^HTTP\/1\.1 400 /)
    expect(facts.isRefusal(JSON.parse(body)), body).toBe(true)
  }
})

function exchange(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}
