import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_KEY, API_SECRET, batchRequest, CALLER, startZuduServer, taskTo, type ZuduServer } from '../zudu-server.ts'

/** What is taken and what is refused, a row for each rule: what differs from a good request, and a part of the text. */

let server: ZuduServer

beforeAll(async () => {
  server = await startZuduServer()
})
afterAll(() => server.close())

const VARIABLES_4 = { v: 'x'.repeat(5_120 - '{"v":""}'.length) }
const task = (rest: object) => ({ tasks: [taskTo('10', rest)] })
const quiet = (rest: object) => ({ quiet_hours: { enabled: true, start_time: '22:00', end_time: '08:00', ...rest } })
const rule = (rest: object) => ({ retry_rules: [{ condition: 'busy', enabled: true, ...rest }] })
const many = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ to_number: `+1415556${String(at).padStart(4, '0')}` }))

const REFUSED: readonly (readonly [string, object, string])[] = [
  ['no from_number', { from_number: undefined }, 'from_number is missing'],
  ['from_number is no text', { from_number: 14157774444 }, 'from_number must be a text'],
  ['from_number without plus', { from_number: '14157774444' }, 'from_number must be a telephone number'],
  ['from_number of somebody else', { from_number: '+14157774445' }, 'from_number'],
  ['from_number with a header in it', { from_number: `${CALLER}\r\nX: 1` }, 'from_number'],
  ['no tasks', { tasks: undefined }, 'tasks is missing'],
  ['tasks is an object', { tasks: {} }, 'tasks must be a list'],
  ['an empty list', { tasks: [] }, 'tasks must have at least 1'],
  ['1001 tasks', { tasks: many(1_001) }, 'tasks must have at most 1000'],
  ['a task is a text', { tasks: ['+14155550110'] }, 'tasks[0]'],
  ['a task is null', { tasks: [taskTo('10'), null] }, 'tasks[1]'],
  ['no to_number', { tasks: [{}] }, 'tasks[0].to_number is missing'],
  ['to_number is from_number', { tasks: [{ to_number: CALLER }] }, 'tasks[0].to_number must differ from from_number'],
  ...[
    '',
    ' ',
    '4155550110',
    '+1415555O110',
    '+1 415 555 0110',
    'tel:+14155550110',
    '+14155550110;ext=5',
    '+1',
    '+1234567890123456',
    '＋14155550110',
    'sip:a@b',
    '+14155550110@host',
    '+14155550110\u00a0',
  ].map(
    (to_number) =>
      [`to_number ${JSON.stringify(to_number)}`, { tasks: [{ to_number }] }, 'tasks[0].to_number'] as const,
  ),
  ['dynamic_variables is a list', task({ dynamic_variables: [] }), 'tasks[0].dynamic_variables must be an object'],
  ['dynamic_variables of 5 KB and a byte', task({ dynamic_variables: { v: `${VARIABLES_4.v}x` } }), 'at most 5 KB'],
  ['max_retries -1', task({ max_retries: -1 }), 'tasks[0].max_retries must be at least 0'],
  ['max_retries 20', task({ max_retries: 20 }), 'tasks[0].max_retries must be at most 19'],
  ['max_retries 1e9', task({ max_retries: 1e9 }), 'tasks[0].max_retries'],
  ['max_retries as text', task({ max_retries: '3' }), 'tasks[0].max_retries must be'],
  ['max_retries a fraction', task({ max_retries: 1.5 }), 'tasks[0].max_retries must be'],
  ['no agent at all', { agent_id: undefined }, 'tasks[0].agent_id is missing'],
  [
    'an agent for one task only',
    { agent_id: null, tasks: [taskTo('10', { agent_id: 'x' }), taskTo('11')] },
    'tasks[1].agent_id',
  ],
  ['agent_id is a number', { agent_id: 5 }, 'agent_id must be a text'],
  ['a name of 256 characters', { name: '🔔'.repeat(256) }, 'name must have at most 255'],
  ['name is a number', { name: 5 }, 'name must be a text'],
  ['trigger_timestamp as text', { trigger_timestamp: '1735718400000' }, 'trigger_timestamp must be'],
  ['trigger_timestamp a fraction', { trigger_timestamp: 1735718400000.5 }, 'trigger_timestamp must be'],
  ['trigger_timestamp in the past', { trigger_timestamp: 1735718400000 }, 'The start lies in the past'],
  ['the same in seconds', { trigger_timestamp: 1735718400 }, 'trigger_timestamp'],
  ['scheduled for the past', { trigger_timestamp: 1735718400, status: 'scheduled' }, 'trigger_timestamp'],
  ['trigger_timestamp 0', { trigger_timestamp: 0, status: 'draft' }, 'trigger_timestamp must be an instant'],
  ['trigger_timestamp negative', { trigger_timestamp: -5, status: 'draft' }, 'trigger_timestamp must be an instant'],
  [
    'trigger_timestamp in microseconds',
    { trigger_timestamp: 1735718400000000 },
    'trigger_timestamp must be an instant',
  ],
  ['scheduled without a timestamp', { status: 'scheduled' }, 'trigger_timestamp is missing'],
  ['status completed', { status: 'completed' }, 'status cannot be set to completed'],
  ['status failed', { status: 'FAILED' }, 'status cannot be set to failed'],
  ['status unknown', { status: 'paused' }, 'status must be one of'],
  ['send_now as text', { send_now: 'true' }, 'send_now must be true or false'],
  ...['Mars/X', 'FOO+5', '+05:30', '', 'PST8PST'].map(
    (timezone) => [`timezone ${JSON.stringify(timezone)}`, { timezone }, 'timezone'] as const,
  ),
  ['retry_config is a number', { retry_config: 3 }, 'retry_config must be an object'],
  ['max_attempts 0', { retry_config: { enabled: true, max_attempts: 0 } }, 'retry_config.max_attempts'],
  ['max_attempts 21', { retry_config: { enabled: true, max_attempts: 21 } }, 'retry_config.max_attempts'],
  ['quiet hours without end', quiet({ end_time: undefined }), 'quiet_hours.end_time'],
  ['quiet hours without start', quiet({ start_time: undefined }), 'quiet_hours.start_time'],
  ['quiet hours all day', quiet({ end_time: '22:00' }), 'quiet_hours.end_time must differ'],
  ['quiet hours at 24:00', quiet({ end_time: '24:00' }), 'quiet_hours.end_time must be a time'],
  ['quiet hours at 8:00', quiet({ end_time: '8:00' }), 'quiet_hours.end_time must be a time'],
  ['quiet hours on Mars', quiet({ timezone: 'Mars/X' }), 'quiet_hours.timezone must be an IANA time zone'],
  ['retry_rules is an object', { retry_rules: {} }, 'retry_rules must be a list'],
  ['a condition unknown', rule({ condition: 'asleep' }), 'retry_rules[0].condition must be one of'],
  ['a condition twice', { retry_rules: [{ condition: 'busy' }, { condition: 'BUSY' }] }, 'retry_rules[1].condition'],
  ['timing of no type', rule({ retry_timing: {} }), 'retry_rules[0].retry_timing'],
  ['timing of an unknown type', rule({ retry_timing: { type: 'SOON' } }), 'retry_rules[0].retry_timing'],
  ['AT without a time', rule({ retry_timing: { type: 'AT' } }), 'retry_rules[0].retry_timing.time'],
  ['AT 25:00', rule({ retry_timing: { type: 'AT', time: '25:00' } }), 'retry_rules[0].retry_timing.time'],
  ['AFTER -1', rule({ retry_timing: { type: 'AFTER', duration_minutes: -1 } }), 'duration_minutes'],
  ['AFTER half a minute', rule({ retry_timing: { type: 'AFTER', duration_minutes: 0.5 } }), 'duration_minutes'],
  [
    'more than 30 days of retries',
    { ...rule({ retry_timing: { type: 'AFTER', duration_minutes: 43_200 } }), retry_config: { max_attempts: 3 } },
    '30 days',
  ],
]

