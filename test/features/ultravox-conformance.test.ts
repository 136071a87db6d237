import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const batches = vendorSchemas('ultravox.scheduled-batches.yaml')
const companion = vendorSchemas('ultravox.companion.yaml')

describe.skipIf(batches === null || companion === null)('answers fit the vendor’s own schemas', () => {
  let server: UltravoxServer
  let batch: string

  beforeAll(async () => {
    server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
    const template = {
      systemPrompt: 'You are kind.',
      temperature: 0.4,
      joinTimeout: '20s',
      maxDuration: '120s',
      voice: 'Mark',
      languageHint: 'en-GB',
      firstSpeakerSettings: { agent: { text: 'Hello' } },
      sharedSecrets: ['for tools'],
      medium: { twilio: {} },
    }
    await server.ask('PATCH', `/api/agents/${server.agentId}`, { callTemplate: template })
    const calls = [
      callTo('10', { metadata: { a: 'b' }, templateContext: { name: 'Ada' } }),
      callTo('70'),
      callTo('93'),
      { medium: { sip: { outgoing: { to: 'sip:+14155550177@pbx.example.com', from: 'us', password: 'x' } } } },
      {},
    ]
    const made = await server.ask('POST', server.batches, { calls, webhookUrl: 'http://127.0.0.1:1/' })
    expect(batches!.problems('ScheduledCallBatch', made.body)).toEqual([])
    batch = `${server.batches}/${made.body.batchId}`
    await server.until(made.body.batchId, ({ endedAt }) => endedAt !== null)
  })
  afterAll(() => server.close())

  const read = async (address: string) => {
    const { status, body } = await server.ask('GET', address)
    expect(status).toBe(200)
    return body
  }

  it('batches and their calls', async () => {
    expect(batches!.problems('ScheduledCallBatch', await read(batch))).toEqual([])
    expect(batches!.problems('PaginatedScheduledCallBatchList', await read(server.batches))).toEqual([])
    const calls = await read(`${batch}/scheduled_calls?pageSize=2`)
    expect(batches!.problems('PaginatedScheduledCallList', calls)).toEqual([])
    expect(batches!.problems('PaginatedScheduledCallList', (await server.ask('GET', calls.next)).body)).toEqual([])
  })

  it('calls', async () => {
    const created = await read(`${batch}/created_calls`)
    expect(created.results.length).toBe(3)
    expect(companion!.problems('PaginatedCallList', created)).toEqual([])
    for (const { callId } of created.results) {
      expect(companion!.problems('Call', await read(`/api/calls/${callId}`))).toEqual([])
    }
  })

  it('agents', async () => {
    const agent = await read(`/api/agents/${server.agentId}`)
    expect(companion!.problems('Agent', agent)).toEqual([])
    expect(agent.callTemplate.sharedSecrets).toEqual(['for tools'])
    expect(companion!.problems('PaginatedAgentList', await read('/api/agents'))).toEqual([])
  })

  it('the comparison finds what is wrong', () => {
    expect(batches!.problems('ScheduledCall', { status: 'DONE', batchId: 'x' }).length).toBeGreaterThan(2)
    expect(companion!.problems('Agent', { agentId: null }).length).toBeGreaterThan(0)
  })
})
