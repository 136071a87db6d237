import { expect, it, onTestFinished } from 'vitest'
import { type CommandWorld, commandWorld } from '../command-world.ts'
import { AGENT_ID, serveTrillet } from '../trillet-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

async function client(world: CommandWorld) {
  const server = await serveTrillet(world.context, world.actor, world.first)
  onTestFinished(async () => server.close())
  async function ask(
    method: string,
    path: string,
    body?: FormData,
  ): Promise<{ status: number; body: Body; text: string }> {
    const url = path.startsWith('http') ? path : `${server.baseUrl}/v1/api/batch-calls${path}`
    const answer = await fetch(url, { method, headers: server.headers, ...(body === undefined ? {} : { body }) })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
    return { status: answer.status, body: isJson ? JSON.parse(text) : null, text }
  }
  async function start(rows: readonly string[], fields: Record<string, string> = {}): Promise<Body> {
    const form = new FormData()
    form.append('file', new Blob([`phone_number,first_name,plan\n${rows.join('\n')}\n`]), 'people.csv')
    for (const [name, value] of Object.entries({ agentId: AGENT_ID, ...fields })) form.append(name, value)
    const answer = await ask('POST', '', form)
    expect(answer).toMatchObject({ status: 200 })
    return answer.body
  }
  return { ...server, ask, start }
}

const inOrder = <Call extends { seq: number }>(calls: readonly Call[]) =>
  [...calls].sort((one, other) => one.seq - other.seq)
const people = (count: number) => Array.from({ length: count }, (_, at) => `+1415555010${at},Person ${at},gold`)

it('tells how far a batch is, from its start to its cancel', async () => {
  const world = await commandWorld()
  const { ask, start } = await client(world)
  const { batchId, totalCalls, rejectedCount } = await start([...people(10), '+14155550100,Again,gold', '12,Bad,gold'])
  expect({ totalCalls, rejectedCount }).toEqual({ totalCalls: 10, rejectedCount: 1 })

  const before = await ask('GET', `/${batchId}`)
  const noCalls = {
    waiting: 10,
    active: 0,
    completed: 0,
    failed: 0,
    total: 10,
    averageCallDuration: 0,
    recent_calls: [],
  }
  expect(before).toMatchObject({
    status: 200,
    body: { id: batchId, status: 'processing', isComplete: false, totalCalls: 10, progress: noCalls },
  })
  expect(before.body.timestamp - Date.now()).toBeLessThan(60_000)

  const calls = inOrder(await world.claim(5))
  expect(calls).toHaveLength(5)
  const live = await ask('GET', `/${batchId}/status`)
  expect(live.body).toMatchObject({ waiting: 5, active: 5, completed: 0, failed: 0, total: 10, status: 'processing' })

  await world.answer([calls[0]!])
  await world.end([calls[0]!], { disposition: 'answered' })
  await world.end([calls[1]!], { disposition: 'busy', retryAfterMs: 3_600_000 })
  await world.end([calls[2]!], { disposition: 'voicemail' })
  await world.end([calls[3]!], { disposition: 'busy' })
  const progress = (await ask('GET', `/${batchId}/status`)).body
  expect(progress).toMatchObject({ waiting: 6, active: 1, completed: 2, failed: 1, total: 10, completedTime: null })
  // The one who waits for another dial has no outcome yet.
  const ends = progress.recent_calls.map((call: Body) => call.completedAt ?? call.failedAt)
  expect(ends).toEqual([...ends].sort((one, other) => other - one))
  expect(ends[0]).toBe(progress.lastCompletedTime)
  expect(progress.recent_calls.map((call: Body) => call.phone_number).sort()).toEqual([
    '+14155550100',
    '+14155550102',
    '+14155550103',
  ])
  const busy = progress.recent_calls.find((call: Body) => call.status === 'failed')
  expect(busy).toMatchObject({ error: 'Number busy', phone_number: '+14155550103' })
  expect(busy.jobId).toMatch(/^call_\d{39}$/)

  const cancelled = await ask('DELETE', `/${batchId}`)
  expect(cancelled).toMatchObject({
    status: 200,
    body: { batchId, status: 'cancelled', details: { completedCalls: 2, cancelledCalls: 6, totalCalls: 10 } },
  })
  const { completedCalls, failedCalls, cancelledCalls } = cancelled.body.details
  expect(completedCalls + failedCalls + cancelledCalls).toBe(10)
  expect((await ask('DELETE', `/${batchId}`)).body).toEqual(cancelled.body)
  expect((await ask('GET', `/${batchId}`)).body).toMatchObject({ status: 'cancelled', isComplete: false })

  await world.answer([calls[4]!])
  await world.end([calls[4]!], { disposition: 'answered' })
  expect((await ask('GET', `/${batchId}`)).body).toMatchObject({
    isComplete: true,
    progress: { active: 0, completed: 3, failed: 7 },
  })
})

