import { afterAll, beforeAll, expect, it } from 'vitest'
import { printedPages } from '../printed-pages.ts'
import { askUntil, type Body } from '../product-server.ts'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

/** The answers of the product's other pages; those of the one that began it stand in ultravox-golden.test.ts. */
const { expectPrinted, left } = printedPages('ultravox', 'Ultravox')
const AGENT = '/api/agents/{agent_id}'
const BATCHES = `${AGENT}/scheduled_batches`
const THROTTLES = '/api/call_throttles'
let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())

const isOver = ({ endedAt }: Body) => endedAt !== null

/** Asks for what a page is about, `ids` filled in, and holds the answer against it. */
async function expectPage(method: string, page: string, ids: Record<string, string> = {}, body?: object) {
  const address = page.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? server.agentId)
  const reply = await server.ask(method, address, body)
  expectPrinted(`${method} ${page} ${reply.status}`, reply.body)
  return reply.body
}

it('a batch to its end, and one that is paused', async () => {
  const { batchId: batch_id } = await expectPage('POST', BATCHES, {}, { calls: [callTo('10'), callTo('70')] })
  await server.until(batch_id, isOver)
  await expectPage('GET', BATCHES)
  await expectPage('GET', `${BATCHES}/{batch_id}`, { batch_id })
  await expectPage('GET', `${BATCHES}/{batch_id}/created_calls`, { batch_id })
  const windowStart = new Date(Date.now() + 3_600_000).toISOString()
  const { body } = await server.ask('POST', server.batches, { windowStart, calls: [callTo('10')] })
  await expectPage('PATCH', `${BATCHES}/{batch_id}`, { batch_id: body.batchId }, { paused: true })
})

it('agents and calls', async () => {
  await expectPage('POST', '/api/agents', {}, { name: 'another', callTemplate: { systemPrompt: 'Hi {{name}}' } })
  await expectPage('GET', '/api/agents')
  await expectPage('GET', AGENT)
  await expectPage('PATCH', AGENT, {}, { name: 'caller' })
  const { callId: call_id } = await expectPage('POST', `${AGENT}/calls`, {}, callTo('11'))
  await expectPage('GET', `${AGENT}/calls`)
  await expectPage('GET', '/api/calls')
  await expectPage('GET', '/api/calls/{call_id}', { call_id })
})

it('throttles', async () => {
  const asked = { name: 'slow', rules: [{ maxCalls: 2, windowSeconds: 60 }] }
  const { throttleId: throttle_id } = await expectPage('POST', THROTTLES, {}, asked)
  await expectPage('GET', THROTTLES)
  await expectPage('GET', `${THROTTLES}/{throttle_id}`, { throttle_id })
  await expectPage('PUT', `${THROTTLES}/{throttle_id}`, { throttle_id }, asked)
  await expectPage('PATCH', `${THROTTLES}/{throttle_id}`, { throttle_id }, { name: 'slower' })
})

it('what webhooks are told, of a batch and of the account', async () => {
  const receiver = await webhookReceiver()
  const asked = { url: receiver.url, events: ['call.ended'], secrets: ['s3'] }
  const { webhookId: webhook_id } = await expectPage('POST', '/api/webhooks', {}, asked)
  await expectPage('GET', '/api/webhooks/{webhook_id}', { webhook_id })
  const calls = [callTo('10'), { medium: { webRtc: {} }, metadata: { of: 'the test' } }]
  const { body } = await server.ask('POST', server.batches, { calls, webhookUrl: receiver.url })
  await server.until(body.batchId, isOver)
  const told = async () => {
    // Others have a turn meanwhile.
    await server.ask('GET', '/api/webhooks')
    return receiver.received
  }
  const received: Body = await askUntil(told, (all) => all.some((each: Body) => each.body.event === 'call.ended'))
  const [asking, ending] = ['call.started', 'call.ended'].map((name) =>
    received.find((each: Body) => each.body.event === name),
  )
  expectPrinted('batch webhook call.started', asking.body)
  expectPrinted('account webhook call.ended', ending.body)
})

it('every page was compared, and every deviation of one holds', () => {
  expect(left()).toEqual({ pages: [], deviations: [] })
})
