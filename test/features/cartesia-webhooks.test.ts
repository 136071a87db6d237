import { afterAll, beforeAll, expect, it } from 'vitest'
import { AGENT, batchOf, type CartesiaServer, numberEndingIn, startCartesiaServer } from '../cartesia-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

const WEBHOOKS = '/agents/webhooks'
let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } })
})
afterAll(() => server.close())

const hook = (rest: object = {}) => ({ url: 'http://127.0.0.1:9/calls', secret: 'a secret of theirs', ...rest })

it('a webhook is made, shown without its secret, attached to an agent and let go', async () => {
  const made = await server.ask('POST', WEBHOOKS, hook({ display_name: 'Call events' }))
  expect(made).toMatchObject({
    status: 200,
    body: {
      id: expect.stringMatching(/^wh_[0-9A-Za-z]{22}$/),
      url: 'http://127.0.0.1:9/calls',
      secret: 'a secret of theirs',
      display_name: 'Call events',
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
    },
  })
  const { secret: _, ...shown } = made.body
  expect((await server.ask('GET', `${WEBHOOKS}/${made.body.id}`)).body).toEqual(shown)
  expect((await server.ask('GET', WEBHOOKS)).body).toEqual({ data: [shown], has_more: false, next_page: null })
  expect((await server.ask('GET', `${WEBHOOKS}?starting_after=${made.body.id}`)).body.data).toEqual([])

  const webhookOf = async () => (await server.ask('GET', `/agents/${AGENT}`)).body.webhook_id
  const attach = (id: string | null) => server.ask('PATCH', `/agents/${AGENT}`, { webhook_id: id })
  expect(await webhookOf()).toBeNull()
  expect((await attach(made.body.id)).body).toMatchObject({ id: AGENT, webhook_id: made.body.id })
  const other = (await server.ask('POST', WEBHOOKS, hook())).body
  // An agent has one webhook.
  await attach(other.id)
  expect(await webhookOf()).toBe(other.id)
  const native = (await server.native('GET', '/webhooks')).body.items
  expect(native.map(({ agentIds }: Body) => agentIds.length)).toEqual([0, 1])
  await attach(null)
  expect(await webhookOf()).toBeNull()
  expect((await attach('wh_0000000000000000000000')).status).toBe(404)
  expect((await server.ask('DELETE', `${WEBHOOKS}/${other.id}`)).status).toBe(200)
  expect((await server.ask('GET', `${WEBHOOKS}/${other.id}`)).status).toBe(404)
})

it('a webhook is told of each call, with the call as it is read and the secret in a header', async () => {
  const receiver = await webhookReceiver()
  const { body: webhook } = await server.ask('POST', WEBHOOKS, hook({ url: receiver.url }))
  await server.ask('POST', '/agents/calls/batches', batchOf(['40']))
  await server.ask('PATCH', `/agents/${AGENT}`, { webhook_id: webhook.id })
  const made = await server.ask('POST', '/agents/calls/batches', batchOf(['41', '75', '41']))
  expect(made.status, made.text).toBe(201)
  const batch = made.body
  const at = `/agents/calls/batches/${batch.id}`
  const done = await server.until(at, (each) => each.total_calls_finished === 3)
  const giveUpAt = performance.now() + 60_000
  const ofBatch = () => {
    const ids = done.recipients.map((each: Body) => each.agent_call_id)
    return receiver.received.filter(({ body }) => ids.includes(body.call_id))
  }
  while (ofBatch().length < 3 && performance.now() < giveUpAt) await server.ask('GET', at)
  const types = ofBatch().map(({ body }) => [body.type, body.call.telephony_params.to.slice(-2)])
  expect(types.sort()).toEqual([
    ['call_completed', '41'],
    ['call_failed', '75'],
    ['call_started', '41'],
  ])
  for (const { headers, body } of ofBatch()) {
    expect(headers['x-webhook-secret']).toBe('a secret of theirs')
    expect(body).toMatchObject({ webhook_id: webhook.id, agent_id: AGENT })
    if (body.type === 'call_started') continue
    expect(body.call).toEqual((await server.ask('GET', `/agents/calls/${body.call_id}`)).body)
  }
  await server.ask('DELETE', `${WEBHOOKS}/${webhook.id}`)
})

