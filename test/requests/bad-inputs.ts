import type { DialectName, RequestWorld } from './request-world.ts'
import { SITES, type Site, type Slot, UPLOADS } from './sites.ts'

/** What one wire format answers; a number is a status, and a refusal stores nothing. */
export interface Verdict {
  readonly status: number
  /** A header that names what was left out. */
  readonly ignored?: string
  /** What of a file became recipients, and how many rows did not. */
  readonly rows?: { readonly taken: number; readonly rejected: number }
  /** How many recipients end so at the import. */
  readonly outcomes?: Readonly<Record<string, number>>
  readonly says?: RegExp
}
type Expected = number | Verdict | Readonly<Partial<Record<DialectName | 'else', number | Verdict>>>

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface Case {
  readonly dialect: DialectName
  readonly what: string
  readonly request: (world: RequestWorld) => RawRequest
  readonly verdict: Verdict
}

/** A test that stands elsewhere, by its file and a part of its text. */
export interface Elsewhere {
  readonly file: string
  readonly text: string
}

export interface Entry {
  readonly id: number
  readonly cases?: readonly Case[]
  readonly elsewhere?: readonly Elsewhere[]
  /** Why it cannot happen here. */
  readonly never?: string
}

const TAKEN = 299
const JSON_TYPE = { 'content-type': 'application/json' }

function verdictFor(expected: Expected, dialect: DialectName): Verdict | undefined {
  if (typeof expected === 'number') return { status: expected }
  if ('status' in expected) return expected as Verdict
  const own =
    (expected as Partial<Record<DialectName | 'else', number | Verdict>>)[dialect] ??
    (expected as { else?: number | Verdict }).else
  return typeof own === 'number' ? { status: own } : own
}

/** The body's text bent, in every wire format that takes JSON. */
function text(
  what: string,
  bend: (good: string) => string | Buffer,
  expected: Expected,
  headers: Record<string, string> = {},
): Case[] {
  return SITES.flatMap((site) => {
    const verdict = verdictFor(expected, site.dialect)
    if (verdict === undefined) return []
    const request = (world: RequestWorld): RawRequest => ({
      method: 'POST',
      path: site.path(world),
      body: bend(JSON.stringify(site.good(world))),
      headers: { ...JSON_TYPE, ...headers },
    })
    return [{ dialect: site.dialect, what, request, verdict }]
  })
}

/** One field has each of these values, in every wire format that has the field. */
function field(slot: Slot, values: readonly unknown[], expected: Expected): Case[] {
  return values.flatMap((value) =>
    SITES.flatMap((site) => fieldCase(site, slot, value, verdictFor(expected, site.dialect))),
  )
}

function fieldCase(site: Site, slot: Slot, value: unknown, verdict: Verdict | undefined): Case[] {
  const put = site.put[slot]
  if (put === undefined || verdict === undefined) return []
  const request = (world: RequestWorld): RawRequest => {
    const body = site.good(world)
    put(body, value)
    return { method: 'POST', path: site.path(world), body: JSON.stringify(body), headers: JSON_TYPE }
  }
  return [
    { dialect: site.dialect, what: `${slot} ${(JSON.stringify(value) ?? 'nothing').slice(0, 60)}`, request, verdict },
  ]
}

interface FormShape {
  readonly fields?: Readonly<Record<string, string>>
  readonly boundary?: string
  readonly contentType?: string
  readonly fileName?: string
  /** Instead of one file after the fields. */
  readonly parts?: (agent: string, file: string) => string[]
  readonly end?: string
}

const BOUNDARY = 'a-boundary-of-a-test'
export const filePart = (content: string, fileName = 'list.csv') =>
  `Content-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/csv\r\n\r\n${content}`
