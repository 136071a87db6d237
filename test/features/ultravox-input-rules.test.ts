import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentRequest, batchChanges, batchRequestDocumented } from '../../src/dialects/ultravox/wire.ts'
import { API_KEY, CALLER, callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

/**
 * Every rule of what may be sent, in one table: the field, what is sent in it, and what the answer must say of it. A
 * field of the schemas that is missing from the table fails. After every refusal there is no batch more.
 */

let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer()
})
afterAll(() => server.close())

type Sent = unknown
/** Path of the field in the request, what is sent as its value, and what is said; no text: it is taken. */
type Rule = readonly [field: string, value: Sent, says?: RegExp]

const long = (chars: number) => 'x'.repeat(chars)
const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) })
const E164 = /must be a number in E\.164/
const TEXT = /must be a text/
const FLAG = /must be true or false/
const OBJECT = /must be an object/

const telephone = (name: string): Rule[] => [
  [`medium.${name}`, {}, /webhookUrl is missing/],
  [`medium.${name}`, 'x', OBJECT],
  [`medium.${name}.outgoing`, [], OBJECT],
  [`medium.${name}.outgoing.to`, '+14155550100'],
  [`medium.${name}.outgoing.to`, undefined, /is missing/],
  [`medium.${name}.outgoing.to`, 14155550100, TEXT],
  [`medium.${name}.outgoing.to`, '', /at least 1 characters/],
  [`medium.${name}.outgoing.to`, '14155550100', E164],
  [`medium.${name}.outgoing.to`, '+1 415 555 0100', E164],
  [`medium.${name}.outgoing.to`, '+1415555010a', E164],
  [`medium.${name}.outgoing.to`, '+141555', E164],
  [`medium.${name}.outgoing.to`, '+1234567890123456', E164],
  [`medium.${name}.outgoing.to`, 'tel:+14155550100', E164],
  [`medium.${name}.outgoing.to`, '+14155550100;ext=5', E164],
  [`medium.${name}.outgoing.to`, '+14155550100,,w123#', E164],
  [`medium.${name}.outgoing.to`, '＋14155550100', E164],
  [`medium.${name}.outgoing.to`, '\u00a0+14155550100', E164],
  [`medium.${name}.outgoing.to`, 'sip:ada@example.com', /SIP address belongs into the medium sip/],
  [`medium.${name}.outgoing.from`, CALLER],
  [`medium.${name}.outgoing.from`, undefined],
  [`medium.${name}.outgoing.from`, '+14155559999', /not one of the organization.*Add the number/],
  [`medium.${name}.outgoing.from`, 'client:ada', E164],
  [`medium.${name}.outgoing.from`, 5, TEXT],
  [`medium.${name}.outgoing.additionalParams`, { Timeout: 5 }],
  [`medium.${name}.outgoing.additionalParams`, 'x', OBJECT],
  [`medium.${name}.outgoing.additionalParams`, long(70_000), OBJECT],
  [`medium.${name}.outgoing.additionalParams`, { a: long(70_000) }, /medium: .*at most 65536 characters/],
  [`medium.${name}.dtmfHandling`, { ignore: true }, /webhookUrl is missing/],
  [`medium.${name}.dtmfHandling.ignore`, 'yes', FLAG],
  [`medium.${name}.dtmfHandling.userTextMessage`, [], OBJECT],
  [`medium.${name}.dtmfHandling.userTextMessage.text`, 5, TEXT],
  [`medium.${name}.dtmfHandling.userTextMessage.urgency`, 'SOON', /must be one of URGENCY_UNSPECIFIED/],
]

const messages = (name: string): Rule[] => [
  [`medium.${name}.dataMessages`, 1, OBJECT],
  ...[
    'pong',
    'state',
    'transcript',
    'clientToolInvocation',
    'dataConnectionToolInvocation',
    'playbackClearBuffer',
    'callStarted',
    'debug',
    'callEvent',
    'toolUsed',
    'userStartedSpeaking',
    'userStoppedSpeaking',
    'invokingTool',
  ].map((key): Rule => [`medium.${name}.dataMessages.${key}`, 'on', FLAG]),
]

