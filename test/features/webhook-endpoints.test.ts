import { afterAll, beforeAll, expect, test } from 'vitest'
import { type NativeServer, startNativeServer } from '../native-server.ts'

let native: NativeServer

beforeAll(async () => {
  native = await startNativeServer()
})

afterAll(() => native.close())

const ask: NativeServer['ask'] = (method, path, options) => native.ask(method, `/carillon/v1${path}`, options)
const url = 'https://127.0.0.1/hook'

test('a webhook is made, read, listed, changed and removed; its secret is shown once', async () => {
  const made = await ask('POST', '/webhooks', { body: { url, name: 'CRM', kinds: ['recipient-finished'] } })
  expect(made).toMatchObject({
    status: 201,
    body: {
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      webhook: { url, name: 'CRM', form: 'standard', status: 'active', kinds: ['recipient-finished'], agentIds: null },
    },
  })
  const { id } = made.body.webhook
  const read = await ask('GET', `/webhooks/${id}`)
  expect(read.body).toEqual(made.body.webhook)
  expect(read.text).not.toContain('whsec_')
  expect((await ask('GET', '/webhooks')).body.items).toContainEqual(made.body.webhook)
  const changed = await ask('PATCH', `/webhooks/${id}`, {
    body: { active: false, kinds: null, agentIds: ['announcement'] },
  })
  expect(changed.body).toMatchObject({ status: 'disabled', kinds: null, agentIds: [native.first.agentId] })
  expect(await ask('DELETE', `/webhooks/${id}`)).toMatchObject({ status: 204 })
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', {}],
    ['DELETE', '', undefined],
    ['POST', '/rotate-secret', {}],
    ['GET', '/deliveries', undefined],
    ['POST', '/deliveries/1.1/resend', undefined],
    ['POST', '/resend-failed', {}],
  ] as const) {
    expect(await ask(method, `/webhooks/${id}${path}`, { body })).toMatchObject({
      status: 404,
      body: { code: 'webhook-not-found' },
    })
  }
})

test('a new secret is shown once, and says how long the one before stays good', async () => {
  const { body } = await ask('POST', '/webhooks', { body: { url } })
  const rotated = await ask('POST', `/webhooks/${body.webhook.id}/rotate-secret`, { body: { keepSeconds: 60 } })
  expect(rotated.status).toBe(200)
  expect(rotated.body.secret).not.toBe(body.secret)
  expect(new Date(rotated.body.webhook.previousSecretUntil).getTime()).toBeGreaterThan(Date.now() + 50_000)
  const atOnce = await ask('POST', `/webhooks/${body.webhook.id}/rotate-secret`, { body: { keepSeconds: 0 } })
  expect(atOnce.body.webhook.previousSecretUntil).toBeNull()
})

test.each([
  [{}, 'url'],
  [{ url: 'ftp://example.com/' }, 'url'],
  [{ url: 'https://10.0.0.1/' }, 'url'],
  [{ url, kinds: [] }, 'kinds'],
  [{ url, kinds: ['nothing-of-ours'] }, 'kinds[0]'],
  [{ url, secret: 'too short' }, 'secret'],
  [{ url, secret: `whsec_${Buffer.alloc(23).toString('base64')}` }, 'secret'],
  [{ url, name: '' }, 'name'],
  [{ url, organizationId: 1 }, 'organizationId'],
])('%j is refused and names %s', async (body, field) => {
  expect(await ask('POST', '/webhooks', { body })).toMatchObject({ status: 400, body: { field } })
})

test('an agent and a batch that do not exist are refused', async () => {
  expect(await ask('POST', '/webhooks', { body: { url, agentIds: ['nobody'] } })).toMatchObject({
    body: { code: 'agent-not-found' },
  })
  expect(await ask('POST', '/webhooks', { body: { url, batchIds: ['nothing'] } })).toMatchObject({
    body: { code: 'batch-not-found' },
  })
})
