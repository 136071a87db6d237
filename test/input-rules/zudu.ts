import { AGENT, batchRequest, CALLER, taskTo, type ZuduServer } from '../zudu-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'

/** What Zudu's wire format takes and refuses, a row for each rule. */

const BAD = 400
const VARIABLES_OF_5_KB = { v: 'x'.repeat(5_120 - '{"v":""}'.length) }
const many = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ to_number: `+1415556${String(at).padStart(4, '0')}` }))
const NUMBERS_THAT_ARE_NONE = [
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
]
const FOREIGN_AGENT = 'agent_00000000-0000-4000-8000-000000000000'
const PAST_SECONDS = 1_735_718_400
const immediate = { status: undefined }
const quiet = { quiet_hours: { enabled: true, start_time: '22:00', end_time: '08:00' } }
const busy = { retry_rules: [{ condition: 'busy', enabled: true }] }
const after = (duration_minutes: number) => ({ retry_timing: { type: 'AFTER', duration_minutes } })

/** What a batch call may be changed to, too. */
const TERMS: readonly InputRule[] = [
  ['name', 'wrong type', 5, BAD, 'name must be a text'],
  ['name', 'taken', '🔔'.repeat(255), 200],
  ['name', 'one above', '🔔'.repeat(256), BAD, 'name must have at most 255'],
  ['name', 'taken', `<script>'; DROP TABLE x; {{7*7}}`, 200],
  ['agent_id', 'wrong type', 5, BAD, 'agent_id must be a text'],
  ['agent_id', 'one below', '', BAD, 'agent_id must have at least 1'],
  ['agent_id', 'one above', 'a'.repeat(256), BAD, 'agent_id must have at most 255'],
  ['agent_id', 'foreign id', FOREIGN_AGENT, 404, 'agent_id: Agent not found'],
  ['trigger_timestamp', 'wrong type', '1735718400000', BAD, 'trigger_timestamp must be'],
  ['trigger_timestamp', 'wrong type', 1_735_718_400_000.5, BAD, 'trigger_timestamp must be'],
  ['trigger_timestamp', 'form', 0, BAD, 'trigger_timestamp must be an instant'],
  ['trigger_timestamp', 'form', -5, BAD, 'trigger_timestamp must be an instant'],
  ['trigger_timestamp', 'form', PAST_SECONDS * 1_000_000, BAD, 'trigger_timestamp must be an instant'],
  ['trigger_timestamp', 'taken', null, 200],
  ['timezone', 'wrong type', 5, BAD, 'timezone must be a text'],
  ['timezone', 'taken', 'US/Eastern', 200],
  ...['Mars/X', 'FOO+5', '+05:30', 'PST8PST'].map((zone): InputRule => ['timezone', 'form', zone, BAD, 'timezone']),
  ['timezone', 'one below', '', BAD, 'timezone'],
  ['timezone', 'one above', 'x'.repeat(101), BAD, 'timezone'],
  ['status', 'wrong type', 5, BAD, 'status must be'],
  ['status', 'taken', 'DRAFT', 200],
  ['status', 'form', 'completed', BAD, 'status cannot be set to completed'],
  ['status', 'form', 'FAILED', BAD, 'status cannot be set to failed'],
  ['status', 'form', 'paused', BAD, 'status must be one of'],
  ['send_now', 'wrong type', 'true', BAD, 'send_now must be true or false'],
  ['send_now', 'taken', null, 200],
]