/** Of one call of a batch. */
const CALL_RULES: readonly Rule[] = [
  ['medium', callTo('10').medium],
  ['medium', null, /webhookUrl is missing/],
  ['medium', {}, /exactly one of the keys .* and has 0/],
  ['medium', { fax: {} }, /exactly one of the keys .* and has 0/],
  ['medium', { ...callTo('10').medium, webRtc: {} }, /exactly one of the keys .* and has 2/],
  ['medium', 'twilio', OBJECT],
  ['medium', [], OBJECT],
  ...telephone('twilio'),
  ...telephone('telnyx'),
  ...telephone('plivo'),
  ['medium.plivo.outgoing.to', '+14155550100<+14155550101', /must be one number/],
  ['medium.webRtc', 1, OBJECT],
  ...messages('webRtc'),
  ['medium.exotel', 'x', OBJECT],
  ['medium.exotel', {}, /webhookUrl is missing/],
  ['medium.exotel.dtmfHandling.ignore', 1, FLAG],
  ['medium.exotel.dtmfHandling.userTextMessage.text', 1, TEXT],
  ['medium.exotel.dtmfHandling.userTextMessage.urgency', 'NOW', /must be one of/],
  ['medium.serverWebSocket', {}, /inputSampleRate is missing/],
  ['medium.serverWebSocket.inputSampleRate', 0, /at least 1/],
  ['medium.serverWebSocket.inputSampleRate', 1.5, /whole number/],
  ['medium.serverWebSocket.inputSampleRate', '8000', /number/],
  ['medium.serverWebSocket.inputSampleRate', 2 ** 31, /at most 2147483647/],
  ['medium.serverWebSocket.outputSampleRate', -1, /at least 1/],
  ['medium.serverWebSocket.clientBufferSizeMs', -1, /at least 0/],
  ...messages('serverWebSocket'),
  ['medium.serverWebSocket.mediaIdleTimeout', '30', /duration in seconds such as 30s/],
  ['medium.serverWebSocket.mediaIdleTimeout', '1m', /duration in seconds such as 30s/],
  ['medium.sip', {}, /exactly one of incoming and outgoing/],
  ['medium.sip', { incoming: {}, outgoing: { to: 'sip:+14155550100@a' } }, /exactly one of incoming and outgoing/],
  ['medium.sip.incoming', {}, /webhookUrl is missing/],
  ['medium.sip.incoming', 1, OBJECT],
  ['medium.sip.outgoing', 1, OBJECT],
  ['medium.sip.outgoing.to', 'sip:+14155550100@pbx.example.com'],
  ['medium.sip.outgoing.to', 'SIPS:14155550100@pbx.example.com:5061;transport=tls'],
  ['medium.sip.outgoing.to', '+14155550100', /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'sip:+14155550100', /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'sip:+14155550100@a b', /must be a SIP URI/],
  ['medium.sip.outgoing.to', 'sip:attacker@evil.example', /must have a telephone number before the @/],
  ['medium.sip.outgoing.to', 'sip:100@pbx.example.com', /must have a telephone number before the @/],
  ['medium.sip.outgoing.from', 'Your Company'],
  ['medium.sip.outgoing.from', '', /at least 1 characters/],
  ['medium.sip.outgoing.from', 'sip:+14155559999@us', /not one of the organization/],
  ['medium.sip.outgoing.username', 5, TEXT],
  ['medium.sip.outgoing.password', 5, TEXT],
  ['metadata', null],
  ['metadata', { order: '7' }],
  ['metadata', { order: 7 }, /must be a text/],
  ['metadata', ['7'], OBJECT],
  ['metadata', { 'ultravox.x': '1' }, /no key that starts with ultravox\./],
  ['templateContext', null],
  ['templateContext', { name: { first: 'Ada' } }],
  ['templateContext', 'Ada', OBJECT],
  ['templateContext', { a: long(1_048_576) }, /templateContext: .*at most 65536 characters/],
  ['templateContext', { a: deep(40) }, /nested more than 32 deep/],
  ['templateContext', { '\u0000': 1 }, /U\+0000/],
  ['experimentalSettings', 5],
  ['experimentalSettings', { any: [1] }],
]

