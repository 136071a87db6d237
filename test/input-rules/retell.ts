import { AGENT, batchRequest, CALLER, type RetellServer, taskTo } from '../retell-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'
import type { RuleKind } from './request-fields.ts'

/** What Retell's wire format takes and refuses, a row for each rule. */

const BAD = 400
/** Something that is named and not there. */
const MISSING = 422
const TAKEN = 201
const DAY_MS = 86_400_000
const FOREIGN = 'agent_00000000000000000000000000000000'
const FOREIGN_BATCH = 'batch_call_00000000000000000000000000000000'
const FOREIGN_CALL = 'call_00000000000000000000000000000000'
const long = (chars: number) => 'x'.repeat(chars)

/** Far enough ahead that nothing is dialled. */
export const quietBatch = (rest: object = {}): object =>
  batchRequest(['10'], { trigger_timestamp: Date.now() + DAY_MS, ...rest })

const last = (field: string) => field.replace(/^.*\./, '').replace('?', '').replace('[]', '')
const bad = (field: string, kind: RuleKind, value: unknown): InputRule => [field, kind, value, BAD, last(field)]
const wrong = (field: string, ...values: unknown[]): InputRule[] =>
  values.map((value) => bad(field, 'wrong type', value))
const form = (field: string, ...values: unknown[]): InputRule[] => values.map((value) => bad(field, 'form', value))
const text = (field: string, most: number): InputRule[] => [
  ...wrong(field, 5),
  bad(field, 'one below', ''),
  bad(field, 'one above', long(most + 1)),
]
const range = (field: string, taken: number, { min, max }: { min: number; max: number }): InputRule[] => [
  ...wrong(field, String(min), min + 0.5),
  bad(field, 'one below', min - 1),
  [field, 'taken', min, taken],
  [field, 'taken', max, taken],
  bad(field, 'one above', max + 1),
]

const NUMBERS_THAT_ARE_NONE = [
  '14155550100',
  '+1 415 555 0100',
  'tel:+14155550100',
  '+1',
  '＋14155550100',
  'sip:a@b.example',
]

const from: readonly InputRule[] = [
  bad('from_number', 'missing', undefined),
  ...text('from_number', 100),
  ...form('from_number', ...NUMBERS_THAT_ARE_NONE),
  ['from_number', 'foreign id', '+19995550100', MISSING, 'from_number'],
]

const person = (prefix: string, taken: number): readonly InputRule[] => [
  bad(`${prefix}to_number`, 'missing', undefined),
  ...text(`${prefix}to_number`, 100),
  ...form(`${prefix}to_number`, ...NUMBERS_THAT_ARE_NONE),
  ...text(`${prefix}override_agent_id`, 255),
  [`${prefix}override_agent_id`, 'taken', AGENT, taken],
  [`${prefix}override_agent_id`, 'foreign id', FOREIGN, MISSING, 'override_agent_id'],
  ...wrong(`${prefix}agent_override`, 'x', []),
  ...wrong(`${prefix}agent_override.agent`, 'x', []),
  ...range(`${prefix}agent_override.agent.ring_duration_ms`, taken, { min: 5_000, max: 80_000 }),
  ...range(`${prefix}agent_override.agent.max_call_duration_ms`, taken, { min: 60_000, max: 7_200_000 }),
  ...wrong(`${prefix}retell_llm_dynamic_variables`, 'x', [], { age: 5 }),
  [`${prefix}retell_llm_dynamic_variables`, 'taken', null, taken],
  bad(`${prefix}retell_llm_dynamic_variables`, 'form', { x: long(70_000) }),
  ...wrong(`${prefix}metadata`, 'x', []),
  [`${prefix}metadata`, 'taken', { deep: [{ er: null }] }, taken],
  [`${prefix}metadata`, 'taken', null, taken],
  bad(`${prefix}metadata`, 'form', { x: long(70_000) }),
  ...wrong(`${prefix}ignore_e164_validation`, 'true', 1),
  [`${prefix}ignore_e164_validation`, 'taken', true, taken],
]

