import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  AGENT,
  API_KEY,
  type Body,
  CALLER,
  OLD_AGENT,
  type RetellServer,
  startRetellServer,
  taskTo,
} from '../retell-server.ts'
import { type Receiver, webhookReceiver } from '../webhook-receiver.ts'

let server: RetellServer
beforeAll(async () => {
  server = await startRetellServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())

const update = (id: string, changes: object, headers = {}) =>
  server.ask('PATCH', `/update-agent/${id}`, changes, headers)
const endpoints = async () => (await server.native('GET', '/webhooks')).body.items as Body[]
const FIRST = 'http://127.0.0.1:9/first'

it('agents are listed and paged, and found by name', async () => {
  const list = async (query: string, body: object = {}) =>
    (await server.ask('POST', `/v2/list-agents${query}`, body)).body
  const all = await list('')
  expect(all.has_more).toBe(false)
  expect(all.items.map((each: Body) => each.agent_id).slice(0, 2)).toEqual([OLD_AGENT, AGENT])
  expect(all.items[0]).toEqual({
    agent_id: OLD_AGENT,
    agent_name: 'another',
    channel: 'voice',
    tags: {},
    user_modified_timestamp: expect.any(Number),
  })
  const seen: string[] = []
  let key = ''
  for (;;) {
    const page = await list(`?limit=1${key}`)
    seen.push(...page.items.map((each: Body) => each.agent_id))
    if (!page.has_more) break
    key = `&pagination_key=${page.pagination_key}`
  }
  expect(seen).toEqual(all.items.map((each: Body) => each.agent_id))
  expect((await list('?sort_order=ascending')).items).toEqual([...all.items].reverse())
  const named = await list('', { filter_criteria: { query: 'ANOTH' } })
  expect(named.items.map((each: Body) => each.agent_id)).toEqual([OLD_AGENT])
  const chats = { filter_criteria: { channel: { type: 'string', op: 'eq', value: 'chat' } } }
  expect((await list('', chats)).items).toEqual([])
})

it('an agent is told of its calls at its own address, which is signed with the key that set it', async () => {
  expect((await server.ask('GET', `/get-agent/${AGENT}`)).body).toMatchObject({
    agent_id: AGENT,
    version: 0,
    response_engine: { type: 'retell-llm', llm_id: 'announcement' },
    webhook_url: null,
    webhook_events: null,
  })
  const other = await server.native('POST', '/webhooks', { url: 'http://127.0.0.1:9/all', form: 'retell' })
  expect(other.status).toBe(201)
  const made = await update(AGENT, { webhook_url: FIRST, agent_name: 'Nora', voice_speed: 2 })
  expect(made.body).toMatchObject({ agent_name: 'Nora', webhook_url: FIRST })
  expect(made.body.webhook_events).toEqual(['call_started', 'call_ended', 'call_analyzed'])
  expect(made.headers.get('carillon-ignored-fields')).toBe('voice_speed')
  expect(made.text).not.toContain(API_KEY)
  const fewer = await update(AGENT, { webhook_events: ['call_ended'] })
  expect(fewer.body).toMatchObject({ webhook_url: FIRST, webhook_events: ['call_ended'] })
  expect((await endpoints()).map(({ form }) => form)).toEqual(['retell', 'retell'])
  const moved = await update(AGENT, { webhook_url: 'http://127.0.0.1:9/second', webhook_events: null })
  expect(moved.body.webhook_events).toHaveLength(3)
  expect((await endpoints()).map(({ form, url }) => [form, url.slice(-6)])).toEqual([
    ['retell', ':9/all'],
    ['retell', 'second'],
    ['retell-analysis', 'second'],
  ])
  expect((await server.ask('GET', `/get-agent/${OLD_AGENT}`)).body.webhook_url).toBeNull()
  // Who sets an agent's address to nothing leaves alone what is told of all agents.
  expect((await update(AGENT, { webhook_url: null })).body.webhook_url).toBeNull()
  expect((await endpoints()).map(({ url }) => url)).toEqual(['http://127.0.0.1:9/all'])
})

it('an agent that a task names is told of its own calls, and the agent of the batch of the others', async () => {
  const [first, second] = [await webhookReceiver(), await webhookReceiver()]
  await update(AGENT, { webhook_url: first.url, webhook_events: ['call_ended'] })
  await update(OLD_AGENT, { webhook_url: second.url, webhook_events: ['call_ended'] })
  const tasks = [taskTo('20', { override_agent_id: OLD_AGENT }), taskTo('21'), taskTo('70')]
  const { body: batch } = await server.ask('POST', '/create-batch-call', { from_number: CALLER, tasks })
  await server.finished(batch.batch_call_id, 3)
  const endingsAt = ({ received }: Receiver) => received.map(({ body }) => body.call.to_number.slice(-2)).sort()
  await expect.poll(() => endingsAt(first), { timeout: 30_000 }).toEqual(['21', '70'])
  await expect.poll(() => endingsAt(second), { timeout: 30_000 }).toEqual(['20'])
  expect(second.received[0]!.body.call.agent_id).toBe(OLD_AGENT)
  await update(AGENT, { webhook_url: null })
  await update(OLD_AGENT, { webhook_url: null })
})

it('numbers and concurrency are told', async () => {
  const numbers = (await server.ask('GET', '/v2/list-phone-numbers')).body
  expect(numbers.items[0]).toEqual({
    phone_number: CALLER,
    phone_number_pretty: CALLER,
    phone_number_type: 'custom',
    nickname: null,
    inbound_agents: null,
    outbound_agents: [{ agent_id: AGENT, agent_version: 0, weight: 1 }],
    last_modification_timestamp: expect.any(Number),
  })
  const first = (await server.ask('GET', '/v2/list-phone-numbers?limit=1')).body
  const second = (
    await server.ask('GET', `/v2/list-phone-numbers?pagination_key=${encodeURIComponent(first.pagination_key)}`)
  ).body
  expect([...first.items, ...second.items]).toEqual(numbers.items)
  expect((await server.ask('GET', `/get-phone-number/${CALLER}`)).body).toEqual(numbers.items[0])
  expect((await server.ask('GET', '/get-phone-number/+19995550100')).status).toBe(422)
  expect((await server.ask('GET', '/get-concurrency')).body).toMatchObject({
    current_concurrency: 0,
    concurrency_limit: 50,
    base_concurrency: 50,
  })
})