const BATCH_RULES: readonly Rule[] = [
  ['calls', undefined, /calls is missing/],
  ['calls', [], /at least 1 entries/],
  ['calls', {}, /must be a list/],
  ['calls', [null], /must be an object/],
  ['calls', ['x'], /must be an object/],
  ['windowStart', null],
  ['windowStart', '2190-01-01T00:00:00+02:00'],
  ['windowStart', '2001-01-01T00:00:00Z'],
  ['windowStart', '', /time in ISO 8601/],
  ['windowStart', '2190-01-01', /time in ISO 8601/],
  ['windowStart', '2190-01-01T00:00:00', /time in ISO 8601/],
  ['windowStart', '2023-02-29T00:00:00Z', /time in ISO 8601/],
  ['windowStart', '2190-01-01T24:00:00Z', /time in ISO 8601/],
  ['windowStart', '2190-01-01T00:00:60Z', /time in ISO 8601/],
  ['windowStart', '300000-01-01T00:00:00Z', /time in ISO 8601/],
  ['windowStart', '2400-01-01T00:00:00Z', /windowStart must be an instant of this century/],
  ['windowStart', 6_942_240_000, /must be a text/],
  ['windowEnd', null],
  ['windowEnd', '2190-01-01T00:00:00Z'],
  ['windowEnd', 'tomorrow', /time in ISO 8601/],
  ['windowEnd', '2400-01-01T00:00:00Z', /windowEnd must be an instant of this century/],
  ['windowEnd', '2020-01-01T00:00:00Z', /would expire before it can start/],
  ['throttle', null],
  ['throttle', 5, TEXT],
  ['webhookUrl', null],
  ['webhookUrl', 'https://example.com', /not allowed/],
  ['webhookUrl', 'ftp://example.com', /must be an address/],
  ['webhookUrl', 5, TEXT],
  ['webhookSecret', null],
  ['webhookSecret', long(120)],
  ['webhookSecret', long(121), /at most 120 characters/],
  ['webhookSecret', '', /at least 1 characters/],
  ['paused', true],
  ['paused', 'true', FLAG],
  ['paused', null, FLAG],
]

const AGENT_RULES: readonly Rule[] = [
  ['name', long(64)],
  ['name', long(65), /at most 64 characters/],
  ['name', '', /at least 1 characters/],
  ['name', '   ', /must not be empty/],
  ['name', null, TEXT],
  ['callTemplate', null],
  ['callTemplate', { anything: { of: ['theirs'] } }],
  ['callTemplate', 'x', OBJECT],
  ['callTemplate.medium', {}, /exactly one of the keys/],
  ['callTemplate.medium', { twilio: {} }],
  ['callTemplate.joinTimeout', 30, TEXT],
  ['callTemplate.joinTimeout', 'PT30S', /duration/],
  ['callTemplate.maxDuration', '1h', /duration/],
  ['callTemplate.systemPrompt', 5, TEXT],
  ['callTemplate.temperature', 1.1, /at most 1/],
  ['callTemplate.temperature', -0.1, /at least 0/],
  ['callTemplate.temperature', 1],
  ['callTemplate.sharedSecrets', 'x', /must be a list/],
]

/** A request with a value at a path; what stands beside it is what the path needs. */
function withValue(base: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(base)
  const steps = path.split('.')
  let at = copy
  for (const step of steps.slice(0, -1)) {
    at[step] ??= {}
    at = at[step] as Record<string, unknown>
  }
  if (value === undefined) delete at[steps.at(-1)!]
  else at[steps.at(-1)!] = value
  return copy
}