const WINDOW = 'call_time_window'
const BATCH: readonly InputRule[] = [
  ...from,
  ...wrong('name', 5, null),
  ['name', 'taken', '', TAKEN],
  ['name', 'taken', long(255), TAKEN],
  bad('name', 'one above', long(256)),
  bad('name', 'one above', long(1_021)),
  ['name', 'taken', "'; DROP TABLE batch; -- <script>", TAKEN],
  ...wrong('trigger_timestamp', '1900000000000', null),
  bad('trigger_timestamp', 'one below', -1),
  bad('trigger_timestamp', 'form', 1_900_000_000),
  bad('trigger_timestamp', 'form', 9e15),
  bad('trigger_timestamp', 'form', 8e15),
  ...wrong('reserved_concurrency', '5', 1.5),
  bad('reserved_concurrency', 'one below', -1),
  ['reserved_concurrency', 'taken', 0, TAKEN],
  ['reserved_concurrency', 'taken', 49, TAKEN],
  bad('reserved_concurrency', 'one above', 50),
  bad('reserved_concurrency', 'one above', 1_000_001),
  ...wrong(WINDOW, 'x', []),
  bad(`${WINDOW}.windows`, 'missing', undefined),
  ...wrong(`${WINDOW}.windows`, {}, 'x'),
  bad(`${WINDOW}.windows`, 'one below', []),
  bad(`${WINDOW}.windows`, 'one above', Array(101).fill({ start: 0, end: 1 })),
  ...wrong(`${WINDOW}.windows[]`, null, 'x'),
  ...['start', 'end'].flatMap((name) => [
    bad(`${WINDOW}.windows[].${name}`, 'missing', undefined),
    ...wrong(`${WINDOW}.windows[].${name}`, '540', 540.5),
    bad(`${WINDOW}.windows[].${name}`, 'one below', -1),
    bad(`${WINDOW}.windows[].${name}`, 'one above', 1_441),
  ]),
  [`${WINDOW}.windows[].start`, 'taken', 0, TAKEN],
  [`${WINDOW}.windows[].end`, 'taken', 1_440, TAKEN],
  [`${WINDOW}.windows[].end`, 'form', 540, BAD, 'later than start'],
  [`${WINDOW}.windows[].end`, 'form', 100, BAD, 'later than start'],
  ...text(`${WINDOW}.timezone`, 100),
  ...form(`${WINDOW}.timezone`, 'Mars/Olympus', '+02:00', 'recipient'),
  [`${WINDOW}.timezone`, 'taken', 'Europe/London', TAKEN],
  ...wrong(`${WINDOW}.day`, 'Monday', {}),
  [`${WINDOW}.day`, 'taken', [], TAKEN],
  ...wrong(`${WINDOW}.day[]`, 1, null),
  ...form(`${WINDOW}.day[]`, 'monday', 'Mon'),
  bad('tasks', 'missing', undefined),
  ...wrong('tasks', {}, 'x'),
  bad('tasks', 'one below', []),
  ...wrong('tasks[]', null, '+14155550100'),
  ...person('tasks[].', TAKEN),
]

const page = (): readonly InputRule[] => [
  ['?limit', 'taken', 1_000, 200],
  bad('?limit', 'one below', 0),
  bad('?limit', 'one above', 1_001),
  bad('?limit', 'form', '1e1'),
  bad('?pagination_key', 'one below', ''),
  bad('?pagination_key', 'one above', long(256)),
  ['?pagination_key', 'foreign id', 'nothing', BAD, 'pagination_key'],
  ['?sort_order', 'taken', 'ascending', 200],
  bad('?sort_order', 'form', 'down'),
]

