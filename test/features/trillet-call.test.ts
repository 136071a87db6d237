import { createHmac } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { createCall } from '../../src/commands/create-call.ts'
import { commandWorld } from '../command-world.ts'
import { AGENT_ID, serveTrillet } from '../trillet-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'
import { webhookWorld } from '../webhook-world.ts'

async function trilletWorld() {
  const world = await commandWorld()
  const server = await serveTrillet(world.context, world.actor, world.first)
  onTestFinished(server.close)
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${server.baseUrl}/v1/api/call`, {
      method: 'POST',
      headers: { ...server.headers, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
  }
  return { ...world, server, post }
}

const call = { to: '+14155550111', call_agent_id: AGENT_ID }

test('one person is called, through the same dispatcher as everyone else', async () => {
  const world = await trilletWorld()
  const answer = await world.post({ ...call, dynamic_variables: { first_name: 'Zoë' }, metadata: { order: 7 } })
  expect(answer).toMatchObject({ status: 200, body: { status: 'success', message: 'Call initiated successfully' } })
  expect(answer.body.call_id).toMatch(/^call_\d{39}$/)
  expect(answer.headers.get('carillon-ignored-fields')).toBeNull()
  expect(await world.claim(10)).toHaveLength(1)
  expect(await world.sql('SELECT number, variables, metadata FROM recipient')).toMatchObject([
    { number: '14155550111', metadata: '{"order":7}' },
  ])
})

test('a request with an Idempotency-Key makes one call, however often it is sent', async () => {
  const world = await trilletWorld()
  const [one, two] = [
    await world.post(call, { 'idempotency-key': 'k1' }),
    await world.post(call, { 'idempotency-key': 'k1' }),
  ]
  expect(two.body).toEqual(one.body)
  expect(await world.claim(10)).toHaveLength(1)
})

test('what the page names and is not done here is named in the answer', async () => {
  const { post } = await trilletWorld()
  const answer = await post({ ...call, callback_url: 'https://example.com/', more: { x: 1 } })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('carillon-ignored-fields')).toBe('callback_url, more')
})

test.each([
  ['no body', '', 400, /body/i],
  ['no number', { call_agent_id: AGENT_ID }, 400, /\bto\b/],
  ['a number that is none', { ...call, to: '0123' }, 400, /\bto\b/],
  ['a number of another type', { ...call, to: 14155550111 }, 400, /\bto\b/],
  ['no agent', { to: call.to }, 400, /call_agent_id/],
  ['an agent that is not there', { ...call, call_agent_id: 'agent_of_nobody' }, 404, /Agent not found/],
  ['variables that are no object', { ...call, dynamic_variables: ['x'] }, 400, /dynamic_variables/],
  ['JSON that is broken', '{"to":', 400, /JSON/],
])('%s is refused in the flat form, and nobody is called', async (_, body, status, error) => {
  const world = await trilletWorld()
  const answer = await world.post(body)
  expect(answer).toMatchObject({ status, body: { error: expect.stringMatching(error) } })
  expect(await world.claim(10)).toHaveLength(0)
})

test('without a key 401, without a workspace 400, with a foreign one 403', async () => {
  const { post } = await trilletWorld()
  expect((await post(call, { 'x-api-key': '' })).status).toBe(401)
  expect((await post(call, { 'x-workspace-id': '' })).status).toBe(400)
  expect((await post(call, { 'x-workspace-id': 'ws_of_another' })).status).toBe(403)
})

test('webhooks in the form of the product: what they tell and how they are signed', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const { secret } = await world.hook({ url: receiver.url, form: 'trillet' })
  const input = { dialect: 'trillet', agent: 'announcement' }
  await createCall(world.context, world.actor, input, { to: '+14155550111' })
  const calls = await world.claim(10)
  await world.answer(calls)
  await world.end(calls, { disposition: 'answered' })
  await createCall(world.context, world.actor, input, { to: '+14155550112' })
  await world.end(await world.claim(10), { disposition: 'busy' })
  await world.node().deliverDue()
  const told = receiver.received.map(({ body }) => body)
  expect(told.map(({ event, data }) => [event, data.status, data.agentId, data.duration]).sort()).toEqual([
    ['call.completed', 'completed', 'announcement', 2],
    ['call.failed', 'failed', 'announcement', 0],
    ['call.started', 'active', 'announcement', 0],
  ])
  expect(told[0].data.callId).toMatch(/^call_\d{39}$/)
  for (const { headers, text } of receiver.received) {
    const expected = createHmac('sha256', secret).update(text).digest('hex')
    expect(headers['x-trillet-signature']).toBe(expected)
  }
})
