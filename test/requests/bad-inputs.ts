import { DIALECT_FACTS } from '../dialect-facts/registry.ts'
import { FILE_INPUTS } from './bad-file-inputs.ts'
import {
  ahead,
  at,
  bodyLimitOf,
  type Entry,
  field,
  file,
  GOOD,
  get,
  IGNORED,
  MIB,
  NO_JSON,
  NO_OBJECT,
  NO_TYPE,
  people,
  rows,
  TAKEN,
  TOO_LARGE,
  text,
  unknown,
} from './bad-input-cases.ts'
import { SITES } from './sites.ts'

const JSON_SHAPE: readonly Entry[] = [
  { id: 1, cases: text('an empty body', () => '', NO_OBJECT) },
  { id: 2, cases: ['null', '[]', '"x"', '42'].flatMap((body) => text(body, () => body, NO_OBJECT)) },
  {
    id: 3,
    cases: [
      (good: string) => good.replace(/}$/, ',}'),
      (good: string) => good.replaceAll('"', "'"),
      () => '{"name":NaN}',
    ].flatMap((bend) => text(`${bend}`, bend, NO_JSON)),
  },
  { id: 4, cases: text('cut off', (good) => good.slice(0, -3), { ...NO_JSON, says: /ends too early/ }) },
  {
    id: 5,
    cases: [
      ...text('text/plain', (good) => good, NO_TYPE, { 'content-type': 'text/plain' }),
      ...text('no type', (good) => good, NO_TYPE, { 'content-type': '' }),
      ...file('a file without a form', GOOD, { native: 415, trillet: 400 }, { contentType: 'text/csv' }),
    ],
  },
  {
    id: 6,
    cases: text(
      'UTF-16',
      (good) => good,
      { status: 415, code: 'unsupported-charset', says: /UTF-8 only/ },
      { 'content-type': 'application/json; charset=utf-16' },
    ),
  },
  { id: 7, cases: text('a byte order mark', (good) => `\ufeff${good}`, { ...NO_JSON, says: /byte order mark/ }) },
  {
    id: 8,
    cases: text(
      'a key twice, of which the last one wins',
      (good) => good.replace(/^\{"(\w+)":/, '{"$1":5,"$1":'),
      TAKEN,
    ),
  },
  { id: 9, cases: text('unknown fields', unknown, { native: 400, else: IGNORED }) },
  {
    id: 10,
    cases: ['{"__proto__":{"x":1},', '{"constructor":{"prototype":{"x":1}},', '{"a":[{"__proto__":1}],'].flatMap(
      (head) =>
        text(head, (good) => good.replace('{', head), {
          status: 400,
          code: 'invalid-input',
          names: /^."(\w+)/.exec(head)![1]!,
        }),
    ),
  },
  {
    id: 11,
    cases: text('20,000 deep', (good) => good.replace('{', `{"x":${'['.repeat(20_000)}${']'.repeat(20_000)},`), {
      ...NO_JSON,
      says: /nested more than 32 deep/,
    }),
  },
  {
    id: 12,
    cases: [
      ...text('one byte more than is taken', (good, dialect) => good.padEnd(bodyLimitOf(dialect) + 1), TOO_LARGE),
      ...text('as many bytes as are taken', (good, dialect) => good.padEnd(bodyLimitOf(dialect)), TAKEN),
    ],
  },
  { id: 13, cases: field('list', [Array(1_000_000).fill(0)], 400) },
  { id: 14, elsewhere: [at('http-server.test.ts', 'two lengths'), at('http-server.test.ts', 'a length and chunks')] },
  {
    id: 15,
    cases: text(
      'gzip',
      (good) => good,
      { status: 415, code: 'unsupported-encoding', says: /Compressed/ },
      { 'content-encoding': 'gzip' },
    ),
  },
  { id: 16, elsewhere: [at('bad-inputs.test.ts', 'a body that does not come is 408')] },
]