const fieldPart = (name: string, value: string) => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`

/** A file in every wire format that takes one. */
function file(what: string, content: string | Buffer, expected: Expected, shape: FormShape = {}): Case[] {
  // One character a byte, so that any bytes can stand in a form.
  const latin = typeof content === 'string' ? Buffer.from(content).toString('latin1') : content.toString('latin1')
  return UPLOADS.flatMap(({ dialect, path, agentField }) => {
    const verdict = verdictFor(expected, dialect)
    if (verdict === undefined) return []
    const request = ({ agent }: RequestWorld): RawRequest => {
      const fields = Object.entries(shape.fields ?? {}).map(([name, value]) => fieldPart(name, value))
      const parts = shape.parts?.(fieldPart(agentField, agent), filePart(latin)) ?? [
        fieldPart(agentField, agent),
        ...fields,
        filePart(latin, shape.fileName),
      ]
      const body = parts.map((part) => `--${BOUNDARY}\r\n${part}\r\n`).join('') + (shape.end ?? `--${BOUNDARY}--\r\n`)
      return {
        method: 'POST',
        path,
        body: Buffer.from(body, 'latin1'),
        headers: { 'content-type': shape.contentType ?? `multipart/form-data; boundary=${BOUNDARY}` },
      }
    }
    return [{ dialect, what, request, verdict }]
  })
}

function get(
  dialect: DialectName,
  path: (world: RequestWorld) => string,
  status: number,
  headers: Record<string, string> = {},
): Case {
  return {
    dialect,
    what: 'GET',
    request: (world) => ({ method: 'GET', path: path(world), headers }),
    verdict: { status },
  }
}

const FEATURES = 'test/features'
const at = (place: string, words: string): Elsewhere => ({
  file: place.includes('/') ? place : `${FEATURES}/${place}`,
  text: words,
})
const GOOD = 'phone_number,first_name\n+12125550100,Ada\n'
const rows = (taken: number, rejected = 0): Expected => ({
  native: { status: TAKEN, rows: { taken, rejected } },
  trillet: { status: TAKEN, rows: { taken, rejected } },
})
/** What is no CSV by its content: its own status in the native form, a fault of the file where a product documents none. */
const NO_CSV: Expected = { native: 415, trillet: 400 }
const MIB = 1_048_576
const unknown = (good: string) => good.replace('{', '{"organization_id":7,"status_of":"completed",')
const IGNORED: Verdict = { status: TAKEN, ignored: 'organization_id, status_of' }
const DAY_MS = 86_400_000
const ahead = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString()

const JSON_SHAPE: readonly Entry[] = [
  { id: 1, cases: text('an empty body', () => '', 400) },
  { id: 2, cases: ['null', '[]', '"x"', '42'].flatMap((body) => text(body, () => body, 400)) },
  {
    id: 3,
    cases: [
      (good: string) => good.replace(/}$/, ',}'),
      (good: string) => good.replaceAll('"', "'"),
      () => '{"name":NaN}',
    ].flatMap((bend) => text(`${bend}`, bend, 400)),
  },
  { id: 4, cases: text('cut off', (good) => good.slice(0, -3), 400) },
  {
    id: 5,
    cases: [
      ...text('text/plain', (good) => good, 415, { 'content-type': 'text/plain' }),
      ...text('no type', (good) => good, 415, { 'content-type': '' }),
      ...file('a file without a form', GOOD, { native: 415, trillet: 400 }, { contentType: 'text/csv' }),
    ],
  },
  { id: 6, cases: text('UTF-16', (good) => good, 415, { 'content-type': 'application/json; charset=utf-16' }) },
  { id: 7, cases: text('a byte order mark', (good) => `\ufeff${good}`, 400) },
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
      (head) => text(head, (good) => good.replace('{', head), 400),
    ),
  },
  {
    id: 11,
    cases: text('20,000 deep', (good) => good.replace('{', `{"x":${'['.repeat(20_000)}${']'.repeat(20_000)},`), 400),
  },
  {
    id: 12,
    cases: text('one byte more than is taken', (good) => good.padEnd(32 * MIB + 1), {
      zudu: 413,
      native: 413,
      ultravox: 413,
      cartesia: 413,
      trillet: 413,
    }),
  },
  { id: 13, cases: field('list', [Array(1_000_000).fill(0)], 400) },
  { id: 14, elsewhere: [at('http-server.test.ts', 'two lengths'), at('http-server.test.ts', 'a length and chunks')] },
  { id: 15, cases: text('gzip', (good) => good, 415, { 'content-encoding': 'gzip' }) },
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
      400,
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
      ...field('from', ['+15005550100\r\nX-Evil: 1'], { native: 400, cartesia: 404, zudu: 400 }),
    ],
  },
  { id: 26, cases: field('to', ['＋12125550100', '+1２１２5550100', '+1️⃣2125550100'], 400) },
  { id: 27, cases: [...field('to', ['', ' '], 400), ...field('name', [' '], { native: 400, cartesia: 400 })] },
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
    ],
  },
  {
    id: 30,
    cases: [
      ...text('1e400', (good) => good.replace('{', '{"x":1e400,'), 400),
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
      ...field('startAt', [ahead(31)], { native: TAKEN, cartesia: 400, ultravox: TAKEN }),
    ],
    elsewhere: [at('trillet-input-rules.test.ts', 'scheduledAt in the past starts now')],
  },
  {
    id: 36,
    cases: field('startAt', ['2029-02-29T00:00:00Z', '2029-01-01T24:00:00Z', '2029-01-01T00:00:00'], {
      native: 400,
      cartesia: 400,
      ultravox: 400,
    }),
    elsewhere: [at('trillet-input-rules.test.ts', 'scheduledAt on a day that is none')],
  },
  {
    id: 37,
    cases: [
      ...field('startAt', ['+300000-01-01T00:00:00Z', '0000-01-01T00:00:00Z'], {
        native: 400,
        cartesia: 400,
        ultravox: 400,
      }),
      ...field('startAt', [9e15], { zudu: 400 }),
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
    elsewhere: [at('trillet-input-rules.test.ts', "'page=-1'")],
  },
  {
    id: 42,
    elsewhere: [
      at('trillet-input-rules.test.ts', 'negative gaps'),
      at('trillet-input-rules.test.ts', 'too many gaps'),
      at('trillet-input-rules.test.ts', 'gaps of more than 30 days'),
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
      at('src/model/phone-number.test.ts', 'tells a malformed number from one that is not valid'),
      at('src/csv/recipient-file.test.ts', 'are rejected one by one, with line, column, value, reason and remedy'),
    ],
  },
  { id: 47, cases: [...field('to', ['+1'], 400), ...file('+1', 'phone_number\n+12125550100\n+1\n', rows(1, 1))] },
  {
    id: 48,
    elsewhere: [at('src/model/phone-number.test.ts', 'refuses dear numbers also where all countries are allowed')],
  },
  { id: 49, elsewhere: [at('src/model/phone-number.test.ts', 'mayBeCalled')] },
  {
    id: 50,
    cases: [
      ...field('to', ['911', '112', '999'], 400),
      ...file('short codes', 'phone_number\n+12125550100\n911\n112\n', rows(1, 2)),
    ],
  },
  {
    id: 51,
    cases: field('to', ['+15005550100'], { zudu: 400, native: { status: TAKEN, outcomes: { 'not-allowed': 1 } } }),
  },
  {
    id: 52,
    cases: field('list', [[{ to: '+12125550100' }, { to: '+12125550100' }]], {
      native: { status: TAKEN, outcomes: { duplicate: 1 } },
    }),
    elsewhere: [at('trillet-input-rules.test.ts', 'repeated numbers are left out and are no bad rows')],
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
    cases: field('from', ['+19995550100'], { native: 400, cartesia: 404, zudu: 400 }),
    elsewhere: [at('isolation.test.ts', 'is not shown by lists, and cannot be named in a body')],
  },
  { id: 56, cases: field('to', ['sip:attacker@evil', '+12125550100@host', '+12125550100,,w123#'], 400) },
  { id: 57, cases: field('to', ['\0+12125550100', '+12125550100\0', '\u00a0+12125550100', '+12125550100\u00a0'], 400) },
  {
    id: 58,
    cases: [
      ...field('list', [[]], 400),
      ...field('list', [Array(1_001).fill({ to_number: '+12125550100' })], { zudu: 400 }),
      ...field('list', [Array(1_000).fill({ to_number: '+12125550100' })], { zudu: TAKEN }),
    ],
    elsewhere: [at('cartesia-input-rules.test.ts', 'how many recipients')],
  },
]

const FORMS: readonly Entry[] = [
  {
    id: 59,
    cases: [
      ...file('no file', GOOD, 400, { parts: (agent) => [agent] }),
      ...file('two files', GOOD, 400, { parts: (agent, one) => [agent, one, one] }),
    ],
  },
  { id: 60, cases: [...file('an empty file', '', 400), ...file('a header only', 'phone_number,first_name\n', 400)] },
  {
    id: 61,
    cases: file('one byte more than 32 MiB', Buffer.alloc(32 * MIB + 1, 'x'), 413),
    elsewhere: [at('trillet-input-rules.test.ts', 'a length that promises 1 GiB')],
  },
  { id: 62, cases: file('no phone column', 'name,city\nAda,London\n', 400) },
  { id: 63, cases: file('a column twice', 'phone_number,a,a\n+12125550100,1,2\n', 400) },
  {
    id: 64,
    cases: [
      ...['__proto__', 'constructor'].flatMap((name) => file(name, `phone_number,${name}\n+12125550100,1\n`, 400)),
      ...file('toString is a name like another', 'phone_number,toString\n+12125550100,1\n', rows(1)),
    ],
  },
  { id: 65, cases: file('a byte order mark', `\ufeff${GOOD}`, rows(1)) },
  {
    id: 66,
    cases: [
      ...file('UTF-16', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), rows(1)),
      ...file('Latin-1', Buffer.from('phone_number,name\n+12125550100,Zoë\n', 'latin1'), rows(1)),
    ],
  },
  {
    id: 67,
    cases: [
      ...file('semicolons', 'phone_number;name\n+12125550100;Ada\n', rows(1)),
      ...file('tabs', 'phone_number\tname\n+12125550100\tAda\n', rows(1)),
    ],
  },
  {
    id: 68,
    cases: file(
      'CR only and mixed ends of lines',
      'phone_number,name\r+12125550100,Ada\r\n+12125550101,Ben\n',
      rows(2),
    ),
  },
  {
    id: 69,
    cases: file(
      'short and long rows',
      'phone_number,name\n+12125550100,Ada\n+12125550101\n+12125550102,Cy,more\n',
      rows(1, 2),
    ),
  },
  {
    id: 70,
    cases: file('a quote without end', `phone_number,note\n+12125550100,"${'x'.repeat(19 * MIB)}`, 400),
    elsewhere: [at('src/csv/recipient-file.test.ts', 'end early and with flat memory when a quote is never closed')],
  },
  { id: 71, cases: file('a field of 19 MB', `phone_number,note\n+12125550100,${'x'.repeat(19 * MIB)}\n`, 400) },
  { id: 72, cases: file('NUL bytes', 'phone_number,name\n+12125550100,A\0da\n', NO_CSV) },
  {
    id: 73,
    cases: file(
      '101 columns',
      `phone_number,${Array.from({ length: 100 }, (_, at) => `c${at}`)}\n+12125550100${',x'.repeat(100)}\n`,
      400,
    ),
  },
  {
    id: 74,
    cases: file(
      'formulas',
      'phone_number,note\n+12125550100,"=HYPERLINK(""x"")"\n+12125550101,@SUM(1)\n+12125550102,-1+1\n',
      rows(3),
    ),
    elsewhere: [at('recipients.test.ts', 'and no cell is a formula')],
  },
  {
    id: 75,
    cases: file('a number that a spreadsheet has shortened', 'phone_number\n+12125550100\n1.4157E+10\n', rows(1, 1)),
  },
  {
    id: 76,
    cases: ['PK\u0003\u0004\u0014\0\u0006\0', '%PDF-1.7\n', '\u0089PNG\r\n\u001a\n'].flatMap((head) =>
      file(head, Buffer.from(`${head}${'x'.repeat(100)}`, 'latin1'), NO_CSV),
    ),
  },
  { id: 77, cases: file('gzip', Buffer.from('1f8b0800000000000003', 'hex'), NO_CSV) },
  {
    id: 78,
    cases: ['../../etc/passwd', 'x'.repeat(10_000)].flatMap((fileName) =>
      file(fileName.slice(0, 20), GOOD, rows(1), { fileName }),
    ),
  },
  {
    id: 79,
    cases: [
      ...file('no boundary', GOOD, 400, { contentType: 'multipart/form-data' }),
      ...file('1,000 characters of boundary', GOOD, 400, {
        contentType: `multipart/form-data; boundary=${'x'.repeat(1_000)}`,
      }),
      ...file('no last boundary', GOOD, 400, { end: '' }),
    ],
  },
  {
    id: 80,
    cases: file('10,000 fields', GOOD, 413, {
      parts: (agent, one) => [agent, one, ...Array.from({ length: 10_000 }, (_, at) => fieldPart(`f${at}`, 'x'))],
    }),
  },
  {
    id: 81,
    cases: file('headers of 1 MB', GOOD, 400, {
      parts: (agent, one) => [agent, `X-Filler: ${'x'.repeat(MIB)}\r\n${one}`],
    }),
  },
  {
    id: 82,
    cases: [
      ...file('the agent after the file', GOOD, rows(1), { parts: (agent, one) => [one, agent] }),
      ...file('no agent', GOOD, 400, { parts: (_agent, one) => [one] }),
    ],
  },
  {
    id: 83,
    cases: ['{enabled: true}', '"yes"'].flatMap((config) =>
      file(config, GOOD, { trillet: 400 }, { fields: { smartCallbackConfig: config } }),
    ),
    elsewhere: [at('trillet-input-rules.test.ts', 'smartCallbackConfig of another type')],
  },
  {
    id: 84,
    elsewhere: [
      at('trillet-uploads.test.ts', 'leaves nothing of an upload that breaks off, wherever it does'),
      at('http-server.test.ts', 'an upload that breaks off leaves nothing behind'),
    ],
  },
  { id: 85, elsewhere: [at('bad-inputs.test.ts', 'a body that does not come is 408')] },
  { id: 86, cases: file('bad rows only', 'phone_number\n12\nabc\n', 400) },
  {
    id: 87,
    cases: [
      ...file('good and bad rows', 'phone_number\n+12125550100\nabc\n', rows(1, 1)),
      ...file('good and bad rows, strictly', 'phone_number\n+12125550100\nabc\n', 400, {
        fields: { onBadRows: 'reject' },
      }),
    ],
  },
  {
    id: 88,
    elsewhere: [at('idempotent-posts.test.ts', 'the same request twice gets the same answer and changes nothing more')],
  },
]

