import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { printedPages } from '../printed-pages.ts'
import { askUntil, type Body, must, replyOf, startProduct } from '../product-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

/** The answers of the product's other pages; those of the one that began it stand in trillet-samples.test.ts. */
const { expectPrinted, left } = printedPages('trillet', 'Trillet')
const KEY = 'trillet-key-of-a-client-0123456789'
const HEADERS = { 'x-api-key': KEY, 'x-workspace-id': 'default' }
const BATCHES = '/v1/api/batch-calls'
const ONE = `${BATCHES}/{batchId}`
const TWO_PEOPLE = 'phone_number,first_name,plan\n+14155550110,Ada,gold\n+14155550170,Bob,gold\n'

let server: Awaited<ReturnType<typeof startProduct>>

beforeAll(async () => {
  const env = { CARILLON_BOOTSTRAP_API_KEY: KEY, CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' }
  server = await startProduct({ env, headers: { authorization: `Bearer ${KEY}` } })
})
afterAll(() => server.close())

const ask = (method: string, address: string, body?: object) => server.send(method, address, body, HEADERS)

/** Sends the form of a start, with a file unless `file` is null. */
async function upload(fields: Record<string, string> = {}, file: string | null = TWO_PEOPLE) {
  const form = new FormData()
  if (file !== null) form.append('file', new Blob([file]), 'batch-calls.csv')
  for (const [name, value] of Object.entries({ agentId: server.first.agentId!, ...fields })) form.append(name, value)
  return replyOf(await fetch(`${server.url}${BATCHES}`, { method: 'POST', headers: HEADERS, body: form }))
}

it('a batch to its end: status, progress and calls', async () => {
  const { batchId } = (await upload()).body
  const isOver = ({ isComplete }: Body) => isComplete
  const status = await askUntil(async () => (await ask('GET', `${BATCHES}/${batchId}`)).body, isOver)
  expectPrinted(`GET ${ONE} 200`, status)
  expectPrinted(`GET ${ONE}/status 200`, (await ask('GET', `${BATCHES}/${batchId}/status`)).body)
  expectPrinted(`GET ${ONE}/calls 200`, (await ask('GET', `${BATCHES}/${batchId}/calls`)).body)
})

it('a batch is cancelled', async () => {
  const { batchId } = (await upload({ scheduledAt: '2099-01-15T14:30:00Z' })).body
  expectPrinted(`DELETE ${ONE} 200`, (await ask('DELETE', `${BATCHES}/${batchId}`)).body)
})

it('what is not there', async () => {
  for (const method of ['GET', 'DELETE']) {
    const missing = await ask(method, `${BATCHES}/batch_7891011121314`)
    expect(missing.status).toBe(404)
    expectPrinted(`${method} ${ONE} 404`, missing.body)
  }
})

it.each([
  ['no file', {}, null, 400],
  ['no agent', { agentId: '' }, TWO_PEOPLE, 400],
  ['no row that can be called', {}, 'phone_number\nnobody\n', 400],
  ['a file that is too large', {}, 'x'.repeat(20 * 1_048_576 + 1), 413],
])('%s is refused', async (_what, fields, file, status) => {
  const refused = await upload(fields, file)
  expect(refused.status).toBe(status)
  expectPrinted(`POST ${BATCHES} 4xx`, refused.body)
})

it('one person is called, and a webhook is told', async () => {
  const receiver = await webhookReceiver()
  const { secret } = await must(server.native('POST', '/webhooks', { url: receiver.url, form: 'trillet' }))
  const asked = { to: '+14155550110', call_agent_id: server.first.agentId, dynamic_variables: {}, metadata: {} }
  const made = await ask('POST', '/v1/api/call', asked)
  expectPrinted('POST /v1/api/call 200', made.body)
  const isCompleted = ({ body }: Body) => body.event === 'call.completed'
  const received = async () => {
    // Others have a turn meanwhile.
    await server.native('GET', '/me')
    return receiver.received
  }
  await askUntil(received, (told) => told.some(isCompleted))
  const told = receiver.received.find(isCompleted)!
  expectPrinted('webhook call.completed', told.body)
  expect(told.body.data.callId).toBe(made.body.call_id)
  const signature = createHmac('sha256', secret).update(told.text).digest('hex')
  expect(told.headers['x-trillet-signature']).toBe(signature)
})

it('every page was compared, and every deviation of one holds', () => {
  expect(left()).toEqual({ pages: [], deviations: [] })
})
