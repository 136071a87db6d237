import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT_ID, API_KEY, startTrilletServer, type TrilletServer, WORKSPACE_ID } from '../trillet-server.ts'

/**
 * How a form may be written, in one table: what is sent, what status it has, and what its answer must say. After every
 * refusal there must be no batch, and every refusal must be flat JSON. The rules of each field are `input-rules/trillet.ts`.
 */

interface Part {
  readonly name?: string
  readonly fileName?: string
  readonly type?: string
  /** Header lines of the part, instead of those that its name makes. */
  readonly head?: string
  readonly body: string | Buffer
}

interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>
  readonly parts?: readonly Part[]
  /** Instead of parts. */
  readonly body?: string | Buffer
  readonly contentType?: string
  /** Instead of the length of the body. */
  readonly contentLength?: number | 'chunked'
}

/** 20 MB, as the contract counts them. */
const FILE_BYTES_MAX = 20_971_520
const BOUNDARY = '----carillon'
const GOOD_CSV = 'phone_number,first_name\n+14155550123,Ada\n+14155550124,Grace\n'

const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="batch-calls.csv"'
const csv = (body: string | Buffer = GOOD_CSV): Part => ({
  name: 'file',
  fileName: 'batch-calls.csv',
  type: 'text/csv',
  body,
})
const field = (name: string, body: string): Part => ({ name, body })
const agent = field('agentId', AGENT_ID)
const config = (value: unknown) =>
  field('smartCallbackConfig', typeof value === 'string' ? value : JSON.stringify(value))

