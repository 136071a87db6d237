import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { API_KEY, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'
import { VendorClient } from '../vendor-client.ts'
import { vendorSchemas } from '../vendor-schemas.ts'

const batches = vendorSchemas('ultravox.scheduled-batches.yaml')
const companion = vendorSchemas('ultravox.companion.yaml')
/** The vendor has it, and the README of the wire format says that it is not covered. */
const NOT_COVERED = ['calls_create']

describe.skipIf(batches === null || companion === null)('a client made from the vendor’s own schemas', () => {
  let server: UltravoxServer
  let client: VendorClient
  const call = (operation: string, parameters: Record<string, string | number> = {}, body?: unknown) =>
    client.call(operation, { parameters, ...(body === undefined ? {} : { body }) })

  beforeAll(async () => {
    server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
    client = new VendorClient([batches!, companion!], { baseUrl: server.url, credential: API_KEY })
  })
  afterAll(() => server.close())

  it('drives a whole batch, with every operation that is covered', async () => {
    const agent = await call('agents_create', {}, { name: 'driver', callTemplate: { systemPrompt: 'You are kind.' } })
    const of = { agent_id: agent.agentId as string }
    // Who speaks is said in the native API: the vendor has no word for it.
    const voice = { kind: 'announcement', settings: { text: 'Hello {{name}}' } }
    await server.native('PATCH', `/agents/${agent.agentId}`, voice)
    const throttle = await call(
      'call_throttles_create',
      {},
      { name: 'gentle', rules: [{ maxCalls: 100, windowSeconds: 1 }] },
    )
    const calls = [
      callTo('10', { templateContext: { name: 'Ada' }, metadata: { customer: '1' } }),
      ...['11', '70', '93', '20'].map((ending) => callTo(ending)),
    ]
    const made = await call('agents_scheduled_batches_create', of, { calls, paused: true, throttle: 'gentle' })
    const at = { ...of, batch_id: made.batchId as string }
    expect(await call('agents_scheduled_batches_retrieve', at)).toMatchObject({ paused: true, totalCount: 5 })
    await call('agents_scheduled_batches_partial_update', at, { paused: false })
    let batch = made
    while (batch.endedAt === null) batch = await call('agents_scheduled_batches_retrieve', at)
    expect(batch).toMatchObject({ totalCount: 5, completedCount: 5 })

    expect(await readAll('agents_scheduled_batches_list', of)).toHaveLength(1)
    const scheduled = await readAll('agents_scheduled_batches_scheduled_calls_list', at)
    expect(scheduled.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'ERROR', 'SUCCESS'])
    const failed = await readAll('agents_scheduled_batches_scheduled_calls_list', { ...at, status: 'ERROR' })
    expect(failed).toHaveLength(1)
    const created = await readAll('agents_scheduled_batches_created_calls_list', at)
    expect(created).toHaveLength(4)
    const one = await call('calls_retrieve', { call_id: String(created[0]!.callId) })
    expect(one).toMatchObject({ agentId: agent.agentId, endReason: 'agent_hangup' })
    expect(await readAll('agents_calls_list', of)).toHaveLength(5)
    expect((await call('calls_list', { pageSize: 2 })).results).toHaveLength(2)
    const single = await call('agents_calls_create', of, callTo('12'))
    await call('calls_retrieve', { call_id: single.callId })
    await call('calls_destroy', { call_id: one.callId })
    await call('agents_scheduled_batches_destroy', at)

    expect((await readAll('call_throttles_list', {})).map(({ name }) => name)).toEqual(['gentle'])
    const limit = { throttle_id: throttle.throttleId as string }
    await call('call_throttles_retrieve', limit)
    await call('call_throttles_partial_update', limit, { name: 'gentler' })
    await call('call_throttles_update', limit, { name: 'gentlest', rules: [{ maxCalls: 1, windowSeconds: 60 }] })
    await call('call_throttles_destroy', limit)
    expect((await call('agents_list', { search: 'driver' })).results).toHaveLength(1)
    await call('agents_partial_update', of, { name: 'done' })
    expect(await call('agents_retrieve', of)).toMatchObject({ name: 'done' })
    await call('agents_destroy', of)
  })

  it('hears of every call through a webhook that it made', async () => {
    const told: string[] = []
    const receiver = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const { event, call: about } = JSON.parse(Buffer.concat(parts).toString())
      expect(companion!.problems('Call', about)).toEqual([])
      told.push(event)
      response.writeHead(204).end()
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    const events = ['call.started', 'call.joined', 'call.ended']
    const hook = await call('webhooks_create', {}, { url, events, secrets: ['of the test'] })
    const at = { webhook_id: hook.webhookId as string }
    await call('agents_calls_create', { agent_id: server.agentId }, callTo('10'))
    const giveUpAt = performance.now() + 30_000
    while (told.length < 3 && performance.now() < giveUpAt) await call('webhooks_list')
    expect(told).toEqual(events)
    await call('webhooks_retrieve', at)
    await call('webhooks_partial_update', at, { events: ['call.ended'] })
    await call('webhooks_update', at, { url, events })
    await call('webhooks_destroy', at)
    receiver.close()
    const unused = client.operationIds.filter((operation) => !client.used.has(operation))
    expect(unused).toEqual(NOT_COVERED)
  })

  it('sends nothing that the schema does not allow', async () => {
    const of = { agent_id: server.agentId }
    const refused = (parameters: Record<string, string>, body?: unknown) =>
      expect(call('agents_scheduled_batches_create', parameters, body)).rejects
    await refused({}, { calls: [callTo('10')] }).toThrow('the parameter agent_id is missing')
    await refused({ agent_id: 'x' }, { calls: [callTo('10')] }).toThrow('must match format "uuid"')
    await refused(of).toThrow('the body is missing')
    await refused(of, { calls: [] }).toThrow('must NOT have fewer than 1 items')
    await refused(of, { calls: [callTo('10')], endedAt: null }).toThrow('must NOT have additional properties endedAt')
  })

  /** All items of a list, by following its links to the end. */
  async function readAll(operation: string, parameters: Record<string, string>): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await call(operation, { ...parameters, pageSize: 2, ...(cursor === '' ? {} : { cursor }) })
      items.push(...page.results)
      cursor = page.next === null ? null : new URL(page.next).searchParams.get('cursor')
    }
    return items
  }
})
