import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { batchOf, type ElevenLabsServer, isOver, numberEndingIn, startElevenLabsServer } from '../elevenlabs-server.ts'
import { type Body, must } from '../product-server.ts'
import { type Received, webhookReceiver } from '../webhook-receiver.ts'

const WEBHOOKS = '/v1/workspace/webhooks'
const SETTINGS = '/v1/convai/settings'
let server: ElevenLabsServer

beforeAll(async () => {
  server = await startElevenLabsServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())
beforeEach(async () => {
  for (const { webhook_id } of (await must(server.ask('GET', WEBHOOKS))).webhooks) {
    await must(server.ask('DELETE', `${WEBHOOKS}/${webhook_id}`))
  }
})

const make = (webhook_url: string, name = 'calls') =>
  must(server.ask('POST', WEBHOOKS, { settings: { auth_type: 'hmac', name, webhook_url } }))
const tell = (webhooks: object) => must(server.ask('PATCH', SETTINGS, { webhooks }))
const shown = async () => (await must(server.ask('GET', `${WEBHOOKS}?include_usages=true`))).webhooks

/** Waits until so many came; the product works in between. */
async function come(received: readonly Received[], count: number): Promise<Body[]> {
  const giveUpAt = performance.now() + 60_000
  while (received.length < count && performance.now() < giveUpAt) await server.ask('GET', SETTINGS)
  expect(received).toHaveLength(count)
  return received.map(({ body }) => body)
}
async function dialled(endings: readonly string[]): Promise<Body> {
  const { id } = await server.submit(batchOf(endings))
  return server.until(id, isOver)
}

it('a webhook is made, shown without its secret, changed and let go', async () => {
  const made = await make('http://127.0.0.1:9/calls')
  expect(made).toEqual({
    webhook_id: expect.stringMatching(/^wh_[0-9A-Za-z]{22}$/),
    webhook_secret: expect.stringMatching(/^wsec_[0-9a-f]{64}$/),
  })
  const one = {
    name: 'calls',
    webhook_id: made.webhook_id,
    webhook_url: 'http://127.0.0.1:9/calls',
    is_disabled: false,
    is_auto_disabled: false,
    created_at_unix: expect.any(Number),
    auth_type: 'hmac',
    usage: [],
    most_recent_failure_error_code: null,
    most_recent_failure_timestamp: null,
  }
  expect(await shown()).toEqual([one])
  expect((await must(server.ask('GET', WEBHOOKS))).webhooks).toEqual([{ ...one, usage: null }])
  const at = `${WEBHOOKS}/${made.webhook_id}`
  expect((await must(server.ask('PATCH', at, { is_disabled: true, name: 'quiet' }))).status).toBe('ok')
  expect(await shown()).toEqual([{ ...one, name: 'quiet', is_disabled: true }])
  expect((await must(server.ask('DELETE', at))).status).toBe('ok')
  expect(await shown()).toEqual([])
  expect((await server.ask('DELETE', at)).status).toBe(404)
})

it('one of another wire form is none of these', async () => {
  const { webhook } = await must(server.native('POST', '/webhooks', { url: 'http://127.0.0.1:9/native' }))
  expect(await shown()).toEqual([])
  expect((await server.ask('DELETE', `${WEBHOOKS}/${webhook.id}`)).status).toBe(404)
  expect((await server.ask('PATCH', SETTINGS, { webhooks: { post_call_webhook_id: webhook.id } })).status).toBe(404)
})

it('the settings name the one that is told, and of what', async () => {
  const none = { post_call_webhook_id: null, events: ['transcript'], transcript_format: 'json' }
  expect((await must(server.ask('GET', SETTINGS))).webhooks).toEqual(none)
  const first = (await make('http://127.0.0.1:9/first')).webhook_id
  const second = (await make('http://127.0.0.1:9/second')).webhook_id
  const told = (await tell({ post_call_webhook_id: first })).webhooks
  expect(told).toEqual({ ...none, post_call_webhook_id: first })
  // What is left out stays as it is.
  expect((await tell({ events: ['call_initiation_failure'] })).webhooks).toMatchObject({
    post_call_webhook_id: first,
    events: ['call_initiation_failure'],
  })
  expect((await must(server.ask('PATCH', SETTINGS, {}))).webhooks.events).toEqual(['call_initiation_failure'])
  expect((await tell({ post_call_webhook_id: second })).webhooks.post_call_webhook_id).toBe(second)
  expect((await shown()).map(({ usage }: Body) => usage.length)).toEqual([0, 1])
  expect((await server.ask('PATCH', SETTINGS, { webhooks: { post_call_webhook_id: 'wh_nothing' } })).status).toBe(404)
  expect((await must(server.ask('GET', SETTINGS))).webhooks.post_call_webhook_id).toBe(second)
  expect((await tell({ post_call_webhook_id: null })).webhooks).toEqual(none)
})

it('whoever is told of everything gets one post for each call, signed, and none for who was not dialled', async () => {
  const receiver = await webhookReceiver()
  const { webhook_id, webhook_secret } = await make(receiver.url)
  await dialled(['40'])
  await tell({ post_call_webhook_id: webhook_id, events: ['transcript', 'call_initiation_failure'] })
  // The number that stands twice is called once.
  await dialled(['41', '70', '78', '90', '85', '41'])
  const bodies = await come(receiver.received, 5)
  const said = bodies.map(({ type, data }) => [
    type,
    data.failure_reason ?? data.metadata.phone_call.call_result,
    data.conversation_initiation_client_data.dynamic_variables.ending,
  ])
  expect(said.sort()).toEqual([
    ['call_initiation_failure', 'busy', '70'],
    ['call_initiation_failure', 'no-answer', '78'],
    ['call_initiation_failure', 'unknown', '90'],
    ['post_call_transcription', 'answered', '41'],
    ['post_call_transcription', 'voicemail', '85'],
  ])
  for (const { text, headers } of receiver.received) {
    const [, timestamp, signature] = /^t=(\d+),v0=([0-9a-f]{64})$/.exec(String(headers['elevenlabs-signature']))!
    expect(createHmac('sha256', webhook_secret).update(`${timestamp}.${text}`).digest('hex')).toBe(signature)
    expect(Math.abs(Date.now() / 1_000 - Number(timestamp))).toBeLessThan(120)
  }
})

it('whoever asks for transcripts alone is told of no call that nobody took, and the other way round', async () => {
  const receiver = await webhookReceiver()
  const { webhook_id } = await make(receiver.url)
  await tell({ post_call_webhook_id: webhook_id })
  await dialled(['71', '42'])
  expect((await come(receiver.received, 1))[0].type).toBe('post_call_transcription')
  await tell({ events: ['call_initiation_failure', 'audio'] })
  await dialled(['43', '72'])
  const [, second] = await come(receiver.received, 2)
  expect(second.type).toBe('call_initiation_failure')
  expect(second.data.metadata.body).toMatchObject({ from_number: '+15005550100', to_number: numberEndingIn('72') })
})

it('a post that is not taken is sent again, with a fresh signature', async () => {
  const receiver = await webhookReceiver()
  receiver.answer = 500
  const { webhook_id } = await make(receiver.url)
  await tell({ post_call_webhook_id: webhook_id })
  await dialled(['44'])
  await come(receiver.received, 1)
  receiver.answer = 200
  const id = (await server.native('GET', '/webhooks')).body.items.find(({ form }: Body) => form === 'elevenlabs').id
  const deliveries = async () => (await must(server.native('GET', `/webhooks/${id}/deliveries`))).items
  const giveUpAt = performance.now() + 60_000
  while ((await deliveries())[0].tries < 1 && performance.now() < giveUpAt) await server.ask('GET', SETTINGS)
  const [{ event, eventId }] = await deliveries()
  await must(server.native('POST', `/webhooks/${id}/deliveries/${event?.id ?? eventId}/resend`))
  const [first, again] = await come(receiver.received, 2)
  expect(again).toEqual(first)
})
