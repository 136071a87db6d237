import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { CarrierCallback } from '../../src/carriers/carrier.ts'
import { dialects } from '../../src/dialects/registry.ts'
import { BASE, type NativeServer, startNativeServer } from '../native-server.ts'

let api: NativeServer
let port: number
const callbacks: { trunkId: string; callback: CarrierCallback }[] = []
let readiness = { ready: true, problems: [] as string[] }

beforeAll(async () => {
  api = await startNativeServer({
    deps: {
      checkReady: async () => readiness,
      onCarrierCallback: async (trunkId, callback) => {
        callbacks.push({ trunkId, callback })
        return { status: 204 }
      },
    },
  })
  await api.server.listen({ port: 0, host: '127.0.0.1' })
  port = (api.server.server.address() as AddressInfo).port
})
afterAll(() => api.close())

/** What comes back for bytes that need not be HTTP. */
function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

/** Sends the beginning of a form that promises more and goes away. */
function breakOff(beginning: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      const head = [
        `POST ${BASE}/batches HTTP/1.1`,
        'Host: a',
        `Authorization: Bearer ${api.token}`,
        'Content-Type: multipart/form-data; boundary=b',
        'Content-Length: 100000',
      ]
      socket.write(`${head.join('\r\n')}\r\n\r\n${beginning}`, () => setImmediate(() => socket.destroy()))
    })
    socket.on('close', () => resolve())
  })
}

/** Sends a whole request before it reads a byte of the answer, as many clients do. */
function writeThenRead(head: readonly string[], body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.pause()
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    socket.write(body, () => {
      socket.once('data', (chunk) => {
        socket.destroy()
        resolve(chunk.toString())
      })
      socket.resume()
    })
  })
}

describe('documents', () => {
  test('each dialect has one whose references all lead somewhere', async () => {
    for (const { name } of dialects) {
      const answer = await api.ask('GET', `/openapi/${name}.json`, { token: null })
      expect(answer.status).toBe(200)
      expect(answer.body.openapi).toMatch(/^3\.1\./)
      expect(Object.keys(answer.body.paths).length).toBeGreaterThan(0)
      for (const reference of referencesIn(answer.body)) {
        expect(lookUp(answer.body, reference), `${name}: ${reference}`).toBeDefined()
      }
    }
  })

  test('of the native one every operation has a name of its own, a summary, a tag, and the form of refusals', async () => {
    const { body } = await api.ask('GET', '/openapi/native.json', { token: null })
    const operations = Object.values(body.paths).flatMap((path) => Object.values(path as object))
    const names = operations.map((operation) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
    const tags = body.tags.map((tag: { name: string }) => tag.name)
    for (const operation of operations) {
      expect(operation.summary, operation.operationId).toBeTruthy()
      expect(tags).toEqual(expect.arrayContaining(operation.tags))
      expect(operation.responses.default.content['application/problem+json'].schema).toEqual({
        $ref: '#/components/schemas/Problem',
      })
    }
    expect(body.paths[`${BASE}/batches`].post.requestBody.content).toMatchObject({
      'application/json': { schema: { $ref: '#/components/schemas/BatchRequest' } },
      'multipart/form-data': { schema: { $ref: '#/components/schemas/BatchForm' } },
    })
    expect(body.components.schemas.BatchRequest.properties.recipients.items).toEqual({
      $ref: '#/components/schemas/RecipientRequest',
    })
  })

  test('are shown by a page that asks no other host', async () => {
    const page = await api.ask('GET', '/docs/', { token: null })
    expect(page.headers['content-type']).toContain('text/html')
    const start = await api.ask('GET', '/docs/static/swagger-initializer.js', { token: null })
    expect(start.text).toContain('../openapi/native.json')
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    expect(page.text).not.toMatch(/https?:/)
  })
})

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' ? [child] : referencesIn(child),
  )
}

function lookUp(document: unknown, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document)
}

