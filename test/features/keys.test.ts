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

test('a key for some addresses is a wrong key from any other, in every wire format', async () => {
  const made = await makeKey({ name: 'bound', allowedAddresses: ['203.0.113.0/24', '2001:db8::/32'] })
  const wrong = `crl_${'0'.repeat(12)}_${'0'.repeat(49)}`
  for (const [index, [name, each]] of Object.entries(DIALECT_FACTS).entries()) {
    const facts: DialectFacts = each
    const send = (key: string, remoteAddress: string) =>
      api.server.inject({
        url: facts.readPath,
        headers: facts.keyHeaders(key, api.first.organizationId!),
        remoteAddress,
      })
    const textOf = (body: string) => body.replace(/"request_?[iI]d":"[^"]+"/, '')
    const other = `198.51.100.${index}`
    for (const good of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db8:1::1']) {
      expect((await send(made.token, good)).statusCode, name).not.toBe(401)
      const [refused, asWrong] = [await send(made.token, other), await send(wrong, other)]
      expect(refused.statusCode, name).toBe(401)
      expect(asWrong.statusCode, name).toBe(401)
      expect(textOf(refused.body), name).toBe(textOf(asWrong.body))
    }
  }
})

test('tried from another address it is counted as a wrong key, and goes on where it may be used', async () => {
  const { token } = await makeKey({ name: 'counted', allowedAddresses: ['203.0.113.9'] })
  const status = async (key: string, remoteAddress: string) => {
    const headers = { authorization: `Bearer ${key}` }
    return (await api.server.inject({ url: '/carillon/v1/me', headers, remoteAddress })).statusCode
  }
  expect(await status(token, '203.0.113.9')).toBe(200)
  const statuses: number[] = []
  for (let n = 0; n < 40; n++) statuses.push(await status(token, '198.51.100.200'))
  expect(new Set(statuses)).toEqual(new Set([401, 429]))
  expect(await status('x'.repeat(40), '198.51.100.200')).toBe(429)
  // Where somebody else has tried wrong keys, it is known to be good.
  for (let n = 0; n < 40; n++) await status('x'.repeat(40), '203.0.113.9')
  expect(await status('x'.repeat(40), '203.0.113.9')).toBe(429)
  expect(await status(token, '203.0.113.9')).toBe(200)
})

test('behind a trusted proxy the address is the one that the proxy names', async () => {
  const behind = await startNativeServer({ deps: { trustedProxies: ['10.0.0.0/8'] } })
  try {
    const body = { name: 'bound', allowedAddresses: ['203.0.113.9'] }
    const { token } = (await behind.ask('POST', '/carillon/v1/keys', { body })).body
    const status = async (remoteAddress: string, forwarded: string) => {
      const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': forwarded }
      return (await behind.server.inject({ url: '/carillon/v1/me', headers, remoteAddress })).statusCode
    }
    expect(await status('10.0.0.1', '203.0.113.9')).toBe(200)
    expect(await status('10.0.0.1', '203.0.113.9, 198.51.100.7')).toBe(401)
    expect(await status('198.51.100.7', '203.0.113.9')).toBe(401)
    expect(await status('203.0.113.9', '198.51.100.7')).toBe(200)
  } finally {
    await behind.close()
  }
})

test('a list of keys says from where each may be used and when it last was', async () => {
  const body = { name: 'seen', allowedAddresses: ['127.0.0.0/8'] }
  const { key, token } = await makeKey(body)
  expect(key).toMatchObject({ allowedAddresses: ['127.0.0.0/8'], lastUsedAt: null })
  const before = Date.now()
  expect((await api.ask('GET', '/carillon/v1/me', { token })).status).toBe(200)
  const listed = async () =>
    (await api.ask('GET', '/carillon/v1/keys')).body.items.find(({ id }: { id: string }) => id === key.id)
  await expect.poll(async () => Date.parse((await listed()).lastUsedAt)).toBeGreaterThanOrEqual(before)
  expect(await listed()).toMatchObject({ allowedAddresses: ['127.0.0.0/8'] })
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
