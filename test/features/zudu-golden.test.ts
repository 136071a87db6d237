import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Deviation, readDeviations } from '../deviations.ts'
import { API_KEY, API_SECRET, batchRequest, startZuduServer, type ZuduServer } from '../zudu-server.ts'

/**
 * The requests that the product's pages print are sent as they are; only host and credentials are replaced. The answers
 * are held against the printed ones, byte for byte, and every difference must stand in docs/reference/deviations.md.
 */

const run = promisify(execFile)
const CREATE = 'POST /batch-call 200'
const LIST = 'GET /batch-call/list 200'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Json = any
const printed = (name: string): Json =>
  JSON.parse(fs.readFileSync(new URL(`../../src/dialects/zudu/fixtures/${name}.answer.json`, import.meta.url), 'utf8'))
/** Those of the other pages are held in zudu-pages.test.ts. */
const deviations = readDeviations('Zudu').filter(({ answer }) => answer === CREATE || answer === LIST)
const used = new Set<Deviation>()

let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer()
})
afterAll(() => server.close())

async function send(client: string, query = ''): Promise<{ body: string; status: number }> {
  const command = fs
    .readFileSync(new URL(`../clients/${client}`, import.meta.url), 'utf8')
    .replace(/http:\/\/localhost:8080(\S+)/, `'${server.url}$1${query}'`)
    .replace('X-API-KEY: <api-key>', `X-API-KEY: ${API_KEY}`)
    .replace('X-API-SECRET: <api-key>', `X-API-SECRET: ${API_SECRET}`)
  const { stdout } = await run('bash', ['-c', `${command.trimEnd()} --write-out '\n%{http_code}'`])
  const end = stdout.lastIndexOf('\n')
  return { body: stdout.slice(0, end), status: Number(stdout.slice(end + 1)) }
}

/** What was sent, with the printed values where a deviation allows others: what is left must be equal. */
function withPrinted(answer: string, sent: Json, page: Json, path = ''): Json {
  const found = deviations.find((entry) => entry.answer === answer && entry.key === path)
  if (found?.difference === 'value') {
    expect(JSON.stringify(sent), path).toMatch(new RegExp(found.sent!))
    used.add(found)
    return page
  }
  if (Array.isArray(sent)) return sent.map((entry) => withPrinted(answer, entry, page[0], `${path}[]`))
  if (typeof sent !== 'object' || sent === null) return sent
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  return Object.fromEntries(
    Object.entries(sent).map(([key, value]) => [key, withPrinted(answer, value, page?.[key], at(key))]),
  )
}

describe('creating a batch call', () => {
  it('the printed request gets the printed answer', async () => {
    const { body, status } = await send('zudu-create.sh')
    expect(status).toBe(200)
    const page = printed('create-batch-call')
    expect(JSON.stringify(withPrinted(CREATE, JSON.parse(body), page))).toBe(JSON.stringify(page))
  })

  it('what was created is a draft with its printed timestamp, four dials at most and the given agent', async () => {
    const { data } = JSON.parse((await send('zudu-create.sh')).body)
    expect(data.timezone).toBe('America/New_York')
    const { body } = await server.native('GET', `/batches/${data.batch_call_id.replace('batch_call_', '')}`)
    expect(body).toMatchObject({
      status: 'draft',
      startAt: '2025-01-01T08:00:00.000Z',
      retryPolicy: { maxAttempts: 4 },
    })
    const tasks = (await (await fetch(data.tasks_url)).json()) as Json
    expect(tasks[0]).toMatchObject({
      to_number: '+12137774445',
      dynamic_variables: { first_name: 'John', last_name: 'Doe', company: 'Acme Corp' },
      max_retries: 3,
      status: 'PENDING',
    })
  })
})

describe('listing batch calls', () => {
  it('the printed request gets everything, in the printed shape', async () => {
    for (let made = 0; made < 43; made++) await server.ask('POST', '/batch-call', batchRequest({ status: 'draft' }))
    const { body, status } = await send('zudu-list.sh')
    expect(status).toBe(200)
    const page = printed('list-batch-calls')
    const sent = JSON.parse(body)
    expect(sent.data.batch_calls).toHaveLength(45)
    const [entry] = sent.data.batch_calls
    const one = { ...sent, data: { ...sent.data, batch_calls: [entry] } }
    expect(JSON.stringify(withPrinted(LIST, one, page))).toBe(JSON.stringify(page))
    for (const batch of sent.data.batch_calls) expect(Object.keys(batch)).toEqual(Object.keys(page.data.batch_calls[0]))
  })

  it('the first of the printed three pages has the printed pagination', async () => {
    const { data } = JSON.parse((await send('zudu-list.sh', '?page=0')).body)
    const page = printed('list-batch-calls').data
    expect(data.pagination).toEqual(page.pagination)
    expect(data.returned_count).toBe(page.returned_count)
  })
})

it('a client in JavaScript creates a batch call, starts it and reads what became of it', async () => {
  const client = new URL('../clients/zudu-fetch.mjs', import.meta.url).pathname
  const { stdout } = await run(process.execPath, [client, server.url, API_KEY, API_SECRET])
  const { batch, tasks, stored } = JSON.parse(stdout)
  expect(batch).toMatchObject({ status: 'completed', total: 1, sent: 1, picked_up: 1, completed: 1 })
  expect(tasks).toMatchObject([{ to_number: '+12137774445', status: 'COMPLETED', error_message: null }])
  expect(stored).toMatchObject([{ to_number: '+12137774445', task_id: tasks[0].task_id, max_retries: 1 }])
})

it('every deviation that is listed still holds', () => {
  expect(deviations.filter((entry) => !used.has(entry))).toEqual([])
})
