import { afterEach, describe, expect, test } from 'vitest'
import type { RequestRate } from '../../src/http/request-rates.ts'
import { DIALECT_FACTS, DIALECT_NAMES } from '../dialect-facts/registry.ts'
import { FakeClock } from '../fake-clock.ts'
import { BASE, type NativeServer, startNativeServer } from '../native-server.ts'

let api: NativeServer

async function start(options: { clock?: FakeClock; requestRate?: RequestRate } = {}): Promise<void> {
  const { clock, requestRate } = options
  api = await startNativeServer({ ...(clock ? { clock } : {}), deps: requestRate ? { requestRate } : {} })
}

afterEach(() => api.close())

async function newKey(limits: object | null): Promise<{ id: string; secret: string; token: string }> {
  const made = await api.ask('POST', `${BASE}/keys`, { body: { name: 'limited' } })
  expect(made.status).toBe(201)
  const { key, secret, token } = made.body
  await limit(key.id, limits)
  return { id: key.id, secret, token }
}

async function limit(keyId: string, limits: object | null) {
  const path = `${BASE}/organizations/${api.first.organizationId}/keys/${keyId}/limits`
  const answer = await api.ask('PUT', path, { token: api.operatorToken, body: { limits } })
  expect(answer.status, answer.text).toBe(200)
  return answer
}

async function limitOrganization(limits: object | null) {
  const answer = await api.ask('PATCH', `${BASE}/organizations/${api.first.organizationId}`, {
    token: api.operatorToken,
    body: { limits },
  })
  expect(answer.status, answer.text).toBe(200)
  return answer
}

const list = (count: number, first = 0) => ({
  agent: 'announcement',
  recipients: Array.from({ length: count }, (_, index) => ({
    to: `+1212555${String(first + index).padStart(4, '0')}`,
  })),
})

const post = (token: string, body: object) => api.ask('POST', `${BASE}/batches`, { token, body })

describe('requests a second', () => {
  test('beyond the rate of a key are answered in each wire format, with Retry-After, and other keys are unaffected', async () => {
    const clock = new FakeClock()
    await start({ clock })
    const { token } = await newKey({ requestsPerSecond: 0.5 })
    expect((await api.ask('GET', `${BASE}/me`, { token })).status).toBe(200)
    for (const name of DIALECT_NAMES) {
      const { keyHeaders, readPath, isTooOften } = DIALECT_FACTS[name]
      const headers = keyHeaders(token, api.first.organizationId!)
      const answer = await api.ask('GET', readPath, { token: null, headers })
      expect(answer.status, `${name}: ${answer.text}`).toBe(429)
      expect(answer.headers['retry-after'], name).toBe('2')
      expect(isTooOften(answer.body), answer.text).toBe(true)
    }
    expect((await api.ask('GET', `${BASE}/me`)).status).toBe(200)
    clock.advance(2_000)
    expect((await api.ask('GET', `${BASE}/me`, { token })).status).toBe(200)
  })

  test('have a default for keys without a rate of their own, and the operator has none', async () => {
    await start({ clock: new FakeClock(), requestRate: { perSecond: 1, burst: 2 } })
    const statuses = []
    for (let nth = 0; nth < 3; nth++) statuses.push((await api.ask('GET', `${BASE}/me`)).status)
    expect(statuses).toEqual([200, 200, 429])
    for (let nth = 0; nth < 5; nth++) {
      expect((await api.ask('GET', `${BASE}/organizations`, { token: api.operatorToken })).status).toBe(200)
    }
  })
})

