import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, batchRequest, startZuduServer, type ZuduServer } from '../zudu-server.ts'

let server: ZuduServer
const future = Math.floor(Date.now() / 1_000) + 86_400
/** Names out of order, different sizes and starts. */
const BATCHES = [
  { name: 'delta', tasks: 2, status: 'draft', trigger_timestamp: future + 30 },
  { name: 'Alpha', tasks: 4, trigger_timestamp: future + 10 },
  { name: 'charlie', tasks: 1, status: 'draft' },
  { name: 'bravo', tasks: 3, trigger_timestamp: future + 20 },
] as const

beforeAll(async () => {
  server = await startZuduServer()
  for (const { tasks, ...rest } of BATCHES) {
    const list = Array.from({ length: tasks }, (_, at) => ({ to_number: `+1415555011${at}` }))
    const { status, body } = await server.ask('POST', '/batch-call', batchRequest({ ...rest, tasks: list }))
    expect(status, JSON.stringify(body)).toBe(200)
  }
})
afterAll(() => server.close())

type Listed = { name: string; batch_call_id: string }
const namesOf = (body: { data: { batch_calls: Listed[] } }) => body.data.batch_calls.map(({ name }) => name)
const list = async (query: string) => {
  const { status, body } = await server.ask('GET', `/batch-call/list${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}
const post = async (request: object) => (await server.ask('POST', '/batch-call/list', request)).body

describe('sorting', () => {
  it.each([
    ['created_at', ['delta', 'Alpha', 'charlie', 'bravo']],
    ['updated_at', ['delta', 'Alpha', 'charlie', 'bravo']],
    ['scheduled_timestamp', ['Alpha', 'bravo', 'delta', 'charlie']],
    ['total_task_count', ['charlie', 'delta', 'bravo', 'Alpha']],
    ['status', ['delta', 'charlie', 'Alpha', 'bravo']],
  ])('by %s, both ways', async (sort_by, names) => {
    const up = await list(`?sort_by=${sort_by}&sort_order=ascending`)
    expect(namesOf(up)).toEqual(names)
    expect(up.data).toMatchObject({ sort_by, sort_order: 'ascending' })
    expect(namesOf(await list(`?sort_by=${sort_by}&sort_order=descending&limit=100`))).toEqual([...names].reverse())
  })

  it('by name, as the database orders texts', async () => {
    const up = namesOf(await list('?sort_by=name&sort_order=ascending'))
    expect(namesOf(await list('?sort_by=name'))).toEqual([...up].reverse())
    expect(up.filter((name) => name !== 'Alpha')).toEqual(['bravo', 'charlie', 'delta'])
  })

  it('a change brings a batch call to the front', async () => {
    const [, , last] = (await list('')).data.batch_calls
    await server.ask('PATCH', `/batch-call/${last.batch_call_id}`, { timezone: 'Europe/Rome' })
    expect(namesOf(await list(''))[0]).toBe(last.name)
  })
})

describe('pages', () => {
  it.each([
    ['', { page: 0, limit: 4, total_count: 4, total_pages: 1, has_next_page: false, has_previous_page: false }, 4],
    ['?limit=null', { page: 0, limit: 4, total_count: 4, total_pages: 1 }, 4],
    ['?limit=', { page: 0, limit: 4, total_count: 4, total_pages: 1 }, 4],
    ['?page=0', { page: 0, limit: 20, total_count: 4, total_pages: 1 }, 4],
    ['?limit=3', { page: 0, limit: 3, total_pages: 2, has_next_page: true, has_previous_page: false }, 3],
    ['?limit=3&page=1', { page: 1, limit: 3, total_pages: 2, has_next_page: false, has_previous_page: true }, 1],
    ['?size=3', { page: 0, limit: 3, total_pages: 2 }, 3],
    ['?size=3&limit=2', { page: 0, limit: 2, total_pages: 2 }, 2],
    ['?limit=3&page=2', { page: 2, limit: 3, has_next_page: false, has_previous_page: true }, 0],
    ['?limit=100&page=2147483647', { page: 2_147_483_647 }, 0],
    ['?performance_mode=ultra_fast', { total_count: 4 }, 4],
  ])('%s', async (query, pagination, returned) => {
    const { data } = await list(query)
    expect(data.pagination).toMatchObject(pagination)
    expect([data.returned_count, data.batch_calls.length]).toEqual([returned, returned])
  })

  it.each([
    '?page=-1',
    '?page=1.5',
    '?page=abc',
    '?limit=0',
    '?limit=101',
    '?limit=1e1',
    '?size=0',
    '?size=101',
    '?sort_by=agent',
    '?sort_by=',
    '?sort_order=up',
    '?performance_mode=slow',
  ])('%s is refused', async (query) => {
    const { status, body } = await server.ask('GET', `/batch-call/list${query}`)
    expect([status, body.status, body.message]).toEqual([400, 'error', 'Validation error'])
    expect(body.error).toContain(/\?(\w+)/.exec(query)![1])
  })
})

describe('filters', () => {
  it('by status, agent and part of the name', async () => {
    const filtered = await post({ filter_criteria: { status: ['DRAFT', 'completed'], name: ['a'] }, sort_by: 'name' })
    expect(filtered.message).toBe('Batch calls retrieved successfully with filters')
    expect(namesOf(filtered)).toEqual(['delta', 'charlie'])
    expect(filtered.data.applied_filters).toEqual({ status: '2 values', name: '1 value' })
    expect(namesOf(await post({ filter_criteria: { name: ['ALPH', 'rav'] } })).sort()).toEqual(['Alpha', 'bravo'])
    expect(namesOf(await post({ filter_criteria: { agent_id: [AGENT] } }))).toHaveLength(4)
    expect(namesOf(await post({ filter_criteria: { agent_id: ['agent_nobody'] } }))).toEqual([])
    expect(namesOf(await post({ filter_criteria: { status: [] } }))).toHaveLength(4)
  })

  it('in pages', async () => {
    const { data } = await post({ filter_criteria: { status: ['draft'] }, pagination: { page: 1, limit: 1 } })
    expect(data.pagination).toEqual({
      page: 1,
      limit: 1,
      total_count: 2,
      total_pages: 2,
      has_next_page: false,
      has_previous_page: true,
    })
    expect(Object.keys(data).at(-1)).toBe('applied_filters')
  })
})

it('what is made or deleted counts at once, in every order', async () => {
  const orders = ['created_at', 'scheduled_timestamp', 'name', 'status', 'total_task_count']
  const counts = () =>
    Promise.all(orders.map(async (key) => (await list(`?limit=100&sort_by=${key}`)).data)).then((all) =>
      all.flatMap(({ pagination, returned_count }) => [pagination.total_count, returned_count]),
    )
  const [before] = await counts()
  const made = await server.ask('POST', '/batch-call', batchRequest({ status: 'draft' }))
  expect(new Set(await counts())).toEqual(new Set([before + 1]))
  await server.ask('DELETE', `/batch-call/${made.body.data.batch_call_id}`)
  expect(new Set(await counts())).toEqual(new Set([before]))
})

it('a list of 20,000 is whole and in order', async () => {
  const client = new Client({ connectionString: server.databaseUrl })
  await client.connect()
  try {
    await client.query(COPIES, [20_000])
    // As whoever makes a batch does: lengths of lists are remembered for one version.
    await client.query('UPDATE carillon.gate SET version = version + 1')
  } finally {
    await client.end()
  }
  const { data } = await list('?sort_by=total_task_count&sort_order=ascending')
  expect(data.returned_count).toBe(data.pagination.total_count)
  expect(data.batch_calls).toHaveLength(20_004)
  const counts = data.batch_calls.map(({ total_task_count }: { total_task_count: number }) => total_task_count)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect(new Set(data.batch_calls.map(({ batch_call_id }: Listed) => batch_call_id)).size).toBe(20_004)
  const { data: page } = await list('?limit=100&page=200&sort_by=total_task_count&sort_order=ascending')
  expect(page.batch_calls.map(({ batch_call_id }: Listed) => batch_call_id)).toEqual(
    data.batch_calls.slice(20_000).map(({ batch_call_id }: Listed) => batch_call_id),
  )
})

const COPIES = `WITH like_it AS (SELECT b.*, s.total FROM carillon.batch b JOIN carillon.batch_state s USING (organization_id, batch_id) LIMIT 1),
 made AS (INSERT INTO carillon.batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
     max_call_seconds, retry_policy, duplicate_numbers, version, created_at, updated_at)
   SELECT organization_id, 1000000 + n, gen_random_uuid(), name || ' ' || n, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
     max_call_seconds, retry_policy, duplicate_numbers, version, created_at, updated_at FROM like_it, generate_series(1, $1::int) n
   RETURNING organization_id, batch_id)
 INSERT INTO carillon.batch_state (organization_id, batch_id, status, live_max, total, settled, failed, listed)
 SELECT organization_id, batch_id, 4, 1, batch_id % 7, batch_id % 7, batch_id % 7, true FROM made`
