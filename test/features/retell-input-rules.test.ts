import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brokenBodies } from '../input-rules/broken-bodies.ts'
import { testInputRules } from '../input-rules/input-rule.ts'
import { quietBatch, retellRules } from '../input-rules/retell.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { AGENT, CALLER, type RetellServer, startRetellServer, taskTo } from '../retell-server.ts'

const CREATE = '/create-batch-call'
let server: RetellServer

beforeAll(async () => {
  server = await startRetellServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

const stored = async () => {
  const [{ count }] = (await server.sql('SELECT count(*)::int AS count FROM batch')) as [{ count: number }]
  return count
}

testInputRules<RetellServer>({
  operations: retellRules,
  world: () => server,
  ask: (asked, method, address, body) => asked.ask(method, address, body),
  document: async (asked) => (await asked.send('GET', '/openapi/retell.json')).body,
  stored,
  expectForm({ body, text }) {
    expect(body).toEqual({ status: 'error', message: expect.any(String) })
    expect(text).not.toMatch(/callerNumber|startAt|callingWindow|maxCallSeconds|ringTimeout/)
  },
})

describe('a list of tasks', () => {
  it('is refused with the place of each wrong one, the first of many', async () => {
    const tasks = [taskTo('10'), { to_number: '0100' }, { to_number: 5 }, { to_number: '0101', metadata: 5 }]
    const shapes = await server.ask('POST', CREATE, quietBatch({ tasks }))
    expect(shapes.body.message).toContain('tasks[2].to_number')
    expect(shapes.body.message).toContain('tasks[3].metadata')
    const numbers = await server.ask('POST', CREATE, quietBatch({ tasks: tasks.slice(0, 2) }))
    expect(numbers).toMatchObject({ status: 400, body: { message: expect.stringContaining('tasks[1].to_number') } })
    const many = await server.ask('POST', CREATE, quietBatch({ tasks: Array(50_000).fill(null) }))
    expect(many.status).toBe(400)
    expect(many.text.length).toBeLessThan(2_000)
  })

  it('shares how long it rings and how long a call lasts', async () => {
    const override = (ring_duration_ms: number) => ({ agent_override: { agent: { ring_duration_ms } } })
    const differing = [taskTo('10', override(20_000)), taskTo('11', override(25_000))]
    const refused = await server.ask('POST', CREATE, quietBatch({ tasks: differing }))
    expect(refused.body.message).toContain('tasks[1].agent_override.agent.ring_duration_ms')
    const alike = [taskTo('10', override(20_000)), taskTo('11', override(20_000))]
    const made = await server.ask('POST', CREATE, quietBatch({ tasks: alike }))
    const { body: batch } = await server.native('GET', `/batches/${made.body.batch_call_id.slice(11)}`)
    expect(batch).toMatchObject({ ringTimeoutSeconds: 20, maxCallSeconds: 3_600 })
  })
})

describe('a body', () => {
  const text = JSON.stringify(quietBatch({ tasks: [taskTo('10', { metadata: { a: 1 } })] }))
  it.each(brokenBodies({ text, open: '"metadata":{', count: 'reserved_concurrency' }))(
    'that %s is refused',
    async (_what, body) => {
      const before = await stored()
      const answer = await server.ask('POST', CREATE, body)
      expect(answer).toMatchObject({ status: 400, body: { status: 'error' } })
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
      const refused = await server.ask('POST', CREATE, text, headers)
      expect(refused).toMatchObject({ status: 415, body: { status: 'error' } })
    }
  })

  it('may be left out where nothing has to be said, and unknown fields are named', async () => {
    expect((await server.ask('POST', '/v3/list-calls')).status).toBe(200)
    expect((await server.ask('POST', '/v2/list-agents')).status).toBe(200)
    const tasks = [taskTo('10', { override_agent_version: 3, agent_override: { retell_llm: { begin_message: 'Hi' } } })]
    const made = await server.ask('POST', CREATE, quietBatch({ tasks, colour: 'red' }))
    expect(made.status).toBe(201)
    expect(made.headers.get('carillon-ignored-fields')).toBe(
      'tasks[0].override_agent_version, tasks[0].agent_override.retell_llm, colour',
    )
  })
})

it('unknown addresses, methods and keys are answered in this form', async () => {
  expect(await server.ask('GET', '/v2/get-nothing/here')).toMatchObject({ status: 404, body: { status: 'error' } })
  expect(await server.ask('GET', CREATE)).toMatchObject({ status: 405, body: { status: 'error' } })
  for (const authorization of ['', 'Basic x', 'Bearer nobody_0123456789abcdef']) {
    expect(await server.ask('POST', CREATE, quietBatch(), { authorization })).toMatchObject({
      status: 401,
      body: { status: 'error', message: expect.any(String) },
    })
  }
})

it('a batch without an agent is refused with what to do', async () => {
  const number = '+14157775555'
  await server.native('POST', '/numbers', { number, trunkId: server.first.trunkId })
  const refused = await server.ask('POST', CREATE, quietBatch({ from_number: number }))
  expect(refused).toMatchObject({ status: 422, body: { message: expect.stringContaining('defaultNumber') } })
  const named = quietBatch({ from_number: number, tasks: [taskTo('10', { override_agent_id: AGENT })] })
  expect((await server.ask('POST', CREATE, named)).status).toBe(201)
  expect((await server.ask('GET', `/get-phone-number/${number}`)).body.outbound_agents).toBeNull()
  expect((await server.ask('GET', `/get-phone-number/${CALLER}`)).body.outbound_agents).toMatchObject([
    { agent_id: AGENT },
  ])
})