const TAKEN: readonly (readonly [string, object])[] = [
  ['1000 tasks', { tasks: many(1_000) }],
  ['dynamic_variables of 5 KB', task({ dynamic_variables: VARIABLES_4 })],
  ['max_retries 0', task({ max_retries: 0 })],
  [
    'max_retries 19 within 30 days',
    { ...task({ max_retries: 19 }), ...rule({ retry_timing: { type: 'AFTER', duration_minutes: 60 } }) },
  ],
  ['a name of 255 characters', { name: '🔔'.repeat(255) }],
  ['no name', { name: undefined }],
  ['a status in capitals', { status: 'DRAFT' }],
  ['an old zone name', { timezone: 'US/Eastern' }],
  ['AFTER 0', rule({ retry_timing: { type: 'AFTER', duration_minutes: 0 } })],
  ['nulls', { timezone: null, trigger_timestamp: null, retry_config: null, quiet_hours: null, retry_rules: null }],
  [
    'mark-up and templates as text',
    { name: `<script>'; DROP TABLE x; {{7*7}}`, ...task({ dynamic_variables: { first_name: '{{first_name}}' } }) },
  ],
]

describe('creating', () => {
  it.each(REFUSED)('%s is refused', async (_name, rest, text) => {
    const { status, body } = await server.ask('POST', '/batch-call', {
      ...batchRequest({ status: 'draft' }),
      ...undraft(rest),
    })
    expect(Object.keys(body)).toEqual(['message', 'status', 'error'])
    expect([status, body.message, body.status]).toEqual([400, 'Validation error', 'error'])
    expect(body.error).toContain(text)
  })

  it('nothing of what was refused is stored', async () => {
    expect((await server.ask('GET', '/batch-call/list')).body.data.batch_calls).toEqual([])
  })

  it.each(TAKEN)('%s is taken', async (_name, rest) => {
    const { status, body } = await server.ask('POST', '/batch-call', { ...batchRequest({ status: 'draft' }), ...rest })
    expect(status, JSON.stringify(body)).toBe(200)
  })

  it('an agent of nobody is not found', async () => {
    for (const rest of [{ agent_id: 'agent_00000000-0000-4000-8000-000000000000' }, task({ agent_id: 'nobody' })]) {
      const { status, body } = await server.ask('POST', '/batch-call', batchRequest(rest))
      expect([status, body.message]).toEqual([404, 'Not found'])
      expect(body.error).toContain('agent_id: Agent not found')
    }
  })

  it('unknown fields are ignored and named', async () => {
    const sent = batchRequest({
      status: 'draft',
      organization_id: 'x',
      sent: 5,
      tasks: [taskTo('10', { colour: 'red' })],
    })
    const { status, body, headers } = await server.ask('POST', '/batch-call', sent)
    expect([status, body.data.sent]).toEqual([200, 0])
    expect(headers.get('carillon-ignored-fields')).toBe('tasks[0].colour, organization_id, sent')
  })
})

