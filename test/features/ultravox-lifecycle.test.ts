import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer()
})
afterAll(() => server.close())

const soon = (ms: number) => new Date(Date.now() + ms).toISOString()
const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null

async function make(batch: object) {
  const { status, body } = await server.ask('POST', server.batches, batch)
  expect(status, JSON.stringify(body)).toBe(201)
  return { id: body.batchId as string, address: `${server.batches}/${body.batchId}`, body }
}

async function statusesOf(address: string): Promise<string[]> {
  const { body } = await server.ask('GET', `${address}/scheduled_calls?pageSize=100`)
  return body.results.map((call: { status: string; error: string | null }) => call.status)
}

describe('the window', () => {
  it('calls are FUTURE before it and made in it', async () => {
    const batch = await make({ calls: [callTo('10'), callTo('11')], windowStart: soon(3_600_000) })
    expect(await statusesOf(batch.address)).toEqual(['FUTURE', 'FUTURE'])
    // Null takes the start away: now.
    const changed = await server.ask('PATCH', batch.address, { windowStart: null })
    expect(changed.body.windowStart).toBeNull()
    await server.until(batch.id, ended)
    expect(await statusesOf(batch.address)).toEqual(['SUCCESS', 'SUCCESS'])
    const late = await server.ask('PATCH', batch.address, { windowStart: soon(3_600_000) })
    expect(late).toMatchObject({ status: 400, body: { windowStart: [expect.stringContaining('completed')] } })
  })

  it('opens by itself, and one in the past is open', async () => {
    const batch = await make({ calls: [callTo('10')], windowStart: soon(700) })
    expect(await statusesOf(batch.address)).toEqual(['FUTURE'])
    await server.until(batch.id, ended)
    const past = await make({ calls: [callTo('11')], windowStart: '2001-01-01T00:00:00Z' })
    expect(past.body.windowStart).toBe('2001-01-01T00:00:00.000Z')
    await server.until(past.id, ended)
    const moved = await make({ calls: [callTo('12')], windowStart: soon(3_600_000) })
    const changed = await server.ask('PATCH', moved.address, { windowStart: '2001-01-01T00:00:00Z' })
    expect(changed.body.windowStart).toBe('2001-01-01T00:00:00.000Z')
    await server.until(moved.id, ended)
  })

  it('whoever was not called at its end is EXPIRED and not completed', async () => {
    const calls = [callTo('10'), callTo('11'), callTo('10')]
    const batch = await make({ calls, paused: true, windowEnd: soon(5_000) })
    await server.ask('PATCH', batch.address, { windowEnd: soon(5_000) })
    const over = await server.until(batch.id, ended)
    expect(over).toMatchObject({ totalCount: 3, completedCount: 1 })
    expect(await statusesOf(batch.address)).toEqual(['EXPIRED', 'EXPIRED', 'ERROR'])
    const { body } = await server.ask('GET', `${batch.address}/scheduled_calls?status=EXPIRED`)
    expect(body.total).toBe(2)
    expect(body.results[0]).toMatchObject({ callId: null, error: null })
  })

  it('one that is too short for its calls names the minimum, also when it is changed', async () => {
    const calls = Array.from({ length: 100 }, (_, at) => ({
      medium: { twilio: { outgoing: { to: `+1415555${3_000 + at}` } } },
    }))
    // 100 calls of a minute each on 50 lines.
    const minimum = /minimum window for 100 calls is 120 seconds, and this one has 5\d seconds\..*later end/
    const refused = await server.ask('POST', server.batches, { calls, windowEnd: soon(60_000) })
    expect(refused).toMatchObject({ status: 400, body: { windowEnd: [expect.stringMatching(minimum)] } })
    const batch = await make({ calls, paused: true, windowEnd: soon(125_000) })
    const changed = await server.ask('PATCH', batch.address, { windowEnd: soon(60_000) })
    expect(changed).toMatchObject({ status: 400, body: { windowEnd: [expect.stringMatching(minimum)] } })
    expect((await server.ask('GET', batch.address)).body.windowEnd).toBe(batch.body.windowEnd)
    expect((await server.ask('DELETE', batch.address)).status).toBe(204)
  })

  it.each([
    ['an end before the start', { windowStart: soon(7_200_000), windowEnd: soon(3_600_000) }],
    ['an end in the past', { windowEnd: '2020-01-01T00:00:00Z' }],
    ['an end at the start', { windowStart: '2190-01-01T00:00:00Z', windowEnd: '2190-01-01T00:00:00Z' }],
  ])('%s is refused', async (_name, window) => {
    const { status, body } = await server.ask('POST', server.batches, { calls: [callTo('10')], ...window })
    expect([status, Object.keys(body)]).toEqual([400, ['windowEnd']])
  })
})

