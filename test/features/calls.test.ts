import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { startServer } from '../../src/main.ts'
import { createTestDatabase } from '../database.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

let product: Awaited<ReturnType<typeof startServer>>
let drop: () => Promise<void>

beforeAll(async () => {
  const database = await createTestDatabase()
  const environment = { DATABASE_URL: database.connectionString, PORT: '0', CARILLON_BOOTSTRAP_API_KEY: KEY }
  product = await startServer(loadConfig(environment), createLogger({ level: process.env.TEST_LOG ?? 'silent' }))
  drop = database.drop
  await ask('PATCH', `/trunks/${product.first.trunkId}`, { settings: { speed: 1_000 }, callsPerSecond: 1_000 })
})
afterAll(async () => {
  await product.stop()
  await drop()
})

const KEY = 'AbCd1234.0123456789abcdef0123456789abcdef'

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }> {
  const headers: Record<string, string> = { authorization: `Bearer ${KEY}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const payload = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(`${product.url}/carillon/v1${path}`, { method, headers, ...payload })
  return { status: answer.status, body: await answer.json() }
}

async function until(id: string, holds: (call: Body) => boolean): Promise<Body> {
  const giveUpAt = performance.now() + 60_000
  for (;;) {
    const { body } = await ask('GET', `/calls/${id}`)
    if (holds(body)) return body
    if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(body)}`)
  }
}

const person = (ending: string, rest: object = {}) => {
  return { to: `+141555502${ending}`, agent: product.first.agentId, variables: { name: 'Ada' }, ...rest }
}
const over = (call: Body) => call.state === 'ended'
const speedTo = (speed: number) => ask('PATCH', `/trunks/${product.first.trunkId}`, { settings: { speed } })

describe('one person', () => {
  it('is called now and read by an id that never changes; lists of batches and usage do not show it', async () => {
    const before = (await ask('GET', '/me')).body
    const made = await ask('POST', '/calls', person('10', { metadata: { order: 7 } }))
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ to: '+14155550210', batchId: null, metadata: { order: 7 }, dialect: 'native' })
    const ended = await until(made.body.id, over)
    expect(ended).toMatchObject({ id: made.body.id, outcome: 'answered', variables: { name: 'Ada' }, erasedAt: null })
    expect(ended.spokenText).not.toBeNull()
    expect(Date.parse(ended.endedAt)).toBeGreaterThan(Date.parse(ended.answeredAt))
    expect((await ask('GET', '/batches')).body.items).toEqual([])
    const after = (await ask('GET', '/me')).body
    expect(after.usage?.batches).toBe(before.usage?.batches)
    expect((await ask('GET', '/calls')).body.items[0]).toEqual(ended)
  })

  it('that may not be called is told so, with the field of the call', async () => {
    const refused = await ask('POST', '/calls', person('10', { to: '0123' }))
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid-input', field: 'to' } })
    expect((await ask('POST', '/calls', person('10', { agent: 'nobody' }))).body.code).toBe('agent-not-found')
  })

  it('on the suppression list is not dialled', async () => {
    await ask('POST', '/suppressions', { numbers: ['+14155550211'] })
    const made = await ask('POST', '/calls', person('11'))
    const ended = await until(made.body.id, over)
    expect(ended).toMatchObject({ outcome: 'suppressed', dialedAt: null })
  })

  it('that waits is not called after the call was cancelled', async () => {
    const startAt = new Date(Date.now() + 3_600_000).toISOString()
    const made = await ask('POST', '/calls', person('12', { startAt }))
    expect(made.body).toMatchObject({ state: 'waiting', startAt })
    expect((await ask('DELETE', `/calls/${made.body.id}`)).body.code).toBe('call-not-over')
    const ended = await ask('POST', `/calls/${made.body.id}/hang-up`)
    expect(ended).toMatchObject({ status: 200, body: { state: 'ended', outcome: 'cancelled', dialedAt: null } })
    const again = await ask('POST', `/calls/${made.body.id}/hang-up`)
    expect(again).toMatchObject({ status: 409, body: { code: 'call-not-live' } })
  })
})