describe('people a day', () => {
  test('are counted by key, all or none, and again after midnight', async () => {
    const clock = new FakeClock(Date.UTC(2026, 0, 6, 23, 59, 0))
    await start({ clock })
    const { token } = await newKey({ peoplePerDay: 5 })
    expect((await post(token, list(3))).status).toBe(201)
    const refused = await post(token, list(3, 10))
    expect(refused.status).toBe(429)
    expect(refused.body).toMatchObject({ code: 'daily-limit', message: expect.stringContaining('at most 5 people') })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await post(token, list(2, 20))).status).toBe(201)
    expect(
      (await api.ask('POST', `${BASE}/calls`, { token, body: { agent: 'announcement', to: '+12125550900' } })).status,
    ).toBe(429)
    expect((await post(api.token, list(3, 30))).status).toBe(201)
    const { rows } = await api.commands.database.query('SELECT sum(total)::int AS people FROM batch_state')
    expect(rows).toEqual([{ people: 8 }])
    await api.commands.database.query(`UPDATE people_accepted SET day = day - 1`)
    expect((await post(token, list(5, 40))).status).toBe(201)
  })

  test('are counted for the organization with all its keys', async () => {
    await start()
    await limitOrganization({ peoplePerDay: 4 })
    const { token } = await newKey(null)
    expect((await post(token, list(3))).status).toBe(201)
    const refused = await post(api.token, list(2, 10))
    expect(refused).toMatchObject({ status: 429, body: { message: expect.stringContaining('The organization') } })
    await limitOrganization(null)
    expect((await post(api.token, list(2, 10))).status).toBe(201)
  })

  test('are never more than allowed when many lists come at once', async () => {
    await start()
    const { token } = await newKey({ peoplePerDay: 10 })
    const answers = await Promise.all(Array.from({ length: 12 }, (_, nth) => post(token, list(2, nth * 10))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7)
  })

  test('count a person who is asked to be dialled once more', async () => {
    await start()
    const { token } = await newKey({ peoplePerDay: 3 })
    const { batch } = (await post(token, list(2))).body
    await api.ask('POST', `${BASE}/batches/${batch.id}/cancel`, { token })
    const again = await api.ask('POST', `${BASE}/batches/${batch.id}/retry`, {
      token,
      body: { outcomes: ['cancelled'] },
    })
    expect(again.status).toBe(429)
    expect((await api.ask('GET', `${BASE}/batches/${batch.id}`, { token })).body.status).toBe('cancelled')
  })
})

describe('keys with limits', () => {
  test('make only keys with the same ones, and cannot change their own', async () => {
    await start()
    const { id, token } = await newKey({ peoplePerDay: 1, allowedPrefixes: ['+1212'] })
    const child = await api.ask('POST', `${BASE}/keys`, {
      token,
      body: { name: 'child', limits: { peoplePerDay: 1_000 } },
    })
    expect(child.body.key.limits).toEqual({ peoplePerDay: 1, allowedPrefixes: ['+1212'] })
    const imported = await api.ask('POST', `${BASE}/keys/import`, {
      token,
      body: { name: 'i', key: 'abcdefghijklmnopqrstuvwxyz' },
    })
    expect(imported.body.limits).toEqual({ peoplePerDay: 1, allowedPrefixes: ['+1212'] })
    const path = `${BASE}/organizations/${api.first.organizationId}/keys/${id}/limits`
    expect((await api.ask('PUT', path, { token, body: { limits: null } })).status).toBe(403)
    expect((await api.ask('PATCH', `${BASE}/me`, { token, body: {} })).status).not.toBe(200)
  })

  test('are told what is wrong with a limit', async () => {
    await start()
    const path = `${BASE}/organizations/${api.first.organizationId}/keys/crl_x/limits`
    for (const limits of [
      { peoplePerDay: -1 },
      { requestsPerSecond: 0 },
      { allowedPrefixes: ['1415'] },
      { calls: 1 },
    ]) {
      expect(
        (await api.ask('PUT', path, { token: api.operatorToken, body: { limits } })).status,
        JSON.stringify(limits),
      ).toBe(400)
    }
    expect((await api.ask('PUT', path, { token: api.operatorToken, body: { limits: null } })).status).toBe(404)
  })
})
