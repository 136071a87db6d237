import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, batchRequest, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer()
})
afterAll(() => server.close())

const completed = ({ status }: { status: string }) => status === 'completed'

async function create(rest: object = {}) {
  const { status, body } = await server.ask('POST', '/batch-call', batchRequest(rest))
  expect(status, JSON.stringify(body)).toBe(200)
  return body.data
}

const nativeBatch = async (id: string) => (await server.native('GET', `/batches/${id.replace('batch_call_', '')}`)).body

it('a batch call is created, dialled and followed to its end', async () => {
  const tasks = ['10', '70', '80', '85', '93', '90', '10'].map((end) =>
    taskTo(end, { dynamic_variables: { first_name: end } }),
  )
  const made = await create({ tasks })
  expect(made).toMatchObject({ status: 'sent', scheduled_timestamp: null, total: 7 })
  const over = await server.until(made.batch_call_id, completed)
  expect(over).toMatchObject({ total: 7, sent: 6, picked_up: 2, completed: 2, agent_id: AGENT })
  expect(over.last_sent_timestamp).toBeGreaterThan(1.7e12)

  const listed = await server.ask('GET', `/batch-call/${made.batch_call_id}/tasks`)
  expect(listed.body).toMatchObject({ status: 'success', error: null })
  const byNumber = Object.fromEntries(
    listed.body.data.tasks.map((task: { to_number: string; status: string; error_message: string }) => [
      `${task.to_number.slice(-2)} ${task.status}`,
      task.error_message,
    ]),
  )
  expect(byNumber).toEqual({
    '10 COMPLETED': null,
    '70 FAILED': 'Number busy',
    '80 FAILED': 'No answer',
    '85 COMPLETED': null,
    '90 FAILED': 'Call rejected',
    '93 FAILED': 'The number is not in use',
    '10 FAILED': 'Number stands earlier in the same batch',
  })
  expect(listed.body.data.pagination).toEqual({ page: 0, limit: 50, total_count: 7 })
  const second = await server.ask('GET', `/batch-call/${made.batch_call_id}/tasks?page=1&limit=5`)
  expect(second.body.data.tasks).toEqual(listed.body.data.tasks.slice(5))
  expect((await server.ask('GET', `/batch-call/${made.batch_call_id}/tasks?page=2&limit=5`)).body.data.tasks).toEqual(
    [],
  )
})

it('each task has its own agent and its own number of dials', async () => {
  const other = await server.ask('POST', `/api/agents/${AGENT}/duplicate`, { agent_name: 'another voice' })
  expect(other.body).toMatchObject({ status: 'success', data: { agent_name: 'another voice' } })
  const second = other.body.data.agent_id as string
  expect(second).toMatch(/^agent_[0-9a-f-]{36}$/)
  await server.native('PATCH', `/agents/${second.slice(6)}`, { settings: { text: 'Bonjour {{first_name}}' } })
  const variables = { dynamic_variables: { first_name: 'Ada' } }
  const { batch_call_id, agent_id } = await create({
    agent_id: undefined,
    tasks: [
      taskTo('10', { ...variables, agent_id: AGENT }),
      taskTo('11', { ...variables, agent_id: second }),
      taskTo('70', { agent_id: second, max_retries: 2 }),
      taskTo('71', { agent_id: AGENT, max_retries: 1 }),
      taskTo('72', { agent_id: AGENT }),
    ],
    retry_rules: [{ condition: 'busy', enabled: true, retry_timing: { type: 'AFTER', duration_minutes: 0 } }],
    retry_config: { max_attempts: 1 },
  })
  expect(agent_id).toBeNull()
  await server.until(batch_call_id, completed)
  const { items } = (await server.native('GET', `/batches/${batch_call_id.slice(11)}/recipients`)).body
  const seen = await Promise.all(
    items.map(async ({ id, to }: { id: string; to: string }) => {
      const { attempts } = (await server.native('GET', `/batches/${batch_call_id.slice(11)}/recipients/${id}`)).body
      return [to?.slice(-2), attempts.length, attempts[0].spokenText]
    }),
  )
  expect(seen.map(([, ...rest]) => rest).sort()).toEqual(
    [
      [1, 'Hello Ada'],
      [1, 'Bonjour Ada'],
      [3, null],
      [2, null],
      [1, null],
    ].sort(),
  )
})