describe('paths', () => {
  test('each route belongs to its dialect and to no other', () => {
    const owned = api.server.routeTable.entries.filter((entry) => entry.dialect !== null)
    expect(owned.length).toBeGreaterThan(30)
    // Two products share paths, and are told apart by a header that only one of them has.
    const kinds = [{}, { 'x-api-secret': 'x' }]
    const ownersOf = (url: string) =>
      kinds.map((headers) =>
        dialects.filter((each) => each.owns(url.replace(/:\w+/g, 'x'), headers)).map(({ name }) => name),
      )
    for (const { url, dialect } of owned) {
      const owners = ownersOf(url)
      for (const each of owners) expect(each.length, url).toBeLessThanOrEqual(1)
      expect(owners.flat(), url).toContain(dialect)
    }
    const free = api.server.routeTable.entries.filter((entry) => entry.dialect === null)
    for (const { url } of free) expect(ownersOf(url).flat()).toEqual([])
  })

  test.each([
    ['GET', `${BASE}/nothing`, 404],
    ['GET', '/nothing', 404],
    ['POST', '/nothing', 404],
    ['PUT', `${BASE}/batches`, 405],
    ['DELETE', '/healthz', 405],
    ['TRACE', `${BASE}/batches`, 405],
    ['GET', `${BASE}/batches/%00`, 404],
    ['GET', `${BASE}/batches/%E0%A4%A`, 400],
    ['GET', `${BASE}/batches/${'x'.repeat(600)}`, 414],
    ['GET', `${BASE}/batches/..%2f..%2fetc`, 404],
    ['GET', `${BASE}//batches`, 404],
  ])('%s %s is answered %i with a problem', async (method, path, status) => {
    const answer = await api.ask(method, path)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.body).toMatchObject({ status, remedy: expect.any(String), requestId: expect.any(String) })
    if (status === 405) expect(answer.headers.allow).toMatch(/GET/)
  })

  test('an unknown path is 404 whatever its body is', async () => {
    const json = { 'content-type': 'application/json' }
    for (const headers of [json, { 'content-type': 'text/plain' }, { ...json, 'content-encoding': 'gzip' }]) {
      expect((await api.ask('POST', `${BASE}/nothing`, { payload: '{', headers })).status).toBe(404)
    }
  })

  test('an unknown path of a dialect is answered without asking for a key', async () => {
    expect((await api.ask('GET', `${BASE}/nothing`, { token: null })).status).toBe(404)
  })
})