describe('a pause', () => {
  it('can stand from the beginning, and is lifted; repeating either is harmless', async () => {
    const batch = await make({ calls: [callTo('10'), callTo('11')], paused: true })
    expect(batch.body.paused).toBe(true)
    expect(await statusesOf(batch.address)).toEqual(['PENDING', 'PENDING'])
    expect((await server.ask('PATCH', batch.address, { paused: true })).body.paused).toBe(true)
    expect((await server.ask('PATCH', batch.address, { paused: false })).body.paused).toBe(false)
    await server.until(batch.id, ended)
    expect(await statusesOf(batch.address)).toEqual(['SUCCESS', 'SUCCESS'])
    expect((await server.ask('PATCH', batch.address, { paused: false })).status).toBe(200)
    const late = await server.ask('PATCH', batch.address, { paused: true })
    expect(late).toMatchObject({ status: 400, body: { paused: [expect.stringContaining('has ended')] } })
  })

  it('lasts beyond the start of the window, and a batch resumed before it waits for it', async () => {
    const batch = await make({ calls: [callTo('10')], paused: true, windowStart: soon(3_600_000) })
    expect(await statusesOf(batch.address)).toEqual(['FUTURE'])
    const resumed = await server.ask('PATCH', batch.address, { paused: false })
    expect(resumed.body.paused).toBe(false)
    expect(await statusesOf(batch.address)).toEqual(['FUTURE'])
    const paused = await server.ask('PATCH', batch.address, { paused: true, windowStart: null })
    expect(paused.body).toMatchObject({ paused: true, windowStart: null })
    expect(await statusesOf(batch.address)).toEqual(['PENDING'])
    await server.ask('PATCH', batch.address, { paused: false })
    await server.until(batch.id, ended)
  })

  it('stops a batch that is being called: after the answer nobody is called', async () => {
    const calls = Array.from({ length: 300 }, (_, at) => ({
      medium: { twilio: { outgoing: { to: `+1415556${1_000 + at}` } } },
    }))
    const trunk = `/trunks/${server.first.trunkId}`
    await server.native('PATCH', trunk, { concurrency: 2 })
    const batch = await make({ calls })
    await server.until(batch.id, ({ completedCount }) => completedCount > 0)
    expect((await server.ask('PATCH', batch.address, { paused: true })).body.paused).toBe(true)
    const attempts = async () => (await server.native('GET', `/batches/${batch.id}`)).body.figures.attempts as number
    const atPause = await attempts()
    expect(atPause).toBeLessThan(300)
    // The product goes on calling for another batch, and not for this one.
    const other = await make({ calls: [callTo('12')] })
    await server.until(other.id, ended)
    expect(await attempts()).toBe(atPause)
    await server.native('PATCH', trunk, { concurrency: 50 })
    await server.ask('PATCH', batch.address, { paused: false })
    const over = await server.until(batch.id, ended)
    expect(over.completedCount).toBe(300)
  })
})

it('a batch that is deleted while it is called: whoever waits is dropped, live calls finish, and it is gone', async () => {
  const trunk = `/trunks/${server.first.trunkId}`
  await server.native('PATCH', trunk, { concurrency: 3, settings: { speed: 20 } })
  const calls = Array.from({ length: 50 }, (_, at) => ({
    medium: { twilio: { outgoing: { to: `+14155570${String(at).padStart(2, '0')}0` } } },
  }))
  const batch = await make({ calls })
  const live = async () => (await server.native('GET', trunk)).body.live as number
  while ((await live()) === 0);
  expect((await server.ask('DELETE', batch.address)).status).toBe(204)
  for (const path of ['', '/scheduled_calls', '/created_calls']) {
    expect((await server.ask('GET', `${batch.address}${path}`)).status).toBe(404)
  }
  expect((await server.ask('DELETE', batch.address)).status).toBe(404)
  expect((await server.ask('PATCH', batch.address, { paused: true })).status).toBe(404)
  expect((await server.native('GET', `/batches/${batch.id}`)).status).toBe(404)
  const { body } = await server.ask('GET', `${server.batches}?pageSize=100`)
  expect(body.results.map(({ batchId }: { batchId: string }) => batchId)).not.toContain(batch.id)
  while ((await live()) > 0);
  await server.native('PATCH', trunk, { concurrency: 50, settings: { speed: 1_000 } })
})

it('a batch changes what it says about itself, and keeps what is not named', async () => {
  const batch = await make({ calls: [callTo('10')], paused: true, windowEnd: '2190-01-01T00:00:00Z' })
  const changed = await server.ask('PATCH', batch.address, { windowEnd: null })
  expect(changed.body).toEqual({ ...batch.body, windowEnd: null })
  const refused = await server.ask('PATCH', batch.address, { calls: [callTo('11')] })
  expect(refused).toMatchObject({ status: 400, body: { calls: [expect.stringContaining('cannot be changed')] } })
  expect((await server.ask('PATCH', batch.address, {})).body).toEqual(changed.body)
})