describe('a live call', () => {
  it.each([
    { reached: 'ringing', ending: '80', outcome: 'cancelled', cause: 'cancelled-by-user' },
    { reached: 'answered', ending: '13', outcome: 'answered', cause: 'hung-up-by-user' },
  ])('that is $reached is ended', async ({ reached, ending, outcome, cause }) => {
    await speedTo(5)
    const made = await ask('POST', '/calls', person(ending, { ringTimeoutSeconds: 80 }))
    await speedTo(0.5)
    await until(made.body.id, (call) => call.state === reached || over(call))
    const asked = await ask('POST', `/calls/${made.body.id}/hang-up`)
    expect(asked.status).toBe(200)
    const ended = await until(made.body.id, over)
    expect(ended).toMatchObject({ outcome, cause })
    await speedTo(1_000)
  })
})

describe('what was said', () => {
  it('is erased with what was known of the person, and nothing else', async () => {
    const { body: batch } = await ask('POST', '/batches', {
      agent: product.first.agentId,
      recipients: [{ to: '+14155550220', variables: { name: 'Bob' }, metadata: { a: 1 } }, { to: '+14155550221' }],
    })
    const calls = async () => (await ask('GET', `/calls?batch=${batch.batch.id}&status=ended`)).body.items
    while ((await calls()).length < 2);
    const call = (await calls()).find((each: Body) => each.to === '+14155550220')
    expect(call).toMatchObject({ batchId: batch.batch.id, variables: { name: 'Bob' } })
    const erased = await ask('DELETE', `/calls/${call.id}`)
    expect(erased.body).toEqual({
      ...call,
      spokenText: null,
      keysPressed: null,
      variables: {},
      metadata: null,
      erasedAt: expect.stringMatching(/Z$/),
    })
    expect((await ask('DELETE', `/calls/${call.id}`)).body).toEqual(erased.body)
    const other = (await calls()).find((each: Body) => each.to === '+14155550221')
    expect(other.spokenText).not.toBeNull()
  })
})

describe('the list', () => {
  it('is read in pages while calls come, by agent, batch, time and how they went', async () => {
    const recipients = ['30', '31', '32', '70', '71'].map((ending) => ({ to: `+141555503${ending}` }))
    const { body } = await ask('POST', '/batches', { agent: product.first.agentId, recipients })
    const ofBatch = `/calls?batch=${body.batch.id}`
    while ((await ask('GET', `${ofBatch}&status=ended`)).body.items.length < 5);
    const all = (await ask('GET', ofBatch)).body.items.map(({ id }: Body) => id)
    const seen: string[] = []
    let cursor = ''
    do {
      const page = (await ask('GET', `${ofBatch}&limit=2${cursor}`)).body
      seen.push(...page.items.map(({ id }: Body) => id))
      await ask('POST', '/calls', person('14'))
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`
    } while (cursor !== '')
    expect(seen).toEqual(all)
    expect(new Set(seen).size).toBe(5)
    expect((await ask('GET', `${ofBatch}&status=busy`)).body.items).toHaveLength(2)
    expect((await ask('GET', `${ofBatch}&status=ringing`)).body.items).toEqual([])
    expect((await ask('GET', `${ofBatch}&before=2020-01-01T00:00:00Z`)).body.items).toEqual([])
    const { dialedAt } = (await ask('GET', ofBatch)).body.items[0]
    expect((await ask('GET', `${ofBatch}&from=${dialedAt}`)).body.items.length).toBeGreaterThan(0)
    const agent = (await ask('POST', '/agents', { name: 'b', kind: 'announcement', settings: { text: 'x' } })).body
    expect((await ask('GET', `/calls?agent=${agent.id}`)).body.items).toEqual([])
    expect((await ask('GET', `/calls?agent=${product.first.agentId}&limit=100`)).body.items.length).toBeGreaterThan(5)
    expect((await ask('GET', '/calls?cursor=abc')).body.code).toBe('invalid-cursor')
  })
})