/** What a medium needs beside the field that is tried. */
function callFor(path: string): Record<string, unknown> {
  const [first, medium, part] = path.split('.')
  if (first !== 'medium') return callTo('10')
  if (medium === undefined) return {}
  if (medium === 'serverWebSocket' && part !== undefined) return { medium: { [medium]: { inputSampleRate: 8_000 } } }
  if (part !== 'outgoing') return { medium: {} }
  return { medium: { [medium]: { outgoing: { to: medium === 'sip' ? 'sip:+14155550110@pbx' : '+14155550110' } } } }
}

function casesOf(rules: readonly Rule[]) {
  return rules.map(([path, value, says]) => ({ path, value, says }))
}

async function countBatches(): Promise<number> {
  return (await server.ask('GET', server.batches)).body.total
}

async function expectAnswer(answer: Promise<{ status: number; body: Record<string, unknown> }>, says?: RegExp) {
  const { status, body } = await answer
  const text = JSON.stringify(body)
  if (says === undefined) expect(status, text).toBe(201)
  else {
    expect([status, text]).toEqual([400, expect.stringMatching(says)])
    for (const [key, value] of Object.entries(body)) {
      if (key === 'detail') expect(typeof value).toBe('string')
      else expect(value).toEqual([expect.any(String), ...(value as string[]).slice(1)])
    }
  }
}

describe('a call of a batch', () => {
  it.each(casesOf(CALL_RULES))('$path: $value', async ({ path, value, says }) => {
    const before = await countBatches()
    const call = withValue(callFor(path), path, value)
    // The second is good: one that is not refuses all.
    const batch = { calls: [call, callTo('11')], paused: true }
    await expectAnswer(server.ask('POST', server.batches, batch), says)
    expect(await countBatches()).toBe(before + (says === undefined ? 1 : 0))
  })

  it('names the call and the field of each fault, the first hundred', async () => {
    const calls = Array.from({ length: 300 }, () => ({ medium: { twilio: { outgoing: { to: 'x' } } } }))
    const { body } = await server.ask('POST', server.batches, { calls: [callTo('10'), ...calls] })
    expect(body.calls).toHaveLength(100)
    expect(body.calls[0]).toMatch(/^calls\[1\]\.medium\.twilio\.outgoing\.to must be a number in E\.164/)
  })

  it('may bring its own trunk, which the organization must have', async () => {
    await server.native('DELETE', `/trunks/${server.first.trunkId}/aliases/telnyx`)
    const calls = [callTo('10'), { medium: { telnyx: { outgoing: { to: '+14155550111' } } } }]
    const { status, body } = await server.ask('POST', server.batches, { calls })
    expect([status, body]).toEqual([
      400,
      {
        calls: [expect.stringMatching(/^calls\[1\]\.medium\.telnyx: No trunk .* PUT \/carillon\/v1\/trunks\/.*telnyx/)],
      },
    ])
    await server.native('PUT', `/trunks/${server.first.trunkId}/aliases/telnyx`)
  })

  it('well-formed numbers that cannot be called end as errors and refuse nothing', async () => {
    const { body } = await server.ask('POST', server.batches, {
      calls: [{ medium: { twilio: { outgoing: { to: CALLER } } } }],
    })
    const { body: calls } = await server.ask('GET', `${server.batches}/${body.batchId}/scheduled_calls`)
    expect(calls.results[0]).toMatchObject({ status: 'ERROR', error: 'The number is the caller number itself' })
    expect(body).toMatchObject({ totalCount: 1, completedCount: 1, endedAt: expect.any(String) })
  })
})

