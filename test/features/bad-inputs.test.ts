import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openConnection } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import type { Body, DialectFacts } from '../dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import type { Case, RawRequest } from '../requests/bad-input-cases.ts'
import { BAD_INPUTS } from '../requests/bad-inputs.ts'
import { type BareServer, startBareServer } from '../requests/bare-server.ts'
import { type RequestWorld, requestWorld } from '../requests/request-world.ts'

const INPUTS = 112
/** Of a list of problems with their remedies. */
const REFUSAL_CHARS_MAX = 65_536

let database: TestDatabase
let sql: pg.Client
let api: BareServer
let world: RequestWorld
const faults: string[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  sql = await openConnection(database.connectionString)
  api = await startBareServer(database.connectionString, { log: (line) => faults.push(line) })
  world = await requestWorld(api.url, api.first, sql)
})

afterAll(async () => {
  await api.close()
  await sql.end()
  await database.drop()
})

test('every one of them stands in the table, with a test or a reason', () => {
  expect(BAD_INPUTS.map(({ id }) => id)).toEqual(Array.from({ length: INPUTS }, (_, index) => index + 1))
  for (const { id, cases, elsewhere, never } of BAD_INPUTS) {
    expect([id, (cases ?? []).length + (elsewhere ?? []).length > 0 || never !== undefined]).toEqual([id, true])
    for (const { file, text } of elsewhere ?? []) {
      expect(fs.readFileSync(file, 'utf8').includes(text), `${id}: ${file} has no test "${text}"`).toBe(true)
    }
  }
})

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: http.IncomingHttpHeaders
}

/** By a plain request, since `fetch` would mend what is wrong. */
function send(dialect: DialectName, { method, path, body, headers }: RawRequest): Promise<Answer> {
  const own = DIALECT_FACTS[dialect].keyHeaders(api.first.apiKey!.token, world.organization)
  const all = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== '')
  return new Promise((resolve, reject) => {
    const request = http.request(`${api.url}/`, { method, path, headers: Object.fromEntries(all), agent: false })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode!, text, headers: response.headers })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function stored(): Promise<unknown> {
  const { rows } = await sql.query(
    `SELECT (SELECT count(*)::int FROM batch) AS batches, (SELECT count(*)::int FROM recipient) AS recipients,
       (SELECT count(*)::int FROM staged_recipient) AS staged`,
  )
  return rows[0]
}

