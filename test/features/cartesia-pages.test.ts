import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  AGENT,
  batchOf,
  type CartesiaServer,
  LATER_VERSION,
  NUMBER,
  numberEndingIn,
  startCartesiaServer,
} from '../cartesia-server.ts'
import { printedPages } from '../printed-pages.ts'
import { type Body, must } from '../product-server.ts'

/** The answers of the product's other pages; those of the one that began it stand in cartesia-batches.test.ts. */
const { expectPrinted, left } = printedPages('cartesia', 'Cartesia')
const BATCHES = '/agents/calls/batches'
let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())

const later = { 'cartesia-version': LATER_VERSION }
const ask = (method: string, address: string, body?: object) => server.ask(method, address, body, later)
const create = (endings: readonly string[], rest: object = {}) => must(ask('POST', BATCHES, batchOf(endings, rest)))
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const isOver = (batch: Body) => batch.total_calls_finished === batch.total_calls_scheduled

/** Asks, and holds the answer against the page of this address. */
async function expectPage(method: string, page: string, address: string, body?: object) {
  const reply = await ask(method, address, body)
  expectPrinted(`${method} ${page} ${reply.status}`, reply.body)
  return reply.body
}

it('a batch to its end, and again: one, all, its calls, a retry', async () => {
  const { id } = await create(['10', '70'])
  await server.until(`${BATCHES}/${id}`, isOver)
  await expectPage('GET', `${BATCHES}/{batch_id}`, `${BATCHES}/${id}`)
  await expectPage('GET', BATCHES, BATCHES)
  const { data } = await expectPage('GET', '/agents/calls', `/agents/calls?batch_id=${id}`)
  const completed = data.find(({ status }: Body) => status === 'completed')
  await expectPage('GET', '/agents/calls/{call_id}', `/agents/calls/${completed.id}`)
  await expectPage('POST', '/agents/calls/{call_id}/cancel', `/agents/calls/${completed.id}/cancel`)
  await expectPage('POST', `${BATCHES}/{batch_id}/retry`, `${BATCHES}/${id}/retry`)
})

it('a batch is cancelled', async () => {
  const { id } = await create(['10', '11'], { scheduled_at: inAnHour() })
  await expectPage('POST', `${BATCHES}/{batch_id}/cancel`, `${BATCHES}/${id}/cancel`)
})

it('single calls, numbers and webhooks', async () => {
  const outbound_calls = [{ to_number: numberEndingIn('10') }, { to_number: numberEndingIn('70') }]
  const asked = { agent_id: AGENT, from_number_id: NUMBER, outbound_calls }
  const { calls } = await expectPage('POST', '/agents/calls', '/agents/calls', asked)
  expect(calls.map(({ number }: Body) => number)).toEqual(outbound_calls.map(({ to_number }) => to_number))
  await expectPage('GET', '/agents/phone-numbers', '/agents/phone-numbers')
  await expectPage('GET', '/agents/phone-numbers/{id}', `/agents/phone-numbers/${NUMBER}`)
  const webhook = { url: 'https://127.0.0.1:8443/hook', secret: 's3', display_name: 'calls' }
  await expectPage('POST', '/agents/webhooks', '/agents/webhooks', webhook)
})

it('errors since the first version with batches, and before it', async () => {
  const { body, status } = await ask('POST', BATCHES, { name: 'x' })
  expectPrinted(`${status} since 2026-03-01`, body)
  const missing = await ask('GET', `${BATCHES}/acb_${'0'.repeat(22)}`)
  expectPrinted(`${missing.status} since 2026-03-01`, missing.body)
  const old = await server.ask('GET', BATCHES, undefined, { 'cartesia-version': '2025-04-16' })
  expect([old.status, old.headers.get('content-type')]).toEqual([400, expect.stringMatching(/^text\/plain/)])
  expect(old.text).toMatch(/^Bad Request: \S/)
})

it('every page was compared, and every deviation of one holds', () => {
  expect(left()).toEqual({ pages: [], deviations: [] })
})