/** Rules about the start hold for batch calls that are no drafts. */
function undraft(rest: object): object {
  return 'trigger_timestamp' in rest && !('status' in rest) ? { status: undefined, ...rest } : rest
}

describe('bodies', () => {
  it.each([
    ['', 400],
    ['null', 400],
    ['[]', 400],
    ['"x"', 400],
    ['42', 400],
    ['{"from_number": "x",}', 400],
    ["{'from_number': 'x'}", 400],
    ['{"from_number": NaN}', 400],
    ['{"from_number": "+1', 400],
    ['\ufeff{}', 400],
    ['{"__proto__": {"x": 1}}', 400],
    ['{"tasks": [{"constructor": {"prototype": 1}}]}', 400],
    [`${'['.repeat(20_000)}`, 400],
    ['{"name": "\\u0000"}', 400],
    ['{"name": "\\ud800"}', 400],
    [`{"tasks":[${'1,'.repeat(1_000_000)}1]}`, 400],
    [`{"name":"${'x'.repeat(8 * 1_048_576)}"}`, 413],
  ])('%.40s', async (body, expected) => {
    const reply = await server.send(
      { 'x-api-key': API_KEY, 'x-api-secret': API_SECRET, 'content-type': 'application/json' },
      'POST',
      '/batch-call',
      body,
    )
    expect([reply.status, reply.body.status]).toEqual([expected, 'error'])
  })

  it('other content types are refused in the envelope', async () => {
    const { status, body } = await server.ask('POST', '/batch-call', 'a=b', { 'content-type': 'text/plain' })
    expect([status, body]).toEqual([
      415,
      { message: 'Unsupported media type', status: 'error', error: expect.any(String) },
    ])
  })
})

