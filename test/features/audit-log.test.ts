import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { sealStep } from '../../src/commands/seal-audit.ts'
import { transaction } from '../../src/store/database.ts'
import { BASE, type NativeServer, startNativeServer } from '../native-server.ts'

let api: NativeServer

beforeEach(async () => {
  api = await startNativeServer()
})

afterEach(() => api.close())

const keyId = () => api.first.apiKey!.id

async function post(path: string, body: object) {
  const answer = await api.ask('POST', `${BASE}${path}`, { body })
  expect(answer.status, `${path}: ${answer.text}`).toBeLessThan(300)
  return answer.body
}

async function entries(query = '') {
  const answer = await api.ask('GET', `${BASE}/audit${query}`)
  expect(answer.status).toBe(200)
  return answer.body as { items: Record<string, unknown>[]; nextCursor: string | null }
}

test('everything that is changed stands in it, newest first, with who, what, when and from where', async () => {
  const { batch } = await post('/batches', { agent: 'announcement', recipients: [{ to: '+12125550100' }], draft: true })
  await post(`/batches/${batch.id}/start`, {})
  await post(`/batches/${batch.id}/pause`, {})
  await post(`/batches/${batch.id}/pause`, {})
  await post(`/batches/${batch.id}/resume`, {})
  await post(`/batches/${batch.id}/cancel`, {})
  const { key } = await post('/keys', { name: 'a key' })
  await api.ask('DELETE', `${BASE}/keys/${key.id}`)
  await post('/suppressions', { numbers: ['+12125550111', '+12125550112'] })
  await post('/suppressions/remove', { numbers: ['+12125550111'] })
  const trunk = await post('/trunks', {
    name: 't',
    carrier: 'loopback',
    settings: {},
    concurrency: 1,
    callsPerSecond: 1,
  })
  await api.ask('PATCH', `${BASE}/trunks/${trunk.id}`, { body: { concurrency: 2 } })
  await post('/webhooks', { url: 'http://127.0.0.1:9/hook' })
  await api.ask('PATCH', `${BASE}/organizations/${api.first.organizationId}`, {
    token: api.operatorToken,
    body: { concurrency: 7 },
    headers: { 'x-request-id': 'the-operator-did-it' },
  })
  const { items } = await entries()
  expect(items.map(({ action }) => action)).toEqual([
    'organization.changed',
    'webhook.created',
    'trunk.changed',
    'trunk.created',
    'suppressions.removed',
    'suppressions.added',
    'key.revoked',
    'key.created',
    'batch.cancelled',
    'batch.resumed',
    // The second pause changed nothing.
    'batch.paused',
    'batch.started',
    'batch.created',
  ])
  const [limits] = items
  expect(limits).toMatchObject({
    requestId: 'the-operator-did-it',
    detail: { fields: ['concurrency'] },
    address: '127.0.0.1',
  })
  expect(limits!.keyId).not.toBe(keyId())
  expect(items.at(-1)).toMatchObject({
    keyId: keyId(),
    objectId: batch.id,
    detail: { people: 1 },
    address: '127.0.0.1',
  })
  expect(items[2]).toMatchObject({ objectId: trunk.id, detail: { fields: ['concurrency'] } })
  expect(items[5]).toMatchObject({ objectId: null, detail: { numbers: 2 } })
  const text = JSON.stringify(items)
  for (const secret of [api.token.split('_')[2]!, '5550111', '5550100', '/hook']) expect(text).not.toContain(secret)
})

test('a proxy that names no address costs an entry its address and nothing else', async () => {
  const behind = await startNativeServer({ deps: { trustedProxies: ['10.0.0.0/8'] } })
  onTestFinished(() => behind.close())
  const seen = { unknown: null, '203.0.113.9:4711': null, 'fe80::1%eth0': 'fe80::1', '203.0.113.9': '203.0.113.9' }
  for (const [named, address] of Object.entries(seen)) {
    const made = await behind.server.inject({
      method: 'POST',
      url: `${BASE}/keys`,
      payload: { name: named },
      remoteAddress: '10.0.0.1',
      headers: { authorization: `Bearer ${behind.token}`, 'x-forwarded-for': named },
    })
    expect(made.statusCode, `${named}: ${made.body}`).toBe(201)
    expect((await behind.ask('GET', `${BASE}/audit`)).body.items[0], named).toMatchObject({ address })
  }
})