const CREATION: readonly InputRule[] = [
  ...TERMS,
  ['from_number', 'missing', undefined, BAD, 'from_number is missing'],
  ['from_number', 'wrong type', 14_157_774_444, BAD, 'from_number must be a text'],
  ['from_number', 'form', '14157774444', BAD, 'from_number must be a telephone number'],
  ['from_number', 'form', `${CALLER}\r\nX: 1`, BAD, 'from_number'],
  ['from_number', 'foreign id', '+14157774445', BAD, 'from_number'],
  ['trigger_timestamp', 'form', PAST_SECONDS * 1_000, BAD, 'The start lies in the past', immediate],
  ['trigger_timestamp', 'form', PAST_SECONDS, BAD, 'trigger_timestamp', immediate],
  ['trigger_timestamp', 'form', PAST_SECONDS, BAD, 'trigger_timestamp', { status: 'scheduled' }],
  ['trigger_timestamp', 'missing', undefined, BAD, 'trigger_timestamp is missing', { status: 'scheduled' }],
  ['agent_id', 'missing', undefined, BAD, 'tasks[0].agent_id is missing'],
  ['tasks', 'missing', undefined, BAD, 'tasks is missing'],
  ['tasks', 'wrong type', {}, BAD, 'tasks must be a list'],
  ['tasks', 'one below', [], BAD, 'tasks must have at least 1'],
  ['tasks', 'taken', many(1_000), 200],
  ['tasks', 'one above', many(1_001), BAD, 'tasks must have at most 1000'],
  ['tasks[]', 'wrong type', '+14155550110', BAD, 'tasks[0]'],
  ['tasks', 'wrong type', [taskTo('10'), null], BAD, 'tasks[1]'],
  ['tasks[].to_number', 'missing', undefined, BAD, 'tasks[0].to_number is missing'],
  ['tasks[].to_number', 'wrong type', 14_155_550_110, BAD, 'tasks[0].to_number'],
  ['tasks[].to_number', 'form', CALLER, BAD, 'tasks[0].to_number must differ from from_number'],
  ...NUMBERS_THAT_ARE_NONE.map((number): InputRule => ['tasks[].to_number', 'form', number, BAD, 'tasks[0].to_number']),
  ['tasks[].dynamic_variables', 'wrong type', [], BAD, 'tasks[0].dynamic_variables must be an object'],
  ['tasks[].dynamic_variables', 'taken', VARIABLES_OF_5_KB, 200],
  ['tasks[].dynamic_variables', 'taken', { first_name: '{{first_name}}' }, 200],
  ['tasks[].dynamic_variables', 'one above', { v: `${VARIABLES_OF_5_KB.v}x` }, BAD, 'at most 5 KB'],
  ['tasks[].max_retries', 'one below', -1, BAD, 'tasks[0].max_retries must be at least 0'],
  ['tasks[].max_retries', 'taken', 0, 200],
  ['tasks[].max_retries', 'taken', 19, 200, '', { retry_rules: [{ condition: 'busy', ...after(60) }] }],
  ['tasks[].max_retries', 'one above', 20, BAD, 'tasks[0].max_retries must be at most 19'],
  ['tasks[].max_retries', 'form', 1e9, BAD, 'tasks[0].max_retries'],
  ['tasks[].max_retries', 'wrong type', '3', BAD, 'tasks[0].max_retries must be'],
  ['tasks[].max_retries', 'wrong type', 1.5, BAD, 'tasks[0].max_retries must be'],
  ['tasks[].agent_id', 'wrong type', 5, BAD, 'tasks[0].agent_id must be a text'],
  ['tasks[].agent_id', 'one below', '', BAD, 'tasks[0].agent_id'],
  ['tasks[].agent_id', 'one above', 'a'.repeat(256), BAD, 'tasks[0].agent_id'],
  ['tasks[].agent_id', 'foreign id', 'nobody', 404, 'agent_id: Agent not found'],
  ['tasks', 'missing', [taskTo('10', { agent_id: AGENT }), taskTo('11')], BAD, 'tasks[1].agent_id', { agent_id: null }],
  ['retry_config', 'wrong type', 3, BAD, 'retry_config must be an object'],
  ['retry_config', 'taken', null, 200],
  ['retry_config.enabled', 'wrong type', 1, BAD, 'retry_config.enabled must be true or false'],
  ['retry_config.max_attempts', 'wrong type', '3', BAD, 'retry_config.max_attempts'],
  ['retry_config.max_attempts', 'one below', 0, BAD, 'retry_config.max_attempts must be at least 1'],
  ['retry_config.max_attempts', 'taken', 20, 200],
  ['retry_config.max_attempts', 'one above', 21, BAD, 'retry_config.max_attempts must be at most 20'],
  ['quiet_hours', 'wrong type', '22:00', BAD, 'quiet_hours must be an object'],
  ['quiet_hours', 'taken', null, 200],
  ['quiet_hours.enabled', 'wrong type', 'yes', BAD, 'quiet_hours.enabled must be true or false', quiet],
  ['quiet_hours.start_time', 'missing', undefined, BAD, 'quiet_hours.start_time', quiet],
  ['quiet_hours.start_time', 'wrong type', 22, BAD, 'quiet_hours.start_time must be a text', quiet],
  ['quiet_hours.end_time', 'missing', undefined, BAD, 'quiet_hours.end_time', quiet],
  ['quiet_hours.end_time', 'wrong type', 8, BAD, 'quiet_hours.end_time must be a text', quiet],
  ['quiet_hours.end_time', 'form', '22:00', BAD, 'quiet_hours.end_time must differ', quiet],
  ['quiet_hours.end_time', 'one above', '24:00', BAD, 'quiet_hours.end_time must be a time', quiet],
  ['quiet_hours.end_time', 'form', '8:00', BAD, 'quiet_hours.end_time must be a time', quiet],
  ['quiet_hours.timezone', 'form', 'Mars/X', BAD, 'quiet_hours.timezone must be an IANA time zone', quiet],
  ['quiet_hours.timezone', 'wrong type', 5, BAD, 'quiet_hours.timezone', quiet],
  ['quiet_hours.timezone', 'one below', '', BAD, 'quiet_hours.timezone', quiet],
  ['quiet_hours.timezone', 'one above', 'x'.repeat(101), BAD, 'quiet_hours.timezone', quiet],
  ['retry_rules', 'wrong type', {}, BAD, 'retry_rules must be a list'],
  ['retry_rules', 'taken', null, 200],
  ['retry_rules', 'one above', Array(20).fill({ condition: 'busy' }), BAD, 'retry_rules must have at most'],
  ['retry_rules[]', 'wrong type', 'busy', BAD, 'retry_rules[0] must be an object'],
  ['retry_rules[].condition', 'missing', undefined, BAD, 'retry_rules[0].condition', busy],
  ['retry_rules[].condition', 'wrong type', 5, BAD, 'retry_rules[0].condition'],
  ['retry_rules[].condition', 'form', 'asleep', BAD, 'retry_rules[0].condition must be one of'],
  ['retry_rules', 'form', [{ condition: 'busy' }, { condition: 'BUSY' }], BAD, 'retry_rules[1].condition'],
  ['retry_rules[].enabled', 'wrong type', 'yes', BAD, 'retry_rules[0].enabled must be true or false', busy],
  ['retry_rules[].retry_timing', 'wrong type', 5, BAD, 'retry_rules[0].retry_timing', busy],
  ['retry_rules[].retry_timing', 'form', {}, BAD, 'retry_rules[0].retry_timing', busy],
  ['retry_rules[].retry_timing.type', 'missing', undefined, BAD, 'retry_rules[0].retry_timing', busy],
  ['retry_rules[].retry_timing.type', 'wrong type', 5, BAD, 'retry_rules[0].retry_timing', busy],
  ['retry_rules[].retry_timing.type', 'form', 'SOON', BAD, 'retry_rules[0].retry_timing', busy],
  ['retry_rules[].retry_timing', 'missing', { type: 'AT' }, BAD, 'retry_rules[0].retry_timing.time', busy],
  ['retry_rules[].retry_timing.time', 'missing', undefined, BAD, 'retry_timing', busy],
  [
    'retry_rules[].retry_timing.time',
    'one above',
    '25:00',
    BAD,
    'retry_rules[0].retry_timing.time',
    { retry_rules: [{ condition: 'busy', retry_timing: { type: 'AT' } }] },
  ],
  [
    'retry_rules[].retry_timing.time',
    'wrong type',
    9,
    BAD,
    'retry_rules[0].retry_timing.time',
    { retry_rules: [{ condition: 'busy', retry_timing: { type: 'AT' } }] },
  ],
  ...(
    [
      ['missing', undefined, BAD],
      ['one below', -1, BAD],
      ['taken', 0, 200],
      ['wrong type', 0.5, BAD],
      ['one above', 43_201, BAD],
    ] as const
  ).map(
    ([kind, value, status]): InputRule => [
      'retry_rules[].retry_timing.duration_minutes',
      kind,
      value,
      status,
      status === BAD ? 'duration_minutes' : '',
      { retry_rules: [{ condition: 'busy', retry_timing: { type: 'AFTER' } }] },
    ],
  ),
  [
    'retry_config',
    'form',
    { max_attempts: 3 },
    BAD,
    '30 days',
    { retry_rules: [{ condition: 'busy', ...after(43_200) }] },
  ],
]