describe('terms', () => {
  it('quiet hours become a window that wraps midnight, in their zone', async () => {
    const quiet_hours = { enabled: true, start_time: '22:00', end_time: '08:00', timezone: 'America/Chicago' }
    const made = await create({ status: 'draft', quiet_hours, timezone: 'America/New_York' })
    expect(made.quiet_hours).toEqual(quiet_hours)
    const window = (zone: string, from: string, to: string) => ({
      zone,
      ranges: [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from, to }],
    })
    expect((await nativeBatch(made.batch_call_id)).callingWindow).toEqual(window('America/Chicago', '08:00', '22:00'))
    const noon = { enabled: true, start_time: '12:00', end_time: '13:00' }
    const other = await create({ status: 'draft', quiet_hours: noon, timezone: 'America/New_York' })
    expect((await nativeBatch(other.batch_call_id)).callingWindow).toEqual(window('America/New_York', '13:00', '12:00'))
    const off = await create({ status: 'draft', quiet_hours: { enabled: false } })
    expect((await nativeBatch(off.batch_call_id)).callingWindow).toBeNull()
  })

  it('nobody is called during quiet hours', async () => {
    const now = new Date()
    const clock = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16)
    const quiet_hours = { enabled: true, start_time: clock(-120), end_time: clock(120) }
    const { batch_call_id } = await create({ quiet_hours })
    expect(JSON.stringify((await nativeBatch(batch_call_id)).waiting)).toContain('window')
    expect((await server.ask('GET', `/batch-call/${batch_call_id}`)).body.data).toMatchObject({
      status: 'sent',
      sent: 0,
    })
  })

  it("retries follow rules, at a time of the batch call's zone or after minutes", async () => {
    const retry_rules = [
      { condition: 'no_answer', enabled: true, retry_timing: { type: 'AT', time: '18:30' } },
      { condition: 'busy', enabled: true, retry_timing: { type: 'AFTER', duration_minutes: 15 } },
      { condition: 'voicemail', enabled: false, retry_timing: { type: 'AT', time: '10:00' } },
    ]
    const made = await create({
      status: 'draft',
      retry_rules,
      retry_config: { enabled: true, max_attempts: 3 },
      timezone: 'Asia/Kolkata',
    })
    expect(made.retry_rules).toEqual(retry_rules)
    expect((await nativeBatch(made.batch_call_id)).retryPolicy).toEqual({
      maxAttempts: 3,
      rules: { 'no-answer': { at: '18:30', zone: 'Asia/Kolkata' }, busy: { gapsSeconds: [900] } },
    })
    const moved = await server.ask('PATCH', `/batch-call/${made.batch_call_id}`, { timezone: 'Europe/London' })
    expect(moved.body.data.timezone).toBe('Europe/London')
    expect((await nativeBatch(made.batch_call_id)).retryPolicy.rules['no-answer'].zone).toBe('Europe/London')
  })

  it('somebody who does not answer is due at that time', async () => {
    const retry_rules = [{ condition: 'busy', retry_timing: { type: 'AT', time: '04:44' } }]
    const { batch_call_id } = await create({ tasks: [taskTo('70')], retry_rules, timezone: 'Asia/Tokyo' })
    await server.until(batch_call_id, ({ last_sent_timestamp }) => last_sent_timestamp !== null)
    const path = `/batches/${batch_call_id.slice(11)}/recipients`
    for (;;) {
      const [recipient] = (await server.native('GET', path)).body.items
      if (recipient.state !== 'due') continue
      expect(recipient.dueAt.slice(11, 16)).toBe('19:44')
      break
    }
    expect((await server.ask('GET', `/batch-call/${batch_call_id}`)).body.data).toMatchObject({
      status: 'sent',
      sent: 1,
    })
  })

  it('enabled: false allows one dial, whatever tasks say', async () => {
    const made = await create({
      status: 'draft',
      retry_config: { enabled: false },
      tasks: [taskTo('10', { max_retries: 3 })],
    })
    expect((await nativeBatch(made.batch_call_id)).retryPolicy).toEqual({ maxAttempts: 1, rules: {} })
  })
})

