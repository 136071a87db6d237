import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, batchOf, type CartesiaServer, NUMBER, numberEndingIn, startCartesiaServer } from '../cartesia-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

let server: CartesiaServer

beforeAll(async () => {
  server = await startCartesiaServer()
})
afterAll(() => server.close())

const CALLS = '/agents/calls'
const over = ({ status }: Body) => status === 'completed' || status === 'failed'
const callsTo = (endings: readonly string[], rest: object = {}) => ({
  agent_id: AGENT,
  from_number_id: NUMBER,
  outbound_calls: endings.map((ending) => ({ to_number: numberEndingIn(ending), metadata: { ending } })),
  ...rest,
})
async function placed(ending: string): Promise<string> {
  const { body } = await server.ask('POST', CALLS, callsTo([ending]))
  return body.calls[0].agent_call_id
}

describe('calls', () => {
  it('are placed in the order of the request and followed to their end', async () => {
    await server.native('POST', '/suppressions', { numbers: [numberEndingIn('52')] })
    const made = await server.ask('POST', CALLS, callsTo(['50', '73', '52']))
    expect(made.status).toBe(200)
    expect(made.body.calls.map(({ number }: Body) => number)).toEqual(['50', '73', '52'].map(numberEndingIn))
    const [first, second] = made.body.calls
    const done = await server.until(`${CALLS}/${first.agent_call_id}`, over)
    expect(done).toMatchObject({
      id: expect.stringMatching(/^ac_[0-9A-Za-z]{22}$/),
      agent_id: AGENT,
      status: 'completed',
      end_reason: 'agent_hangup',
      error_message: null,
      redacted_at: null,
      metadata: { ending: '50' },
      telephony_params: { to: numberEndingIn('50'), direction: 'outbound', connection_type: 'phone' },
    })
    expect(done.transcript).toEqual([
      { role: 'assistant', text: expect.any(String), start_timestamp: 0, end_timestamp: expect.any(Number) },
    ])
    const busy = await server.until(`${CALLS}/${second.agent_call_id}`, over)
    expect(busy).toMatchObject({
      status: 'failed',
      end_reason: 'dial_busy',
      error_message: 'Number busy',
      transcript: null,
    })
    const { body: page } = await server.ask('GET', `${CALLS}?agent_id=${AGENT}&limit=100`)
    const listed = page.data.find(({ id }: Body) => id === done.id)
    const { transcript, ...rest } = done
    expect(listed).toEqual(rest)
    const { body: expanded } = await server.ask('GET', `${CALLS}?agent_id=${AGENT}&expand=transcript&limit=100`)
    expect(expanded.data.find(({ id }: Body) => id === done.id).transcript).toEqual(transcript)
  })

  it('are read in both directions by id, by time and by batch', async () => {
    const { body: batch } = await server.ask('POST', '/agents/calls/batches', batchOf(['53', '54', '55', '74', '79']))
    await server.until(`/agents/calls/batches/${batch.id}`, (each) => each.total_calls_finished === 5)
    const of = `${CALLS}?batch_id=${batch.id}`
    const all = (await server.ask('GET', of)).body.data
    const ids = all.map(({ id }: Body) => id)
    expect(ids).toHaveLength(5)
    const pageOf = async (query: string) => {
      const { body } = await server.ask('GET', `${of}&limit=2${query}`)
      return [body.data.map(({ id }: Body) => id), body.has_more, body.next_page]
    }
    expect(await pageOf('')).toEqual([ids.slice(0, 2), true, ids[1]])
    expect(await pageOf(`&starting_after=${ids[3]}`)).toEqual([ids.slice(4), false, null])
    expect(await pageOf(`&starting_after=${ids[4]}`)).toEqual([[], false, null])
    expect(await pageOf(`&ending_before=${ids[4]}`)).toEqual([ids.slice(2, 4), true, ids[2]])
    expect(await pageOf(`&ending_before=${ids[0]}`)).toEqual([[], false, null])
    const at = all[4].start_time
    expect(
      (await server.ask('GET', `${of}&start_time_gte=${at}&start_time_lte=${all[0].start_time}`)).body.data,
    ).toHaveLength(5)
    expect((await server.ask('GET', `${of}&start_time_lte=2020-01-01T00:00:00Z`)).body.data).toEqual([])
  })

  it('are ended during the talk, and only then', async () => {
    await server.speedTo(5)
    const id = await placed('56')
    await server.speedTo(0.5)
    await server.until(`${CALLS}/${id}`, ({ status }) => status === 'started')
    const { body } = await server.ask('DELETE', `${CALLS}/${id}`)
    expect(body).toMatchObject({ error_code: 'call_not_over' })
    expect(await server.ask('POST', `${CALLS}/${id}/cancel`)).toMatchObject({ status: 200, body: { cancelled: true } })
    const ended = await server.until(`${CALLS}/${id}`, over)
    expect(ended).toMatchObject({ status: 'completed', end_reason: 'api_cancelled' })
    expect(await server.ask('POST', `${CALLS}/${id}/cancel`)).toMatchObject({ status: 400 })
    await server.speedTo(1_000)
  })

  it('are erased when they are over, as often as one likes', async () => {
    const id = await placed('57')
    await server.until(`${CALLS}/${id}`, over)
    const erased = await server.ask('DELETE', `${CALLS}/${id}`)
    expect(erased.body).toMatchObject({ transcript: null, metadata: null, redacted_at: expect.stringMatching(/Z$/) })
    expect(await server.ask('DELETE', `${CALLS}/${id}`)).toMatchObject({ status: 200, body: erased.body })
  })
})