const FILTER = 'filter_criteria'
/** A filter is an object of three fields, each of which must be as it is. */
const filter = (name: string, values: { type: string; op: string; taken: unknown; wrong: unknown }): InputRule[] => {
  const at = `${FILTER}.${name}`
  const beside = { filter_criteria: { [name]: { type: values.type, op: values.op, value: values.taken } } }
  const with_ = (rule: InputRule): InputRule => [rule[0], rule[1], rule[2], rule[3], rule[4], beside]
  return [
    ...wrong(at, 'x', []),
    with_([`${at}.value`, 'taken', values.taken, 200]),
    ...['type', 'op', 'value'].flatMap((part) => [
      with_(bad(`${at}.${part}`, 'missing', undefined)),
      with_(bad(`${at}.${part}`, 'wrong type', 5)),
    ]),
    with_([`${at}.op`, 'form', 'ne', BAD]),
    with_([`${at}.value`, 'form', values.wrong, BAD]),
  ]
}
const words = (name: string, word: string): InputRule[] => {
  const beside = { filter_criteria: { [name]: { type: 'enum', op: 'in', value: [word] } } }
  return [
    ...filter(name, { type: 'enum', op: 'in', taken: [word], wrong: ['nothing'] }),
    [`${FILTER}.${name}.value[]`, 'wrong type', 5, BAD, 'value', beside],
  ]
}
const DIALLED = { filter_criteria: { start_timestamp: { type: 'range', op: 'bt', value: [1, 2] } } }
const FOR_CALLS: readonly InputRule[] = [
  ...wrong(FILTER, 'x', []),
  [FILTER, 'form', { to_number: { type: 'string', op: 'eq', value: CALLER } }, BAD, 'to_number'],
  ...filter('batch_call_id', { type: 'string', op: 'eq', taken: FOREIGN_BATCH, wrong: '' }),
  [
    `${FILTER}.batch_call_id.value`,
    'one below',
    '',
    BAD,
    'value',
    { filter_criteria: { batch_call_id: { type: 'string', op: 'eq' } } },
  ],
  [
    `${FILTER}.batch_call_id.value`,
    'one above',
    long(256),
    BAD,
    'value',
    { filter_criteria: { batch_call_id: { type: 'string', op: 'eq' } } },
  ],
  [
    `${FILTER}.batch_call_id.value`,
    'foreign id',
    FOREIGN_BATCH,
    200,
    '"items":[]',
    { filter_criteria: { batch_call_id: { type: 'string', op: 'eq' } } },
  ],
  ...wrong(`${FILTER}.agent`, 'x', {}),
  bad(`${FILTER}.agent`, 'one above', [{ agent_id: AGENT }, { agent_id: AGENT }]),
  ...wrong(`${FILTER}.agent[]`, 'x', null),
  [`${FILTER}.agent[].agent_id`, 'missing', undefined, BAD, 'agent_id', { filter_criteria: { agent: [{}] } }],
  ...text(`${FILTER}.agent[].agent_id`, 255),
  [`${FILTER}.agent[].agent_id`, 'foreign id', FOREIGN, 200, '"items":[]'],
  [`${FILTER}.agent[].version`, 'wrong type', 5, BAD, 'version', { filter_criteria: { agent: [{ agent_id: AGENT }] } }],
  [
    `${FILTER}.agent[].version[]`,
    'wrong type',
    'x',
    BAD,
    'version',
    { filter_criteria: { agent: [{ agent_id: AGENT }] } },
  ],
  ...words('call_status', 'ended'),
  ...words('disconnection_reason', 'dial_busy'),
  ...words('call_type', 'phone_call'),
  ...words('direction', 'outbound'),
  ...wrong(`${FILTER}.start_timestamp`, 5, []),
  ...['type', 'op', 'value'].flatMap((part): InputRule[] => [
    [`${FILTER}.start_timestamp.${part}`, 'missing', undefined, BAD, 'start_timestamp', DIALLED],
    [`${FILTER}.start_timestamp.${part}`, 'wrong type', true, BAD, 'start_timestamp', DIALLED],
  ]),
  [`${FILTER}.start_timestamp.value`, 'taken', [0, 9e15], 200, undefined, DIALLED],
  [`${FILTER}.start_timestamp.value`, 'one below', [1], BAD, 'start_timestamp', DIALLED],
  [`${FILTER}.start_timestamp.value`, 'one above', [1, 2, 3], BAD, 'start_timestamp', DIALLED],
  [`${FILTER}.start_timestamp.value`, 'form', [2, 1], BAD, 'start_timestamp', DIALLED],
  [`${FILTER}.start_timestamp.value[]`, 'wrong type', 'x', BAD, 'start_timestamp', DIALLED],
  ...wrong('include_total', 'true', 1),
  ['include_total', 'form', true, BAD, 'include_total'],
  ...range('limit', 200, { min: 1, max: 1_000 }),
  ...text('pagination_key', 255),
  ['pagination_key', 'foreign id', FOREIGN_CALL, BAD, 'pagination_key'],
  ['pagination_key', 'form', 'tampered', BAD, 'pagination_key'],
  ...range('skip', 200, { min: 0, max: 10_000 }),
  ...wrong('sort_order', 5),
  ...form('sort_order', 'down'),
]