const pages = (status: number): readonly InputRule[] => [
  ['?page', 'taken', 0, status],
  ['?page', 'one below', -1, BAD, 'page'],
  ['?page', 'form', '1.5', BAD, 'page'],
  ['?page', 'form', 'abc', BAD, 'page'],
  ['?page', 'form', '', BAD, 'page'],
  ['?limit', 'taken', 100, status],
  ['?limit', 'one below', 0, BAD, 'limit'],
  ['?limit', 'one above', 101, BAD, 'limit'],
  ['?limit', 'form', '1e1', BAD, 'limit'],
]
const sorting = (prefix: string): readonly InputRule[] => [
  [`${prefix}sort_by`, 'taken', 'name', 200],
  [`${prefix}sort_by`, 'form', 'agent', BAD, 'sort_by'],
  [`${prefix}sort_by`, 'form', '', BAD, 'sort_by'],
  [`${prefix}sort_order`, 'taken', 'ascending', 200],
  [`${prefix}sort_order`, 'form', 'up', BAD, 'sort_order'],
]
const texts = (field: string): readonly InputRule[] => [
  [field, 'wrong type', 'x', BAD, `${field} must be a list`],
  [field, 'taken', null, 200],
  [field, 'one above', Array(101).fill('draft'), BAD, `${field} must have at most 100`],
  [`${field}[]`, 'wrong type', 5, BAD, `${field}[0]`],
]