const TEXTS: readonly Entry[] = [
  { id: 17, cases: [...field('name', ['a\0b'], 400), ...field('variables', [{ k: 'a\0b' }, { 'a\0b': 1 }], 400)] },
  { id: 18, cases: [...field('name', ['a\ud800b'], 400), ...field('variables', [{ k: '\udc00' }], 400)] },
  {
    id: 19,
    cases: text(
      'invalid UTF-8',
      (good) =>
        Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]),
      { ...NO_JSON, says: /not valid UTF-8/ },
    ),
  },
  {
    id: 20,
    cases: [...field('name', ['é'.repeat(256), '😀'.repeat(256)], 400), ...field('name', ['😀'.repeat(255)], TAKEN)],
  },
  {
    id: 21,
    cases: [
      ...field('name', ['\u202eevil\u202c', 'a\u200bb'], TAKEN),
      ...field('name', [`e${'\u0301'.repeat(1_000)}`], 400),
      ...field('variables', [{ k: `e${'\u0301'.repeat(1_000)}` }], TAKEN),
    ],
  },
  {
    id: 22,
    cases: [
      ...field('name', ['<script>alert(1)</script>', '"><img onerror=x>'], TAKEN),
      ...field('variables', [{ k: '<script>' }], TAKEN),
    ],
  },
  {
    id: 23,
    cases: [
      ...field('name', ["'; DROP TABLE batch; --", '$1', '\\'], TAKEN),
      ...field('variables', [{ k: "'; DROP TABLE batch" }], TAKEN),
    ],
  },
  {
    id: 24,
    cases: field('variables', [{ k: '{{7*7}}', l: `$${'{x}'}`, first_name: '{{first_name}}' }], TAKEN),
    elsewhere: [at('src/agents/announcement/speech.test.ts', '{')],
  },
  {
    id: 25,
    cases: [
      ...field('name', ['a\r\nX-Evil: 1'], TAKEN),
      ...field('from', ['+15005550100\r\nX-Evil: 1'], {
        native: 400,
        cartesia: 404,
        zudu: 400,
        elevenlabs: 404,
        retell: 400,
      }),
    ],
  },
  { id: 26, cases: field('to', ['＋12125550100', '+1２１２5550100', '+1️⃣2125550100'], 400) },
  {
    id: 27,
    cases: [...field('to', ['', ' '], 400), ...field('name', [' '], { native: 400, cartesia: 400, elevenlabs: 400 })],
  },
  { id: 28, cases: field('variables', [{ k: 'x'.repeat(MIB) }], { trillet: 413, else: 400 }) },
]

const NUMBERS_AND_TIMES: readonly Entry[] = [
  {
    id: 29,
    cases: [
      ...field('startAt', [1_900_000_000, 1_900_000_000_000], {
        native: 400,
        ultravox: 400,
        cartesia: 400,
        zudu: TAKEN,
      }),
      ...field('startAt', [1_900_000_000], { retell: 400 }),
      ...field('startAt', [1_900_000_000_000], { retell: TAKEN }),
    ],
  },
  {
    id: 30,
    cases: [
      ...text('1e400', (good) => good.replace('{', '{"x":1e400,'), { status: 400, code: 'invalid-input', names: 'x' }),
      ...field('concurrency', [1.5, 2 ** 53, 1e21], 400),
    ],
  },
  {
    id: 31,
    cases: [...field('concurrency', ['5'], 400), ...field('ringSeconds', ['30'], 400), ...field('retries', ['5'], 400)],
  },
  { id: 32, cases: field('retries', [-1, 1e9], 400) },
  { id: 33, cases: field('concurrency', [0, -1, 1_000], 400) },
  { id: 34, cases: [...field('ringSeconds', [4, 81], 400), ...field('ringSeconds', [5, 80], TAKEN)] },
  {
    id: 35,
    cases: [
      ...field('startAt', ['2023-11-07T05:31:56Z'], { native: 400, cartesia: 400 }),
      ...field('startAt', [1_700_000_000], { zudu: 400 }),
      ...field('startAt', [1_700_000_000_000], { retell: TAKEN }),
      ...field('startAt', [ahead(31)], { native: TAKEN, cartesia: 400, ultravox: TAKEN }),
    ],
    elsewhere: [at('trillet-forms.test.ts', 'scheduledAt in the past starts now')],
  },
  {
    id: 36,
    cases: field('startAt', ['2029-02-29T00:00:00Z', '2029-01-01T24:00:00Z', '2029-01-01T00:00:00'], {
      native: 400,
      cartesia: 400,
      ultravox: 400,
    }),
    elsewhere: [at('trillet-forms.test.ts', 'scheduledAt on a day that is none')],
  },
  {
    id: 37,
    cases: [
      ...field('startAt', ['+300000-01-01T00:00:00Z', '0000-01-01T00:00:00Z'], {
        native: 400,
        cartesia: 400,
        ultravox: 400,
      }),
      ...field('startAt', [9e15], { zudu: 400, retell: 400 }),
    ],
  },
  {
    id: 38,
    cases: [...field('zone', ['Mars/X', 'FOO+5', '+05:30', ''], 400), ...field('zone', ['US/Eastern'], TAKEN)],
  },
  {
    id: 39,
    elsewhere: [
      at('src/model/calling-window.test.ts', 'opens after the gap when it would begin inside it'),
      at('src/model/calling-window.test.ts', 'is open twice for hours that come twice'),
    ],
  },
  { id: 40, cases: field('startAt', ['2029-06-30T23:59:60Z'], { native: 400, cartesia: 400, ultravox: 400 }) },
  {
    id: 41,
    cases: [
      ...['limit=0', 'limit=101', 'limit=-1', 'limit=abc'].map((query) =>
        get('native', () => `/carillon/v1/batches?${query}`, 400),
      ),
      ...['limit=0', 'limit=abc', 'limit=-1'].map((query) =>
        get('cartesia', () => `/agents/calls/batches?${query}`, 400),
      ),
      ...['page=-1', 'limit=0', 'limit=abc'].map((query) => get('zudu', () => `/batch-call/list?${query}`, 400)),
      get('ultravox', () => '/api/agents?pageSize=0', 200),
      get('ultravox', () => '/api/agents?pageSize=1000', 200),
      get('ultravox', () => '/api/agents?pageSize=abc', 400),
    ],
    elsewhere: [at('trillet-forms.test.ts', "'page=-1'")],
  },
  {
    id: 42,
    elsewhere: [
      at('trillet-forms.test.ts', 'negative gaps'),
      at('trillet-forms.test.ts', 'too many gaps'),
      at('trillet-forms.test.ts', 'gaps of more than 30 days'),
      at('src/model/retry-policy.test.ts', 'may not spread over more than 30 days'),
    ],
  },
]

