import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AGENT,
  BATCHES,
  batchOf,
  CONVERSATIONS,
  type ElevenLabsServer,
  isOver,
  NUMBER,
  numberEndingIn,
  startElevenLabsServer,
} from '../elevenlabs-server.ts'
import { type Body, must } from '../product-server.ts'

const SUBMIT = `${BATCHES}/submit`
let server: ElevenLabsServer

beforeAll(async () => {
  server = await startElevenLabsServer()
})
afterAll(() => server.close())

const nowUnix = () => Math.floor(Date.now() / 1_000)
const later = () => ({ scheduled_time_unix: nowUnix() + 3_600 })
const verb = (id: string, name: string) => server.ask('POST', `${BATCHES}/${id}/${name}`)

describe('a batch', () => {
  it('is dialled to its end; each recipient tells how it went', async () => {
    const endings = ['10', '61', '70', '77', '84', '89', '93', '10', '99']
    const made = await server.submit(batchOf(endings))
    expect(made).toMatchObject({
      status: 'in_progress',
      total_calls_scheduled: 9,
      target_concurrency_limit: null,
      scheduled_time_unix: made.created_at_unix,
      telephony_call_config: { ringing_timeout_secs: 60 },
    })
    const done = await server.until(made.id, isOver)
    expect(done).toMatchObject({ status: 'completed', total_calls_dispatched: 9, total_calls_finished: 9 })
    expect(done.recipients.map((each: Body) => [each.phone_number.slice(-2), each.status])).toEqual([
      ['10', 'completed'],
      ['61', 'completed'],
      ['70', 'failed'],
      ['77', 'failed'],
      ['84', 'voicemail'],
      ['89', 'failed'],
      ['93', 'failed'],
      ['10', 'failed'],
      ['99', 'completed'],
    ])
    // The number that stands twice was called once.
    expect(done.recipients.map((each: Body) => each.conversation_id !== null)).toEqual(endings.map((_, at) => at !== 7))
    const native = (await server.native('GET', '/batches?limit=1')).body.items[0]
    expect(native).toMatchObject({ name: 'spring', concurrency: 25, ringTimeoutSeconds: 60, maxCallSeconds: 600 })
    expect(native.figures).toMatchObject({ total: 9, attempts: 8 })
  })

  it('is asked again for whoever was not reached, and for nobody else', async () => {
    const { id } = await server.submit(batchOf(['12', '71', '78', '90', '94', '85']))
    const first = await server.until(id, isOver)
    const retried = await verb(id, 'retry')
    expect(retried).toMatchObject({ status: 200, body: { retry_count: 1, status: 'in_progress' } })
    expect(retried.body.total_calls_finished).toBeLessThan(6)
    const second = await server.until(id, isOver)
    const isOther = (each: Body, at: number) => each.conversation_id !== first.recipients[at].conversation_id
    expect(second.recipients.map(isOther)).toEqual([false, true, true, true, true, false])
    expect(second.total_calls_finished).toBe(6)
  })

  it('of which everybody was reached is asked again without effect', async () => {
    const { id } = await server.submit(batchOf(['13']))
    await server.until(id, isOver)
    expect(await verb(id, 'retry')).toMatchObject({ status: 200, body: { status: 'completed', retry_count: 0 } })
  })

  it('of which nobody may be called has failed', async () => {
    await must(server.native('POST', '/suppressions', { numbers: [numberEndingIn('14')] }))
    const { id } = await server.submit(batchOf(['14']))
    const done = await server.until(id, isOver)
    expect(done).toMatchObject({ status: 'failed', total_calls_dispatched: 1, total_calls_finished: 1 })
    expect(done.recipients[0]).toMatchObject({ status: 'failed', conversation_id: null })
  })

  it('waits for its second, and is begun at once by one that is past', async () => {
    const waiting = await server.submit(batchOf(['15'], later()))
    expect(waiting).toMatchObject({ status: 'pending', total_calls_dispatched: 0 })
    expect(waiting.scheduled_time_unix).toBeGreaterThan(waiting.created_at_unix)
    await verb(waiting.id, 'cancel')
    const past = await server.submit(batchOf(['16'], { scheduled_time_unix: nowUnix() - 60 }))
    expect((await server.until(past.id, isOver)).recipients[0].status).toBe('completed')
    const soon = await server.submit(batchOf(['17'], { scheduled_time_unix: nowUnix() + 2 }))
    expect(soon.status).toBe('pending')
    expect((await server.until(soon.id, isOver)).recipients[0].status).toBe('completed')
  })

  it("calls from the agent's number when none is named", async () => {
    const { agent_phone_number_id: _, ...rest } = batchOf(['18'], later())
    const made = await server.submit(rest)
    // Nobody sent an id that could be given back.
    expect(made).toMatchObject({ phone_number_id: expect.stringMatching(/^phnum_[0-9A-Za-z]{22}$/) })
    await must(server.native('PATCH', `/agents/${server.first.agentId}`, { defaultNumber: null }))
    const operator = { authorization: `Bearer ${server.first.operatorKey}` }
    const organization = `/carillon/v1/organizations/${server.first.organizationId}`
    await must(server.send('PATCH', organization, { defaultNumber: null }, operator))
    const refused = await server.ask('POST', SUBMIT, rest)
    expect(refused.status, refused.text).toBe(422)
    expect(refused.text).toContain('number')
    await must(server.native('PATCH', `/agents/${server.first.agentId}`, { defaultNumber: server.numberId }))
  })
})