describe('a batch', () => {
  it.each(casesOf(BATCH_RULES))('$path: $value', async ({ path, value, says }) => {
    const before = await countBatches()
    const batch = withValue({ calls: [callTo('10')], paused: true }, path, value)
    await expectAnswer(server.ask('POST', server.batches, batch), says)
    expect(await countBatches()).toBe(before + (says === undefined ? 1 : 0))
  })

  it('of an agent without a voice is refused, and the remedy works', async () => {
    const agent = (await server.ask('POST', '/api/agents', { name: 'silent' })).body
    const address = `/api/agents/${agent.agentId}/scheduled_batches`
    const { status, body } = await server.ask('POST', address, { calls: [callTo('10')] })
    expect([status, body]).toEqual([
      400,
      { agent: [expect.stringMatching(/no voice yet.*PATCH \/carillon\/v1\/agents/)] },
    ])
    const remedy = { kind: 'announcement', settings: { text: 'Hello {name}' } }
    expect((await server.native('PATCH', `/agents/${agent.agentId}`, remedy)).status).toBe(200)
    expect((await server.ask('POST', address, { calls: [callTo('10')] })).status).toBe(201)
  })

  it('unknown fields are ignored and named', async () => {
    const call = { ...callTo('10'), colour: 'red' }
    const answer = await server.ask('POST', server.batches, { calls: [call], paused: true, batchId: 'x', name: 'y' })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('carillon-ignored-fields')).toBe('calls[0].colour, batchId, name')
  })
})

