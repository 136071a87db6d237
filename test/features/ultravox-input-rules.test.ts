import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testInputRules } from '../input-rules/input-rule.ts'
import { type UltravoxWorld, ultravoxRules } from '../input-rules/ultravox.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { must } from '../product-server.ts'
import { API_KEY, CALLER, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

let server: UltravoxServer

let world: UltravoxWorld

beforeAll(async () => {
  server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
  const batch = { calls: [callTo('10')], paused: true }
  const throttle = { name: 'first', rules: [{ maxCalls: 1, windowSeconds: 1 }] }
  const webhook = { url: 'https://127.0.0.1:8443/hook', events: ['call.ended'] }
  world = {
    server,
    batchId: (await must(server.ask('POST', server.batches, batch))).batchId,
    throttleId: (await must(server.ask('POST', '/api/call_throttles', throttle))).throttleId,
    webhookId: (await must(server.ask('POST', '/api/webhooks', webhook))).webhookId,
  }
})
afterAll(() => server.close())

testInputRules<UltravoxWorld>({
  operations: ultravoxRules,
  world: () => world,
  ask: ({ server: asked }, method, address, body) => asked.ask(method, address, body),
  document: async ({ server: asked }) => (await asked.send('GET', '/openapi/ultravox.json')).body,
  stored: async ({ server: asked }) => (await asked.sql('SELECT count(*)::int AS n FROM batch'))[0]!.n as number,
  expectForm({ body }) {
    for (const [key, value] of Object.entries(body)) {
      if (key === 'detail') expect(typeof value).toBe('string')
      else expect(value).toEqual([expect.any(String), ...(value as string[]).slice(1)])
    }
  },
})

describe('a call of a batch', () => {
  it('names the call and the field of each fault, the first hundred', async () => {
    const calls = Array.from({ length: 300 }, () => ({ medium: { twilio: { outgoing: { to: 'x' } } } }))
    const { body } = await server.ask('POST', server.batches, { calls: [callTo('10'), ...calls] })
    expect(body.calls).toHaveLength(100)
    expect(body.calls[0]).toMatch(/^calls\[1\]\.medium\.twilio\.outgoing\.to must be a number in E\.164/)
  })

  it('may bring its own trunk, which the organization must have', async () => {
    await server.native('DELETE', `/trunks/${server.first.trunkId}/aliases/telnyx`)
    const calls = [callTo('10'), { medium: { telnyx: { outgoing: { to: '+14155550111' } } } }]
    const { status, body } = await server.ask('POST', server.batches, { calls })
    expect([status, body]).toEqual([
      400,
      {
        calls: [expect.stringMatching(/^calls\[1\]\.medium\.telnyx: No trunk .* PUT \/carillon\/v1\/trunks\/.*telnyx/)],
      },
    ])
    await server.native('PUT', `/trunks/${server.first.trunkId}/aliases/telnyx`)
  })

  it('well-formed numbers that cannot be called end as errors and refuse nothing', async () => {
    const { body } = await server.ask('POST', server.batches, {
      calls: [{ medium: { twilio: { outgoing: { to: CALLER } } } }],
    })
    const { body: calls } = await server.ask('GET', `${server.batches}/${body.batchId}/scheduled_calls`)
    expect(calls.results[0]).toMatchObject({ status: 'ERROR', error: 'The number is the caller number itself' })
    expect(body).toMatchObject({ totalCount: 1, completedCount: 1, endedAt: expect.any(String) })
  })
})

describe('a batch', () => {
  it('of an agent without a voice is refused, and the remedy works', async () => {
    const agent = (await server.ask('POST', '/api/agents', { name: 'silent' })).body
    const address = `/api/agents/${agent.agentId}/scheduled_batches`
    const { status, body } = await server.ask('POST', address, { calls: [callTo('10')] })
    expect([status, body]).toEqual([
      400,
      { agent: [expect.stringMatching(/no voice yet.*PATCH \/carillon\/v1\/agents/)] },
    ])
    const remedy = { kind: 'announcement', settings: { text: 'Hello {name}' } }
    expect((await server.native('PATCH', `/agents/${agent.agentId}`, remedy)).status).toBe(200)
    expect((await server.ask('POST', address, { calls: [callTo('10')] })).status).toBe(201)
  })

  it('unknown fields are ignored and named', async () => {
    const call = { ...callTo('10'), colour: 'red' }
    const answer = await server.ask('POST', server.batches, { calls: [call], paused: true, batchId: 'x', name: 'y' })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('carillon-ignored-fields')).toBe('calls[0].colour, batchId, name')
  })
})

