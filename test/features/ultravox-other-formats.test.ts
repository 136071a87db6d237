import { afterAll, beforeAll, expect, it } from 'vitest'
import { API_KEY, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer()
})
afterAll(() => server.close())

const ended = (batch: { endedAt: string | null }) => batch.endedAt !== null

it('a batch made here is read in the native format', async () => {
  const calls = [callTo('10', { metadata: { a: 'b' }, templateContext: { name: 'Ada' } }), callTo('70')]
  const { body } = await server.ask('POST', server.batches, { calls })
  await server.until(body.batchId, ended)
  const batch = (await server.native('GET', `/batches/${body.batchId}`)).body
  expect(batch).toMatchObject({ dialect: 'ultravox', status: 'completed', agent: { id: server.agentId } })
  expect(batch.figures.outcomes).toMatchObject({ answered: 1, busy: 1 })
  const { items } = (await server.native('GET', `/batches/${body.batchId}/recipients`)).body
  expect(items[0]).toMatchObject({ number: '+14155550110', metadata: { a: 'b' }, variables: { name: 'Ada' } })
})

it('a batch made in the native format is read here, without a medium that this format knows', async () => {
  const recipients = [{ to: '+14155550110', variables: { name: 'Ada' } }, { to: '+14155550184' }]
  const made = await server.native('POST', '/batches', { agent: server.agentId, recipients })
  const { id } = made.body.batch
  const over = await server.until(id, ended)
  expect(over).toMatchObject({ batchId: id, totalCount: 2, completedCount: 2, webhookUrl: null })
  const { body } = await server.ask('GET', `${server.batches}/${id}/scheduled_calls`)
  expect(body.results[0]).toMatchObject({ status: 'SUCCESS', medium: null, templateContext: { name: 'Ada' } })
  const { callId } = body.results[0]
  expect((await server.ask('GET', `/api/calls/${callId}`)).body).toMatchObject({ callId, medium: null, metadata: {} })
  expect((await server.ask('GET', `${server.batches}/${id}/created_calls`)).body.total).toBe(2)
})

it('a batch that dials somebody twice cannot be said here: it is not found and in no list', async () => {
  const recipients = [{ to: '+14155550170' }]
  const retryPolicy = { maxAttempts: 2, rules: { busy: { gapsSeconds: [1] } } }
  const made = await server.native('POST', '/batches', { agent: server.agentId, recipients, retryPolicy })
  const { id } = made.body.batch
  for (const path of ['', '/scheduled_calls', '/created_calls']) {
    expect((await server.ask('GET', `${server.batches}/${id}${path}`)).status).toBe(404)
  }
  const { body } = await server.ask('GET', `${server.batches}?pageSize=100`)
  expect(body.results.map(({ batchId }: { batchId: string }) => batchId)).not.toContain(id)
})

it('a batch of another agent is not found under this one, and one of another organization nowhere', async () => {
  const { body } = await server.ask('POST', server.batches, { calls: [callTo('10')], paused: true })
  const other = (await server.ask('POST', '/api/agents', { name: 'other' })).body.agentId
  expect((await server.ask('GET', `/api/agents/${other}/scheduled_batches/${body.batchId}`)).status).toBe(404)

  const asOperator = async (method: string, address: string, sent: object) => {
    const headers = { authorization: `Bearer ${server.first.operatorKey}`, 'content-type': 'application/json' }
    const answer = await fetch(`${server.url}/carillon/v1${address}`, { method, headers, body: JSON.stringify(sent) })
    return answer.json() as Promise<Record<string, string>>
  }
  const organization = await asOperator('POST', '/organizations', { name: 'another' })
  const { token } = await asOperator('POST', `/organizations/${organization.id}/keys`, { name: 'theirs' })
  const { body: calls } = await server.ask('GET', `${server.batches}/${body.batchId}/scheduled_calls`)
  expect(calls.total).toBe(1)
  const done = await server.ask('POST', server.batches, { calls: [callTo('11')] })
  await server.until(done.body.batchId, ended)
  const { body: made } = await server.ask('GET', `${server.batches}/${done.body.batchId}/scheduled_calls`)
  for (const [method, address] of [
    ['GET', `/api/agents/${server.agentId}`],
    ['PATCH', `/api/agents/${server.agentId}`],
    ['DELETE', `/api/agents/${server.agentId}`],
    ['GET', server.batches],
    ['GET', `${server.batches}/${body.batchId}`],
    ['PATCH', `${server.batches}/${body.batchId}`],
    ['DELETE', `${server.batches}/${body.batchId}`],
    ['GET', `${server.batches}/${body.batchId}/scheduled_calls`],
    ['GET', `${server.batches}/${body.batchId}/created_calls`],
    ['GET', `/api/calls/${made.results[0].callId}`],
  ] as const) {
    const sent = method === 'PATCH' ? {} : undefined
    const answer = await server.ask(method, address, sent, { 'x-api-key': token! })
    expect(answer, `${method} ${address}`).toMatchObject({ status: 404, body: { detail: expect.any(String) } })
  }
})

it('a pair of headers with a secret belongs to another product, on the path that both have', async () => {
  const headers = { 'x-api-key': API_KEY, 'x-api-secret': 'x' }
  const answer = await fetch(`${server.url}/api/agents`, { headers })
  // Whoever owns it answers in a form that is not this one's list.
  expect(Object.keys((await answer.json()) as object)).not.toContain('results')
  const own = await server.ask('GET', '/api/agents')
  expect(Object.keys(own.body)).toEqual(['next', 'previous', 'results', 'total'])
})
