import { expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { startServer } from '../../src/main.ts'
import { createTestDatabase } from '../database.ts'
import { API_KEY } from '../trillet-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

/** The last two digits decide what becomes of a call on the simulated network. */
const ENDINGS = {
  answered: ['10', '11', '12', '13', '14'],
  voicemail: ['84'],
  busy: ['70', '71'],
  unanswered: ['77'],
  refused: ['89'],
}

it('a client uploads a file and polls until everyone was called', async () => {
  const database = await createTestDatabase()
  const environment = { DATABASE_URL: database.connectionString, PORT: '0', CARILLON_BOOTSTRAP_API_KEY: API_KEY }
  const product = await startServer(loadConfig(environment), createLogger({ level: 'silent' }))
  onTestFinished(async () => {
    await product.stop()
    await database.drop()
  })
  const fast = { settings: { speed: 1_000 }, callsPerSecond: 1_000 }
  const changed = await fetch(`${product.url}/carillon/v1/trunks/${product.first.trunkId}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(fast),
  })
  expect(changed.status).toBe(200)

  const headers = { 'x-api-key': API_KEY, 'x-workspace-id': product.first.organizationId! }
  const rows = Object.values(ENDINGS).flatMap((digits) => digits.map((two) => `+141555501${two},Ada`))
  const form = new FormData()
  form.append('file', new Blob([`phone_number,first_name\n${rows.join('\n')}\n`]), 'people.csv')
  form.append('agentId', product.first.agentId!)
  const address = `${product.url}/v1/api/batch-calls`
  const started = (await (await fetch(address, { method: 'POST', headers, body: form })).json()) as Body
  expect(started).toMatchObject({ totalCalls: 10, status: 'queued' })

  const ask = async (path: string): Promise<Body> =>
    (await fetch(`${address}/${started.batchId}${path}`, { headers })).json()
  // Asked as a client asks; every answer must add up, whatever moment it shows.
  let status: Body
  do {
    status = await ask('')
    const { waiting, active, completed, failed, total } = status.progress
    expect(waiting + active + completed + failed).toBe(total)
  } while (!status.isComplete)

  expect(status).toMatchObject({
    status: 'completed',
    progress: { waiting: 0, active: 0, completed: 6, failed: 4, total: 10 },
  })
  expect(status.progress.recent_calls).toHaveLength(10)
  expect(status.progress.completedTime).toBeGreaterThanOrEqual(status.progress.startTime)
  const { calls } = await ask('/calls?status=failed')
  expect(calls.map(({ error }: Body) => error).sort()).toEqual([
    'Call rejected',
    'No answer',
    'Number busy',
    'Number busy',
  ])
})
