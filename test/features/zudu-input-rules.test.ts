import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testInputRules } from '../input-rules/input-rule.ts'
import { type ZuduWorld, zuduRules } from '../input-rules/zudu.ts'
import { API_KEY, API_SECRET, batchRequest, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

let server: ZuduServer
let world: ZuduWorld

beforeAll(async () => {
  server = await startZuduServer()
  const made = await server.ask('POST', '/batch-call', batchRequest({ status: 'draft' }))
  world = { server, batchId: made.body.data.batch_call_id }
})
afterAll(() => server.close())

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Validation error',
  401: 'Authentication error',
  404: 'Not found',
}

testInputRules<ZuduWorld>({
  operations: zuduRules,
  world: () => world,
  ask: ({ server: asked }, method, address, body) => asked.ask(method, address, body),
  document: async ({ server: asked }) => (await asked.send('GET', '/openapi/zudu.json')).body,
  stored: async ({ server: asked }) =>
    (await asked.ask('GET', '/batch-call/list?limit=1')).body.data.pagination.total_count,
  expectForm({ status, body }) {
    expect(Object.keys(body)).toEqual(['message', 'status', 'error'])
    expect([body.message, body.status]).toEqual([MESSAGES[status], 'error'])
  },
})

describe('creating', () => {
  it('unknown fields are ignored and named', async () => {
    const sent = batchRequest({
      status: 'draft',
      organization_id: 'x',
      sent: 5,
      tasks: [taskTo('10', { colour: 'red' })],
    })
    const { status, body, headers } = await server.ask('POST', '/batch-call', sent)
    expect([status, body.data.sent]).toEqual([200, 0])
    expect(headers.get('carillon-ignored-fields')).toBe('tasks[0].colour, organization_id, sent')
  })
})

describe('bodies', () => {
  it.each([
    ['', 400],
    ['null', 400],
    ['[]', 400],
    ['"x"', 400],
    ['42', 400],
    ['{"from_number": "x",}', 400],
    ["{'from_number': 'x'}", 400],
    ['{"from_number": NaN}', 400],
    ['{"from_number": "+1', 400],
    ['\ufeff{}', 400],
    ['{"__proto__": {"x": 1}}', 400],
    ['{"tasks": [{"constructor": {"prototype": 1}}]}', 400],
    [`${'['.repeat(20_000)}`, 400],
    ['{"name": "\\u0000"}', 400],
    ['{"name": "\\ud800"}', 400],
    [`{"tasks":[${'1,'.repeat(1_000_000)}1]}`, 400],
    [`{"name":"${'x'.repeat(8 * 1_048_576)}"}`, 413],
  ])('%.40s', async (body, expected) => {
    const reply = await server.ask('POST', '/batch-call', body)
    expect([reply.status, reply.body.status]).toEqual([expected, 'error'])
  })

  it('other content types are refused in the envelope', async () => {
    const { status, body } = await server.ask('POST', '/batch-call', 'a=b', { 'content-type': 'text/plain' })
    expect([status, body]).toEqual([
      415,
      { message: 'Unsupported media type', status: 'error', error: expect.any(String) },
    ])
  })
})

describe('keys', () => {
  it.each([
    ['none', {}],
    ['the key alone', { 'x-api-key': API_KEY }],
    ['the secret alone', { 'x-api-secret': API_SECRET }],
    ['another secret', { 'x-api-key': API_KEY, 'x-api-secret': `${API_SECRET}x` }],
    ['swapped', { 'x-api-key': API_SECRET, 'x-api-secret': API_KEY }],
    ['a bearer token', { authorization: `Bearer ${API_KEY}:${API_SECRET}` }],
  ])('%s: 401 in the envelope', async (_name, headers) => {
    for (const [method, path] of [
      ['GET', '/batch-call/list'],
      ['POST', '/batch-call'],
      ['POST', '/batch-call/x/execute'],
    ]) {
      const { status, body } = await server.send(method!, path!, undefined, headers as Record<string, string>)
      expect([status, body.status, body.message]).toEqual([401, 'error', 'Authentication error'])
    }
  })

  it('a key of ours works with its id and its secret', async () => {
    const made = (await server.native('POST', '/keys', { name: 'zudu' })).body
    const [, id, secret] = /^(crl_[^_]+)_(.+)$/.exec(made.token ?? made.key ?? made.secret) ?? []
    const { status } = await server.send('GET', '/batch-call/list', undefined, {
      'x-api-key': id!,
      'x-api-secret': secret!,
    })
    expect(status).toBe(200)
  })
})

describe('paths', () => {
  it.each([
    ['GET', '/batch-call/batch_call_00000000000000000000000000000000', 404],
    ['GET', '/batch-call/x', 404],
    ['PUT', '/batch-call/x', 404],
    ['PATCH', '/batch-call/x', 404],
    ['DELETE', '/batch-call/x', 404],
    ['POST', '/batch-call/x/execute', 404],
    ['GET', '/batch-call/x/tasks', 404],
    ['GET', '/batch-call/x/nothing', 404],
    ['POST', '/api/agents/x/duplicate', 404],
    ['DELETE', '/batch-call', 405],
    ['GET', '/batch-call/x/execute', 405],
  ])('%s %s', async (method, path, expected) => {
    const body =
      method === 'PUT'
        ? batchRequest()
        : method === 'PATCH'
          ? { name: 'x' }
          : path.endsWith('duplicate')
            ? { agent_name: 'x' }
            : undefined
    const reply = await server.ask(method, path, body)
    expect([reply.status, reply.body.status]).toEqual([expected, 'error'])
  })

  it('the agents of the organization are listed', async () => {
    const { status, body } = await server.ask('GET', '/api/agents')
    expect(status).toBe(200)
    expect(body.data.agents.map(({ agent_name }: { agent_name: string }) => agent_name)).toContain('caller')
    expect(body.data.total_count).toBe(body.data.agents.length)
  })

  it('the document describes every route', async () => {
    const { body } = await server.send('GET', '/openapi/zudu.json')
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(['/batch-call', '/batch-call/list', '/batch-call/{batch_call_id}/tasks', '/api/agents']),
    )
  })
})