function partsOf(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces: Buffer[] = []
  for (const { name, fileName, type, head, body } of parts) {
    const disposition = `Content-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}`
    const typed = type === undefined ? disposition : `${disposition}\r\nContent-Type: ${type}`
    pieces.push(Buffer.from(`--${BOUNDARY}\r\n${head ?? typed}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n'))
  }
  return Buffer.concat([...pieces, Buffer.from(end)])
}

/** A file of this many bytes with one good row; comments are no rows, so the filling is one long row of the same person. */
function fileOfBytes(byteLength: number): Buffer {
  const head = Buffer.from('phone_number,first_name,note\n')
  const row = Buffer.from(`+14155550123,Ada,${'x'.repeat(981)}\n`)
  const file = Buffer.alloc(byteLength, '\n')
  head.copy(file)
  for (let at = head.length; at + row.length <= byteLength; at += row.length) row.copy(file, at)
  return file
}

interface Rule {
  readonly name: string
  readonly sent: Sent
  readonly status: number
  /** What `error` must match; for 200 it is not looked at. */
  readonly says?: RegExp
  /** What the answer must hold. */
  readonly holds?: object
}

const refused = (name: string, parts: readonly Part[], says: RegExp): Rule => ({
  name,
  sent: { parts },
  status: 400,
  says,
})
const taken = (name: string, parts: readonly Part[], holds: object = { totalCalls: 2 }): Rule => ({
  name,
  sent: { parts },
  status: 200,
  holds,
})

const RULES: readonly Rule[] = [
  taken('file, then agentId', [csv(), agent]),
  taken('agentId, then file', [agent, csv()]),
  taken('the file between the fields', [agent, csv(), field('scheduledAt', '2099-01-15T14:30:00Z')]),
  taken('scheduledAt in the past starts now', [csv(), agent, field('scheduledAt', '2024-01-15T14:30:00Z')]),
  taken('fields that mean nothing here', [csv(), agent, field('campaign', 'spring')]),
  taken('an agent by its alias with spaces around', [csv(), field('agentId', ` ${AGENT_ID} `)]),
  taken('a config with type application/json', [csv(), agent, { ...config({ enabled: false }), type: 'text/plain' }]),
  taken('a config with fractions and zero', [
    csv(),
    agent,
    config({
      enabled: true,
      maxAttempts: 3,
      gaps: [
        { days: 0.5, hours: 0 },
        { days: 0, hours: 0 },
      ],
    }),
  ]),
  taken('bad rows are left out', [csv(`${GOOD_CSV}12,Bad\n`), agent], { totalCalls: 2, rejectedCount: 1 }),
  taken('repeated numbers are left out and are no bad rows', [csv(`${GOOD_CSV}+1 415 555 0123,Ada again\n`), agent], {
    totalCalls: 2,
    rejectedCount: 0,
  }),
  taken('onBadRows=reject with good rows only', [csv(), agent, field('onBadRows', 'reject')]),
  taken('semicolons and a byte order mark', [csv('\ufeffphone_number;first_name\r\n+14155550123;Ada\r\n'), agent], {
    totalCalls: 1,
  }),
  taken('UTF-16', [csv(Buffer.from(`\ufeff${GOOD_CSV}`, 'utf16le')), agent]),
  taken('a hostile file name', [{ ...csv(), fileName: `../../etc/${'x'.repeat(5_000)}.csv` }, agent]),
  taken('formulas are text', [csv('phone_number,note\n+14155550123,=HYPERLINK("x")\n'), agent], { totalCalls: 1 }),
  taken('exactly 20 MiB', [agent, csv(fileOfBytes(FILE_BYTES_MAX))], { totalCalls: 1 }),

  {
    name: 'one byte more than 20 MiB',
    sent: { parts: [csv(fileOfBytes(FILE_BYTES_MAX + 1)), agent] },
    status: 413,
    says: /^File size exceeds 20MB limit$/,
  },
  {
    name: 'one byte more, agent first, chunked',
    sent: { parts: [agent, csv(fileOfBytes(FILE_BYTES_MAX + 1))], contentLength: 'chunked' },
    status: 413,
    says: /20MB/,
  },
  {
    name: 'a length that promises 1 GiB',
    sent: { parts: [csv(), agent], contentLength: 1_073_741_824 },
    status: 413,
    says: /20MB/,
  },
  {
    name: '10,000 fields',
    sent: { parts: [csv(), ...Array.from({ length: 10_000 }, (_, at) => field(`f${at}`, 'x'))] },
    status: 413,
    says: /./,
  },

  refused('no file', [agent], /^No file uploaded$/),
  refused('an empty form', [], /^No file uploaded|form/),
  refused('the file as a plain field', [field('file', GOOD_CSV), agent], /^No file uploaded$/),
  refused('a file under another name', [{ ...csv(), name: 'upload' }, agent], /^No file uploaded$/),
  refused('a file input that was left empty', [{ ...csv(''), fileName: '' }, agent], /^No file uploaded$/),
  refused(
    'a file with 1 MB of headers',
    [agent, { head: `${DISPOSITION}\r\nX-Filler: ${'x'.repeat(1_000_000)}`, body: GOOD_CSV }],
    /headers/,
  ),
  refused('two files', [csv(), csv(), agent], /file/),
  refused('no agentId', [csv()], /^No agent ID provided$/),
  refused('an empty agentId', [csv(), field('agentId', '')], /^No agent ID provided$/),
  refused('two agentIds', [csv(), agent, agent], /agentId/),
  refused('an agentId with NUL', [csv(), field('agentId', 'a\0b')], /agentId/),
  refused('a part without a name', [csv(), agent, { head: 'Content-Disposition: form-data', body: 'x' }], /form/),
  refused('a field called __proto__', [csv(), agent, field('__proto__', 'x')], /form|__proto__/),
  refused('a field of 100 kB', [csv(), agent, field('scheduledAt', 'x'.repeat(100_000))], /scheduledAt/),
  refused('scheduledAt that is no time', [csv(), agent, field('scheduledAt', 'tomorrow')], /scheduledAt/),
  refused('scheduledAt without a zone', [csv(), agent, field('scheduledAt', '2099-01-15T14:30:00')], /scheduledAt/),
  refused(
    'scheduledAt on a day that is none',
    [csv(), agent, field('scheduledAt', '2099-02-29T00:00:00Z')],
    /scheduledAt/,
  ),
  refused('an empty scheduledAt', [csv(), agent, field('scheduledAt', '')], /scheduledAt/),
  refused('smartCallbackConfig that is no JSON', [csv(), agent, config('{enabled: true}')], /smartCallbackConfig/),
  refused('smartCallbackConfig of another type', [csv(), agent, config('"yes"')], /smartCallbackConfig/),
  refused(
    'negative gaps',
    [csv(), agent, config({ enabled: true, maxAttempts: 2, gaps: [{ days: -1 }] })],
    /smartCallbackConfig.gaps\[0\].days/,
  ),
  refused(
    'too many gaps',
    [csv(), agent, config({ enabled: true, maxAttempts: 2, gaps: Array(5_000).fill({ days: 0 }) })],
    /smartCallbackConfig.gaps/,
  ),
  refused(
    'gaps of more than 30 days',
    [csv(), agent, config({ enabled: true, maxAttempts: 3, gaps: [{ days: 16 }] })],
    /smartCallbackConfig.gaps/,
  ),
  refused('onBadRows that is no choice', [csv(), agent, field('onBadRows', 'ignore')], /onBadRows/),
  refused(
    'onBadRows=reject with a bad row',
    [csv(`${GOOD_CSV}12,Bad\n`), agent, field('onBadRows', 'reject')],
    /^CSV validation failed/,
  ),
  refused('bad rows only', [csv('phone_number\n12\nabc\n'), agent], /^CSV validation failed/),
  refused('an empty file', [csv(''), agent], /^CSV validation failed/),
  refused('a header only', [csv('phone_number,first_name\n'), agent], /^CSV validation failed/),
  refused('no phone_number column', [csv('name,city\nAda,London\n'), agent], /^CSV validation failed.*phone_number/),
  refused('a column twice', [csv('phone_number,a,a\n+14155550123,1,2\n'), agent], /^CSV validation failed/),
  refused(
    'a column called __proto__',
    [csv('phone_number,__proto__\n+14155550123,1\n'), agent],
    /^CSV validation failed/,
  ),
  refused(
    '101 columns',
    [csv(`phone_number,${Array.from({ length: 100 }, (_, at) => `c${at}`)}\n+14155550123${',x'.repeat(100)}\n`), agent],
    /^CSV validation failed/,
  ),
  refused(
    'a quote that is never closed',
    [csv('phone_number,note\n+14155550123,"open\n'), agent],
    /^CSV validation failed/,
  ),
  refused(
    'a spreadsheet called .csv',
    [csv(Buffer.from('504b0304140006000800', 'hex')), agent],
    /^CSV validation failed/,
  ),
  refused('a compressed file', [csv(Buffer.from('1f8b0800000000000003', 'hex')), agent], /^CSV validation failed/),
  {
    name: 'an agent that does not exist',
    sent: { parts: [csv(), field('agentId', 'agent_999')] },
    status: 404,
    says: /^Agent not found$/,
  },

  {
    name: 'JSON instead of a form',
    sent: { body: JSON.stringify({ agentId: AGENT_ID }), contentType: 'application/json' },
    status: 400,
    says: /^No file uploaded$/,
  },
  {
    name: 'broken JSON',
    sent: { body: '{', contentType: 'application/json' },
    status: 400,
    says: /^No file uploaded$/,
  },
  {
    name: 'a form of the other kind',
    sent: { body: `agentId=${AGENT_ID}`, contentType: 'application/x-www-form-urlencoded' },
    status: 400,
    says: /^No file uploaded$/,
  },
  { name: 'the bare file', sent: { body: GOOD_CSV, contentType: 'text/csv' }, status: 400, says: /^No file uploaded$/ },
  { name: 'nothing at all', sent: { body: '', contentType: '' }, status: 400, says: /^No file uploaded$/ },
  {
    name: 'a form without a boundary',
    sent: { parts: [csv(), agent], contentType: 'multipart/form-data' },
    status: 400,
    says: /boundary/,
  },
  {
    name: 'a boundary of 1,000 characters',
    sent: { parts: [csv(), agent], contentType: `multipart/form-data; boundary=${'x'.repeat(1_000)}` },
    status: 400,
    says: /boundary/,
  },
  {
    name: 'another boundary than the one in use',
    sent: { parts: [csv(), agent], contentType: 'multipart/form-data; boundary=other' },
    status: 400,
    says: /form|No file/,
  },
  {
    name: 'no last boundary',
    sent: { body: partsOf([agent, csv()], ''), contentType: `multipart/form-data; boundary=${BOUNDARY}` },
    status: 400,
    says: /form/,
  },
  {
    name: 'a part that breaks off in its headers',
    sent: {
      body: `--${BOUNDARY}\r\nContent-Disposition: form-da`,
      contentType: `multipart/form-data; boundary=${BOUNDARY}`,
    },
    status: 400,
    says: /form|No file/,
  },
  {
    name: 'headers of a part of 1 MB',
    sent: {
      parts: [
        {
          head: `X-Filler: ${'x'.repeat(1_000_000)}\r\nContent-Disposition: form-data; name="agentId"`,
          body: AGENT_ID,
        },
        csv(),
      ],
    },
    status: 400,
    says: /./,
  },
  {
    name: 'a compressed body',
    sent: { parts: [csv(), agent], headers: { 'content-encoding': 'gzip' } },
    status: 415,
    says: /./,
  },

  { name: 'no key', sent: { parts: [csv(), agent], headers: { 'x-api-key': undefined } }, status: 401, says: /key/i },
  {
    name: 'a wrong key',
    sent: { parts: [csv(), agent], headers: { 'x-api-key': 'crl_000000000000_wrong' } },
    status: 401,
    says: /key/i,
  },
  {
    name: 'a key in another header',
    sent: { parts: [csv(), agent], headers: { 'x-api-key': undefined, authorization: `Bearer ${API_KEY}` } },
    status: 401,
    says: /key/i,
  },
  {
    name: 'two keys',
    sent: { parts: [csv(), agent], headers: { 'x-api-key': [API_KEY, API_KEY] } },
    status: 400,
    says: /more than one/,
  },
  {
    name: 'no workspace',
    sent: { parts: [csv(), agent], headers: { 'x-workspace-id': undefined } },
    status: 400,
    says: /workspace/i,
  },
  {
    name: 'an empty workspace',
    sent: { parts: [csv(), agent], headers: { 'x-workspace-id': ' ' } },
    status: 400,
    says: /workspace/i,
  },
  {
    name: 'a foreign workspace',
    sent: { parts: [csv(), agent], headers: { 'x-workspace-id': 'ws_of_somebody' } },
    status: 403,
    says: /workspace/i,
  },
  {
    name: 'no key and no workspace',
    sent: { parts: [csv(), agent], headers: { 'x-api-key': undefined, 'x-workspace-id': undefined } },
    status: 401,
    says: /key/i,
  },

  ...['', '/status', '/calls'].map((path): Rule => {
    const sent = { method: 'GET', path: `/v1/api/batch-calls/batch_7891011121314${path}` }
    return {
      name: `GET of no batch${path}`,
      sent,
      status: 404,
      says: /^Batch not found$/,
      holds: { id: 'batch_7891011121314' },
    }
  }),
  {
    name: 'DELETE of no batch',
    sent: { method: 'DELETE', path: '/v1/batch-calls/batch_7891011121314' },
    status: 404,
    says: /^Batch not found$/,
    holds: { id: 'batch_7891011121314' },
  },
  {
    name: 'an id with NUL',
    sent: { method: 'GET', path: '/v1/api/batch-calls/a%00b' },
    status: 404,
    says: /^Batch not found$/,
  },
  ...[
    'page=0',
    'page=-1',
    'page=1.5',
    'page=abc',
    'page=',
    'page=1&page=2',
    'page=10000000000',
    'limit=0',
    'limit=101',
    'limit=1e1',
    'status=done',
    'status=',
  ].map(
    (query): Rule => ({
      name: `calls?${query}`,
      sent: { method: 'GET', path: `/v1/api/batch-calls/batch_1/calls?${query}` },
      status: 400,
      says: new RegExp(query.slice(0, 4)),
    }),
  ),
  { name: 'an unknown path', sent: { method: 'GET', path: '/v1/api/unknown' }, status: 404, says: /address/ },
  {
    name: 'an unknown path of the other prefix',
    sent: { method: 'GET', path: '/v1/batch-calls/1/unknown' },
    status: 404,
    says: /address/,
  },
  {
    name: 'a method that is none here',
    sent: { method: 'PUT', path: '/v1/api/batch-calls/batch_1', body: '{}', contentType: 'application/json' },
    status: 405,
    says: /method/,
  },
]

let server: TrilletServer

beforeAll(async () => {
  server = await startTrilletServer()
})
afterAll(() => server.close())

function send(sent: Sent): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
  const body = sent.parts === undefined ? Buffer.from(sent.body ?? '') : partsOf(sent.parts)
  const contentType = sent.contentType ?? `multipart/form-data; boundary=${BOUNDARY}`
  const length =
    sent.contentLength === 'chunked'
      ? { 'transfer-encoding': 'chunked' }
      : { 'content-length': String(sent.contentLength ?? body.length) }
  const hasBody = sent.parts !== undefined || sent.body !== undefined
  const all = {
    'x-api-key': API_KEY,
    'x-workspace-id': WORKSPACE_ID,
    ...(hasBody ? { ...length, ...(contentType === '' ? {} : { 'content-type': contentType }) } : {}),
    ...sent.headers,
  }
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return new Promise((resolve, reject) => {
    const request = http.request(`${server.baseUrl}${sent.path ?? '/v1/api/batch-calls'}`, {
      method: sent.method ?? 'POST',
      headers: headers as Record<string, string>,
      agent: false,
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString(), headers: response.headers }),
      )
      response.on('error', reject)
    })
    request.on('error', reject)
    if (typeof sent.contentLength === 'number') request.write(body)
    else request.end(hasBody ? body : undefined)
  })
}

async function batchCount(): Promise<number> {
  const { rows } = await server.pool.query('SELECT count(*)::int AS n FROM batch')
  return rows[0].n
}

describe.each(['/v1/api/batch-calls', '/v1/batch-calls'])('POST %s', (path) => {
  it('takes a file', async () => {
    const { status, body } = await send({ path, parts: [csv(), agent] })
    expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 'queued', totalCalls: 2 })
  })
})

describe('what may be sent', () => {
  it.each(RULES.map((rule) => [rule.name, rule] as const))('%s', async (_name, rule) => {
    const before = await batchCount()
    const answer = await send(rule.sent)
    const body = JSON.parse(answer.body)
    expect({ status: answer.status, body }).toMatchObject({ status: rule.status, body: rule.holds ?? {} })
    if (rule.status === 200) {
      expect(await batchCount()).toBe(before + 1)
      return
    }
    expect(body.error).toMatch(rule.says!)
    expect(Object.keys(body).filter((key) => !['error', 'message', 'id', 'details'].includes(key))).toEqual([])
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(await batchCount()).toBe(before)
    expect((await server.pool.query('SELECT count(*)::int AS n FROM staged_recipient')).rows[0].n).toBe(0)
  })
})