const PHONE_NUMBERS: readonly Entry[] = [
  { id: 43, cases: [...field('to', ['12125550100'], 400), ...file('no plus', 'phone_number\n12125550100\n', rows(1))] },
  {
    id: 44,
    cases: [
      ...field('to', ['+1212555O100', '+1 212 555 0100', 'tel:+12125550100', '+12125550100;ext=5'], 400),
      ...file('letters', 'phone_number\n+12125550100\n+1 (212) 555-0101\nnobody\n', rows(2, 1)),
    ],
  },
  {
    id: 45,
    cases: [
      ...field('to', ['+12345', '+1234567890123456'], 400),
      ...file('too short and too long', 'phone_number\n+12125550100\n+12\n+1234567890123456\n', rows(1, 2)),
    ],
  },
  {
    id: 46,
    elsewhere: [
      at('batches.test.ts', 'where real telephones ring, forbidden and impossible numbers end so'),
      at('src/model/phone-number.test.ts', 'tells a malformed number from one that is not valid'),
      at('src/csv/recipient-file.test.ts', 'are rejected one by one, with line, column, value, reason and remedy'),
    ],
  },
  { id: 47, cases: [...field('to', ['+1'], 400), ...file('+1', 'phone_number\n+12125550100\n+1\n', rows(1, 1))] },
  {
    id: 48,
    elsewhere: [
      at('batches.test.ts', 'where real telephones ring, forbidden and impossible numbers end so'),
      at('src/model/phone-number.test.ts', 'refuses dear numbers also where all countries are allowed'),
    ],
  },
  {
    id: 49,
    elsewhere: [
      at('batches.test.ts', 'where real telephones ring, forbidden and impossible numbers end so'),
      at('src/model/phone-number.test.ts', 'mayBeCalled'),
    ],
  },
  {
    id: 50,
    cases: [
      ...field('to', ['911', '112', '999'], 400),
      ...file('short codes', 'phone_number\n+12125550100\n911\n112\n', rows(1, 2)),
    ],
  },
  {
    id: 51,
    cases: field('to', ['+15005550100'], { zudu: 400, else: { status: TAKEN, outcomes: { 'not-allowed': 1 } } }),
  },
  {
    id: 52,
    cases: people('the same number twice', ['+12125550100', '+12125550100'], {
      status: TAKEN,
      outcomes: { duplicate: 1 },
    }),
    elsewhere: [at('trillet-forms.test.ts', 'repeated numbers are left out and are no bad rows')],
  },
  {
    id: 53,
    cases: file('one number in two notations', 'phone_number\n+12125550100\n+1 (212) 555-0100\n', {
      native: { status: TAKEN, outcomes: { duplicate: 1 } },
      trillet: { status: TAKEN, rows: { taken: 1, rejected: 0 } },
    }),
  },
  { id: 54, elsewhere: [at('suppressions.test.ts', 'who is suppressed is never claimed, and ends suppressed')] },
  {
    id: 55,
    cases: field('from', ['+19995550100'], { native: 400, cartesia: 404, zudu: 400, elevenlabs: 404, retell: 422 }),
    elsewhere: [at('isolation.test.ts', 'is not shown by lists, and cannot be named in a body')],
  },
  { id: 56, cases: field('to', ['sip:attacker@evil', '+12125550100@host', '+12125550100,,w123#'], 400) },
  { id: 57, cases: field('to', ['\0+12125550100', '+12125550100\0', '\u00a0+12125550100', '+12125550100\u00a0'], 400) },
  {
    id: 58,
    cases: [
      ...field('list', [[]], 400),
      ...people('1,001 people', Array(1_001).fill('+12125550100'), { zudu: 400 }),
      ...people('1,000 people', Array(1_000).fill('+12125550100'), TAKEN),
    ],
    elsewhere: [at('cartesia-input-rules.test.ts', 'how many recipients')],
  },
]

