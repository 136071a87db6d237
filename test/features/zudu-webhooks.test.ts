import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { AGENT, batchRequest, CALLER, ORGANIZATION, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

const CREATE = '/api/post-call-webhooks/create'
let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

describe('a post-call webhook', () => {
  it('is made', async () => {
    const asked = { name: 'crm', url: 'https://127.0.0.1:8443/hook', description: 'to the CRM' }
    const { status, body } = await server.ask('POST', CREATE, asked)
    expect([status, body]).toEqual([
      200,
      {
        message: 'Post-call webhook created successfully',
        status: 'success',
        error: null,
        data: {
          id: expect.stringMatching(/^webhook_[0-9a-f]{32}$/),
          organization_id: ORGANIZATION,
          ...asked,
          is_active: true,
          created_at: expect.stringMatching(/Z$/),
          updated_at: expect.stringMatching(/Z$/),
        },
      },
    ])
    const off = await server.ask('POST', CREATE, { name: 'off', url: asked.url, is_active: false })
    expect(off.body.data).toMatchObject({ is_active: false, description: '' })
  })

  it.each([
    [{ name: 'x', url: 'http://example.com/hook' }, 'Webhook URL must be HTTPS'],
    [{ name: 'x', url: 'ftp://example.com' }, 'Webhook URL must be HTTPS'],
    [{ name: 'x' }, 'url is missing'],
    [{ url: 'https://example.com' }, 'name is missing'],
    [{ name: 'x', url: 'https://example.com', is_active: 'yes' }, 'is_active must be true or false'],
    [{ name: 'x', url: 'https://10.0.0.1/' }, 'url: This address cannot be used'],
  ])('%j is refused', async (asked, text) => {
    const { status, body } = await server.ask('POST', CREATE, asked)
    expect([status, body.status, body.message]).toEqual([400, 'error', 'Validation error'])
    expect(body.error).toContain(text)
  })

  it('needs both headers; without the secret the path is of another product', async () => {
    const { status, body } = await server.send('POST', CREATE, {}, { 'x-api-secret': 'x' })
    expect([status, body.status]).toEqual([401, 'error'])
  })
})

it('is told once of each call that has ended, signed', async () => {
  const seen: { headers: IncomingHttpHeaders; text: string }[] = []
  const receiver = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request) text += piece
    seen.push({ headers: request.headers, text })
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  try {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    const secret = 'a secret of the receiver'
    const { data } = (await server.ask('POST', CREATE, { name: 'crm', url: 'https://127.0.0.1:8443/' })).body
    // The native API gives it a secret and, for this test, an address without TLS.
    const webhook = `/webhooks/${data.id.slice('webhook_'.length)}`
    expect((await server.native('PATCH', webhook, { url })).status).toBe(200)
    expect((await server.native('POST', `${webhook}/rotate-secret`, { secret, keepSeconds: 0 })).status).toBe(200)
    const tasks = [
      taskTo('10', { dynamic_variables: { first_name: 'Ada' } }),
      taskTo('70', { max_retries: 1 }),
      taskTo('10'),
    ]
    const retry_rules = [{ condition: 'busy', retry_timing: { type: 'AFTER', duration_minutes: 0 } }]
    const { body } = await server.ask('POST', '/batch-call', batchRequest({ tasks, retry_rules }))
    const { batch_call_id } = body.data
    await server.until(batch_call_id, ({ status }) => status === 'completed' && seen.length >= 3)
    const told = seen.map(({ text }) => JSON.parse(text))
    expect(told.map(({ to_number, status, attempt }) => `${to_number.slice(-2)} ${status} ${attempt}`).sort()).toEqual([
      '10 COMPLETED 1',
      '70 FAILED 2',
      '70 PENDING 1',
    ])
    expect(told.find(({ status }) => status === 'COMPLETED')).toMatchObject({
      event: 'post_call',
      batch_call_id,
      agent_id: AGENT,
      from_number: CALLER,
      to_number: '+14155550110',
      disposition: 'answered',
      dynamic_variables: { first_name: 'Ada' },
    })
    for (const { headers, text } of seen) {
      const signed = `${headers['x-carillon-webhook-timestamp']}.${text}`
      expect(headers['x-carillon-webhook-signature']).toBe(createHmac('sha256', secret).update(signed).digest('hex'))
    }
  } finally {
    receiver.close()
    receiver.closeAllConnections()
  }
})