/** Credentials that are none; what is not a header that the wire format knows is no credential either. */
const NO_KEYS: Readonly<Record<DialectName, readonly Record<string, string>[]>> = {
  native: [{ authorization: '' }, { authorization: 'Bearer x' }, { authorization: 'Bearer crl_000000000000_wrong' }],
  trillet: [{ 'x-api-key': '' }, { 'x-api-key': 'crl_000000000000_wrong' }],
  ultravox: [{ 'x-api-key': '' }, { 'x-api-key': 'crl_000000000000_wrong' }],
  cartesia: [{ authorization: '' }, { authorization: 'Bearer crl_000000000000_wrong' }],
  zudu: [{ 'x-api-secret': '' }, { 'x-api-secret': 'wrong'.repeat(10) }],
}

const KEYS_AND_WALLS: readonly Entry[] = [
  {
    id: 89,
    cases: SITES.flatMap(({ dialect }) =>
      NO_KEYS[dialect].flatMap((headers) => text(JSON.stringify(headers), (good) => good, { [dialect]: 401 }, headers)),
    ),
    elsewhere: [at('access.test.ts', 'a revoked key is refused, by this node at once')],
  },
  {
    id: 90,
    elsewhere: [at('access.test.ts', 'a key authenticates as a token and as a pair, and neither half alone does')],
  },
  { id: 91, elsewhere: [at('ultravox-input-rules.test.ts', 'a key in the query is none')] },
  {
    id: 92,
    elsewhere: [
      at('http-server.test.ts', 'two Authorization headers are 400'),
      at('trillet-input-rules.test.ts', 'two keys'),
    ],
  },
  { id: 93, elsewhere: [at('isolation.test.ts', 'does not exist, on every route that names something')] },
  { id: 94, never: 'Keys have no scopes: each may do everything within its organization.' },
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
      get('zudu', () => '/batch-call/x/y', 404),
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
      get('zudu', () => '/batch-call/%00', 404),
      get('trillet', () => '/v1/api/batch-calls/%00', 404),
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
  { id: 109, elsewhere: [at('src/carriers/carrier.conformance.ts', 'REF.split')] },
  {
    id: 110,
    elsewhere: [at('dispatch-evidence.test.ts', 'late, doubled and reordered evidence changes nothing it should not')],
  },
  { id: 111, elsewhere: [at('bad-inputs.test.ts', 'a callback of 10 MB is refused')] },
  { id: 112, elsewhere: [at('src/carriers/loopback/remote.test.ts', '408')] },
]

/** What strangers have sent to other servers, each with what is answered here. */
export const BAD_INPUTS: readonly Entry[] = [
  ...JSON_SHAPE,
  ...TEXTS,
  ...NUMBERS_AND_TIMES,
  ...PHONE_NUMBERS,
  ...FORMS,
  ...KEYS_AND_WALLS,
  ...HTTP,
  ...TARGETS_AND_CALLBACKS,
]
