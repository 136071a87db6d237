import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('ultravox.companion.yaml')
let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer()
})
afterAll(() => server.close())

const THROTTLES = '/api/call_throttles'
const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null
const rules = [{ maxCalls: 2, windowSeconds: 1 }]

describe('a throttle', () => {
  it('is made, read, changed and deleted', async () => {
    const { status, body: made } = await server.ask('POST', THROTTLES, { name: 'slow', rules })
    expect([status, made]).toEqual([
      201,
      {
        throttleId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: 'slow',
        created: expect.stringMatching(/Z$/),
        rules,
      },
    ])
    const address = `${THROTTLES}/${made.throttleId}`
    expect((await server.ask('GET', address)).body).toEqual(made)
    const more = [...rules, { maxCalls: 100, windowSeconds: 86_400 }]
    expect((await server.ask('PATCH', address, { rules: more })).body).toEqual({ ...made, rules: more })
    expect((await server.ask('PUT', address, { name: 'slower', rules })).body).toEqual({ ...made, name: 'slower' })
    const { body: list } = await server.ask('GET', THROTTLES)
    expect(list).toEqual({ next: null, previous: null, results: [{ ...made, name: 'slower' }], total: 1 })
    expect(schemas?.problems('PaginatedCallThrottleList', list) ?? []).toEqual([])
    expect((await server.ask('DELETE', address)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await server.ask(method, address)).status).toBe(404)
  })

  it.each([
    ['name', 5],
    ['name', ''],
    ['name', 'x'.repeat(65)],
    ['rules', undefined],
    ['rules', []],
    ['rules', [{ maxCalls: 0, windowSeconds: 1 }]],
    ['rules', [{ maxCalls: 101, windowSeconds: 1 }]],
    ['rules', [{ maxCalls: 1, windowSeconds: 0 }]],
    ['rules', [{ maxCalls: 1, windowSeconds: 86_401 }]],
    ['rules', [{ maxCalls: 1.5, windowSeconds: 1 }]],
    ['rules', [{ maxCalls: 1 }]],
    ['rules', Array.from({ length: 21 }, () => rules[0])],
  ])('with %s %j is refused', async (field, value) => {
    const { status, body } = await server.ask('POST', THROTTLES, { name: 'x', rules, [field]: value })
    expect([status, Object.keys(body)]).toEqual([400, [field]])
  })

  it('has a name of its own, and stays while a batch needs it', async () => {
    const { body: one } = await server.ask('POST', THROTTLES, { name: 'one', rules })
    const { body: two } = await server.ask('POST', THROTTLES, { name: 'two', rules })
    for (const answer of [
      await server.ask('POST', THROTTLES, { name: 'one', rules }),
      await server.ask('PATCH', `${THROTTLES}/${two.throttleId}`, { name: 'one' }),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { name: [expect.stringContaining('already')] } })
    }
    const { body: batch } = await server.ask('POST', server.batches, {
      calls: [callTo('10')],
      paused: true,
      throttle: 'one',
    })
    const refused = await server.ask('DELETE', `${THROTTLES}/${one.throttleId}`)
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('still call') } })
    await server.ask('PATCH', `${server.batches}/${batch.batchId}`, { paused: false })
    await server.until(batch.batchId, ended)
    expect((await server.ask('DELETE', `${THROTTLES}/${one.throttleId}`)).status).toBe(204)
    // The batch that is over still says what it was made with.
    expect((await server.ask('GET', `${server.batches}/${batch.batchId}`)).body.throttle).toBe('one')
  })
})

describe('a batch under a throttle', () => {
  const callsOf = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ medium: { twilio: { outgoing: { to: `+141555520${10 + at}` } } } }))

  it('is held to it, named by name or id', async () => {
    const { body: throttle } = await server.ask('POST', THROTTLES, { name: 'two a second', rules })
    const { body: made } = await server.ask('POST', server.batches, {
      calls: callsOf(5),
      throttle: throttle.throttleId,
    })
    expect(made.throttle).toBe(throttle.throttleId)
    await server.until(made.batchId, ended)
    const { body } = await server.ask('GET', `${server.batches}/${made.batchId}/created_calls`)
    const starts = body.results.map(({ created }: { created: string }) => Date.parse(created)).sort()
    expect(starts).toHaveLength(5)
    // The third after the first, and so on: never three within a second.
    for (let at = 2; at < starts.length; at++) expect(starts[at] - starts[at - 2]).toBeGreaterThanOrEqual(999)
  })

  it('may change it while it waits, and needs a window that is long enough for it', async () => {
    await server.ask('POST', THROTTLES, { name: 'one an hour', rules: [{ maxCalls: 1, windowSeconds: 3_600 }] })
    const windowEnd = new Date(Date.now() + 600_000).toISOString()
    const batch = { calls: callsOf(3), throttle: 'one an hour', windowEnd }
    const refused = await server.ask('POST', server.batches, batch)
    expect(refused).toMatchObject({
      status: 400,
      body: { windowEnd: [expect.stringMatching(/3 calls is 7200 seconds/)] },
    })
    const { body: made } = await server.ask('POST', server.batches, { ...batch, windowEnd: undefined })
    const address = `${server.batches}/${made.batchId}`
    await server.until(made.batchId, ({ completedCount }) => completedCount === 1)
    const free = await server.ask('PATCH', address, { throttle: null })
    expect(free.body.throttle).toBeNull()
    await server.until(made.batchId, ended)
  })

  it.each([['nobody'], ['3c90c3cc-0d44-4b50-8888-8dd25736052a']])(
    'that is not there (%s) is refused',
    async (throttle) => {
      const refused = await server.ask('POST', server.batches, { calls: callsOf(1), throttle })
      expect(refused).toMatchObject({ status: 400, body: { throttle: [expect.stringContaining('no such throttle')] } })
      const { body: made } = await server.ask('POST', server.batches, { calls: callsOf(1), paused: true })
      const changed = await server.ask('PATCH', `${server.batches}/${made.batchId}`, { throttle })
      expect(changed).toMatchObject({ status: 400, body: { throttle: [expect.any(String)] } })
    },
  )
})

it('the native format makes, names and explains throttles too', async () => {
  const made = await server.native('POST', '/throttles', {
    name: 'one a minute',
    rules: [{ maxCalls: 1, windowSeconds: 60 }],
  })
  expect(made).toMatchObject({ status: 201, body: { name: 'one a minute' } })
  expect((await server.native('GET', `/throttles/${made.body.id}`)).body).toEqual(made.body)
  expect((await server.native('GET', '/throttles')).body.items).toContainEqual(made.body)
  const recipients = [{ to: '+14155550110' }, { to: '+14155550111' }]
  const batch = { agent: server.agentId, recipients, throttle: 'one a minute' }
  const { id } = (await server.native('POST', '/batches', batch)).body.batch
  await server.until(id, ({ completedCount }) => completedCount === 1)
  const { waiting } = (await server.native('GET', `/batches/${id}`)).body
  expect(waiting.reason).toBe('throttled')
  const inMs = Date.parse(waiting.nextTryAt) - Date.now()
  expect(inMs).toBeGreaterThan(40_000)
  expect(inMs).toBeLessThanOrEqual(60_000)
  expect((await server.native('DELETE', `/throttles/${made.body.id}`)).status).toBe(409)
  const rules = [{ maxCalls: 2, windowSeconds: 60 }]
  expect((await server.native('PATCH', `/throttles/${made.body.id}`, { rules })).body.rules).toEqual(rules)
  await server.until(id, ended)
  expect((await server.native('DELETE', `/throttles/${made.body.id}`)).status).toBe(204)
})
