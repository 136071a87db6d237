import { afterAll, beforeAll, expect, it } from 'vitest'
import { CALLER, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer()
})
afterAll(() => server.close())

const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null

it('a batch is scheduled, dialled over each medium that dials, and followed to its end', async () => {
  const calls = [
    callTo('10', {
      metadata: { order: '7' },
      templateContext: { name: 'Ada', tries: 3 },
      experimentalSettings: { x: [1] },
    }),
    { medium: { telnyx: { outgoing: { to: '+14155550111', from: CALLER, additionalParams: { Timeout: 20 } } } } },
    { medium: { plivo: { outgoing: { to: '+14155550112' } } } },
    {
      medium: {
        sip: {
          outgoing: { to: 'sip:+14155550113@pbx.example.com', from: 'Your Company', username: 'u', password: 'hidden' },
        },
      },
    },
    callTo('70'),
    callTo('93'),
    callTo('10'),
  ]
  const made = await server.ask('POST', server.batches, { calls, windowEnd: '2190-01-01T00:00:00Z' })
  expect(made.status).toBe(201)
  expect(made.body).toEqual({
    batchId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    created: expect.stringMatching(/Z$/),
    windowStart: null,
    windowEnd: '2190-01-01T00:00:00.000Z',
    throttle: null,
    webhookUrl: null,
    webhookSecret: null,
    paused: false,
    totalCount: 7,
    completedCount: 1,
    endedAt: null,
  })
  const over = await server.until(made.body.batchId, ended)
  expect(over).toMatchObject({ totalCount: 7, completedCount: 7, paused: false })

  const listed = await server.ask('GET', `${server.batches}/${over.batchId}/scheduled_calls`)
  expect(listed.body).toMatchObject({ next: null, previous: null, total: 7 })
  const statuses = listed.body.results.map((call: { status: string; error: string | null }) => [
    call.status,
    call.error,
  ])
  expect(statuses).toEqual([
    ['SUCCESS', null],
    ['SUCCESS', null],
    ['SUCCESS', null],
    ['SUCCESS', null],
    ['SUCCESS', null],
    ['ERROR', 'The number is not in use'],
    ['ERROR', 'The number stands earlier in the same batch'],
  ])
  expect(listed.body.results[0]).toEqual({
    status: 'SUCCESS',
    batchId: over.batchId,
    callId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    error: null,
    ...calls[0],
  })
  // A password that was sent is kept nowhere.
  expect(listed.body.results[3].medium.sip.outgoing).toEqual({
    to: 'sip:+14155550113@pbx.example.com',
    from: 'Your Company',
    username: 'u',
  })
  expect(JSON.stringify(listed.body)).not.toContain('hidden')
  expect(listed.body.results[6].callId).toBeNull()

  const created = await server.ask('GET', `${server.batches}/${over.batchId}/created_calls`)
  expect(created.body.total).toBe(5)
  const first = created.body.results[0]
  expect(first).toMatchObject({
    callId: listed.body.results[0].callId,
    agentId: server.agentId,
    agent: { agentId: server.agentId, name: 'caller' },
    endReason: 'agent_hangup',
    firstSpeaker: 'FIRST_SPEAKER_USER',
    joinUrl: null,
    metadata: { order: '7' },
    billingStatus: 'BILLING_STATUS_FREE_OTHER',
  })
  expect(created.body.results[4]).toMatchObject({ endReason: 'unjoined', joined: null })
  const one = await server.ask('GET', `/api/calls/${first.callId}`)
  expect(one.body).toEqual(first)

  // Spoken from the template context, by the agent kind bound to the agent.
  const native = await server.native('GET', `/batches/${over.batchId}/recipients/${first.callId}`)
  expect(native.body.attempts[0].spokenText).toBe('Hello Ada')
  expect((await server.ask('GET', `/api/agents/${server.agentId}`)).body.statistics.calls).toBeGreaterThanOrEqual(6)
})

it('each call leaves from the number that it names', async () => {
  const second = '+15005550101'
  await server.native('POST', '/numbers', { number: second, trunkId: server.first.trunkId })
  const from = (to: string, caller: string) => ({ medium: { twilio: { outgoing: { to, from: caller } } } })
  const calls = [from('+14155550130', CALLER), from('+14155550131', second), from('+14155550132', CALLER)]
  const { body } = await server.ask('POST', server.batches, { calls })
  await server.until(body.batchId, ended)
  const { items } = (await server.native('GET', `/calls?batch=${body.batchId}`)).body
  const callers = Object.fromEntries(items.map((call: { to: string; from: string }) => [call.to, call.from]))
  expect(callers).toEqual({ '+14155550130': CALLER, '+14155550131': second, '+14155550132': CALLER })
})
