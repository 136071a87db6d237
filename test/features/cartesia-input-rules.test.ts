import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AGENT,
  batchOf,
  type CartesiaServer,
  FIRST_VERSION,
  LATER_VERSION,
  numberEndingIn,
  startCartesiaServer,
} from '../cartesia-server.ts'
import { brokenBodies } from '../input-rules/broken-bodies.ts'
import { cartesiaRules, daysAhead, quietBatch } from '../input-rules/cartesia.ts'
import { testInputRules } from '../input-rules/input-rule.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'

const BATCHES = '/agents/calls/batches'
let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

const listOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ to_number: `+1415${5_600_000 + index}` }))
const stored = async () => (await server.native('GET', '/batches?limit=100')).body.items.length

testInputRules<CartesiaServer>({
  operations: cartesiaRules,
  world: () => server,
  ask: (asked, method, address, body) => asked.ask(method, address, body),
  document: async (asked) => (await asked.send('GET', '/openapi/cartesia.json')).body,
  stored,
  expectForm({ status, body, text }) {
    expect(body).toEqual({
      error_code: expect.stringMatching(/^[a-z_]+$/),
      title: status === 400 ? 'Bad Request' : 'Not Found',
      message: expect.any(String),
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(text).not.toMatch(/callerNumber|startAt|ringTimeout|maxCallSeconds/)
  },
})

describe('a list of recipients', () => {
  it('of a recipient is named with its place, the first of many', async () => {
    const recipients = [{ to_number: numberEndingIn('10') }, { to_number: '0100' }, { to_number: '0101' }]
    const { body } = await server.ask('POST', BATCHES, quietBatch({ recipients }))
    expect(body.message).toContain('recipients[1].to_number')
    expect(body.message).toContain('recipients[2].to_number')
  })
})

describe('how many recipients', () => {
  it.each([
    [FIRST_VERSION, 1_000, 201],
    [FIRST_VERSION, 1_001, 400],
    [LATER_VERSION, 1_001, 201],
    [LATER_VERSION, 5_000, 201],
    [LATER_VERSION, 5_001, 400],
  ])('version %s takes %i: %i', async (version, count, status) => {
    const answer = await server.ask('POST', BATCHES, quietBatch({ recipients: listOf(count) }), {
      'cartesia-version': version,
    })
    expect(answer.status).toBe(status)
    if (status === 201) expect(answer.body.total_calls_scheduled).toBe(count)
  })
})

describe('the version', () => {
  it.each(['', 'latest', '2026-3-1', '2026-02-30', '20260301', '2026-03-01T00:00:00Z'])(
    'that is %j is a structured 400',
    async (version) => {
      const refused = await server.ask('GET', BATCHES, undefined, { 'cartesia-version': version })
      expect(refused).toMatchObject({ status: 400, body: { title: 'Bad Request', request_id: expect.any(String) } })
      expect(refused.body.message).toContain('Cartesia-Version')
    },
  )

  it.each(['2024-06-10', '2026-02-28'])('%s, from before batches, is one line of text', async (version) => {
    const refused = await server.ask('GET', BATCHES, undefined, { 'cartesia-version': version })
    expect(refused.status).toBe(400)
    expect(refused.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(refused.text).toMatch(/^Bad Request: Cartesia-Version must not lie before 2026-03-01\./)
    const headers = { 'cartesia-version': version, authorization: '' }
    expect((await server.ask('GET', BATCHES, undefined, headers)).text).toMatch(/^Unauthorized: /)
  })

  it.each(['2026-03-02', LATER_VERSION, '2031-01-01'])('%s is taken', async (version) => {
    expect((await server.ask('GET', BATCHES, undefined, { 'cartesia-version': version })).status).toBe(200)
  })

  it('decides whether a region may be named', async () => {
    const later = { 'cartesia-version': LATER_VERSION }
    const refused = await server.ask('POST', BATCHES, quietBatch({ region: 'US' }), later)
    expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining('region') } })
    expect((await server.ask('POST', BATCHES, quietBatch({ region: 'MARS' }), later)).status).toBe(400)
    const ignored = await server.ask('POST', BATCHES, quietBatch({ region: 'US' }))
    expect(ignored.headers.get('carillon-ignored-fields')).toBe('region')
  })
})

describe('a body', () => {
  const text = JSON.stringify(batchOf(['10'], { scheduled_at: daysAhead(1) }))
  it.each(brokenBodies({ text, open: '"metadata":{', count: 'target_concurrency_limit' }))(
    'that %s is refused',
    async (_what, body) => {
      const before = await stored()
      const answer = await server.ask('POST', BATCHES, body)
      expect(answer.status, answer.text).toBe(400)
      expect(answer.body).toMatchObject({ title: 'Bad Request', request_id: expect.any(String) })
      expect(({} as Record<string, unknown>).x).toBeUndefined()
      expect(await stored()).toBe(before)
    },
  )

  it('of another type, charset or encoding is refused in the same form', async () => {
    const types: Record<string, string>[] = [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-encoding': 'gzip' },
    ]
    for (const headers of types) {
      expect(await server.ask('POST', BATCHES, text, headers)).toMatchObject({
        status: 415,
        body: { title: 'Unsupported Media Type' },
      })
    }
  })
})

it('unknown addresses and methods are answered in this form', async () => {
  expect(await server.ask('GET', '/agents/nothing/here')).toMatchObject({
    status: 404,
    body: { error_code: 'route_not_found', title: 'Not Found' },
  })
  expect(await server.ask('PUT', BATCHES, {})).toMatchObject({ status: 405, body: { title: 'Method Not Allowed' } })
})

it('what belongs to somebody else is not found', async () => {
  const { body: batch } = await server.ask('POST', BATCHES, quietBatch())
  const operator = { authorization: `Bearer ${server.first.operatorKey}`, 'content-type': 'application/json' }
  const post = async (path: string, body: object) => {
    const sent = { method: 'POST', headers: operator, body: JSON.stringify(body) }
    return (await fetch(`${server.url}/carillon/v1${path}`, sent)).json() as Promise<Record<string, string>>
  }
  const other = await post('/organizations', { name: 'other' })
  const { token } = await post(`/organizations/${other.id}/keys`, { name: 'theirs' })
  const headers = { authorization: `Bearer ${token}` }
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/cancel'],
    ['POST', '/retry'],
  ] as const) {
    expect((await server.ask(method, `${BATCHES}/${batch.id}${path}`, undefined, headers)).status).toBe(404)
  }
  expect((await server.ask('GET', BATCHES, undefined, headers)).body.data).toEqual([])
  expect((await server.ask('GET', `/agents/calls?agent_id=${AGENT}`, undefined, headers)).status).toBe(404)
  expect((await server.ask('POST', BATCHES, quietBatch(), headers)).status).toBe(404)
  expect((await server.ask('GET', `${BATCHES}?starting_after=${batch.id}`, undefined, headers)).status).toBe(400)
})