describe('a cancel', () => {
  it('ends the waiting of everybody, and asking again changes nothing', async () => {
    const { id } = await server.submit(batchOf(['20', '21'], later()))
    const cancelled = await verb(id, 'cancel')
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', total_calls_finished: 0 } })
    expect((await verb(id, 'cancel')).body).toEqual(cancelled.body)
    const { body } = await server.ask('GET', `${BATCHES}/${id}`)
    expect(body.recipients.map(({ status }: Body) => status)).toEqual(['cancelled', 'cancelled'])
    expect(await verb(id, 'retry')).toMatchObject({ status: 400, body: { detail: { type: 'validation_error' } } })
  })

  it('of a batch that is over gives it as it is', async () => {
    const { id } = await server.submit(batchOf(['22']))
    await server.until(id, isOver)
    expect(await verb(id, 'cancel')).toMatchObject({ status: 200, body: { status: 'completed' } })
  })

  it('lets calls under way end as they end', async () => {
    // Slow enough that one is in a call while the other waits for it.
    await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 5 } }))
    const { id } = await server.submit(batchOf(['23', '24'], { target_concurrency_limit: 1 }))
    await server.until(id, ({ recipients }) => recipients[0].status === 'in_progress')
    const { body } = await verb(id, 'cancel')
    expect(body).toMatchObject({ status: 'cancelled', total_calls_dispatched: 1, total_calls_finished: 0 })
    await must(server.native('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1_000 } }))
    const done = await server.until(id, ({ total_calls_finished }) => total_calls_finished === 1)
    expect(done.recipients.map(({ status }: Body) => status)).toEqual(['completed', 'cancelled'])
  })
})

it('a deleted batch is found no more, nor are its conversations, and nobody of it is called', async () => {
  const { id } = await server.submit(batchOf(['25']))
  const done = await server.until(id, isOver)
  const conversation = `${CONVERSATIONS}/${done.recipients[0].conversation_id}`
  expect((await server.ask('GET', conversation)).status).toBe(200)
  const gone = await server.ask('DELETE', `${BATCHES}/${id}`)
  expect([gone.status, gone.text]).toEqual([204, ''])
  for (const path of [`${BATCHES}/${id}`, conversation]) expect((await server.ask('GET', path)).status).toBe(404)
  expect((await server.ask('DELETE', `${BATCHES}/${id}`)).status).toBe(404)
  const waiting = await server.submit(batchOf(['26'], { scheduled_time_unix: nowUnix() + 2 }))
  await server.ask('DELETE', `${BATCHES}/${waiting.id}`)
  const calls = (await server.native('GET', '/calls?limit=100')).body.items
  expect(calls.filter(({ to }: Body) => to === numberEndingIn('26'))).toEqual([])
})

