import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

/** The server of whoever makes batches. */
interface Receiver {
  readonly server: Server
  readonly url: string
  readonly posts: { headers: IncomingHttpHeaders; body: string }[]
  status: number
}

let product: UltravoxServer
let receiver: Receiver

beforeAll(async () => {
  product = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
  const posts: Receiver['posts'] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    posts.push({ headers: request.headers, body: Buffer.concat(parts).toString() })
    response.writeHead(receiver.status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/calls`
  receiver = { server, url, posts, status: 204 }
})
afterAll(async () => {
  await product.close()
  receiver.server.close()
})
beforeEach(() => {
  receiver.posts.length = 0
  receiver.status = 204
})

/** Those that nobody can join here; whoever joins over a WebSocket is met in ultravox-joining.test.ts. */
const JOINED = [
  { webRtc: {} },
  { exotel: {} },
  { twilio: {} },
  { telnyx: {} },
  { plivo: {} },
  { sip: { incoming: {} } },
]
const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null

async function make(batch: object) {
  const { status, body } = await product.ask('POST', product.batches, batch)
  expect(status, JSON.stringify(body)).toBe(201)
  return body
}

it('whoever made the batch is asked once for each call that they place, signed as published', async () => {
  const calls = [...JOINED.map((medium, at) => ({ medium, metadata: { at: String(at) } })), callTo('10')]
  const { batchId } = await make({ calls, webhookUrl: receiver.url, webhookSecret: 'of the test' })
  const over = await product.until(batchId, ended)
  expect(over).toMatchObject({
    totalCount: JOINED.length + 1,
    completedCount: JOINED.length + 1,
    webhookUrl: receiver.url,
    webhookSecret: 'of the test',
  })
  // The one to a telephone is called, and nobody is asked about it.
  expect(receiver.posts).toHaveLength(JOINED.length)
  for (const { headers, body } of receiver.posts) {
    const timestamp = String(headers['x-ultravox-webhook-timestamp'])
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
    const expected = createHmac('sha256', 'of the test')
      .update(body + timestamp)
      .digest('hex')
    expect(headers['x-ultravox-webhook-signature']).toBe(expected)
    const { event, call } = JSON.parse(body)
    expect(event).toBe('call.started')
    expect(call).toMatchObject({ agentId: product.agentId, ended: null, endReason: null, joined: null })
    // Nobody can join yet, and the address says so, without a key.
    const join = await fetch(call.joinUrl)
    expect(join.status).toBe(501)
    expect(((await join.json()) as { detail: string }).detail).toMatch(/^The call cannot be joined: This server/)
    const { body: read } = await product.ask('GET', `/api/calls/${call.callId}`)
    expect(read).toMatchObject({
      callId: call.callId,
      medium: call.medium,
      joinUrl: null,
      endReason: 'connection_error',
    })
  }
  const { body } = await product.ask('GET', `${product.batches}/${batchId}/scheduled_calls`)
  const shown = body.results.map((call: Record<string, unknown>) => [call.medium, call.status, call.error])
  const error = 'Calls of this kind cannot be joined at this server'
  const telephone = [callTo('10').medium, 'SUCCESS', null]
  expect(shown).toEqual(expect.arrayContaining([...JOINED.map((medium) => [medium, 'ERROR', error]), telephone]))
})

it('a delivery that fails marks its call and is not repeated, and the next ones go on', async () => {
  receiver.status = 500
  const calls = [{ medium: { webRtc: {} } }, { medium: { webRtc: {} } }]
  const { batchId } = await make({ calls, webhookUrl: receiver.url })
  await product.until(batchId, ended)
  expect(receiver.posts).toHaveLength(2)
  const { body } = await product.ask('GET', `${product.batches}/${batchId}/scheduled_calls`)
  expect(body.results.map((call: { status: string; error: string }) => [call.status, call.error])).toEqual([
    ['ERROR', 'The server that was asked to place the call did not take it'],
    ['ERROR', 'The server that was asked to place the call did not take it'],
  ])
})

it('a call without a medium is joined over webRtc, and a secret is chosen when none is sent', async () => {
  const { batchId, webhookSecret } = await make({ calls: [{}], webhookUrl: receiver.url })
  expect(webhookSecret).toMatch(/^[\w-]{20,}$/)
  await product.until(batchId, ended)
  const { headers, body } = receiver.posts[0]!
  const expected = createHmac('sha256', webhookSecret).update(body + headers['x-ultravox-webhook-timestamp'])
  expect(headers['x-ultravox-webhook-signature']).toBe(expected.digest('hex'))
})

it('no secret that was sent or chosen can be read in the database', async () => {
  const batch = { calls: [{}], webhookUrl: receiver.url, webhookSecret: 'for nobody else', paused: true }
  const { batchId } = await make(batch)
  const another = await make({ ...batch, webhookSecret: undefined })
  const address = `${product.batches}/${batchId}`
  await product.ask('PATCH', address, { webhookSecret: 'changed for nobody' })
  await product.ask('PATCH', address, { windowEnd: '2099-01-01T00:00:00Z' })
  const template = {
    sharedSecrets: ['that signs tools'],
    selectedTools: [{ toolName: 'crm', authTokens: { key: 'that opens tools' } }],
    medium: { sip: { outgoing: { to: 'sip:+14155550113@pbx.example.com', password: 'that signs on' } } },
  }
  const agent = await product.ask('POST', '/api/agents', { callTemplate: template })
  // Whoever has the key reads what it sent, but for the password.
  const { medium, ...kept } = template
  expect(agent.body.callTemplate).toEqual({
    ...kept,
    medium: { sip: { outgoing: { to: medium.sip.outgoing.to } } },
  })
  const one = `/api/agents/${agent.body.agentId}`
  expect((await product.ask('GET', one)).body.callTemplate).toEqual(agent.body.callTemplate)
  const renamed = await product.ask('PATCH', one, { name: 'renamed' })
  expect(renamed.body.callTemplate).toEqual(agent.body.callTemplate)

  const rows = await product.sql('SELECT dialect_fields FROM batch UNION ALL SELECT dialect_fields FROM agent')
  const stored = JSON.stringify(rows)
  expect(stored).toContain(receiver.url)
  expect(stored).toContain('crm')
  for (const secret of ['for nobody', another.webhookSecret, 'that signs', 'that opens']) {
    expect(stored).not.toContain(secret)
  }
  const { body } = await product.ask('GET', product.batches)
  expect(body.results.slice(0, 2).map((shown: typeof batch) => shown.webhookSecret)).toEqual([
    another.webhookSecret,
    'changed for nobody',
  ])
  // A template without secrets takes the place of one with them.
  const plain = { selectedTools: [{ toolName: 'crm' }] }
  expect((await product.ask('PATCH', one, { callTemplate: plain })).body.callTemplate).toEqual(plain)
  // Sealed for one batch, it opens for no other.
  const uuids = [another.batchId, batchId]
  await product.sql(
    'UPDATE batch a SET dialect_fields = b.dialect_fields FROM batch b WHERE a.batch_uuid = $1 AND b.batch_uuid = $2',
    uuids,
  )
  const moved = await product.ask('GET', `${product.batches}/${another.batchId}`)
  expect([moved.status, moved.body.webhookSecret]).toEqual([200, null])
})

it('the address to join needs its token', async () => {
  await make({ calls: [{}], webhookUrl: receiver.url })
  while (receiver.posts.length === 0) await product.ask('GET', product.batches)
  const { call } = JSON.parse(receiver.posts[0]!.body)
  const address = new URL(call.joinUrl)
  for (const token of ['', 'x', 'A'.repeat(24)]) {
    address.searchParams.set('token', token)
    expect((await fetch(address)).status).toBe(token === '' ? 400 : 404)
  }
})

it.each([
  ['is missing', { calls: [{ medium: { exotel: {} } }] }, /calls\[0\] has the medium exotel/],
  [
    'is not allowed',
    { calls: [callTo('10')], webhookUrl: 'https://example.com/' },
    /all calls have an outgoing medium/,
  ],
  ['leads to a private address', { calls: [{}], webhookUrl: 'http://10.0.0.1/' }, /not public/],
  ['is no address', { calls: [{}], webhookUrl: 'example.com' }, /must be an address/],
  ['is too long', { calls: [{}], webhookUrl: `https://example.com/${'x'.repeat(200)}` }, /at most 200 characters/],
])('a webhookUrl that %s is refused', async (_name, batch, text) => {
  const { status, body } = await product.ask('POST', product.batches, batch)
  expect([status, body]).toEqual([400, { webhookUrl: [expect.stringMatching(text)] }])
})

it('a webhook is changed, but neither taken away nor added', async () => {
  const { batchId } = await make({ calls: [{}], webhookUrl: 'http://127.0.0.1:1/', paused: true })
  const address = `${product.batches}/${batchId}`
  const changed = await product.ask('PATCH', address, { webhookUrl: receiver.url, webhookSecret: 'another' })
  expect(changed.body).toMatchObject({ webhookUrl: receiver.url, webhookSecret: 'another' })
  for (const field of ['webhookUrl', 'webhookSecret']) {
    const { status, body } = await product.ask('PATCH', address, { [field]: null })
    expect([status, Object.keys(body)]).toEqual([400, [field]])
  }
  const telephones = await make({ calls: [callTo('10')], paused: true })
  const refused = await product.ask('PATCH', `${product.batches}/${telephones.batchId}`, { webhookUrl: receiver.url })
  expect([refused.status, Object.keys(refused.body)]).toEqual([400, ['webhookUrl']])
  await product.ask('PATCH', address, { paused: false })
  await product.until(batchId, ended)
  expect(receiver.posts).toHaveLength(1)
})