describe('bodies', () => {
  const post = (payload: string | Buffer, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    api.ask('POST', `${BASE}/agents`, { payload, headers })

  test.each([
    ['empty', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a text', '"x"', 400],
    ['a number', '42', 400],
    ['a comma too many', '{"name":"a",}', 400],
    ['single quotes', "{'name':'a'}", 400],
    ['NaN', '{"name":NaN}', 400],
    ['cut off', '{"name":"a"', 400],
    ['a byte order mark', '\ufeff{}', 400],
    ['20,000 deep', '['.repeat(20_000), 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['NUL in a name', '{"name":"a\\u0000b","kind":"announcement","settings":{}}', 400],
    ['half a character', '{"name":"a\\ud800b","kind":"announcement","settings":{}}', 400],
    ['an unknown field', '{"name":"a","kind":"announcement","settings":{},"organization_id":7}', 400],
    ['a prototype', '{"name":"a","settings":{"constructor":{"prototype":1}}}', 400],
    ['a number for a text', '{"name":5,"kind":"announcement","settings":{}}', 400],
    ['only spaces', '{"name":"  ","kind":"announcement","settings":{}}', 400],
    ['256 characters', `{"name":"${'é'.repeat(256)}","kind":"announcement","settings":{}}`, 400],
  ])('%s is refused', async (_what, payload, status) => {
    const answer = await post(payload)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ status, message: expect.any(String), remedy: expect.any(String) })
    expect(answer.text).not.toMatch(/node_modules|at Object\.|stack/)
    expect(({} as { prototype?: unknown }).prototype).toBeUndefined()
  })

  test('names the field that is wrong', async () => {
    const unknown = await post('{"name":"a","kind":"announcement","settings":{},"statsu":1}')
    expect(unknown.body).toMatchObject({ field: 'statsu', message: 'statsu is not a field of this request.' })
    const prototype = await post('{"name":"a","settings":{"constructor":1}}')
    expect(prototype.body.field).toBe('settings.constructor')
    const type = await post('{"name":5,"kind":"announcement","settings":{}}')
    expect(type.body).toMatchObject({ field: 'name', message: 'name must be a text, not a number.' })
    const missing = await post('{"kind":"announcement","settings":{}}')
    expect(missing.body).toMatchObject({ field: 'name', message: 'name is missing.', remedy: 'Send it as a text.' })
  })

  test.each([
    ['another type', 'name=a', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', '{}', { 'content-type': '' }],
    ['UTF-16', '{}', { 'content-type': 'application/json; charset=utf-16' }],
    ['gzip', '{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['a form where none is taken', '--a--', { 'content-type': 'multipart/form-data; boundary=a' }],
  ])('%s is 415', async (_what, payload, headers) => {
    expect((await post(payload, headers)).status).toBe(415)
  })

  test('one byte more than 32 MiB is 413', async () => {
    const text = '{"a":""}'
    const body = `{"a":"${' '.repeat(32 * 1_048_576 - text.length + 1)}"}`
    const answer = await post(body)
    expect(answer).toMatchObject({ status: 413, body: { code: 'body-too-large' } })
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=abc',
    'limit=1.5',
    'limit=',
    'cursor=tampered',
    'page=2',
    'status=sleeping',
  ])('a list with %s is 400', async (query) => {
    const answer = await api.ask('GET', `${BASE}/batches?${query}`)
    expect(answer).toMatchObject({ status: 400, body: { remedy: expect.any(String) } })
  })
})

describe('sockets', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      `POST ${BASE}/agents HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
  ])('%s ends in a refusal', async (_what, bytes, status) => {
    const answer = await exchange(bytes)
    expect(answer).toMatch(status)
    expect(answer).toContain('"requestId"')
  })

  test('an upload that breaks off leaves nothing behind, not even a line in the log of faults', async () => {
    const before = await api.ask('GET', `${BASE}/batches`)
    for (let at = 0; at < 20; at++)
      await breakOff(`--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nphone`)
    expect((await api.ask('GET', `${BASE}/batches`)).body).toEqual(before.body)
    expect(api.logged.filter((line) => line.includes('"level":"error"'))).toEqual([])
  })

  test.each([
    ['with its length', (body: Buffer) => [`Content-Length: ${body.length}`], (body: Buffer) => body],
    [
      'in chunks',
      () => ['Transfer-Encoding: chunked'],
      (body: Buffer) =>
        Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]),
    ],
  ])('who writes a body that is too large to its end reads that it is, %s', async (_how, headersFor, written) => {
    const body = Buffer.alloc(48 * 1_048_576, 'x')
    const type = 'Content-Type: application/json'
    const head = [`POST ${BASE}/batches HTTP/1.1`, 'Host: a', `Authorization: Bearer ${api.token}`, type]
    expect(await writeThenRead([...head, ...headersFor(body)], written(body))).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('a body without end is not read without end', async () => {
    const head = [`POST ${BASE}/batches HTTP/1.1`, 'Host: a', `Authorization: Bearer ${api.token}`]
    const promised = [...head, 'Content-Type: application/json', `Content-Length: ${1_073_741_824}`]
    const answer = await exchange(`${promised.join('\r\n')}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n')
  })

  test('two Authorization headers are 400', async () => {
    const answer = await exchange(
      `GET ${BASE}/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('ambiguous-credentials')
  })
})

describe('what belongs to no dialect', () => {
  test('the process says that it lives, whether it can serve, and its figures', async () => {
    expect((await api.ask('GET', '/healthz', { token: null })).body).toEqual({ status: 'ok' })
    expect((await api.ask('GET', '/readyz', { token: null })).status).toBe(200)
    readiness = { ready: false, problems: ['The database does not answer.'] }
    const answer = await api.ask('GET', '/readyz', { token: null })
    expect(answer).toMatchObject({ status: 503, body: { status: 'not-ready', problems: readiness.problems } })
    readiness = { ready: true, problems: [] }
    const metrics = await api.ask('GET', '/metrics', { token: null })
    expect(metrics.text).toMatch(/carillon_http_request_duration_seconds_count\{.*route="\/healthz"/)
  })

  test('a request id is kept when it is harmless and made when it is not', async () => {
    const kept = await api.ask('GET', '/healthz', { headers: { 'x-request-id': 'abc-1' } })
    expect(kept.headers['x-request-id']).toBe('abc-1')
    const made = await api.ask('GET', '/healthz', { headers: { 'x-request-id': 'a b"c' } })
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('a callback of a carrier arrives as the bytes that were sent', async () => {
    const trunkId = '3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f'
    const answer = await api.ask('POST', `/carriers/${trunkId}/calls/1?signature=s`, {
      token: null,
      payload: 'CallStatus=busy&x=%00',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(answer.status).toBe(204)
    expect(callbacks.at(-1)).toMatchObject({
      trunkId,
      callback: { method: 'POST', path: '/calls/1?signature=s', body: Buffer.from('CallStatus=busy&x=%00') },
    })
    expect(api.logged.join('')).not.toContain('signature=s')
    const empty = await api.ask('GET', `/carriers/${trunkId}`, { token: null })
    expect(empty.status).toBe(204)
    expect(callbacks.at(-1)).toMatchObject({ callback: { method: 'GET', path: '', body: Buffer.alloc(0) } })
    const large = await api.ask('POST', `/carriers/${trunkId}`, { token: null, payload: 'x'.repeat(65_537) })
    expect(large.status).toBe(413)
    expect((await api.ask('POST', '/carriers/none', { token: null, payload: '' })).status).toBe(403)
  })

  test('many wrong keys from one address wait, and a good key does not', async () => {
    await api.ask('GET', `${BASE}/me`)
    const answers = []
    for (let at = 0; at < 60; at++) answers.push(await api.ask('GET', `${BASE}/me`, { token: `crl_${at}` }))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(10)
    expect(Number(refused[0]!.headers['retry-after'])).toBeGreaterThan(0)
    expect((await api.ask('GET', `${BASE}/me`)).status).toBe(200)
  })
})

describe('live figures', () => {
  test('come at once, when something changes, and end when nothing will change any more', async () => {
    const made = await api.ask('POST', `${BASE}/batches`, {
      body: { agent: api.first.agentId, recipients: [{ to: '+14155551000' }], draft: true },
    })
    const { id } = made.body.batch
    const answer = await fetch(`http://127.0.0.1:${port}${BASE}/batches/${id}/live`, {
      headers: { authorization: `Bearer ${api.token}` },
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(answer.headers.get('x-request-id')).toBeTruthy()
    const events: { event: string; data: Record<string, unknown> }[] = []
    for await (const text of eventsOf(answer)) {
      events.push(text)
      if (events.length === 1) await api.ask('POST', `${BASE}/batches/${id}/cancel`)
    }
    expect(events[0]).toMatchObject({ event: 'figures', data: { status: 'draft', figures: { waiting: 1 } } })
    expect(events.at(-2)).toMatchObject({ event: 'figures', data: { status: 'cancelled', figures: { settled: 1 } } })
    expect(events.at(-1)).toEqual({ event: 'end', data: { reason: 'final' } })
  })

  test('of an unknown batch are a 404 in the form of every refusal', async () => {
    const answer = await api.ask('GET', `${BASE}/batches/3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f/live`)
    expect(answer).toMatchObject({ status: 404, body: { code: 'batch-not-found' } })
  })
})

async function* eventsOf(answer: Response) {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const event = lines.find((line) => line.startsWith('event: '))?.slice(7)
      const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) }
    }
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test.each([
  ['native', '/carillon/v1/batches', bearer, { code: 'route-not-found' }],
  ['ultravox', '/api/agents', (token: string) => ({ 'x-api-key': token }), { detail: expect.any(String) }],
  ['nobody', '/healthz', bearer, { code: 'route-not-found' }],
])(
  'a WebSocket is refused before it is opened where there is none: a route of %s',
  async (_owner, path, keyFor, body) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: keyFor(api.token) })
    const refused = once(socket, 'unexpected-response')
    const opened = once(socket, 'open').then(() => 'opened')
    opened.catch(() => undefined)
    const outcome = await Promise.race([opened, refused.then(([, response]) => response)])
    expect(outcome).toMatchObject({ statusCode: 404 })
    const parts: Buffer[] = []
    for await (const part of outcome) parts.push(part)
    expect(JSON.parse(Buffer.concat(parts).toString())).toMatchObject(body)
  },
)