describe.each(BAD_INPUTS.filter(({ cases }) => cases !== undefined))('$id', ({ cases }) => {
  test.each(cases!.map((each) => [each.dialect, each.what, each] as const))('%s: %s', async (_dialect, _what, each) => {
    const before = await stored()
    const faultsBefore = faults.length
    const request = each.request(world)
    const answer = await send(each.dialect, request)
    expect(answer.headers['x-evil']).toBeUndefined()
    expect(answer.text).not.toMatch(/node_modules|\bat \w+ \(|SELECT /)
    expect(({} as { x?: unknown }).x).toBeUndefined()
    if (each.verdict.status < 300) await expectTaken(each, answer)
    else {
      expectRefused(each, answer)
      expect(await stored()).toEqual(before)
    }
    expect(faults.slice(faultsBefore)).toEqual([])
  })
})

/** With the status, in the form, and with the words, the code and the field that the table states. */
function expectRefused({ dialect, verdict }: Case, { status, text }: Answer): void {
  const facts: DialectFacts = DIALECT_FACTS[dialect]
  const body = JSON.parse(text)
  expect(status, text).toBe(verdict.status)
  expect(facts.isRefusal(body), text).toBe(true)
  // However much is wrong, the first hundred are told.
  expect(text.length).toBeLessThan(REFUSAL_CHARS_MAX)
  if (verdict.says !== undefined) expect(text).toMatch(verdict.says)
  if (verdict.code !== undefined && facts.codeOf !== undefined) expect(facts.codeOf(body)).toBe(verdict.code)
  const { names } = verdict
  if (names === undefined) return
  const named = facts.fieldsOf?.(body).some((field) => field?.startsWith(names)) ?? text.includes(names)
  expect(named, `${text} does not name ${names}`).toBe(true)
}

/** The newest list or call, as the native wire format shows it. */
async function newest(): Promise<{ name: string | null; figures: { outcomes: object }; people: readonly Body[] }> {
  const { rows } = await sql.query('SELECT batch_uuid AS id FROM batch ORDER BY batch_id DESC LIMIT 1')
  const get = async (path: string) => JSON.parse((await send('native', { method: 'GET', path })).text)
  const batch = await get(`/carillon/v1/batches/${rows[0].id}`)
  const { items } = await get(`/carillon/v1/batches/${rows[0].id}/recipients`)
  return { ...batch, people: items }
}

async function expectTaken({ dialect, verdict }: Case, { status, text, headers }: Answer): Promise<void> {
  expect(status, text).toBeLessThan(300)
  if (verdict.ignored !== undefined) expect(headers['carillon-ignored-fields']).toBe(verdict.ignored)
  const body = JSON.parse(text)
  if (verdict.rows !== undefined) {
    const { taken, rejected } = verdict.rows
    if (dialect === 'trillet') expect(body).toMatchObject({ totalCalls: taken, rejectedCount: rejected })
    else {
      expect(body.batch).toMatchObject({ figures: { total: taken }, rejectedRows: rejected })
      for (const row of body.rejectedRows) {
        expect(row).toMatchObject({ line: expect.any(Number), value: expect.any(String), remedy: expect.any(String) })
      }
    }
  }
  if (verdict.outcomes !== undefined) expect((await newest()).figures.outcomes).toMatchObject(verdict.outcomes)
  if (verdict.kept?.slot === 'name') expect((await newest()).name).toBe(verdict.kept.value)
  if (verdict.kept?.slot === 'variables') {
    const [{ variables, metadata }] = (await newest()).people as [Body]
    expect([variables, metadata]).toContainEqual(verdict.kept.value)
  }
}

describe('on the wire', () => {
  const port = () => Number(new URL(api.url).port)

  /** Writes bytes as they are and reads to the end of the connection. */
  function exchange(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port(), '127.0.0.1', () => socket.write(bytes))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
  }

  test('a body that does not come is 408', async () => {
    // Node looks every five seconds; the limit that users have is five minutes.
    const { requestTimeout } = api.server.server
    expect(requestTimeout).toBe(300_000)
    api.server.server.requestTimeout = 500
    try {
      const head = `POST /carillon/v1/batches HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.first.apiKey!.token}\r\n`
      const json = `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`
      const form = `${head}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100\r\n\r\n--b\r\n`
      const answers = await Promise.all([exchange(json), exchange(form)])
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    } finally {
      api.server.server.requestTimeout = requestTimeout
    }
  })

  test('a thousand connections that say nothing keep nobody waiting', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 1_000 }, () => {
        return new Promise<net.Socket>((resolve, reject) => {
          const socket = net.connect(port(), '127.0.0.1', () => {
            socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow')
            resolve(socket)
          })
          socket.on('error', reject)
        })
      }),
    )
    try {
      const { status } = await send('native', { method: 'GET', path: '/carillon/v1/batches' })
      expect(status).toBe(200)
      expect(api.server.server.headersTimeout).toBe(20_000)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })

  test('HTTP/1.0, no Host and Expect are answered', async () => {
    const key = `Authorization: Bearer ${api.first.apiKey!.token}`
    expect(await exchange(`GET /carillon/v1/batches HTTP/1.0\r\n${key}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await exchange('GET /carillon/v1/batches HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    const expecting = `POST /carillon/v1/batches HTTP/1.1\r\nHost: a\r\n${key}\r\nConnection: close\r\nExpect: 100-continue\r\n`
    const answer = await exchange(`${expecting}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`)
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /)
  })

  test('TRACE is refused', async () => {
    expect(await exchange('TRACE /carillon/v1/batches HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 40[45] /,
    )
  })

  test('a callback of 10 MB is refused', async () => {
    const path = `/carriers/${api.first.trunkId!}`
    const { status } = await send('native', { method: 'POST', path, body: Buffer.alloc(10_485_760) })
    expect(status).toBe(413)
  })
})

test('a cursor of another organization, of another list or changed is refused', async () => {
  for (let count = 0; count < 2; count++) {
    const body = { agent: world.agent, draft: true, recipients: [{ to: '+12125550100' }] }
    await world.post('native', '/carillon/v1/batches', body)
  }
  const list = (path: string, token = api.first.apiKey!.token) =>
    send('native', { method: 'GET', path: `/carillon/v1${path}`, headers: { authorization: `Bearer ${token}` } })
  const cursor: string = JSON.parse((await list('/batches?limit=1')).text).nextCursor
  expect((await list(`/batches?limit=1&cursor=${cursor}`)).status).toBe(200)
  expect((await list(`/calls?cursor=${cursor}`)).status).toBe(400)
  for (const at of [0, 5, cursor.length - 1]) {
    const changed = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
    expect((await list(`/batches?cursor=${changed}`)).status).toBe(400)
  }
  const asOperator = async (path: string, body: object) => {
    const request = { dialect: 'native', sender: 'operator', post: { path: `/carillon/v1${path}`, body } } as const
    return (await world.send(request)).body
  }
  const { id } = await asOperator('/organizations', { name: 'other' })
  const { token } = await asOperator(`/organizations/${id}/keys`, { name: 'theirs' })
  expect((await list(`/batches?cursor=${cursor}`, token)).status).toBe(400)
})

test('verbs all at once leave a batch in a state that there is', async () => {
  const verbs = ['start', 'pause', 'resume', 'cancel', 'cancel']
  for (let round = 0; round < 20; round++) {
    const body = { agent: world.agent, draft: true, recipients: [{ to: '+12125550100' }] }
    const { batch } = (await world.post('native', '/carillon/v1/batches', body)).body
    const answers = await Promise.all(
      verbs.map((verb) => world.post('native', `/carillon/v1/batches/${batch.id}/${verb}`)),
    )
    for (const { status } of answers) expect([200, 409]).toContain(status)
    const { text } = await send('native', { method: 'GET', path: `/carillon/v1/batches/${batch.id}` })
    expect(JSON.parse(text)).toMatchObject({ status: 'cancelled', figures: { total: 1 } })
  }
})

// The last one: the address is shut out afterwards, also for keys that nobody has used yet.
test('X-Forwarded-For of a stranger is not believed', async () => {
  const wrong = (address: string) =>
    send('native', {
      method: 'GET',
      path: '/carillon/v1/batches',
      headers: { authorization: 'Bearer crl_000000000000_wrong', 'x-forwarded-for': address },
    })
  const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => wrong(`203.0.113.${at}`)))
  expect(answers.some(({ status }) => status === 429)).toBe(true)
})