describe('when it starts', () => {
  const future = Math.floor(Date.now() / 1_000) + 86_400

  it.each([
    ['seconds', { trigger_timestamp: future }, 'scheduled', future * 1_000],
    ['milliseconds', { trigger_timestamp: future * 1_000 }, 'scheduled', future * 1_000],
    ['scheduled', { trigger_timestamp: future, status: 'SCHEDULED' }, 'scheduled', future * 1_000],
    ['a draft of the past', { trigger_timestamp: 1_705_320_000, status: 'draft' }, 'draft', 1_705_320_000_000],
    ['a draft without', { status: 'draft' }, 'draft', null],
    ['send_now', { trigger_timestamp: future, send_now: true }, 'sent', null],
    ['sent', { trigger_timestamp: future, status: 'sent' }, 'sent', null],
    ['send_now beats draft', { status: 'draft', send_now: true }, 'sent', null],
    ['nothing', {}, 'sent', null],
  ])('%s', async (_name, rest, status, scheduled_timestamp) => {
    expect(await create(rest)).toMatchObject({ status, scheduled_timestamp })
  })
})

describe('transitions', () => {
  const verb = async (id: string, method: string, rest: string, body?: object) => {
    const reply = await server.ask(method, `/batch-call/${id}${rest}`, body)
    return [reply.status, reply.body.error, reply.body.message]
  }
  const future = Date.now() + 86_400_000

  it('a draft is executed once', async () => {
    const { batch_call_id } = await create({ status: 'draft' })
    const started = await server.ask('POST', `/batch-call/${batch_call_id}/execute`)
    expect(started.body).toEqual({
      message: 'Batch call execution started',
      status: 'success',
      error: null,
      data: { batch_call_id, status: 'SENT', execution_started_at: expect.stringMatching(/Z$/) },
    })
    await server.until(batch_call_id, completed)
    expect(await verb(batch_call_id, 'POST', '/execute')).toEqual([
      400,
      'Cannot execute batch call with status COMPLETED',
      'Validation error',
    ])
    for (const [method, body] of [
      ['PATCH', { name: 'other' }],
      ['PATCH', { status: 'draft' }],
      ['PUT', batchRequest()],
    ] as const) {
      expect((await verb(batch_call_id, method, '', body))[1]).toBe('Cannot update batch call with status COMPLETED')
    }
  })

  it('what runs is neither executed, replaced nor deleted', async () => {
    const { batch_call_id } = await create({ quiet_hours: quietNow() })
    expect((await verb(batch_call_id, 'POST', '/execute'))[1]).toBe('Cannot execute batch call with status SENT')
    expect((await verb(batch_call_id, 'PATCH', '', { send_now: true }))[1]).toBe(
      'Cannot execute batch call with status SENT',
    )
    expect((await verb(batch_call_id, 'DELETE', ''))[1]).toBe('Cannot delete batch call with status SENT')
    expect((await verb(batch_call_id, 'PUT', '', batchRequest()))[1]).toBe('Cannot update batch call with status SENT')
    expect((await verb(batch_call_id, 'PATCH', '', { status: 'draft' }))[1]).toBe(
      'Cannot update batch call with status SENT',
    )
    expect((await verb(batch_call_id, 'PATCH', '', { trigger_timestamp: future }))[1]).toBe(
      'Cannot update batch call with status SENT',
    )
    expect((await verb(batch_call_id, 'PATCH', '', { name: 'renamed' }))[0]).toBe(200)
  })

  it('a draft and a completed batch call can be deleted, a scheduled one cannot', async () => {
    const draft = await create({ status: 'draft' })
    expect(await verb(draft.batch_call_id, 'DELETE', '')).toEqual([200, null, 'Batch call deleted successfully'])
    expect((await verb(draft.batch_call_id, 'GET', ''))[0]).toBe(404)
    expect((await verb(draft.batch_call_id, 'DELETE', ''))[0]).toBe(404)
    const over = await create()
    await server.until(over.batch_call_id, completed)
    expect((await verb(over.batch_call_id, 'DELETE', ''))[0]).toBe(200)
    const scheduled = await create({ trigger_timestamp: future })
    expect((await verb(scheduled.batch_call_id, 'DELETE', ''))[1]).toBe(
      'Cannot delete batch call with status SCHEDULED',
    )
  })

  it('a draft is scheduled, made a draft again, and sent', async () => {
    const { batch_call_id } = await create({ status: 'draft' })
    const patch = async (body: object) => (await server.ask('PATCH', `/batch-call/${batch_call_id}`, body)).body
    expect((await patch({ status: 'scheduled' })).error).toContain('trigger_timestamp must lie in the future')
    expect((await patch({ status: 'scheduled', trigger_timestamp: 1_705_320_000 })).error).toContain('in the future')
    expect((await patch({ status: 'scheduled', trigger_timestamp: future })).data).toMatchObject({
      status: 'scheduled',
      scheduled_timestamp: future,
    })
    expect((await patch({ trigger_timestamp: 1_705_320_000 })).error).toContain('past')
    expect((await patch({ status: 'draft' })).data.status).toBe('draft')
    expect((await patch({ status: 'completed' })).error).toContain('cannot be set to completed')
    const { data } = await patch({ status: 'sent', name: 'gone' })
    expect(data).toMatchObject({ status: 'sent', name: 'gone', scheduled_timestamp: future })
    await server.until(batch_call_id, completed)
  })

  it('a replaced batch call keeps its id and has other tasks', async () => {
    const first = await create({ status: 'draft', tasks: [taskTo('10'), taskTo('11'), taskTo('12')] })
    const body = batchRequest({
      name: 'Q2',
      status: 'draft',
      tasks: [taskTo('20', { max_retries: 1 })],
      timezone: 'Europe/Paris',
    })
    const put = await server.ask('PUT', `/batch-call/${first.batch_call_id}`, body)
    expect(put.body.message).toBe('Batch call updated successfully')
    expect(put.body.data).toMatchObject({
      batch_call_id: first.batch_call_id,
      created_timestamp: first.created_timestamp,
      name: 'Q2',
      total: 1,
      timezone: 'Europe/Paris',
      status: 'draft',
    })
    expect(put.body.data.access_info).toBeUndefined()
    const bad = await server.ask('PUT', `/batch-call/${first.batch_call_id}`, { ...body, tasks: [{ to_number: 'x' }] })
    expect(bad.status).toBe(400)
    await server.ask('POST', `/batch-call/${first.batch_call_id}/execute`)
    expect(await server.until(first.batch_call_id, completed)).toMatchObject({ total: 1, sent: 1 })
    const recount = await server.native('GET', `/batches/${first.batch_call_id.slice(11)}/recipients`)
    expect(recount.body.items).toHaveLength(1)
  })

  it('the link to the tasks opens this batch call alone, and only as it was given', async () => {
    const [one, two] = [await create({ status: 'draft' }), await create({ status: 'draft' })]
    const opened = await server.send('GET', one.tasks_url)
    expect(opened.body).toMatchObject([{ to_number: '+14155550110', status: 'PENDING' }])
    const swapped = one.tasks_url.replace(one.batch_call_id, two.batch_call_id)
    const later = one.tasks_url.replace(/\.(\d{13})\./, (_: string, at: string) => `.${Number(at) + 1}.`)
    for (const url of [swapped, later, one.tasks_url.slice(0, -1), `${one.tasks_url}A`]) {
      const refused = await server.send('GET', url)
      expect([refused.status, refused.body.status]).toEqual([401, 'error'])
    }
  })
})

function quietNow() {
  const clock = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16)
  return { enabled: true, start_time: clock(-120), end_time: clock(120) }
}