const KEYS_AND_WALLS: readonly Entry[] = [
  {
    id: 89,
    cases: SITES.flatMap(({ dialect }) =>
      DIALECT_FACTS[dialect].noKeys.flatMap((headers) =>
        text(JSON.stringify(headers), (good) => good, { [dialect]: 401 }, headers),
      ),
    ),
    elsewhere: [
      at('access.test.ts', 'a revoked key is refused, by this node at once'),
      at('access.test.ts', 'a key with an end is refused from then on'),
      at('keys.test.ts', 'whatever is wrong with a key, the answer is the same'),
      at('keys.test.ts', 'a key for some addresses is a wrong key from any other, in every wire format'),
    ],
  },
  {
    id: 90,
    elsewhere: [at('access.test.ts', 'a key authenticates as a token and as a pair, and neither half alone does')],
  },
  { id: 91, elsewhere: [at('keys.test.ts', 'a key in the query opens nothing, and is not logged')] },
  {
    id: 92,
    elsewhere: [at('keys.test.ts', 'two keys in one request are refused, in every wire format')],
  },
  { id: 93, elsewhere: [at('isolation.test.ts', 'does not exist, on every route that names something')] },
  { id: 94, elsewhere: [at('keys.test.ts', 'a key that may only read changes nothing by any route there is')] },
  {
    id: 95,
    cases: text('fields that only the server sets', (good) => good.replace('{', '{"organization_id":7,"sent":5,'), {
      native: 400,
      else: { status: TAKEN, ignored: 'organization_id, sent' },
    }),
  },
  { id: 96, elsewhere: [at('http-server.test.ts', 'many wrong keys from one address wait, and a good key does not')] },
  {
    id: 97,
    cases: [
      get('native', () => '/carillon/v1/batches?cursor=tampered', 400),
      get('ultravox', () => '/api/agents?cursor=tampered', 400),
      get('cartesia', () => '/agents/calls/batches?starting_after=tampered', 400),
      get('elevenlabs', () => '/v1/convai/conversations?cursor=tampered', 422),
      get('elevenlabs', () => '/v1/convai/batch-calling/workspace?last_doc=tampered', 422),
    ],
    elsewhere: [at('bad-inputs.test.ts', 'a cursor of another organization, of another list or changed is refused')],
  },
  { id: 98, never: 'There is no MCP server. What stands in data stays data: see 24.' },
]