test('it is read page by page', async () => {
  for (const name of ['one', 'two', 'three']) await post('/keys', { name })
  const first = await entries('?limit=2')
  const second = await entries(`?limit=2&cursor=${first.nextCursor}`)
  const ids = [...first.items, ...second.items].map(({ id }) => Number(id))
  expect(ids).toEqual([...ids].sort((one, other) => other - one))
  expect(ids).toHaveLength(3)
  expect(second.nextCursor).toBeNull()
})

test('its seals are read page by page and compared with it, each organization its own', async () => {
  for (const name of ['one', 'two', 'three']) {
    await post('/keys', { name })
    await api.commands.database.query(`UPDATE audit_unsealed SET at = at - interval '6 min'`)
    expect(await sealStep(api.commands)).toBe(true)
  }
  await post('/keys', { name: 'not sealed yet' })
  const get = async (path: string, token = api.token) => (await api.ask('GET', `${BASE}/audit${path}`, { token })).body
  const first = await get('/seals?limit=2')
  const second = await get(`/seals?limit=2&cursor=${first.nextCursor}`)
  expect([...first.items, ...second.items].map(({ number }) => number)).toEqual([3, 2, 1])
  expect(second.nextCursor).toBeNull()
  expect(first.items[0]).toEqual({
    number: 3,
    sealedAt: expect.stringMatching(/Z$/),
    entries: 1,
    firstEntryId: '3',
    lastEntryId: '3',
    anchor: expect.stringMatching(/^3:[0-9a-f]{64}$/),
  })
  const whole = { seals: 3, entries: 3, lateEntries: 0, unsealedEntries: 1, fault: null, nextCursor: null }
  expect(await get(`/verification?anchor=${first.items[0].anchor}`)).toEqual(whole)
  await api.commands.database.query('DELETE FROM audit_entry WHERE entry_id = 2')
  expect((await get('/verification')).fault).toEqual({
    kind: 'entry-missing',
    seal: 2,
    entryId: '2',
    message: 'An entry that was sealed is not there any more.',
  })
  expect(await get('/verification?anchor=3')).toMatchObject({ status: 400, field: 'anchor' })

  const operator = { token: api.operatorToken }
  const body = { name: 'other', concurrency: 1 }
  const { id } = (await api.ask('POST', `${BASE}/organizations`, { ...operator, body })).body
  const key = await api.ask('POST', `${BASE}/organizations/${id}/keys`, { ...operator, body: { name: 'theirs' } })
  expect((await get('/seals', key.body.token)).items).toEqual([])
  expect(await get('/verification', key.body.token)).toMatchObject({ seals: 0, fault: null })
  const stolen = await get(`/seals?cursor=${first.nextCursor}`, key.body.token)
  expect(stolen).toMatchObject({ status: 400, code: 'invalid-cursor' })
})

test('what was refused or undone stands nowhere', async () => {
  await post('/batches', { agent: 'announcement', recipients: [{ to: '+12125550100' }] })
  const before = (await entries()).items.length
  await api.commands.database.query('ALTER TABLE batch_state ADD CONSTRAINT no_more CHECK (live_max < 0) NOT VALID')
  const broken = await api.ask('POST', `${BASE}/batches`, {
    body: { agent: 'announcement', recipients: [{ to: '+12125550101' }] },
  })
  expect(broken.status).toBe(500)
  expect((await api.ask('DELETE', `${BASE}/keys/crl_nobody`)).status).toBe(404)
  expect((await entries()).items).toHaveLength(before)
})

test('nothing is done when it cannot be noted', async () => {
  await api.commands.database.query('ALTER TABLE audit_entry ADD CONSTRAINT is_full CHECK (false) NOT VALID')
  expect((await api.ask('POST', `${BASE}/keys`, { body: { name: 'unseen' } })).status).toBe(500)
  expect((await api.ask('GET', `${BASE}/keys`)).body.items).toHaveLength(1)
})

test('entries are only ever added, and belong to one organization', async () => {
  await post('/keys', { name: 'one' })
  const scope = { role: 'carillon_api', organizationId: 1 } as const
  for (const statement of [
    'UPDATE audit_entry SET action = action',
    'DELETE FROM audit_entry',
    'TRUNCATE audit_entry',
  ]) {
    const done = transaction(api.commands.database, scope, (client) => client.query(statement))
    await expect(done, statement).rejects.toThrow(/permission denied/)
  }
  const other = await transaction(api.commands.database, { role: 'carillon_api', organizationId: 2 }, (client) =>
    client.query('SELECT 1 FROM audit_entry'),
  )
  expect(other.rows).toEqual([])
})