describe('an agent', () => {
  it.each(casesOf(AGENT_RULES))('$path: $value', async ({ path, value, says }) => {
    await expectAnswer(server.ask('POST', '/api/agents', withValue({}, path, value)), says)
  })

  it('is made, read, changed and deleted; its template comes back as it was sent', async () => {
    const callTemplate = {
      systemPrompt: 'Be {{mood}}.',
      selectedTools: [{ toolName: 'hangUp' }],
      future: [1, { a: null }],
    }
    const made = (await server.ask('POST', '/api/agents', { name: 'A', callTemplate })).body
    expect(made).toMatchObject({ name: 'A', callTemplate, publishedRevisionId: null, statistics: { calls: 0 } })
    const address = `/api/agents/${made.agentId}`
    expect((await server.ask('GET', address)).body).toEqual(made)
    expect((await server.ask('PATCH', address, { name: 'B' })).body).toEqual({ ...made, name: 'B' })
    const changed = await server.ask('PATCH', address, { callTemplate: { model: 'x' } })
    expect(changed.body).toEqual({ ...made, name: 'B', callTemplate: { model: 'x' } })
    expect((await server.ask('DELETE', address)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) expect((await server.ask(method, address)).status).toBe(404)
    expect((await server.ask('PATCH', address, { name: 'C' })).status).toBe(404)
    expect((await server.ask('POST', `${address}/scheduled_batches`, { calls: [callTo('10')] })).status).toBe(404)
    const { body } = await server.ask('GET', '/api/agents?pageSize=100')
    expect(body.results.map(({ agentId }: { agentId: string }) => agentId)).not.toContain(made.agentId)
  })
})

describe('the table', () => {
  /** Paths of all fields of a schema. */
  function fieldsOf(schema: unknown, path: readonly string[] = []): string[] {
    if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return fieldsOf(schema.unwrap(), path)
    if (schema instanceof z.ZodArray && schema.element instanceof z.ZodObject) return [path.join('.')]
    if (!(schema instanceof z.ZodObject)) return [path.join('.')]
    const children = Object.entries(schema.shape).flatMap(([key, child]) => fieldsOf(child, [...path, key]))
    return children.length === 0 ? [path.join('.')] : children
  }
  const covered = (rules: readonly Rule[]) => new Set(rules.map(([field]) => field))

  it('has a rule for every field', () => {
    const call = (batchRequestDocumented.shape.calls as z.ZodArray<z.ZodType>).element
    for (const [schema, rules] of [
      [call, CALL_RULES],
      [batchRequestDocumented, BATCH_RULES],
      [batchChanges, BATCH_RULES],
    ] as const) {
      const fields = covered(rules)
      expect(fieldsOf(schema).filter((field) => !fields.has(field))).toEqual([])
    }
    // The media of a template are those of a call.
    const fields = covered(AGENT_RULES)
    const own = fieldsOf(agentRequest).filter((field) => !/^callTemplate\.medium\../.test(field))
    expect(own.filter((field) => !fields.has(field))).toEqual([])
  })
})

describe('a request as a whole', () => {
  const raw = (body: string, headers: Record<string, string> = {}) => server.ask('POST', server.batches, body, headers)

  it.each([
    ['no body', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a number', '42', 400],
    ['a trailing comma', '{"calls":[],}', 400],
    ['half a body', '{"calls":[', 400],
    ['a byte order mark', '\ufeff{"calls":[]}', 400],
    ['a key of the language', '{"calls":[{"metadata":{"__proto__":"x"}}]}', 400],
    ['a key of the language', '{"calls":[],"constructor":{"prototype":{}}}', 400],
    ['half a character', '{"calls":[{"metadata":{"a":"\\ud800"}}]}', 400],
    ['a number that is too large', '{"calls":[{"experimentalSettings":1e400}]}', 400],
  ])('%s', async (_name, body, status) => {
    const answer = await raw(body)
    expect([answer.status, Object.keys(answer.body).length]).toEqual([status, 1])
  })

  it.each([
    ['another content type', { 'content-type': 'text/plain' }, 415],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a compressed body', { 'content-encoding': 'gzip' }, 415],
    ['no key', { 'x-api-key': '' }, 401],
    ['a wrong key', { 'x-api-key': `${API_KEY}x` }, 401],
  ])('%s', async (_name, headers, status) => {
    const answer = await raw('{}', headers as unknown as Record<string, string>)
    expect(answer).toMatchObject({ status, body: { detail: expect.any(String) } })
  })

  it('a key in the query is none, and a pair is not taken here', async () => {
    const answer = await fetch(`${server.url}${server.batches}?X-API-Key=${API_KEY}`)
    expect(answer.status).toBe(401)
  })

  it.each([
    ['GET', '/api/nothing', 404],
    ['GET', '/api', 404],
    ['PUT', '/api/agents', 405],
    ['GET', '/api/agents/not-an-id', 404],
    ['GET', `/api/agents/${'0'.repeat(600)}`, 414],
    ['GET', '/api/calls/3c90c3cc-0d44-4b50-8888-8dd25736052a', 404],
    ['GET', '/api/calls/%00', 404],
  ])('%s %s is %i', async (method, address, status) => {
    const answer = await server.ask(method, address)
    expect(answer).toMatchObject({ status, body: { detail: expect.any(String) } })
  })

  it.each([
    ['pageSize=abc', 'pageSize'],
    ['pageSize=1.5', 'pageSize'],
    ['pageSize=', 'pageSize'],
    ['cursor=', 'cursor'],
    ['cursor=x', 'cursor'],
  ])('?%s is refused', async (query, field) => {
    const { status, body } = await server.ask('GET', `${server.batches}?${query}`)
    expect([status, Object.keys(body)]).toEqual([400, [field]])
  })

  it('a status that is none is refused', async () => {
    const made = await server.ask('POST', server.batches, { calls: [callTo('10')], paused: true })
    for (const status of ['', 'DONE', 'future']) {
      const answer = await server.ask('GET', `${server.batches}/${made.body.batchId}/scheduled_calls?status=${status}`)
      expect([answer.status, Object.keys(answer.body)]).toEqual([400, ['status']])
    }
  })

  it('a repeated request with the same idempotency key makes one batch', async () => {
    const batch = { calls: [callTo('10')], paused: true }
    const headers = { 'idempotency-key': 'once' }
    const [first, second] = [await raw(JSON.stringify(batch), headers), await raw(JSON.stringify(batch), headers)]
    expect(second.body).toEqual(first.body)
    expect((await raw(JSON.stringify({ ...batch, paused: false }), headers)).status).toBe(422)
  })
})
