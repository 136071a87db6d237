import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { listEvents } from '../../src/commands/list-events.ts'
import { resendDelivery, resendFailed } from '../../src/commands/webhook-deliveries.ts'
import { rotateWebhookSecret, updateWebhook } from '../../src/commands/webhooks.ts'
import { encodeEvent } from '../../src/dialects/native/encode.ts'
import { people } from '../command-world.ts'
import { type Received, webhookReceiver } from '../webhook-receiver.ts'
import { webhookWorld } from '../webhook-world.ts'

/** Behind everything that the first start stored with the time of the machine. */
const START = new Date('2100-03-01T09:00:00Z')
const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id'])
const minutes = (count: number) => new Date(START.getTime() + count * 60_000)
const seconds = (count: number) => new Date(START.getTime() + count * 1_000)

test('every event arrives once, as the log shows it, with a signature that Standard Webhooks verifies', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const { id, secret } = await world.hook({ url: receiver.url })
  const node = world.node()
  await world.makeBatch(people(3))
  const calls = await world.claim(10)
  await world.answer(calls)
  await world.end(calls, { disposition: 'answered' })
  await node.deliverDue()

  const { items } = await listEvents(world.context, world.actor, { limit: 1_000 })
  const byId = new Map(items.map((event) => [event.id, encodeEvent(event)]))
  expect(receiver.received.length).toBeGreaterThan(10)
  expect(new Set(idsOf(receiver.received))).toEqual(new Set(byId.keys()))
  expect(receiver.received).toHaveLength(byId.size)
  const verifier = new Webhook(secret)
  for (const { headers, text, body } of receiver.received) {
    expect(verifier.verify(text, headers as Record<string, string>)).toEqual(body)
    expect(body).toEqual(byId.get(headers['webhook-id'] as string))
  }
  expect(() => verifier.verify(`${receiver.received[0]!.text} `, receiver.received[0]!.headers as never)).toThrow()
  const deliveries = await world.deliveries(id)
  expect(deliveries).toHaveLength(byId.size)
  expect(new Set(deliveries.map(({ status, tries }) => `${status} ${tries}`))).toEqual(new Set(['delivered 1']))
  await node.deliverDue()
  expect(receiver.received).toHaveLength(byId.size)
})

test('an endpoint is told of the kinds, agents and batches it asked for, and of nothing from before', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const before = await world.makeBatch(people(1))
  const finished = await world.hook({ url: receiver.url, kinds: ['recipient-finished'] })
  const other = await world.hook({ url: receiver.url, batchIds: [before.id] })
  const ofAgent = await world.hook({ url: receiver.url, agentIds: ['announcement'], kinds: ['batch-created'] })
  await world.makeBatch(people(2).slice(1))
  await world.end(await world.claim(10), { disposition: 'busy' })
  await world.node().deliverDue()
  expect((await world.deliveries(finished.id)).map(({ event }) => event.kind)).toEqual([
    'recipient-finished',
    'recipient-finished',
  ])
  const events = (await world.deliveries(other.id)).map(({ event }) => event)
  expect(new Set(events.map(({ batchId }) => batchId))).toEqual(new Set([before.id]))
  expect(events.map(({ kind }) => kind)).not.toContain('batch-created')
  expect((await world.deliveries(ofAgent.id)).map(({ event }) => event.kind)).toEqual(['batch-created'])
})

test('without an endpoint no delivery is made', async () => {
  const world = await webhookWorld()
  await world.makeBatch(people(3))
  await world.end(await world.claim(10), { disposition: 'busy' })
  await world.node().deliverDue()
  expect(await world.sql('SELECT count(*)::int AS count FROM webhook_delivery')).toEqual([{ count: 0 }])
})

test('what fails is tried again after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, then given up; the endpoint is paused', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  receiver.answer = 500
  await world.setTime(START)
  const { id } = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  await world.makeBatch(people(1))
  const node = world.node()
  await node.deliverDue()
  let at = START.getTime()
  for (const delayMs of [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((delay) => delay * 1_000)) {
    const tries = receiver.received.length
    expect((await world.deliveries(id))[0]).toMatchObject({ status: 'pending', tries, httpStatus: 500 })
    await world.setTime(new Date(at + delayMs - 1))
    await node.deliverDue()
    expect(receiver.received).toHaveLength(tries)
    at += delayMs
    await world.setTime(new Date(at))
    await node.deliverDue()
    expect(receiver.received).toHaveLength(tries + 1)
  }
  expect((await world.deliveries(id))[0]).toMatchObject({ status: 'failed', tries: 10, nextTryAt: null })
  expect(new Set(idsOf(receiver.received)).size).toBe(1)
  expect(await world.webhook(id)).toMatchObject({ status: 'paused', failuresInRow: 10, failingSince: START })
  expect((await world.webhook(id)).pausedReason).toContain('10 tries failed')

  // Somebody mends it: what happened meanwhile arrives, and what was given up does on request.
  await world.makeBatch(people(2).slice(1))
  await node.deliverDue()
  expect(receiver.received).toHaveLength(10)
  receiver.answer = 204
  await updateWebhook(world.context, world.actor, id, { active: true })
  await node.deliverDue()
  expect(receiver.received).toHaveLength(11)
  expect(await resendFailed(world.context, world.actor, id)).toBe(1)
  await node.deliverDue()
  expect(idsOf(receiver.received).at(-1)).toBe(idsOf(receiver.received)[0])
  expect(await world.webhook(id)).toMatchObject({ status: 'active', failuresInRow: 0, failingSince: null })
})