const HTTP: readonly Entry[] = [
  {
    id: 99,
    cases: [
      get('native', () => '/carillon/v1/nothing', 404),
      get('trillet', () => '/v1/api/nothing', 404),
      get('ultravox', () => '/api/nothing', 404),
      get('cartesia', () => '/agents/calls/x/y/z', 404),
      get('elevenlabs', () => '/v1/convai/x/y/z', 404),
      get('zudu', () => '/batch-call/x/y', 404),
      get('retell', () => '/create-batch-call/x', 404),
      get('retell', () => '/create-batch-call', 405),
      get('native', () => '/carillon/v1/batches/x/start', 405),
      get('zudu', () => '/batch-call', 405),
    ],
    elsewhere: [at('bad-inputs.test.ts', 'TRACE is refused')],
  },
  {
    id: 100,
    cases: [
      get('native', () => '/carillon/v1/batches/%00', 404),
      get('native', () => '/carillon/v1/%2e%2e/batches', 404),
      get('native', () => '/carillon//v1', 404),
      get('native', () => '/carillon/v1/batches/%zz', 400),
      get('native', () => `/carillon/v1/batches/${'x'.repeat(8_000)}`, 414),
      get('ultravox', () => '/api/agents/%00', 404),
      get('cartesia', () => '/agents/%00', 404),
      get('elevenlabs', () => '/v1/convai/batch-calling/%00', 404),
      get('zudu', () => '/batch-call/%00', 404),
      get('trillet', () => '/v1/api/batch-calls/%00', 404),
      get('retell', () => '/v2/get-call/%00', 422),
    ],
  },
  { id: 101, elsewhere: [at('http-server.test.ts', 'headers without end')] },
  { id: 102, elsewhere: [at('bad-inputs.test.ts', 'HTTP/1.0, no Host and Expect are answered')] },
  { id: 103, elsewhere: [at('idempotent-posts.test.ts', 'at the same time have one effect and one answer')] },
  { id: 104, elsewhere: [at('bad-inputs.test.ts', 'verbs all at once leave a batch in a state that there is')] },
  { id: 105, elsewhere: [at('bad-inputs.test.ts', 'a thousand connections that say nothing keep nobody waiting')] },
  { id: 106, elsewhere: [at('bad-inputs.test.ts', 'X-Forwarded-For of a stranger is not believed')] },
]

const TARGETS_AND_CALLBACKS: readonly Entry[] = [
  {
    id: 107,
    elsewhere: [
      at('private-targets.test.ts', 'every address that a body of any wire format may hold stands in this table'),
      at('private-targets.test.ts', 'a trunk leads to no address that is not public'),
      at('src/carriers/loopback/remote.test.ts', 'is not connected to when it is not allowed'),
      at('src/targets/guarded-request.test.ts', 'when it is connected to is refused'),
      at('src/targets/target-guard.test.ts', 'a name that answers something else the second time gains nothing'),
      at('src/targets/guarded-request.test.ts', 'a redirect is an answer, and is not followed'),
    ],
  },
  {
    id: 108,
    elsewhere: [
      at('src/targets/guarded-request.test.ts', 'an answer without end is cut after what may be read of it'),
      at('webhooks.test.ts', '410 pauses the endpoint at once'),
      at('webhooks.test.ts', 'no more than an hour of it'),
    ],
  },
  {
    id: 109,
    elsewhere: [
      at('src/carriers/loopback/callback.test.ts', 'replayed after ten minutes'),
      at('src/carriers/carrier.conformance.ts', 'refuses a callback with a wrong signature'),
    ],
  },
  {
    id: 110,
    elsewhere: [at('dispatch-evidence.test.ts', 'late, doubled and reordered evidence changes nothing it should not')],
  },
  {
    id: 111,
    elsewhere: [
      at('bad-inputs.test.ts', 'a callback of 10 MB is refused'),
      at('src/carriers/loopback/callback.test.ts', 'an instant in words'),
      at('dispatch-evidence.test.ts', 'nonsense of a carrier about one call holds up no other'),
    ],
  },
  { id: 112, elsewhere: [at('src/carriers/loopback/remote.test.ts', '408')] },
]

/** What strangers have sent to other servers, each with what is answered here. */
export const BAD_INPUTS: readonly Entry[] = [
  ...JSON_SHAPE,
  ...TEXTS,
  ...NUMBERS_AND_TIMES,
  ...PHONE_NUMBERS,
  ...FILE_INPUTS,
  ...KEYS_AND_WALLS,
  ...HTTP,
  ...TARGETS_AND_CALLBACKS,
]