it('lists every call once, page by page, under each filter', async () => {
  const world = await commandWorld()
  const { ask, start } = await client(world)
  const { batchId } = await start([...people(10), '+14155550100,Again,gold'])
  const calls = inOrder(await world.claim(4))
  await world.answer([calls[0]!])
  await world.end([calls[0]!], { disposition: 'answered' })
  await world.end([calls[1]!], { disposition: 'no-answer' })

  async function allOf(query: string): Promise<Body[]> {
    const found: Body[] = []
    for (let page = 1; ; page++) {
      const { body } = await ask('GET', `/${batchId}/calls?limit=3&page=${page}${query}`)
      found.push(...body.calls)
      if (!body.pagination.hasNext) return found
    }
  }
  const all = await allOf('')
  expect(all).toHaveLength(10)
  expect(new Set(all.map(({ jobId }) => jobId)).size).toBe(10)
  const parts = await Promise.all(
    ['waiting', 'active', 'completed', 'failed'].map((status) => allOf(`&status=${status}`)),
  )
  expect(parts.map((part) => part.length)).toEqual([6, 2, 1, 1])
  expect(new Set(parts.flat().map(({ jobId }) => jobId))).toEqual(new Set(all.map(({ jobId }) => jobId)))
  expect(parts[2]![0]).toMatchObject({
    status: 'completed',
    phone_number: '+14155550100',
    metadata: { first_name: 'Person 0', plan: 'gold' },
  })
  expect(parts[3]![0]).toMatchObject({ status: 'failed', error: 'No answer' })
  const first = (await ask('GET', `/${batchId}/calls`)).body
  expect(first.pagination).toEqual({ page: 1, limit: 20, total: 10, totalPages: 1, hasNext: false, hasPrev: false })
  expect(first.summary).toEqual({ total: 10, waiting: 6, active: 2, completed: 1, failed: 1 })
  expect((await ask('GET', `/${batchId}/calls?page=9`)).body).toMatchObject({
    calls: [],
    pagination: { hasPrev: true },
  })
})

it('gives the bad rows back at the address it names', async () => {
  const { ask, start, baseUrl } = await client(await commandWorld())
  const { rejectedRowsUrl } = await start([...people(1), '12,Bad,gold', 'abc,Worse,gold'])
  expect(rejectedRowsUrl.startsWith(`${baseUrl}/v1/api/batch-calls/batch_`)).toBe(true)
  const { status, text } = await ask('GET', rejectedRowsUrl)
  expect(status).toBe(200)
  expect(text.trim().split('\n')).toHaveLength(3)
  expect(text).toContain('abc')
  expect((await fetch(rejectedRowsUrl)).status).toBe(401)
})

it('waits as queued for a start in the future, and is not cancelled once it is completed', async () => {
  const world = await commandWorld()
  const { ask, start } = await client(world)
  const scheduled = await start(people(1), { scheduledAt: '2099-01-15T14:30:00Z' })
  expect((await ask('GET', `/${scheduled.batchId}`)).body).toMatchObject({
    status: 'queued',
    progress: { startTime: null },
  })

  const { batchId } = await start(people(1))
  await world.end(await world.claim(5), { disposition: 'no-answer' })
  const done = (await ask('GET', `/${batchId}`)).body
  expect(done).toMatchObject({ status: 'completed', isComplete: true, progress: { failed: 1 } })
  expect(done.progress.completedTime).toBeGreaterThan(done.progress.startTime)
  const refused = await ask('DELETE', `/${batchId}`)
  expect(refused.status).toBe(400)
  expect(refused.body.error).toMatch(/completed/)
})

it('takes the id in every spelling and reads batches of other formats', async () => {
  const world = await commandWorld()
  const { ask } = await client(world)
  const batch = await world.makeBatch([{ to: '+14155550123', variables: { name: 'Ada' } }])
  const answer = await ask('GET', `/${batch.id}/calls`)
  expect(answer.body.calls).toMatchObject([
    { phone_number: '+14155550123', metadata: { name: 'Ada' }, status: 'waiting' },
  ])
  const { id } = (await ask('GET', `/${batch.id.replaceAll('-', '')}`)).body
  expect((await ask('GET', `/${id}`)).body.id).toBe(id)
})
