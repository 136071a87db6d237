import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askUntil } from '../product-server.ts'
import {
  AGENT,
  API_KEY,
  type Body,
  batchRequest,
  CALLER,
  OLD_AGENT,
  type RetellServer,
  startRetellServer,
  taskTo,
} from '../retell-server.ts'

const LIST = '/v3/list-calls'
const CREATE = '/create-batch-call'
const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789'
let server: RetellServer
let batch: string
let calls: Body[]

const ofBatch = (id: string) => ({ batch_call_id: { type: 'string', op: 'eq', value: id } })
const words = (...value: string[]) => ({ type: 'enum', op: 'in', value })
const list = async (asked: object) => (await server.ask('POST', LIST, asked)).body
const idsOf = (items: Body[]) => items.map(({ call_id }) => call_id)
const endingsOf = (items: Body[]) => items.map(({ to_number }) => to_number.slice(-2)).sort()

beforeAll(async () => {
  server = await startRetellServer({
    env: { CARILLON_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8', CARILLON_OPERATOR_API_KEY: OPERATOR_KEY },
  })
  const { body } = await server.ask('POST', CREATE, batchRequest(['10', '11', '61', '70', '77', '84', '89', '93']))
  batch = body.batch_call_id
  calls = await server.finished(batch, 8)
})
afterAll(() => server.close())

it('a list is paged to its end in both orders, and what comes meanwhile changes nothing', async () => {
  for (const sort_order of ['descending', 'ascending']) {
    const seen: Body[] = []
    let key: string | undefined
    do {
      const page = await list({ filter_criteria: ofBatch(batch), limit: 3, sort_order, pagination_key: key })
      expect(page.items.length).toBeLessThanOrEqual(3)
      expect(page.has_more).toBe(page.pagination_key !== undefined)
      seen.push(...page.items)
      key = page.pagination_key
      await server.ask('POST', '/v2/create-phone-call', { from_number: CALLER, ...taskTo('12') })
    } while (key !== undefined)
    const newestFirst = sort_order === 'descending' ? seen : seen.reverse()
    expect(newestFirst).toEqual(calls)
  }
  const [first, second, ...rest] = idsOf(calls)
  const skipped = await list({ filter_criteria: ofBatch(batch), skip: 2 })
  expect([first, second, ...idsOf(skipped.items)]).toEqual([first, second, ...rest])
  expect((await list({ filter_criteria: ofBatch(batch), skip: 8 })).items).toEqual([])
  const exact = await list({ filter_criteria: ofBatch(batch), limit: 8 })
  expect([exact.items.length, exact.has_more]).toEqual([8, false])
})

it('a long list is read from its oldest call on, and a page may be longer than one reading of the database', async () => {
  // The first sixty endings of a number answer.
  const tasks = Array.from({ length: 130 }, (_, nth) => ({
    to_number: `+1415556${1_000 + Math.floor(nth / 60) * 100 + (nth % 60)}`,
  }))
  const { body } = await server.ask('POST', CREATE, batchRequest([], { tasks }))
  const newestFirst = idsOf(await server.finished(body.batch_call_id, 130))
  expect(new Set(newestFirst).size).toBe(130)
  const filter_criteria = ofBatch(body.batch_call_id)
  const first = await list({ filter_criteria, sort_order: 'ascending', limit: 110 })
  const { pagination_key } = first
  const rest = await list({ filter_criteria, sort_order: 'ascending', limit: 110, pagination_key })
  expect([first.has_more, rest.has_more]).toEqual([true, false])
  expect([...idsOf(first.items), ...idsOf(rest.items)]).toEqual([...newestFirst].reverse())
  const late = await list({ filter_criteria, skip: 115 })
  expect(idsOf(late.items)).toEqual(newestFirst.slice(115))
})

it('a list holds what its filter says', async () => {
  const within = async (filter: object) =>
    endingsOf((await list({ filter_criteria: { ...ofBatch(batch), ...filter } })).items)
  expect(await within({ call_status: words('not_connected') })).toEqual(['70', '77', '89', '93'])
  expect(await within({ call_status: words('ended', 'error') })).toEqual(['10', '11', '61', '84'])
  expect(await within({ call_status: words('ongoing') })).toEqual([])
  expect(await within({ disconnection_reason: words('dial_busy', 'user_hangup') })).toEqual(['61', '70'])
  expect(await within({ disconnection_reason: words('invalid_destination') })).toEqual(['93'])
  expect(await within({ call_type: words('web_call') })).toEqual([])
  expect(await within({ direction: words('inbound') })).toEqual([])
  expect(await within({ direction: words('outbound'), call_type: words('phone_call', 'web_call') })).toHaveLength(8)
  expect(await within({ agent: [{ agent_id: AGENT, version: [0] }] })).toHaveLength(8)
  expect(await within({ agent: [{ agent_id: OLD_AGENT }] })).toEqual([])
  const times = calls.map(({ start_timestamp }) => start_timestamp).sort()
  const [earliest, latest] = [times[0], times.at(-1)]
  const between = { type: 'range', op: 'bt', value: [earliest, latest] }
  expect(await within({ start_timestamp: between })).toHaveLength(8)
  expect(await within({ start_timestamp: { type: 'number', op: 'gt', value: latest } })).toEqual([])
  expect(await within({ start_timestamp: { type: 'number', op: 'lt', value: earliest } })).toEqual([])
  expect(await within({ start_timestamp: { type: 'number', op: 'le', value: latest } })).toHaveLength(8)
})

it('the total of a batch is told where it is asked for', async () => {
  const page = await list({ filter_criteria: ofBatch(batch), include_total: true, limit: 1 })
  expect([page.total, page.items.length]).toEqual([8, 1])
  expect(await list({ filter_criteria: ofBatch(batch) })).not.toHaveProperty('total')
  const none = await list({
    filter_criteria: ofBatch('batch_call_00000000000000000000000000000000'),
    include_total: true,
  })
  expect(none).toEqual({ items: [], has_more: false, total: 0 })
})

it('lists leave out what was said, and one call holds it', async () => {
  const call = calls.find(({ to_number }) => to_number.endsWith('10'))
  expect(call).not.toHaveProperty('transcript')
  const { body } = await server.ask('GET', `/v2/get-call/${call.call_id}`)
  const { transcript, transcript_object: spoken, ...rest } = body
  expect(rest).toEqual(call)
  expect(transcript).toMatch(/^Agent: Hello/)
  expect(spoken).toEqual([{ role: 'agent', content: expect.stringContaining('Hello'), words: [] }])
})

it('an agent that a task names speaks in its call', async () => {
  const tasks = [taskTo('20', { override_agent_id: OLD_AGENT }), taskTo('21')]
  const { body } = await server.ask('POST', CREATE, batchRequest([], { tasks }))
  const found = await server.finished(body.batch_call_id, 2)
  const agents = found.map(({ to_number, agent_id }) => [to_number.slice(-2), agent_id])
  expect(Object.fromEntries(agents)).toEqual({ 20: OLD_AGENT, 21: AGENT })
  const native = await server.native('GET', `/batches/${body.batch_call_id.slice(11)}/recipients`)
  expect(native.body.items).toHaveLength(2)
})

it('a person who stands twice in a batch is called once', async () => {
  const { body } = await server.ask('POST', CREATE, batchRequest(['30', '30']))
  expect(body.total_task_count).toBe(2)
  const [once, again] = await server.finished(body.batch_call_id, 2)
  expect([once.start_timestamp, again.start_timestamp]).toEqual([expect.any(Number), undefined])
  const native = await server.native('GET', `/batches/${body.batch_call_id.slice(11)}`)
  expect(native.body.figures ?? native.body).toMatchObject({ total: 2 })
})

it('a repeated request with its key makes one batch', async () => {
  const asked = batchRequest(['31'], { trigger_timestamp: Date.now() + 86_400_000 })
  const once = await server.ask('POST', CREATE, asked, { 'idempotency-key': 'spring-1' })
  const twice = await server.ask('POST', CREATE, asked, { 'idempotency-key': 'spring-1' })
  expect(twice.body).toEqual(once.body)
  expect(twice.headers.get('idempotent-replayed')).toBe('true')
})

it('a call of another wire format is read here, and one that this cannot say is not there', async () => {
  const made = await server.native('POST', '/calls', { agent: 'announcement', to: '+14155550740' })
  const id = `call_${made.body.id.replaceAll('-', '')}`
  const over = await askUntil(
    async () => (await server.ask('GET', `/v2/get-call/${id}`)).body,
    (call: Body) => call.call_status === 'ended',
  )
  expect(over).toMatchObject({ call_id: id, to_number: '+14155550740', direction: 'outbound' })
  expect(over).not.toHaveProperty('batch_call_id')

  // Somebody who is brought over a WebSocket is not called, and has no number.
  const headers = { 'x-api-key': API_KEY }
  const batches = `/api/agents/${server.agentUuid}/scheduled_batches`
  const asked = {
    calls: [{ medium: { serverWebSocket: { inputSampleRate: 8_000 } } }],
    webhookUrl: 'http://127.0.0.1:9/bring',
  }
  const joined = await server.send('POST', batches, asked, headers)
  expect(joined.status, joined.text).toBe(201)
  const read = () => server.native('GET', `/calls?batch=${joined.body.batchId}`)
  const brought = await askUntil(
    async () => (await read()).body.items,
    (items: Body[]) => items.length === 1,
  )
  expect(brought[0].to).toBe('')
  expect((await server.ask('GET', `/v2/get-call/${brought[0].id}`)).status).toBe(422)
  expect((await list({ filter_criteria: ofBatch(joined.body.batchId) })).items).toEqual([])
  for (const { to_number } of (await list({ limit: 1_000 })).items) expect(to_number).toMatch(/^\+/)
})

describe('whoever is not dialled', () => {
  /** Of everybody of a batch the ending of the number, the status of the call and why it ended. */
  const ends = (items: Body[]) =>
    items.map(({ to_number, call_status, disconnection_reason }) => [
      to_number.slice(-2),
      call_status,
      disconnection_reason,
    ])

  it('has a call all the same, which says why', async () => {
    await server.native('POST', '/suppressions', { numbers: [taskTo('41').to_number] })
    const tasks = [taskTo('40'), taskTo('41', { metadata: { a: 1 } }), taskTo('40')]
    const { body } = await server.ask('POST', CREATE, batchRequest([], { tasks }))
    const found = await server.finished(body.batch_call_id, 3)
    expect(ends(found)).toEqual([
      ['40', 'ended', 'agent_hangup'],
      ['41', 'not_connected', 'telephony_provider_permission_denied'],
      ['40', 'not_connected', 'dial_failed'],
    ])
    const [, suppressed] = found
    expect(suppressed).toMatchObject({
      batch_call_id: body.batch_call_id,
      agent_id: AGENT,
      metadata: { a: 1 },
      duration_ms: 0,
      end_timestamp: expect.any(Number),
    })
    expect(suppressed).not.toHaveProperty('start_timestamp')
    expect((await server.ask('GET', `/v2/get-call/${suppressed.call_id}`)).body).toEqual(suppressed)
    const total = await list({ filter_criteria: ofBatch(body.batch_call_id), include_total: true })
    expect(total.total).toBe(3)
  })

  it('is paged behind the dials, in both orders, from any place', async () => {
    const tasks = [taskTo('42'), taskTo('43'), ...Array.from({ length: 5 }, () => taskTo('42'))]
    const { body } = await server.ask('POST', CREATE, batchRequest([], { tasks }))
    const all = await server.finished(body.batch_call_id, 7)
    const filter_criteria = ofBatch(body.batch_call_id)
    for (const sort_order of ['descending', 'ascending']) {
      for (const limit of [1, 2, 3, 4]) {
        const seen: Body[] = []
        let pagination_key: string | undefined
        do {
          const page = await list({ filter_criteria, limit, sort_order, pagination_key })
          expect(page.items.length).toBeLessThanOrEqual(limit)
          seen.push(...page.items)
          pagination_key = page.pagination_key
        } while (pagination_key !== undefined)
        const dials = sort_order === 'descending' ? all.slice(0, 2) : all.slice(0, 2).reverse()
        expect(idsOf(seen), `${sort_order} by ${limit}`).toEqual(idsOf([...dials, ...all.slice(2)]))
      }
    }
    expect(idsOf((await list({ filter_criteria, skip: 4, limit: 2 })).items)).toEqual(idsOf(all.slice(4, 6)))
    const failed = await list({ filter_criteria: { ...filter_criteria, disconnection_reason: words('dial_failed') } })
    expect(idsOf(failed.items)).toEqual(idsOf(all.slice(2)))
    const started = { type: 'number', op: 'gt', value: 0 }
    expect((await list({ filter_criteria: { ...filter_criteria, start_timestamp: started } })).items).toHaveLength(2)
  })

  it('is shown once a batch is cancelled, and no more once it is dialled after all', async () => {
    const trigger_timestamp = Date.now() + 3_600_000
    const { body } = await server.ask('POST', CREATE, batchRequest(['44', '45'], { trigger_timestamp }))
    const filter_criteria = ofBatch(body.batch_call_id)
    const waiting = await list({ filter_criteria, include_total: true })
    expect([waiting.items, waiting.total]).toEqual([[], 0])
    const native = `/batches/${body.batch_call_id.slice(11)}`
    await server.native('POST', `${native}/cancel`)
    const { items } = await list({ filter_criteria })
    expect(ends(items)).toEqual([
      ['44', 'not_connected', 'manual_stopped'],
      ['45', 'not_connected', 'manual_stopped'],
    ])
    await server.native('POST', `${native}/retry`, { outcomes: ['cancelled'] })
    const dialled = await server.finished(body.batch_call_id, 2)
    expect(ends(dialled).map(([, status]) => status)).toEqual(['ended', 'ended'])
    expect(idsOf(dialled).sort()).toEqual(idsOf(items).sort())
  })

  it('is nobody of another organization', async () => {
    const { body: made } = await server.ask('POST', CREATE, batchRequest([], { tasks: [taskTo('46'), taskTo('46')] }))
    const [, twice] = await server.finished(made.batch_call_id, 2)
    const operator = { authorization: `Bearer ${OPERATOR_KEY}` }
    const post = (path: string, body: object) => server.send('POST', `/carillon/v1${path}`, body, operator)
    const other = (await post('/organizations', { name: 'other' })).body
    const { token } = (await post(`/organizations/${other.id}/keys`, { name: 'other' })).body
    const read = await server.send('GET', `/v2/get-call/${twice.call_id}`, undefined, {
      authorization: `Bearer ${token}`,
    })
    expect(read.status).toBe(422)
  })
})

it('a call is stopped during the talk, and erased once it is over', async () => {
  // A minute of talk, so that it goes on however slowly the rest is asked.
  await server.native('PATCH', `/agents/${server.agentUuid}`, { settings: { text: 'Hello. '.repeat(150) } })
  await server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1 } })
  const { body: made } = await server.ask('POST', '/v2/create-phone-call', { from_number: CALLER, ...taskTo('13') })
  const until = (holds: (call: Body) => boolean) =>
    askUntil(async () => (await server.ask('GET', `/v2/get-call/${made.call_id}`)).body, holds)
  await until((call) => call.call_status === 'ongoing')
  const live = await list({ filter_criteria: { call_status: words('ongoing') } })
  expect(idsOf(live.items)).toContain(made.call_id)
  expect((await server.ask('DELETE', `/v2/delete-call/${made.call_id}`)).status).toBe(400)
  const stopped = await server.ask('POST', `/v2/stop-call/${made.call_id}`)
  expect([stopped.status, stopped.text]).toEqual([204, ''])
  const over = await until((call) => call.call_status === 'ended')
  expect(over.disconnection_reason).toBe('manual_stopped')
  const deleted = await server.ask('DELETE', `/v2/delete-call/${made.call_id}`)
  expect([deleted.status, deleted.text]).toEqual([204, ''])
  expect((await until(() => true)).transcript).toBeUndefined()
  await server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1_000 } })
})
