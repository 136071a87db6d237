import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchRequest, CALLER, type RetellServer, startRetellServer, taskTo } from '../retell-server.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('carriers/retell-calls.openapi.json')

describe.skipIf(schemas === null)("what the vendor's own schema says", () => {
  let server: RetellServer
  const problems = (schema: string, value: unknown) => schemas!.problems(schema, value)
  beforeAll(async () => {
    server = await startRetellServer()
  })
  afterAll(() => server.close())

  it('holds for every answer', async () => {
    const window = { windows: [{ start: 0, end: 1_440 }], timezone: 'America/New_York', day: ['Monday'] }
    const made = await server.ask('POST', '/create-batch-call', batchRequest(['10'], { call_time_window: window }))
    expect(problems('BatchCallResponse', made.body)).toEqual([])
    const endings = ['10', '70', '78', '84', '89', '93', '95', '97', '99']
    for (const task of batchRequest(endings).tasks) expect(problems('BatchCallTask', task)).toEqual([])
    const { body: batch } = await server.ask('POST', '/create-batch-call', batchRequest(endings))
    const calls = await server.finished(batch.batch_call_id, endings.length)
    for (const call of calls) {
      expect(problems('V2PhoneCallResponse', call)).toEqual([])
      const read = await server.ask('GET', `/v2/get-call/${call.call_id}`)
      expect(problems('V2PhoneCallResponse', read.body)).toEqual([])
    }
    const single = await server.ask('POST', '/v2/create-phone-call', { from_number: CALLER, ...taskTo('10') })
    expect(problems('V2PhoneCallResponse', single.body)).toEqual([])
    // The comparison itself can fail.
    expect(problems('V2PhoneCallResponse', { ...single.body, call_status: 'completed' })).not.toEqual([])
  })
})
