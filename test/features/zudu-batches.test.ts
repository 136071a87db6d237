import { afterAll, beforeAll, expect, it } from 'vitest'
import { AGENT, batchRequest, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer()
})
afterAll(() => server.close())

it('a batch call is created, dialled and followed to its end', async () => {
  const made = await server.ask('POST', '/batch-call', batchRequest({ tasks: ['10', '70', '80', '85', '93'].map((end) => taskTo(end)) }))
  expect(made.status, JSON.stringify(made.body)).toBe(200)
  const over = await server.until(made.body.data.batch_call_id, ({ status }) => status === 'completed')
  expect(over).toMatchObject({ total: 5, sent: 5, picked_up: 2, completed: 2, agent_id: AGENT })
})