describe('what is refused', () => {
  it.each([
    ['', 'agent_id'],
    [`agent_id=${AGENT}&expand=audio`, 'expand'],
    [`agent_id=${AGENT}&limit=0`, 'limit'],
    [`agent_id=${AGENT}&start_time_gte=yesterday`, 'start_time_gte'],
    [`agent_id=${AGENT}&start_time_gte=2030-01-02T00:00:00Z&start_time_lte=2030-01-01T00:00:00Z`, 'start_time_lte'],
    [`agent_id=${AGENT}&starting_after=a&ending_before=b`, 'ending_before'],
    [`agent_id=${AGENT}&starting_after=ac_0000000000000000000000`, 'starting_after'],
  ])('GET ?%s names %s', async (query, field) => {
    const refused = await server.ask('GET', `${CALLS}?${query}`)
    expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining(field) } })
  })

  it('the agent of another batch, and ids of nothing', async () => {
    const { body: batch } = await server.ask('POST', '/agents/calls/batches', batchOf(['58']))
    const other = (await server.native('POST', '/agents', { name: 'o', kind: 'announcement', settings: { text: 'x' } }))
      .body
    expect((await server.ask('GET', `${CALLS}?batch_id=${batch.id}&agent_id=${other.id}`)).status).toBe(400)
    expect((await server.ask('GET', `${CALLS}?batch_id=acb_0000000000000000000000`)).status).toBe(404)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
    ] as const) {
      const missing = await server.ask(method, `${CALLS}/ac_0000000000000000000000${path}`)
      expect(missing).toMatchObject({ status: 404, body: { error_code: 'call_not_found', title: 'Not Found' } })
    }
  })

  it.each([
    [{ outbound_calls: [] }, 400, 'outbound_calls'],
    [{ outbound_calls: [{ to_number: '14155550100' }] }, 400, 'outbound_calls[0].to_number'],
    [{ outbound_calls: [{ to_number: numberEndingIn('59'), metadata: 'x' }] }, 400, 'outbound_calls[0].metadata'],
    [{ outbound_calls: [{ to_number: numberEndingIn('59'), metadata: { x: 'y'.repeat(70_000) } }] }, 400, 'metadata'],
    [{ ringing_timeout_seconds: 4 }, 400, 'ringing_timeout_seconds'],
    [{ agent_id: 'agent_0000000000000000000000' }, 404, 'agent'],
    [{ from_number_id: 'ap_0000000000000000000000' }, 404, 'number'],
  ])('POST with %j: %i that names %s', async (change, status, field) => {
    const refused = await server.ask('POST', CALLS, { ...callsTo(['59']), ...change })
    expect(refused).toMatchObject({ status, body: { message: expect.stringContaining(field) } })
    const { body } = await server.ask('GET', `${CALLS}?agent_id=${AGENT}&limit=100`)
    expect(body.data.some((each: Body) => each.telephony_params.to === numberEndingIn('59'))).toBe(false)
  })
})

describe('phone numbers', () => {
  it('are listed newest first with the trunk that carries them and the agent whose default they are', async () => {
    const { body: page } = await server.ask('GET', '/agents/phone-numbers')
    expect(page.data).toEqual([
      {
        id: NUMBER,
        label: null,
        number: expect.stringMatching(/^\+\d+$/),
        agent: { id: AGENT, name: expect.any(String) },
        created_at: expect.stringMatching(/Z$/),
        updated_at: expect.stringMatching(/Z$/),
        provider: { type: 'cartesia' },
      },
    ])
    const trunkId = server.first.trunkId
    const made = await server.native('POST', '/numbers', { number: '+15005550199', trunkId })
    await server.native('PATCH', `/agents/${server.first.agentId}`, { defaultNumber: made.body.id })
    const { body: two } = await server.ask('GET', '/agents/phone-numbers?limit=1')
    expect(two).toMatchObject({ data: [{ number: '+15005550199', agent: { id: AGENT } }], has_more: true })
    const after = await server.ask('GET', `/agents/phone-numbers?starting_after=${two.data[0].id}`)
    const old = { ...page.data[0], agent: null }
    expect(after.body.data).toEqual([old])
    const past = await server.ask('GET', `/agents/phone-numbers?starting_after=${NUMBER}`)
    expect(past.body).toMatchObject({ data: [], has_more: false })
    expect((await server.ask('GET', `/agents/phone-numbers?ending_before=${NUMBER}`)).body.data).toHaveLength(1)
    expect((await server.ask('GET', `/agents/phone-numbers?agent_id=${AGENT}`)).body.data).toHaveLength(1)
    expect((await server.ask('GET', '/agents/phone-numbers?type=twilio')).body.data).toEqual([])
    expect((await server.ask('GET', '/agents/phone-numbers?q=0199')).body.data).toHaveLength(1)
    expect((await server.ask('GET', '/agents/phone-numbers?starting_after=x')).status).toBe(400)
    expect((await server.ask('GET', `/agents/phone-numbers/${NUMBER}`)).body).toEqual(old)
    expect((await server.ask('GET', '/agents/phone-numbers/ap_0000000000000000000000')).status).toBe(404)
  })
})