const CHANNEL = { filter_criteria: { channel: { type: 'string', op: 'eq', value: 'voice' } } }

export const retellRules: readonly OperationRules<RetellServer>[] = [
  {
    operation: 'POST /create-batch-call',
    body: () =>
      quietBatch({
        call_time_window: { windows: [{ start: 540, end: 1_020 }], timezone: 'America/New_York', day: ['Monday'] },
      }),
    rules: BATCH,
    ids: ['from_number', 'tasks[].override_agent_id'],
  },
  {
    operation: 'POST /v2/create-phone-call',
    body: () => ({ from_number: CALLER, ...taskTo('10') }),
    rules: [...from, ...person('', TAKEN)],
    ids: ['from_number', 'override_agent_id'],
  },
  {
    operation: 'POST /v3/list-calls',
    body: () => ({}),
    rules: FOR_CALLS,
    ids: [`${FILTER}.batch_call_id.value`, `${FILTER}.agent[].agent_id`, 'pagination_key'],
  },
  {
    operation: 'POST /v2/list-agents',
    body: () => ({}),
    rules: [
      ...page(),
      ...wrong(FILTER, 'x', []),
      [FILTER, 'form', { name: 'x' }, BAD, 'name'],
      ...wrong(`${FILTER}.channel`, 'x', []),
      ...['type', 'op', 'value'].flatMap((part): InputRule[] => [
        [`${FILTER}.channel.${part}`, 'missing', undefined, BAD, part, CHANNEL],
        [`${FILTER}.channel.${part}`, 'wrong type', 5, BAD, part, CHANNEL],
        [`${FILTER}.channel.${part}`, 'form', 'x', BAD, part, CHANNEL],
      ]),
      [`${FILTER}.channel.value`, 'taken', 'chat', 200, '"items":[]', CHANNEL],
      ...wrong(`${FILTER}.query`, 5),
      bad(`${FILTER}.query`, 'one above', long(256)),
      [`${FILTER}.query`, 'taken', 'nobody', 200, '"items":[]'],
    ],
    ids: ['?pagination_key'],
  },
  { operation: 'GET /v2/list-phone-numbers', rules: page(), ids: ['?pagination_key'] },
  {
    operation: 'PATCH /update-agent/{agent_id}',
    path: () => `/update-agent/${AGENT}`,
    body: () => ({}),
    rules: [
      ...text('agent_name', 1_020),
      ['agent_name', 'taken', 'caller', 200],
      bad('agent_name', 'one above', long(256)),
      ...text('webhook_url', 2_000),
      ...form('webhook_url', 'ftp://127.0.0.1/', 'http://10.0.0.1/', 'nothing'),
      ['webhook_url', 'taken', null, 200],
      ...wrong('webhook_events', 'call_ended', {}),
      bad('webhook_events', 'one below', []),
      bad('webhook_events', 'form', ['call_ended']),
      ...wrong('webhook_events[]', 5),
      ...form('webhook_events[]', 'transcript_updated'),
    ],
  },
]
