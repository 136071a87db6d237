import { AGENT, batchOf, type CartesiaServer, NUMBER, numberEndingIn } from '../cartesia-server.ts'
import type { InputRule, OperationRules } from './input-rule.ts'

/** What Cartesia's wire format takes and refuses, a row for each rule. */

const BAD = 400
const TAKEN = 201
const DAY_MS = 86_400_000
const FOREIGN = 'agent_0000000000000000000000'
const long = (chars: number) => 'x'.repeat(chars)

/** An instant so many days from now. */
export const daysAhead = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString()
/** Far enough ahead that nothing is dialled. */
export const quietBatch = (rest: object = {}): object => batchOf(['10'], { scheduled_at: daysAhead(1), ...rest })

const id = (field: string, foreign: string, status: number): readonly InputRule[] => [
  [field, 'missing', undefined, BAD, field],
  [field, 'wrong type', 7, BAD, field],
  [field, 'one below', '', BAD, field],
  [field, 'one above', long(256), BAD, field],
  [field, 'foreign id', foreign, status],
]
const range = (field: string, taken: number, ends: { min: number; max: number }): readonly InputRule[] => [
  [field, 'wrong type', String(ends.min), BAD, field],
  [field, 'wrong type', ends.min + 0.5, BAD, field],
  [field, 'one below', ends.min - 1, BAD, field],
  [field, 'taken', ends.min, taken],
  [field, 'taken', ends.max, taken],
  [field, 'one above', ends.max + 1, BAD, field],
]

const NUMBERS_THAT_ARE_NONE = [
  '14155550100',
  '+1 415 555 0100',
  'tel:+14155550100',
  '+1',
  '+1234567890123456',
  '＋14155550100',
  'sip:attacker@example.com',
]
const people = (list: string, taken: number, most: number): readonly InputRule[] => [
  [list, 'missing', undefined, BAD, list],
  [list, 'wrong type', {}, BAD, list],
  [list, 'one below', [], BAD, list],
  [list, 'one above', Array(most + 1).fill({ to_number: '+14155550100' }), BAD, list],
  [`${list}[]`, 'wrong type', null, BAD, `${list}[0]`],
  [`${list}[]`, 'wrong type', '+14155550100', BAD, `${list}[0]`],
  [`${list}[].to_number`, 'missing', undefined, BAD, `${list}[0].to_number`],
  [`${list}[].to_number`, 'wrong type', 14_155_550_100, BAD, `${list}[0].to_number`],
  [`${list}[].to_number`, 'one below', '', BAD, `${list}[0].to_number`],
  [`${list}[].to_number`, 'one above', `+${'1'.repeat(100)}`, BAD, `${list}[0].to_number`],
  [`${list}[].metadata`, 'wrong type', 'x', BAD, `${list}[0].metadata`],
  [`${list}[].metadata`, 'wrong type', [], BAD, `${list}[0].metadata`],
  [`${list}[].metadata`, 'taken', null, taken],
]

const BATCH: readonly InputRule[] = [
  ['name', 'missing', undefined, BAD, 'name'],
  ['name', 'one below', '', BAD, 'name'],
  ['name', 'form', '   ', BAD, 'name'],
  ['name', 'wrong type', 5, BAD, 'name'],
  ['name', 'taken', 'n'.repeat(255), TAKEN],
  ['name', 'one above', 'n'.repeat(256), BAD, 'name'],
  ['name', 'taken', "'; DROP TABLE batch; -- <script>", TAKEN],
  ...id('agent_id', FOREIGN, 404),
  ['agent_id', 'foreign id', 'nobody', 404],
  ...id('from_number_id', 'ap_0000000000000000000000', 404),
  ['from_number_id', 'foreign id', '+19995550100', 404],
  ...range('target_concurrency_limit', TAKEN, { min: 1, max: 50 }),
  ['target_concurrency_limit', 'one above', 1_000_001, BAD, 'target_concurrency_limit'],
  ...range('ringing_timeout_seconds', TAKEN, { min: 5, max: 80 }),
  ...range('max_call_duration_minutes', TAKEN, { min: 1, max: 480 }),
  ['scheduled_at', 'one below', '2023-11-07T05:31:56Z', BAD, 'scheduled_at'],
  ['scheduled_at', 'form', '2030-02-29T00:00:00Z', BAD, 'scheduled_at'],
  ['scheduled_at', 'form', '2030-01-01T24:00:00Z', BAD, 'scheduled_at'],
  ['scheduled_at', 'form', '2030-01-01T00:00:00', BAD, 'scheduled_at'],
  ['scheduled_at', 'form', '300000-01-01T00:00:00Z', BAD, 'scheduled_at'],
  ['scheduled_at', 'wrong type', 1_900_000_000, BAD, 'scheduled_at'],
  ['scheduled_at', 'taken', daysAhead(29.99), TAKEN],
  ['scheduled_at', 'one above', daysAhead(30.01), BAD, 'scheduled_at'],
  // The first version does not know it and takes no notice.
  ['region', 'taken', 'US', TAKEN],
  ['region', 'wrong type', 5, BAD, 'region'],
  ...people('recipients', TAKEN, 5_000),
  ...NUMBERS_THAT_ARE_NONE.map(
    (number): InputRule => ['recipients[].to_number', 'form', number, BAD, 'recipients[0].to_number'],
  ),
  ['recipients[].metadata', 'one above', { x: 'y'.repeat(70_000) }, BAD, 'recipients[0].metadata'],
]