describe('an agent', () => {
  it('is made, read, changed and deleted; its template comes back as it was sent', async () => {
    const callTemplate = {
      systemPrompt: 'Be {{mood}}.',
      selectedTools: [{ toolName: 'hangUp' }],
      future: [1, { a: null }],
    }
    const made = (await server.ask('POST', '/api/agents', { name: 'A', callTemplate })).body
    expect(made).toMatchObject({ name: 'A', callTemplate, publishedRevisionId: null, statistics: { calls: 0 } })
    const address = `/api/agents/${made.agentId}`
    expect((await server.ask('GET', address)).body).toEqual(made)
    expect((await server.ask('PATCH', address, { name: 'B' })).body).toEqual({ ...made, name: 'B' })
    const changed = await server.ask('PATCH', address, { callTemplate: { model: 'x' } })
    expect(changed.body).toEqual({ ...made, name: 'B', callTemplate: { model: 'x' } })
    expect((await server.ask('DELETE', address)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await server.ask(method, address)).status).toBe(404)
    expect((await server.ask('PATCH', address, { name: 'C' })).status).toBe(404)
    expect((await server.ask('POST', `${address}/scheduled_batches`, { calls: [callTo('10')] })).status).toBe(404)
    const { body } = await server.ask('GET', '/api/agents?pageSize=100')
    expect(body.results.map(({ agentId }: { agentId: string }) => agentId)).not.toContain(made.agentId)
  })
})

describe('a request as a whole', () => {
  const raw = (body: string, headers: Record<string, string> = {}) => server.ask('POST', server.batches, body, headers)

  it.each([
    ['no body', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a number', '42', 400],
    ['a trailing comma', '{"calls":[],}', 400],
    ['half a body', '{"calls":[', 400],
    ['a byte order mark', '\ufeff{"calls":[]}', 400],
    ['a key of the language', '{"calls":[{"metadata":{"__proto__":"x"}}]}', 400],
    ['a key of the language', '{"calls":[],"constructor":{"prototype":{}}}', 400],
    ['half a character', '{"calls":[{"metadata":{"a":"\\ud800"}}]}', 400],
    ['a number that is too large', '{"calls":[{"experimentalSettings":1e400}]}', 400],
  ])('%s', async (_name, body, status) => {
    const answer = await raw(body)
    expect([answer.status, Object.keys(answer.body).length]).toEqual([status, 1])
  })

  it.each([
    ['another content type', { 'content-type': 'text/plain' }, 415],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a compressed body', { 'content-encoding': 'gzip' }, 415],
    ['no key', { 'x-api-key': '' }, 401],
    ['a wrong key', { 'x-api-key': `${API_KEY}x` }, 401],
  ])('%s', async (_name, headers, status) => {
    const answer = await raw('{}', headers as unknown as Record<string, string>)
    expect(answer).toMatchObject({ status, body: { detail: expect.any(String) } })
  })

  it('a key in the query is none, and a pair is not taken here', async () => {
    const answer = await fetch(`${server.url}${server.batches}?X-API-Key=${API_KEY}`)
    expect(answer.status).toBe(401)
  })

  it.each([
    ['GET', '/api/nothing', 404],
    ['GET', '/api', 404],
    ['PUT', '/api/agents', 405],
    ['GET', '/api/agents/not-an-id', 404],
    ['GET', `/api/agents/${'0'.repeat(600)}`, 414],
    ['GET', '/api/calls/3c90c3cc-0d44-4b50-8888-8dd25736052a', 404],
    ['GET', '/api/calls/%00', 404],
  ])('%s %s is %i', async (method, address, status) => {
    const answer = await server.ask(method, address)
    expect(answer).toMatchObject({ status, body: { detail: expect.any(String) } })
  })

  it.each([
    ['pageSize=abc', 'pageSize'],
    ['pageSize=1.5', 'pageSize'],
    ['pageSize=', 'pageSize'],
    ['cursor=', 'cursor'],
    ['cursor=x', 'cursor'],
  ])('?%s is refused', async (query, field) => {
    const { status, body } = await server.ask('GET', `${server.batches}?${query}`)
    expect([status, Object.keys(body)]).toEqual([400, [field]])
  })

  it('a status that is none is refused', async () => {
    const made = await server.ask('POST', server.batches, { calls: [callTo('10')], paused: true })
    for (const status of ['', 'DONE', 'future']) {
      const answer = await server.ask('GET', `${server.batches}/${made.body.batchId}/scheduled_calls?status=${status}`)
      expect([answer.status, Object.keys(answer.body)]).toEqual([400, ['status']])
    }
  })

  it('a repeated request with the same idempotency key makes one batch', async () => {
    const batch = { calls: [callTo('10')], paused: true }
    const headers = { 'idempotency-key': 'once' }
    const [first, second] = [await raw(JSON.stringify(batch), headers), await raw(JSON.stringify(batch), headers)]
    expect(second.body).toEqual(first.body)
    expect((await raw(JSON.stringify({ ...batch, paused: false }), headers)).status).toBe(422)
  })
})