it('the list is read to its end, newest first, of one agent, while more are made', async () => {
  const made: string[] = []
  for (const ending of ['30', '31', '32', '33', '34']) made.push((await server.submit(batchOf([ending], later()))).id)
  const page = async (query: string) => (await server.ask('GET', `${BATCHES}/workspace?${query}`)).body
  const read: string[] = []
  let last: string | null = ''
  while (last !== null) {
    const body: Body = await page(`limit=2&agent_id=${AGENT}${last === '' ? '' : `&last_doc=${last}`}`)
    expect(body.has_more).toBe(body.next_doc !== null)
    read.push(...body.batch_calls.map(({ id }: Body) => id))
    last = body.next_doc
    if (read.length === 2) await server.submit(batchOf(['35'], later()))
  }
  expect(read.slice(0, 5)).toEqual(made.toReversed())
  expect(new Set(read).size).toBe(read.length)
  expect((await page(`last_doc=${read.at(-1)}`)).batch_calls).toEqual([])
  const other = await must(
    server.native('POST', '/agents', { name: 'other', kind: 'announcement', settings: { text: 'Hi' } }),
  )
  expect((await page(`agent_id=${other.id}`)).batch_calls).toEqual([])
})

describe('a batch of another wire format', () => {
  it('is read here, where its people fit into one answer', async () => {
    const native = await must(
      server.native('POST', '/batches', {
        name: 'made natively',
        agent: server.first.agentId,
        draft: true,
        recipients: [{ to: numberEndingIn('40'), variables: { first_name: 'Ada' }, metadata: { crm: 7 } }],
      }),
    )
    const { body } = await server.ask('GET', `${BATCHES}/${native.batch.id}`)
    expect(body).toMatchObject({
      id: expect.stringMatching(/^btcal_/),
      name: 'made natively',
      agent_id: AGENT,
      status: 'pending',
      target_concurrency_limit: 50,
      timezone: null,
      branch_id: null,
    })
    expect(body.recipients).toMatchObject([
      {
        phone_number: numberEndingIn('40'),
        conversation_initiation_client_data: { dynamic_variables: { first_name: 'Ada' } },
      },
    ])
    expect((await server.ask('GET', `${BATCHES}/${body.id}`)).body).toEqual(body)
  })

  it('reads one of this format, with its variables', async () => {
    const { id } = await server.submit(batchOf(['41'], later()))
    const items = (await server.native('GET', '/batches?limit=1')).body.items
    const people = (await server.native('GET', `/batches/${items[0].id}/recipients`)).body.items
    expect(items[0]).toMatchObject({ dialect: 'elevenlabs', status: 'scheduled' })
    expect(people[0]).toMatchObject({ number: numberEndingIn('41'), variables: { ending: '41' } })
    await must(server.native('POST', `/batches/${items[0].id}/pause`))
    expect((await server.ask('GET', `${BATCHES}/${id}`)).body.status).toBe('in_progress')
  })

  it('that was made for one call is none', async () => {
    const call = { agent_id: AGENT, agent_phone_number_id: NUMBER, to_number: numberEndingIn('42') }
    const made = await must(server.ask('POST', '/v1/convai/twilio/outbound-call', call))
    const { batch_calls } = (await server.ask('GET', `${BATCHES}/workspace`)).body
    expect(batch_calls.map(({ name }: Body) => name)).not.toContain('Call')
    expect((await server.ask('GET', `${BATCHES}/${made.conversation_id}`)).status).toBe(404)
  })
})