const draft = () => batchRequest({ status: 'draft' })
/** Of a batch call that the test makes first. */
export interface ZuduWorld {
  readonly server: ZuduServer
  readonly batchId: string
}
const ofBatch = ({ batchId }: ZuduWorld) => `/batch-call/${batchId}`

export const zuduRules: readonly OperationRules<ZuduWorld>[] = [
  { operation: 'POST /batch-call', body: draft, rules: CREATION, ids: ['agent_id', 'tasks[].agent_id', 'from_number'] },
  {
    operation: 'PUT /batch-call/{batch_call_id}',
    path: ofBatch,
    body: draft,
    rules: CREATION,
    ids: ['agent_id', 'tasks[].agent_id', 'from_number'],
  },
  {
    operation: 'PATCH /batch-call/{batch_call_id}',
    path: ofBatch,
    body: () => ({ name: 'changed' }),
    rules: TERMS,
    ids: ['agent_id'],
  },
  {
    operation: 'GET /batch-call/list',
    rules: [
      ...pages(200),
      ...sorting('?'),
      ['?limit', 'taken', 'null', 200],
      ['?limit', 'taken', '', 200],
      ['?size', 'taken', 1, 200],
      ['?size', 'one below', 0, BAD, 'size'],
      ['?size', 'one above', 101, BAD, 'size'],
      ['?performance_mode', 'taken', 'ultra_fast', 200],
      ['?performance_mode', 'form', 'slow', BAD, 'performance_mode'],
    ],
  },
  {
    operation: 'POST /batch-call/list',
    body: () => ({}),
    rules: [
      ['filter_criteria', 'wrong type', 'x', BAD, 'filter_criteria must be an object'],
      ...texts('filter_criteria.status'),
      ['filter_criteria.status[]', 'form', 'paused', BAD, 'filter_criteria.status[0] must be one of'],
      ...texts('filter_criteria.agent_id'),
      ['filter_criteria.agent_id[]', 'one below', '', BAD, 'filter_criteria.agent_id[0]'],
      ['filter_criteria.agent_id[]', 'one above', 'x'.repeat(256), BAD, 'filter_criteria.agent_id[0]'],
      ['filter_criteria.agent_id', 'foreign id', [FOREIGN_AGENT], 200, '"batch_calls":[]'],
      ...texts('filter_criteria.name'),
      ['filter_criteria.name[]', 'one below', '', BAD, 'filter_criteria.name[0]'],
      ['filter_criteria.name[]', 'one above', 'x'.repeat(256), BAD, 'filter_criteria.name[0]'],
      ['pagination', 'wrong type', [], BAD, 'pagination must be an object'],
      ['pagination.page', 'wrong type', '0', BAD, 'pagination.page'],
      ['pagination.page', 'one below', -1, BAD, 'pagination.page'],
      ['pagination.limit', 'wrong type', '20', BAD, 'pagination.limit'],
      ['pagination.limit', 'one below', 0, BAD, 'pagination.limit'],
      ['pagination.limit', 'taken', 100, 200],
      ['pagination.limit', 'one above', 101, BAD, 'pagination.limit'],
      ...sorting(''),
      ['sort_by', 'wrong type', 5, BAD, 'sort_by'],
      ['sort_order', 'wrong type', null, BAD, 'sort_order'],
    ],
    ids: ['filter_criteria.agent_id'],
  },
  {
    operation: 'GET /batch-call/{batch_call_id}/tasks',
    path: (world) => `${ofBatch(world)}/tasks`,
    rules: pages(200),
  },
  {
    operation: 'GET /batch-call/{batch_call_id}/tasks.json',
    path: (world) => `${ofBatch(world)}/tasks.json`,
    rules: [
      ['?token', 'missing', undefined, BAD, 'token is missing'],
      ['?token', 'one below', '', BAD, 'token'],
      ['?token', 'one above', 'x'.repeat(201), BAD, 'token'],
      ['?token', 'foreign id', 'x', 401, 'This link opens nothing'],
    ],
    ids: ['?token'],
  },
  {
    operation: 'POST /api/agents/{agent_id}/duplicate',
    path: () => `/api/agents/${AGENT}/duplicate`,
    body: () => ({ agent_name: 'twin' }),
    rules: [
      ['agent_name', 'missing', undefined, BAD, 'agent_name is missing'],
      ['agent_name', 'wrong type', 5, BAD, 'agent_name must be a text'],
      ['agent_name', 'one below', '', BAD, 'agent_name must have at least 1'],
      ['agent_name', 'taken', 'n'.repeat(255), 200],
      ['agent_name', 'one above', 'n'.repeat(256), BAD, 'agent_name must have at most 255'],
    ],
  },
  {
    operation: 'POST /api/post-call-webhooks/create',
    body: () => ({ name: 'hook', url: 'https://example.com/hook' }),
    rules: [
      ['name', 'missing', undefined, BAD, 'name is missing'],
      ['name', 'wrong type', 5, BAD, 'name must be a text'],
      ['name', 'one below', '', BAD, 'name must have at least 1'],
      ['name', 'one above', 'n'.repeat(256), BAD, 'name must have at most 255'],
      ['url', 'missing', undefined, BAD, 'url is missing'],
      ['url', 'wrong type', 5, BAD, 'url must be a text'],
      ['url', 'one below', '', BAD, 'url'],
      ['url', 'one above', `https://example.com/${'x'.repeat(2_000)}`, BAD, 'url must have at most 2000'],
      ['url', 'form', 'http://example.com', BAD, 'Webhook URL must be HTTPS'],
      ['url', 'form', 'https://10.0.0.1/', BAD, 'url'],
      ['description', 'wrong type', 5, BAD, 'description must be a text'],
      ['description', 'one above', 'x'.repeat(2_001), BAD, 'description must have at most 2000'],
      ['is_active', 'wrong type', 'yes', BAD, 'is_active must be true or false'],
    ],
  },
]