it('a name of an agent is changed, and what is not understood is named', async () => {
  const changed = await server.ask('PATCH', `/agents/${AGENT}`, { name: 'Nora', tts_voice: 'x' })
  expect(changed.body).toMatchObject({ id: AGENT, name: 'Nora' })
  expect(changed.headers.get('carillon-ignored-fields')).toBe('tts_voice')
  expect((await server.ask('GET', '/agents/agent_0000000000000000000000')).status).toBe(404)
})

it.each([
  [{ url: undefined }, 'url'],
  [{ url: 'ftp://127.0.0.1/' }, 'url'],
  [{ url: 'http://10.0.0.1/' }, 'url'],
  [{ secret: undefined }, 'secret'],
  [{ secret: '' }, 'secret'],
  [{ secret: 'a\nb' }, 'secret'],
  [{ display_name: 5 }, 'display_name'],
])('%j is refused and named', async (change, field) => {
  const refused = await server.ask('POST', WEBHOOKS, hook(change))
  expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining(field) } })
})

it('a webhook that is attached is told of what happens from then on, and not of what waited for it', async () => {
  const receiver = await webhookReceiver()
  const { body: webhook } = await server.ask('POST', WEBHOOKS, hook({ url: receiver.url }))
  const { id } = (await server.native('GET', '/webhooks')).body.items.find(({ url }: Body) => url === receiver.url)
  await server.native('PATCH', `/webhooks/${id}`, { active: false })
  const dialled = async (ending: string) => {
    const { body } = await server.ask('POST', '/agents/calls/batches', batchOf([ending]))
    await server.until(`/agents/calls/batches/${body.id}`, (each) => each.total_calls_finished === 1)
  }
  await dialled('42')
  await server.ask('PATCH', `/agents/${AGENT}`, { webhook_id: webhook.id })
  await server.native('PATCH', `/webhooks/${id}`, { active: true })
  await dialled('43')
  const giveUpAt = performance.now() + 60_000
  while (receiver.received.length < 2 && performance.now() < giveUpAt) await server.ask('GET', WEBHOOKS)
  const told = receiver.received.map(({ body }) => body.call.telephony_params.to.slice(-2))
  expect(told).toEqual(['43', '43'])
  await server.ask('DELETE', `${WEBHOOKS}/${webhook.id}`)
})

it('a call by itself whose first intent was not sent is told of by the id it was made with', async () => {
  const receiver = await webhookReceiver()
  const { body: webhook } = await server.ask('POST', WEBHOOKS, hook({ url: receiver.url }))
  const { id } = (await server.native('GET', '/webhooks')).body.items.find(({ url }: Body) => url === receiver.url)
  await server.ask('PATCH', `/agents/${AGENT}`, { webhook_id: webhook.id })
  await server.native('PATCH', `/webhooks/${id}`, { active: false })
  const { body: call } = await server.native('POST', '/calls', { agent: AGENT, to: numberEndingIn('44') })
  const one = async () => (await server.native('GET', `/calls/${call.id}`)).body
  while ((await one()).outcome === null) await server.native('GET', '/me')
  // As if the node had dropped the first intent and dialled with the second.
  const ofCall = 'batch_id = (SELECT batch_id FROM batch WHERE single)'
  await server.sql(`UPDATE attempt SET n = 2 WHERE ${ofCall}`)
  await server.sql('UPDATE event_block SET n = array_replace(n, 1::smallint, 2::smallint)')
  await server.native('PATCH', `/webhooks/${id}`, { active: true })
  const giveUpAt = performance.now() + 60_000
  while (receiver.received.length < 2 && performance.now() < giveUpAt) await server.ask('GET', WEBHOOKS)
  const told = receiver.received.map(({ body }) => body)
  expect(told.map(({ type }) => type)).toEqual(['call_started', 'call_completed'])
  for (const { call_id } of told) {
    const read = await server.ask('GET', `/agents/calls/${call_id}`)
    expect(read.body.id).toBe(call_id)
  }
  await server.ask('DELETE', `${WEBHOOKS}/${webhook.id}`)
})