const page = (taken: number): readonly InputRule[] => [
  ['?limit', 'taken', 100, taken],
  ['?limit', 'one below', 0, BAD, 'limit'],
  ['?limit', 'one above', 101, BAD, 'limit'],
  ['?limit', 'form', '1e1', BAD, 'limit'],
  ...['?starting_after', '?ending_before'].flatMap((field): InputRule[] => [
    [field, 'one below', '', BAD, field.slice(1)],
    [field, 'one above', long(256), BAD, field.slice(1)],
    [field, 'foreign id', 'acb_0000000000000000000000', BAD],
  ]),
]
const CURSORS = ['?starting_after', '?ending_before']
const idInQuery = (field: string, foreign: string, status: number): readonly InputRule[] => [
  [field, 'one below', '', BAD, field.slice(1)],
  [field, 'one above', long(256), BAD, field.slice(1)],
  [field, 'foreign id', foreign, status],
]
const time = (field: string): readonly InputRule[] => [
  [field, 'taken', '2026-01-01T00:00:00Z', 200],
  [field, 'form', 'yesterday', BAD, field.slice(1)],
  [field, 'form', '2026-02-30T00:00:00Z', BAD, field.slice(1)],
]

export const cartesiaRules: readonly OperationRules<CartesiaServer>[] = [
  {
    operation: 'POST /agents/calls/batches',
    body: quietBatch,
    rules: BATCH,
    ids: ['agent_id', 'from_number_id'],
  },
  {
    operation: 'GET /agents/calls/batches',
    rules: [...page(200), ...idInQuery('?agent_id', FOREIGN, 404)],
    ids: ['?agent_id', ...CURSORS],
  },
  {
    operation: 'GET /agents/calls',
    path: () => `/agents/calls?agent_id=${AGENT}`,
    rules: [
      ...page(200),
      ...idInQuery('?agent_id', FOREIGN, 404),
      ...idInQuery('?batch_id', 'acb_0000000000000000000000', 404),
      ...time('?start_time_gte'),
      ...time('?start_time_lte'),
      ['?expand', 'taken', 'transcript', 200],
      ['?expand', 'form', 'everything', BAD, 'expand'],
    ],
    ids: ['?agent_id', '?batch_id', ...CURSORS],
  },
  {
    operation: 'POST /agents/calls',
    body: () => ({
      agent_id: AGENT,
      from_number_id: NUMBER,
      outbound_calls: [{ to_number: numberEndingIn('10'), metadata: {} }],
    }),
    rules: [
      ...id('agent_id', FOREIGN, 404),
      ...id('from_number_id', 'ap_0000000000000000000000', 404),
      ...range('ringing_timeout_seconds', 200, { min: 5, max: 80 }),
      ...range('max_call_duration_minutes', 200, { min: 1, max: 480 }),
      ...people('outbound_calls', 200, 100),
      ...NUMBERS_THAT_ARE_NONE.map(
        (number): InputRule => ['outbound_calls[].to_number', 'form', number, BAD, 'outbound_calls[0].to_number'],
      ),
    ],
    ids: ['agent_id', 'from_number_id'],
  },
  {
    operation: 'GET /agents/phone-numbers',
    rules: [
      ...page(200),
      ...idInQuery('?agent_id', FOREIGN, 404),
      ...idInQuery('?provider_id', 'nobody', 200),
      ['?type', 'taken', 'sip_trunk', 200],
      ['?type', 'form', 'fax', BAD, 'type'],
      ['?q', 'taken', '+1', 200],
      ['?q', 'one above', long(101), BAD, 'q'],
    ],
    ids: ['?agent_id', '?provider_id', ...CURSORS],
  },
  {
    operation: 'POST /agents/webhooks',
    body: () => ({ url: 'https://127.0.0.1:8443/hook', secret: 'of the test' }),
    rules: [
      ['url', 'missing', undefined, BAD, 'url'],
      ['url', 'wrong type', 5, BAD, 'url'],
      ['url', 'one below', '', BAD, 'url'],
      ['url', 'one above', `https://example.com/${long(2_000)}`, BAD, 'url'],
      ['url', 'form', 'http://example.com', BAD, 'url'],
      ['url', 'form', 'https://10.0.0.1/', BAD, 'url'],
      ['secret', 'missing', undefined, BAD, 'secret'],
      ['secret', 'wrong type', 5, BAD, 'secret'],
      ['secret', 'one below', '', BAD, 'secret'],
      ['secret', 'taken', long(200), 200],
      ['secret', 'one above', long(201), BAD, 'secret'],
      ['secret', 'form', 'a\r\nX: 1', BAD, 'secret'],
      ['display_name', 'wrong type', 5, BAD, 'display_name'],
      ['display_name', 'one below', '', BAD, 'display_name'],
      ['display_name', 'taken', long(255), 200],
      ['display_name', 'one above', long(256), BAD, 'display_name'],
    ],
  },
  { operation: 'GET /agents/webhooks', rules: page(200), ids: CURSORS },
  {
    operation: 'PATCH /agents/{agent_id}',
    path: () => `/agents/${AGENT}`,
    body: () => ({}),
    rules: [
      ['name', 'wrong type', 5, BAD, 'name'],
      ['name', 'one below', '', BAD, 'name'],
      ['name', 'taken', long(255), 200],
      ['name', 'one above', long(256), BAD, 'name'],
      ['webhook_id', 'wrong type', 5, BAD, 'webhook_id'],
      ['webhook_id', 'one below', '', BAD, 'webhook_id'],
      ['webhook_id', 'one above', long(256), BAD, 'webhook_id'],
      ['webhook_id', 'taken', null, 200],
      ['webhook_id', 'foreign id', 'nothing', 404],
    ],
    ids: ['webhook_id'],
  },
]
