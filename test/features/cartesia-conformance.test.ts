import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, batchOf, type CartesiaServer, LATER_VERSION, startCartesiaServer } from '../cartesia-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('cartesia.call-batches.yaml')
const BATCHES = '/agents/calls/batches'

describe.skipIf(schemas === null)("what the vendor's own schema says", () => {
  let server: CartesiaServer
  const problems = (schema: string, value: unknown) => schemas!.problems(schema, value)
  const ask = (method: string, path: string, body?: unknown) =>
    server.ask(method, path, body, { 'cartesia-version': LATER_VERSION })

  beforeAll(async () => {
    server = await startCartesiaServer()
  })
  afterAll(() => server.close())

  it('holds for every answer', async () => {
    const request = batchOf(['10', '70', '78', '84', '93', '99', '10'])
    expect(problems('AgentCallBatchRequest', request)).toEqual([])
    const made = await ask('POST', BATCHES, request)
    expect(problems('AgentCallBatch', made.body)).toEqual([])
    const at = `${BATCHES}/${made.body.id}`
    const done = await server.until(at, (batch) => batch.total_calls_finished === 7)
    expect(problems('AgentCallBatch', done)).toEqual([])
    expect(problems('ListAgentCallBatchesResponse', (await ask('GET', BATCHES)).body)).toEqual([])
    expect(
      problems('ListAgentCallBatchesResponse', (await ask('GET', `${BATCHES}?starting_after=${done.id}`)).body),
    ).toEqual([])
    expect(problems('AgentCallBatch', (await ask('POST', `${at}/retry`)).body)).toEqual([])
    expect(problems('AgentCallBatch', (await ask('POST', `${at}/cancel`)).body)).toEqual([])
    for (const query of [`batch_id=${done.id}`, `agent_id=${AGENT}&expand=transcript`]) {
      expect(problems('GetCallsResponse', (await ask('GET', `/agents/calls?${query}`)).body)).toEqual([])
    }
    const call = `/agents/calls/${done.recipients[0].agent_call_id}`
    expect(problems('AgentCall', (await ask('GET', call)).body)).toEqual([])
    const { from_number_id, agent_id, recipients } = request
    const outbound = { from_number_id, agent_id, outbound_calls: recipients.slice(0, 2) }
    expect(problems('AgentOutboundCallRequest', outbound)).toEqual([])
    expect(problems('AgentOutboundCallResponse', (await ask('POST', '/agents/calls', outbound)).body)).toEqual([])
    const { body: numbers } = await ask('GET', '/agents/phone-numbers')
    expect(problems('PhoneNumberResponse', numbers.data[0])).toEqual([])
    expect(problems('PublicErrorResponse', (await ask('GET', `${BATCHES}/nothing`)).body)).toEqual([])
    // The comparison itself can fail.
    expect(problems('AgentCallBatch', { ...made.body, status: 'sent' })).not.toEqual([])
  })
})
