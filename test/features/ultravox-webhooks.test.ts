import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('ultravox.companion.yaml')
const WEBHOOKS = '/api/webhooks'
let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

const url = 'http://127.0.0.1:1/hook'

describe('an account webhook', () => {
  it('is made, read, changed and deleted; its secrets are shown once', async () => {
    const asked = { url, events: ['call.ended', 'call.started'], secrets: ['one', 'two'], agentId: server.agentId }
    const { status, body: made } = await server.ask('POST', WEBHOOKS, asked)
    expect(status).toBe(201)
    expect(made).toEqual({
      webhookId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      agentId: server.agentId,
      created: expect.stringMatching(/Z$/),
      url,
      secrets: ['one', 'two'],
      events: ['call.started', 'call.ended'],
      status: 'normal',
      lastStatusChange: null,
      recentFailures: [],
    })
    const { secrets: _, ...shown } = made
    const address = `${WEBHOOKS}/${made.webhookId}`
    expect((await server.ask('GET', address)).body).toEqual(shown)
    expect((await server.ask('PATCH', address, { events: ['call.joined'] })).body).toEqual({
      ...shown,
      events: ['call.joined'],
    })
    const replaced = await server.ask('PUT', address, { url: `${url}2`, events: ['call.ended'], secrets: ['three'] })
    expect(replaced.body).toMatchObject({ url: `${url}2`, secrets: ['three'], agentId: server.agentId })
    expect((await server.ask('PATCH', address, { agentId: null })).body.agentId).toBeNull()
    for (const answer of [made, shown, replaced.body]) expect(schemas?.problems('Webhook', answer) ?? []).toEqual([])
    expect((await server.ask('DELETE', address)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await server.ask(method, address)).status).toBe(404)
  })

  it('gets a secret when none is sent', async () => {
    const { body } = await server.ask('POST', WEBHOOKS, { url, events: ['call.ended'] })
    expect(body.secrets).toEqual([expect.stringMatching(/^[\w-]{20,}$/)])
    await server.ask('DELETE', `${WEBHOOKS}/${body.webhookId}`)
  })

  it('is listed in both directions, by agent too; those of other wire formats are not', async () => {
    await server.native('POST', '/webhooks', { url })
    const made: string[] = []
    for (let at = 0; at < 5; at++) {
      const agentId = at === 3 ? server.agentId : undefined
      made.push((await server.ask('POST', WEBHOOKS, { url, events: ['call.ended'], agentId })).body.webhookId)
    }
    const idsOf = (list: { results: { webhookId: string }[] }) => list.results.map(({ webhookId }) => webhookId)
    const first = (await server.ask('GET', `${WEBHOOKS}?pageSize=2`)).body
    const second = (await server.ask('GET', first.next)).body
    const third = (await server.ask('GET', second.next)).body
    expect([first, second, third].flatMap(idsOf)).toEqual(made)
    expect([first.previous, third.next, first.total]).toEqual([null, null, 5])
    const back = (await server.ask('GET', third.previous)).body
    expect(idsOf(back)).toEqual(idsOf(second))
    expect(idsOf((await server.ask('GET', back.previous)).body)).toEqual(idsOf(first))
    expect(schemas?.problems('PaginatedWebhookList', second) ?? []).toEqual([])
    expect(idsOf((await server.ask('GET', `${WEBHOOKS}?agentId=${server.agentId}`)).body)).toEqual([made[3]])
  })

  it.each([
    ['url', undefined],
    ['url', 'example.com'],
    ['url', 'http://10.0.0.1/'],
    ['url', `https://example.com/${'x'.repeat(200)}`],
    ['events', undefined],
    ['events', []],
    ['events', ['call.billed']],
    ['events', ['call.ringing']],
    ['secrets', 'x'],
    ['secrets', ['']],
    ['secrets', ['x'.repeat(121)]],
    ['secrets', Array.from({ length: 11 }, () => 'x')],
    ['agentId', 5],
    ['agentId', '3c90c3cc-0d44-4b50-8888-8dd25736052a'],
  ])('with %s %j is refused', async (field, value) => {
    const { status, body } = await server.ask('POST', WEBHOOKS, { url, events: ['call.ended'], [field]: value })
    expect([status, Object.keys(body)]).toEqual([400, [field]])
  })
})

describe('a delivery', () => {
  interface Post {
    readonly headers: IncomingHttpHeaders
    readonly body: string
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
    readonly json: any
  }
  const posts: Post[] = []
  let receiver: Server
  let address: string

  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const body = Buffer.concat(parts).toString()
      posts.push({ headers: request.headers, body, json: JSON.parse(body) })
      response.writeHead(204).end()
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  })
  afterAll(() => receiver.close())

  it('tells what becomes of each call, in order, signed with each secret', async () => {
    const secrets = ['the first', 'the second']
    const events = ['call.started', 'call.joined', 'call.ended', 'call.billed']
    const made = await server.ask('POST', WEBHOOKS, { url: address, events, secrets, agentId: server.agentId })
    expect(made.status).toBe(201)
    const calls = [
      callTo('10', { metadata: { who: 'answers' } }),
      callTo('70', { metadata: { who: 'is busy' } }),
      callTo('10'),
    ]
    const { body: batch } = await server.ask('POST', server.batches, { calls })
    await server.until(batch.batchId, ({ endedAt }) => endedAt !== null)
    while (posts.filter(({ json }) => json.event === 'call.ended').length < 2) await server.ask('GET', server.batches)
    const eventsOf = (who: string) =>
      posts.filter(({ json }) => json.call.metadata.who === who).map(({ json }) => json.event)
    expect(eventsOf('answers')).toEqual(['call.started', 'call.joined', 'call.ended'])
    expect(eventsOf('is busy')).toEqual(['call.started', 'call.ended'])
    // The number that stands twice was never called: there is no call that could be told of.
    expect(posts).toHaveLength(5)
    for (const { headers, body, json } of posts) {
      const timestamp = String(headers['x-ultravox-webhook-timestamp'])
      const expected = secrets.map((secret) =>
        createHmac('sha256', secret)
          .update(body + timestamp)
          .digest('hex'),
      )
      expect(headers['x-ultravox-webhook-signature']).toBe(expected.join(','))
      expect(json.call.agentId).toBe(server.agentId)
      expect(schemas?.problems('Call', json.call) ?? []).toEqual([])
    }
    await server.ask('DELETE', `${WEBHOOKS}/${made.body.webhookId}`)
  })

  it('that fails shows in the health of the webhook', async () => {
    const { body: made } = await server.ask('POST', WEBHOOKS, { url, events: ['call.ended'] })
    const { body: batch } = await server.ask('POST', server.batches, { calls: [callTo('12')] })
    await server.until(batch.batchId, ({ endedAt }) => endedAt !== null)
    for (;;) {
      const { body } = await server.ask('GET', `${WEBHOOKS}/${made.webhookId}`)
      if (body.recentFailures.length === 0) continue
      expect(body.recentFailures[0]).toEqual({ timestamp: expect.stringMatching(/Z$/), failure: expect.any(String) })
      break
    }
    await server.ask('DELETE', `${WEBHOOKS}/${made.webhookId}`)
  })
})
