import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, API_KEY, batchOf, type CartesiaServer, LATER_VERSION, startCartesiaServer } from '../cartesia-server.ts'
import { VendorClient } from '../vendor-client.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const schemas = vendorSchemas('cartesia.call-batches.yaml')
const VERSION = { 'Cartesia-Version': LATER_VERSION }

describe.skipIf(schemas === null)('a client made from the vendor’s own schema', () => {
  let server: CartesiaServer
  let client: VendorClient
  const call = (operation: string, parameters: Record<string, string | number> = {}, body?: unknown) =>
    client.call(operation, { parameters: { ...VERSION, ...parameters }, ...(body === undefined ? {} : { body }) })
  /** Asks until it holds. */
  async function until(operation: string, parameters: Record<string, string>, holds: (answer: never) => boolean) {
    const giveUpAt = performance.now() + 60_000
    for (;;) {
      const answer = await call(operation, parameters)
      if (holds(answer as never)) return answer
      if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(answer)}`)
    }
  }

  beforeAll(async () => {
    server = await startCartesiaServer()
    client = new VendorClient([schemas!], { baseUrl: server.url, credential: API_KEY })
  })
  afterAll(() => server.close())

  it('drives a whole batch, with every operation there is', async () => {
    const endings = ['10', '20', '70', '78', '84', '93']
    const made = await call('agents_create-call-batch', {}, batchOf(endings))
    const at = { batch_id: made.id as string }
    const isDone = ({ total_calls_finished: finished }: { total_calls_finished: number }) => finished === endings.length
    const done = await until('agents_get-call-batch', at, isDone)
    expect(done).toMatchObject({ status: 'completed', total_calls_finished: endings.length })
    const statuses = done.recipients.map((one: { status: string }) => one.status)
    expect(statuses).toEqual(['completed', 'completed', 'failed', 'failed', 'completed', 'failed'])

    const pages = [await call('agents_list-call-batches', { limit: 1 })]
    pages.push(await call('agents_list-call-batches', { limit: 1, starting_after: pages[0].data[0].id }))
    expect(pages.map(({ data }) => data.length)).toEqual([1, 0])
    const { data: calls } = await call('agents_list-calls', at)
    expect(calls.length).toBeGreaterThan(0)
    const one = await call('agents_get-call', { call_id: calls[0].id })
    expect(one.agent_id).toBe(AGENT)
    expect((await call('agents_delete-call', { call_id: one.id })).redacted_at).not.toBeNull()

    const again = await call('agents_retry-call-batch', at)
    expect(again.total_calls_finished).toBeLessThan(endings.length)
    await until('agents_get-call-batch', at, isDone)

    const { data: numbers } = await call('phone_numbers_list', { type: 'sip_trunk' }).then(async (page) =>
      page.data.length > 0 ? page : await call('phone_numbers_list'),
    )
    await call('phone_numbers_get', { id: numbers[0].id })
  })

  it('cancels a batch and a call that lives', async () => {
    await server.speedTo(1)
    const made = await call(
      'agents_create-call-batch',
      {},
      batchOf(['10', '11', '12'], { target_concurrency_limit: 1 }),
    )
    const cancelled = await call('agents_cancel-call-batch', { batch_id: made.id })
    expect(cancelled.status).toBe('cancelled')
    expect((await call('agents_cancel-call-batch', { batch_id: made.id })).status).toBe('cancelled')
    expect(
      (await client.ask('agents_retry-call-batch', { parameters: { ...VERSION, batch_id: made.id } })).status,
    ).toBe(400)

    const { agent_id, from_number_id, recipients } = batchOf(['20'])
    const outbound = { agent_id, from_number_id, outbound_calls: recipients }
    await call('agents_create-outbound-call', {}, outbound)
    const living = await until('agents_list-calls', { agent_id: AGENT }, ({ data }: { data: { status: string }[] }) =>
      data.some(({ status }) => status === 'started'),
    )
    const { id } = living.data.find(({ status }: { status: string }) => status === 'started')
    expect(await call('agents_cancel-call', { call_id: id })).toEqual({ cancelled: true })
    await server.speedTo(1_000)
    expect(client.operationIds.filter((operation) => !client.used.has(operation))).toEqual([])
  })

  it('sends nothing that the schema does not allow', async () => {
    const refused = (parameters: Record<string, string>, body?: unknown) =>
      expect(client.call('agents_create-call-batch', { parameters, ...(body === undefined ? {} : { body }) })).rejects
    await refused({}, batchOf(['10'])).toThrow('the parameter Cartesia-Version is missing')
    await refused(VERSION).toThrow('the body is missing')
    await refused(VERSION, batchOf(['10'], { nmae: 'x' })).toThrow('must NOT have additional properties nmae')
    await refused(VERSION, { ...batchOf([]), name: 1 }).toThrow('/name must be string')
    await refused({ ...VERSION, page: '1' }, batchOf(['10'])).toThrow('there is no parameter page')
    await expect(client.call('agents_dance')).rejects.toThrow('no operation')
  })
})