describe('keys', () => {
  it.each([
    ['none', {}],
    ['the key alone', { 'x-api-key': API_KEY }],
    ['the secret alone', { 'x-api-secret': API_SECRET }],
    ['another secret', { 'x-api-key': API_KEY, 'x-api-secret': `${API_SECRET}x` }],
    ['swapped', { 'x-api-key': API_SECRET, 'x-api-secret': API_KEY }],
    ['a bearer token', { authorization: `Bearer ${API_KEY}:${API_SECRET}` }],
  ])('%s: 401 in the envelope', async (_name, headers) => {
    for (const [method, path] of [
      ['GET', '/batch-call/list'],
      ['POST', '/batch-call'],
      ['POST', '/batch-call/x/execute'],
    ]) {
      const { status, body } = await server.send(method!, path!, undefined, headers as Record<string, string>)
      expect([status, body.status, body.message]).toEqual([401, 'error', 'Authentication error'])
    }
  })

  it('a key of ours works with its id and its secret', async () => {
    const made = (await server.native('POST', '/keys', { name: 'zudu' })).body
    const [, id, secret] = /^(crl_[^_]+)_(.+)$/.exec(made.token ?? made.key ?? made.secret) ?? []
    const { status } = await server.send('GET', '/batch-call/list', undefined, {
      'x-api-key': id!,
      'x-api-secret': secret!,
    })
    expect(status).toBe(200)
  })
})

describe('paths', () => {
  it.each([
    ['GET', '/batch-call/batch_call_00000000000000000000000000000000', 404],
    ['GET', '/batch-call/x', 404],
    ['PUT', '/batch-call/x', 404],
    ['PATCH', '/batch-call/x', 404],
    ['DELETE', '/batch-call/x', 404],
    ['POST', '/batch-call/x/execute', 404],
    ['GET', '/batch-call/x/tasks', 404],
    ['GET', '/batch-call/x/nothing', 404],
    ['POST', '/api/agents/x/duplicate', 404],
    ['DELETE', '/batch-call', 405],
    ['GET', '/batch-call/x/execute', 405],
  ])('%s %s', async (method, path, expected) => {
    const body =
      method === 'PUT'
        ? batchRequest()
        : method === 'PATCH'
          ? { name: 'x' }
          : path.endsWith('duplicate')
            ? { agent_name: 'x' }
            : undefined
    const reply = await server.ask(method, path, body)
    expect([reply.status, reply.body.status]).toEqual([expected, 'error'])
  })

  it('the agents of the organization are listed', async () => {
    const { status, body } = await server.ask('GET', '/api/agents')
    expect(status).toBe(200)
    expect(body.data.agents.map(({ agent_name }: { agent_name: string }) => agent_name)).toContain('caller')
    expect(body.data.total_count).toBe(body.data.agents.length)
  })

  it('the document describes every route', async () => {
    const { body } = await server.send('GET', '/openapi/zudu.json')
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(['/batch-call', '/batch-call/list', '/batch-call/{batch_call_id}/tasks', '/api/agents']),
    )
  })
})