test('the events of one recipient arrive in order, also when one has to be tried again; others do not wait', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  await world.setTime(START)
  await world.hook({ url: receiver.url })
  const node = world.node()
  await world.makeBatch(people(2))
  const calls = await world.claim(10)
  await world.answer(calls)
  await world.end(calls, { disposition: 'answered' })
  let refused: string | null = null
  receiver.answer = (response, { body }) => {
    refused ??= body.kind === 'attempt-dialing' ? body.recipientId : null
    response.writeHead(body.recipientId !== null && body.recipientId === refused ? 503 : 200).end()
  }
  await node.deliverDue()
  const kindsOf = (recipientId: string | null) =>
    receiver.received.filter(({ body }) => body.recipientId === recipientId).map(({ body }) => body.kind)
  const kinds = ['attempt-dialing', 'attempt-accepted', 'attempt-ringing', 'attempt-answered', 'recipient-finished']
  const other = receiver.received.map(({ body }) => body.recipientId).find((one) => one !== null && one !== refused)
  expect(kindsOf(other)).toEqual(kinds)
  expect(kindsOf(refused)).toEqual(['attempt-dialing'])
  receiver.answer = 200
  await world.setTime(seconds(5))
  await node.deliverDue()
  expect(kindsOf(refused)).toEqual(['attempt-dialing', ...kinds])
})

test('429 and 503 with Retry-After get the rest they ask for, and no more than an hour of it', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  await world.setTime(START)
  const { id } = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const node = world.node()
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end()
  await world.makeBatch(people(1))
  await node.deliverDue()
  expect((await world.deliveries(id))[0]!.nextTryAt).toEqual(minutes(2))
  expect((await world.webhook(id)).blockedUntil).toEqual(minutes(2))
  // Nobody else is sent either.
  await world.makeBatch(people(2).slice(1))
  await world.setTime(minutes(1))
  await node.deliverDue()
  expect(receiver.received).toHaveLength(1)
  await world.setTime(minutes(2))
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '1000000000' }).end()
  await node.deliverDue()
  expect((await world.webhook(id)).blockedUntil).toEqual(minutes(62))
})

test('410 pauses the endpoint at once, a redirect is a failure and is not followed', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const inner = await webhookReceiver()
  const { id } = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const node = world.node()
  receiver.answer = (response) => response.writeHead(302, { location: inner.url }).end('moved')
  await world.makeBatch(people(1))
  await node.deliverDue()
  expect((await world.deliveries(id))[0]).toMatchObject({ status: 'pending', httpStatus: 302, answer: 'moved' })
  expect(inner.received).toHaveLength(0)
  receiver.answer = 410
  await world.makeBatch(people(2).slice(1))
  await node.deliverDue()
  expect(await world.webhook(id)).toMatchObject({ status: 'paused', pausedReason: expect.stringContaining('410') })
})

test('a new secret signs at once, and the one before until its time is over', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const { id, secret: old } = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const node = world.node()
  const { secret } = await rotateWebhookSecret(world.context, world.actor, id, { keepSeconds: 60 })
  const verifies = (key: string) => {
    const { text, headers } = receiver.received.at(-1)!
    try {
      return new Webhook(key).verify(text, headers as Record<string, string>) !== undefined
    } catch {
      return false
    }
  }
  await world.makeBatch(people(1))
  await node.deliverDue()
  expect([verifies(old), verifies(secret)]).toEqual([true, true])
  await world.setTime(new Date(Date.now() + 61_000))
  await world.makeBatch(people(2).slice(1))
  await node.deliverDue()
  expect([verifies(old), verifies(secret)]).toEqual([false, true])
})

test('secrets are stored sealed; one that was put into another row is not opened and the endpoint says so', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const one = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const two = await world.hook({ url: receiver.url, kinds: ['batch-paused'] })
  const rows = await world.sql(`SELECT secret FROM webhook_endpoint`)
  for (const { secret } of rows) expect((secret as Buffer).toString('latin1')).not.toContain(one.secret.slice(6, 20))
  await world.sql(
    `UPDATE webhook_endpoint SET secret = (SELECT secret FROM webhook_endpoint WHERE endpoint_uuid = $1) WHERE endpoint_uuid = $2`,
    [two.id, one.id],
  )
  await world.makeBatch(people(1))
  await world.node().deliverDue()
  expect(receiver.received).toHaveLength(0)
  expect(await world.webhook(one.id)).toMatchObject({
    status: 'paused',
    pausedReason: expect.stringContaining('secret'),
  })
  await rotateWebhookSecret(world.context, world.actor, one.id, { keepSeconds: 0 })
})

test('an event is sent again on request, with the same id', async () => {
  const world = await webhookWorld()
  const receiver = await webhookReceiver()
  const { id } = await world.hook({ url: receiver.url, kinds: ['batch-created'] })
  const node = world.node()
  await world.makeBatch(people(1))
  await node.deliverDue()
  const [delivery] = await world.deliveries(id)
  expect(await resendDelivery(world.context, world.actor, id, delivery!.eventId)).toMatchObject({ status: 'pending' })
  await node.deliverDue()
  expect(idsOf(receiver.received)).toEqual([delivery!.eventId, delivery!.eventId])
  expect(receiver.received[0]!.text).toBe(receiver.received[1]!.text)
  await expect(resendDelivery(world.context, world.actor, id, '999.1')).rejects.toMatchObject({
    code: 'delivery-not-found',
  })
  await expect(resendDelivery(world.context, world.actor, id, 'x')).rejects.toMatchObject({
    code: 'delivery-not-found',
  })
})
