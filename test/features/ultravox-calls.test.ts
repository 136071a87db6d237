import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CALLER, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('ultravox.companion.yaml')
let server: UltravoxServer
let calls: string

beforeAll(async () => {
  server = await startUltravoxServer()
  calls = `/api/agents/${server.agentId}/calls`
})
afterAll(() => server.close())

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

/** Asks for a call until it has ended. */
async function untilEnded(callId: string): Promise<Body> {
  const giveUpAt = performance.now() + 30_000
  for (;;) {
    const { body } = await server.ask('GET', `/api/calls/${callId}`)
    if (body.ended !== null) return body
    if (performance.now() > giveUpAt) throw new Error(`never ended: ${JSON.stringify(body)}`)
  }
}

describe('a call of one person', () => {
  it('is made, answered, and over; its id stays', async () => {
    const asked = {
      ...callTo('10'),
      metadata: { order: '7' },
      templateContext: { name: 'Ada' },
      experimentalSettings: { x: 1 },
      maxDuration: '90s',
      joinTimeout: '20s',
    }
    const { status, body: made } = await server.ask('POST', calls, asked)
    expect([status, made.ended, made.endReason]).toEqual([201, null, null])
    expect(schemas?.problems('Call', made) ?? []).toEqual([])
    const over = await untilEnded(made.callId)
    expect(over).toMatchObject({
      callId: made.callId,
      agentId: server.agentId,
      medium: asked.medium,
      metadata: asked.metadata,
      experimentalSettings: asked.experimentalSettings,
      maxDuration: '90s',
      joinTimeout: '20s',
      joined: expect.stringMatching(/Z$/),
      endReason: 'agent_hangup',
    })
    expect(schemas?.problems('Call', over) ?? []).toEqual([])
    const native = (await server.native('GET', `/calls/${made.callId}`)).body
    expect(native).toMatchObject({ spokenText: 'Hello Ada', to: '+14155550110', from: CALLER })
  })

  it('is in no list of batches, and its agent counts it', async () => {
    const before = (await server.ask('GET', server.batches)).body.total
    const { body } = await server.ask('POST', calls, callTo('11'))
    await untilEnded(body.callId)
    expect((await server.ask('GET', server.batches)).body.total).toBe(before)
    const agent = (await server.ask('GET', `/api/agents/${server.agentId}`)).body
    expect(agent.statistics.calls).toBeGreaterThanOrEqual(2)
  })

  it('waits for its throttle', async () => {
    await server.ask('POST', '/api/call_throttles', { name: 'slow', rules: [{ maxCalls: 1, windowSeconds: 1 }] })
    const made = []
    for (const ending of ['12', '13'])
      made.push((await server.ask('POST', `${calls}?throttle=slow`, callTo(ending))).body)
    const [first, second] = await Promise.all(made.map(({ callId }) => untilEnded(callId)))
    expect(Math.abs(Date.parse(second.created) - Date.parse(first.created))).toBeGreaterThanOrEqual(999)
    const refused = await server.ask('POST', `${calls}?throttle=nobody`, callTo('14'))
    expect(refused).toMatchObject({ status: 400, body: { throttle: [expect.any(String)] } })
  })

  it.each([
    ['without a medium', {}, 501, /webrtc/i],
    ['that somebody else is to place', { medium: { exotel: {} } }, 501, /exotel/i],
  ])('%s is refused with the reason: nobody could join it', async (_name, asked, status, text) => {
    const answer = await server.ask('POST', calls, asked)
    expect(answer).toMatchObject({ status, body: { detail: expect.stringMatching(text) } })
  })

  it.each([
    ['medium', { medium: { fax: {} } }, /exactly one of the keys/],
    ['medium', { medium: { twilio: { outgoing: { to: '5' } } } }, /^medium\.twilio\.outgoing\.to must be a number/],
    [
      'medium',
      { medium: { twilio: { outgoing: { to: '+14155550110', from: '+14155559999' } } } },
      /^medium\.twilio\.outgoing\.from: The caller number is not one of the organization/,
    ],
    ['metadata', { ...callTo('10'), metadata: { a: 1 } }, /must be a text/],
    ['metadata', { ...callTo('10'), metadata: { 'ultravox.a': '1' } }, /no key that starts with/],
    ['templateContext', { ...callTo('10'), templateContext: { a: 'x'.repeat(70_000) } }, /at most 65536/],
    ['maxDuration', { ...callTo('10'), maxDuration: 5 }, /must be a text/],
  ])('with a wrong %s is refused', async (field, asked, text) => {
    const { status, body } = await server.ask('POST', calls, asked)
    expect([status, body]).toEqual([400, { [field]: [expect.stringMatching(text)] }])
  })

  it('needs a trunk of its medium', async () => {
    await server.native('DELETE', `/trunks/${server.first.trunkId}/aliases/telnyx`)
    const { status, body } = await server.ask('POST', calls, {
      medium: { telnyx: { outgoing: { to: '+14155550110' } } },
    })
    expect([status, body]).toEqual([400, { medium: [expect.stringMatching(/^medium\.telnyx: No trunk .* PUT /)] }])
  })
})

describe('calls', () => {
  it('are listed newest first in both directions, by agent and time', async () => {
    const { body: batch } = await server.ask('POST', server.batches, {
      calls: [callTo('20'), callTo('71'), callTo('22')],
    })
    await server.until(batch.batchId, ({ endedAt }: Body) => endedAt !== null)
    const idsOf = (list: Body) => list.results.map(({ callId }: Body) => callId)
    const all = (await server.ask('GET', '/api/calls?pageSize=100')).body
    const times = all.results.map(({ created }: Body) => created)
    expect(times).toEqual([...times].sort().reverse())
    expect(schemas?.problems('PaginatedCallList', all) ?? []).toEqual([])
    const first = (await server.ask('GET', '/api/calls?pageSize=2')).body
    const second = (await server.ask('GET', first.next)).body
    expect([...idsOf(first), ...idsOf(second)]).toEqual(idsOf(all).slice(0, 4))
    expect(idsOf((await server.ask('GET', second.previous)).body)).toEqual(idsOf(first))
    expect(idsOf((await server.ask('GET', `${calls}?pageSize=100`)).body)).toEqual(idsOf(all))
    const other = (await server.ask('POST', '/api/agents', {})).body.agentId
    expect(idsOf((await server.ask('GET', `/api/calls?agentIds=${other}`)).body)).toEqual([])
    expect(idsOf((await server.ask('GET', `/api/agents/${other}/calls`)).body)).toEqual([])
    const later = encodeURIComponent(new Date(Date.now() + 1_000).toISOString())
    expect(idsOf((await server.ask('GET', `/api/calls?fromDate=${later}`)).body)).toEqual([])
    expect(idsOf((await server.ask('GET', `/api/calls?pageSize=100&toDate=${later}`)).body)).toEqual(idsOf(all))
  })

  it('one that is over is erased, and its shape stays', async () => {
    const { body } = await server.ask('POST', calls, {
      ...callTo('15'),
      metadata: { a: 'b' },
      templateContext: { n: 1 },
    })
    await untilEnded(body.callId)
    expect((await server.ask('DELETE', `/api/calls/${body.callId}`)).status).toBe(204)
    const erased = (await server.ask('GET', `/api/calls/${body.callId}`)).body
    expect(erased).toMatchObject({ callId: body.callId, metadata: {}, medium: null })
    expect((await server.ask('DELETE', '/api/calls/3c90c3cc-0d44-4b50-8888-8dd25736052a')).status).toBe(404)
  })
})
