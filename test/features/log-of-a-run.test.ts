import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { type RunningServer, startServer } from '../../src/main.ts'
import { openConnection } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { askUntil, type Body, sender } from '../product-server.ts'
import { webhookReceiver } from '../webhook-receiver.ts'

/** Whatever a run knows of people and secrets, each with digits or letters that stand nowhere else. */
const NUMBERS = ['+15005557301', '+15005557362', '+15005557372', '+15005557391', '+15005557399']
const BAD_NUMBER = '500 5557 388 x'
const WORDS = ['Zebedee', 'Quillfeather', 'Marzipan-Street', 'ledger-4471', 'Thistledown']
const WEBHOOK_SECRET = 'whsec_c2VjcmV0LW9mLWEtcmVjZWl2ZXItcXVpZXQ='
const TRUNK_SECRET = 'trunk-secret-of-a-quiet-run'
const IMPORTED_KEY = 'imported-key-of-a-quiet-run'

let database: TestDatabase
let server: RunningServer
const lines: string[] = []
const send = sender(() => server.url)
const api = (method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }> =>
  send(method, `/carillon/v1${path}`, body, { authorization: `Bearer ${server.first.apiKey!.token}` })

beforeAll(async () => {
  database = await createTestDatabase()
  const log = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } })
  const environment = {
    DATABASE_URL: database.connectionString,
    PORT: '0',
    CARILLON_KEY_REQUESTS_PER_SECOND: '0',
    CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(','),
  }
  server = await startServer(loadConfig(environment), log)
})

afterAll(async () => {
  await server.stop()
  await database.drop()
})

test('the log of a whole run, with all that can go wrong in it, names no person, no number and no secret', async () => {
  const receiver = await webhookReceiver()
  await api('PATCH', `/trunks/${server.first.trunkId}`, { settings: { speed: 1_000 }, callsPerSecond: 1_000 })
  const text = 'Hello {first_name} {last_name} of {street}, press 7.'
  const agent = await api('POST', '/agents', {
    name: 'quiet',
    kind: 'announcement',
    settings: { text, waitForKeySeconds: 1 },
  })
  expect(agent.status).toBe(201)
  await api('POST', '/keys/import', { name: 'theirs', key: IMPORTED_KEY })
  await api('POST', '/trunks', {
    name: 'far',
    carrier: 'loopback',
    settings: { url: 'http://127.0.0.1:9', secret: TRUNK_SECRET },
    concurrency: 1,
    callsPerSecond: 1,
  })
  await api('POST', '/webhooks', { url: receiver.url, secret: WEBHOOK_SECRET })
  // Nobody listens there, so that deliveries fail.
  await api('POST', '/webhooks', { url: 'http://127.0.0.1:9/hook', secret: WEBHOOK_SECRET })

  const [first_name, last_name, street, customer] = WORDS
  const recipients = NUMBERS.map((to) => ({ to, variables: { first_name, last_name, street }, metadata: { customer } }))
  const { batch } = (await api('POST', '/batches', { agent: agent.body.id, recipients })).body
  const isOver = ({ status }: Body) => status === 'completed'
  await askUntil(async () => (await api('GET', `/batches/${batch.id}`)).body, isOver)
  await fileOf(`phone_number,first_name\n${NUMBERS[0]},${first_name}\n${BAD_NUMBER},${last_name}\n`)
  await api('POST', '/calls', { agent: agent.body.id, to: NUMBERS[1], variables: { first_name } })
  await expect.poll(() => receiver.received.length).toBeGreaterThan(0)

  await refusedAll()
  await api('POST', '/suppressions', { numbers: [NUMBERS[2]], reason: WORDS[4] })
  await api('GET', `/suppressions?number=${encodeURIComponent(NUMBERS[2]!)}`)
  await api('DELETE', `/suppressions/${encodeURIComponent(NUMBERS[2]!)}`)
  await api('POST', '/erasures', { number: NUMBERS[3] })
  await brokenDatabase(recipients)
  await server.stop()

  const log = lines.join('\n')
  expect(lines.length).toBeGreaterThan(20)
  expect(log).toContain('"level":"error"')
  const token = server.first.apiKey!.token.split('_')[2]!
  const secrets = [token, server.first.operatorKey!.split('_')[2]!, WEBHOOK_SECRET, TRUNK_SECRET, IMPORTED_KEY]
  const numbers = [...NUMBERS, BAD_NUMBER].map((number) => number.replace(/\D/g, ''))
  for (const word of [...WORDS, ...secrets, 'Hello ']) expect(log.includes(word), `the log holds ${word}`).toBe(false)
  const digits = log.replace(/"time":"[^"]+"/g, '')
  for (const number of numbers) expect(digits.includes(number), `the log holds ${number}`).toBe(false)
})

async function fileOf(csv: string): Promise<void> {
  const form = new FormData()
  form.set('agent', 'announcement')
  form.set('file', new Blob([csv], { type: 'text/csv' }), `${WORDS[1]}.csv`)
  const headers = { authorization: `Bearer ${server.first.apiKey!.token}` }
  const answer = await fetch(`${server.url}/carillon/v1/batches`, { method: 'POST', headers, body: form })
  expect(answer.status).toBe(201)
}

/** Requests that are refused, with people in each of their parts. */
async function refusedAll(): Promise<void> {
  const [number] = NUMBERS
  const bodies = [`{"recipients":[{"to":"${number}"`, { recipients: [{ to: `${number}x` }] }, { name: WORDS[0], to: 1 }]
  for (const body of bodies) expect((await api('POST', '/batches', body)).status).toBe(400)
  expect((await api('GET', `/batches/${number}`)).status).toBe(404)
  expect((await api('GET', `/${WORDS[0]}/${number}`)).status).toBe(404)
  expect((await api('GET', `/batches?cursor=${number}`)).status).toBe(400)
  const wrong = await send('GET', '/carillon/v1/batches', undefined, { authorization: `Bearer ${IMPORTED_KEY}-no` })
  expect(wrong.status).toBe(401)
}

/** A fault of ours, in whose error PostgreSQL repeats the row that it did not take. */
async function brokenDatabase(recipients: readonly object[]): Promise<void> {
  const sql = await openConnection(database.connectionString)
  try {
    await sql.query(`ALTER TABLE recipient ADD CONSTRAINT nobody CHECK (number < 0) NOT VALID`)
    const broken = await api('POST', '/batches', { agent: 'announcement', recipients })
    expect(broken.status).toBe(500)
    expect(JSON.stringify(broken.body)).not.toMatch(/Zebedee|5005557301/)
  } finally {
    await sql.end()
  }
}
