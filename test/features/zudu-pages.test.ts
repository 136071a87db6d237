import { afterAll, beforeAll, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { printedPages } from '../printed-pages.ts'
import { batchRequest, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

/** The answers of the product's other pages; those of the two that began it stand in zudu-golden.test.ts. */
const { expectPrinted, left } = printedPages('zudu', 'Zudu')
const ONE = '/batch-call/{batch_call_id}'
let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

const create = async (rest: object) => (await server.ask('POST', '/batch-call', batchRequest(rest))).body.data
const tomorrow = () => Math.floor(Date.now() / 1_000) + 86_400

/** What a clock in UTC shows so many minutes from now. */
const clockIn = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16)

/** Asks for a batch call, or what is behind its path, and holds the answer against its page. */
async function expectPage(method: string, id: string, { rest = '', status = 200, body = undefined as unknown } = {}) {
  const reply = await server.ask(method, `/batch-call/${id}${rest}`, body)
  expect(reply.status, reply.text).toBe(status)
  expectPrinted(`${method} ${ONE}${rest} ${status}`, reply.body)
}

it('one batch call: read, replaced, changed, deleted', async () => {
  const { batch_call_id: id } = await create({ trigger_timestamp: tomorrow() })
  await expectPage('GET', id)
  await expectPage('PUT', id, { body: batchRequest({ status: 'draft' }) })
  await expectPage('PATCH', id, { body: { trigger_timestamp: 1_735_718_500 } })
  await expectPage('DELETE', id)
})

it('one batch call: executed, and neither deleted while it runs nor executed again', async () => {
  const { batch_call_id: id } = await create({ status: 'draft', tasks: [taskTo('10'), taskTo('70')] })
  await expectPage('POST', id, { rest: '/execute' })
  await server.until(id, ({ status }) => status === 'completed')
  await expectPage('POST', id, { rest: '/execute', status: 400 })
  await expectPage('GET', id, { rest: '/tasks' })
  const runs = await create({ quiet_hours: { start_time: clockIn(-120), end_time: clockIn(120) } })
  await expectPage('DELETE', runs.batch_call_id, { status: 400 })
})

it('retries and quiet hours, which the page answers with the object alone, come in the envelope', async () => {
  const rest = {
    status: 'draft',
    retry_config: { enabled: true, max_attempts: 3 },
    quiet_hours: { enabled: true, start_time: '22:00', end_time: '08:00', timezone: 'America/New_York' },
    retry_rules: [
      { condition: 'no_answer', enabled: true, retry_timing: { type: 'AT', time: '10:00' } },
      { condition: 'busy', enabled: true, retry_timing: { type: 'AFTER', duration_minutes: 30 } },
    ],
  }
  const { body } = await server.ask('POST', '/batch-call', batchRequest(rest))
  expectPrinted('POST /batch-call 200, with retries and quiet hours', body)
})

it('a filtered list', async () => {
  await create({ trigger_timestamp: tomorrow() })
  const { body } = await server.ask('POST', '/batch-call/list', {
    filter_criteria: { status: ['SCHEDULED', 'FAILED'] },
    pagination: { page: 0, limit: 20 },
    sort_by: 'created_at',
    sort_order: 'descending',
  })
  expectPrinted('POST /batch-call/list 200', body)
})

it('a post-call webhook', async () => {
  const create = '/api/post-call-webhooks/create'
  const asked = { name: 'crm', url: 'https://127.0.0.1:8443/hook', description: 'to the CRM', is_active: true }
  expectPrinted(`POST ${create} 200`, (await server.ask('POST', create, asked)).body)
  const refused = await server.ask('POST', create, { ...asked, url: 'http://127.0.0.1:8443/hook' })
  expectPrinted(`POST ${create} 400`, refused.body)
})

it('every page was compared, and every deviation of one holds', () => {
  expect(left()).toEqual({ pages: [], deviations: [] })
})
