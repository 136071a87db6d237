import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BATCHES, batchOf, type ElevenLabsServer, startElevenLabsServer } from '../elevenlabs-server.ts'
import { brokenBodies } from '../input-rules/broken-bodies.ts'
import { daysAhead, elevenlabsRules, quietBatch } from '../input-rules/elevenlabs.ts'
import { testInputRules } from '../input-rules/input-rule.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'

const SUBMIT = `${BATCHES}/submit`
let server: ElevenLabsServer

beforeAll(async () => {
  server = await startElevenLabsServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
})
afterAll(() => server.close())

const stored = async () => (await server.native('GET', '/batches?limit=100')).body.items.length
/** What is wrong with fields, and anything else. */
const FIELDS = expect.arrayContaining([
  {
    loc: expect.arrayContaining([expect.stringMatching(/^(body|query)$/)]),
    msg: expect.any(String),
    type: expect.any(String),
  },
])
const WHOLE = {
  type: expect.stringMatching(/^[a-z_]+$/),
  code: expect.stringMatching(/^[a-z_]+$/),
  message: expect.any(String),
  status: expect.stringMatching(/^[a-z_]+$/),
  request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  param: null,
}

testInputRules<ElevenLabsServer>({
  operations: elevenlabsRules,
  world: () => server,
  ask: (asked, method, address, body) => asked.ask(method, address, body),
  document: async (asked) => (await asked.send('GET', '/openapi/elevenlabs.json')).body,
  stored,
  expectForm({ status, body, text }) {
    expect(body).toEqual({ detail: status === 422 ? FIELDS : WHOLE })
    expect(text).not.toMatch(/callerNumber|startAt|ringTimeout|dialectFields/)
  },
})

describe('a list of recipients', () => {
  it('is told each of its faults with its place', async () => {
    const recipients = [{ phone_number: '+14155550810' }, { phone_number: '0100' }, { phone_number: '0101' }, {}]
    const { body } = await server.ask('POST', SUBMIT, quietBatch({ recipients: recipients.slice(0, 3) }))
    expect(body.detail.map(({ loc }: { loc: unknown }) => loc)).toEqual([
      ['body', 'recipients', 1, 'phone_number'],
      ['body', 'recipients', 2, 'phone_number'],
    ])
    const missing = await server.ask('POST', SUBMIT, quietBatch({ recipients }))
    expect(missing.body.detail).toMatchObject([{ loc: ['body', 'recipients', 3, 'phone_number'], type: 'missing' }])
  })

  it('may have 10,000 entries', async () => {
    const recipients = Array.from({ length: 10_000 }, (_, index) => ({ phone_number: `+1415${5_600_000 + index}` }))
    const { body } = await server.ask('POST', SUBMIT, quietBatch({ recipients }))
    expect(body.total_calls_scheduled).toBe(10_000)
    const { body: one } = await server.ask('GET', `${BATCHES}/${body.id}`)
    expect(one.recipients.map((each: { phone_number: string }) => each.phone_number)).toEqual(
      recipients.map((each) => each.phone_number),
    )
  })
})

describe('a body', () => {
  const text = JSON.stringify(batchOf(['10'], { scheduled_time_unix: daysAhead(1) }))
  it.each(brokenBodies({ text, open: '"dynamic_variables":{', count: 'target_concurrency_limit' }))(
    'that %s is refused',
    async (_what, body) => {
      const before = await stored()
      const answer = await server.ask('POST', SUBMIT, body)
      expect(answer.status, answer.text).toBe(422)
      expect(answer.body.detail).toEqual(FIELDS)
      expect(({} as Record<string, unknown>).x).toBeUndefined()
      expect(await stored()).toBe(before)
    },
  )

  it('of another type or charset is refused in the same form', async () => {
    for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/json; charset=utf-16' }]) {
      expect(await server.ask('POST', SUBMIT, text, headers)).toMatchObject({ status: 415, body: { detail: WHOLE } })
    }
  })
})

it('unknown addresses and methods are answered in this form', async () => {
  for (const [method, path, status, type] of [
    ['GET', '/v1/convai/nothing/here', 404, 'not_found'],
    ['GET', '/v1/workspace/members', 404, 'not_found'],
    ['PUT', `${BATCHES}/workspace`, 405, 'invalid_request'],
  ] as const) {
    expect(await server.ask(method, path, method === 'PUT' ? {} : undefined)).toMatchObject({
      status,
      body: { detail: { ...WHOLE, type } },
    })
  }
})

it('a request without a key, with a wrong one, or with the key in another header is 401', async () => {
  const list = `${BATCHES}/workspace`
  const codeOf = async (headers: Record<string, string>) => {
    const { status, body } = await server.ask('GET', list, undefined, { 'xi-api-key': '', ...headers })
    return [status, body.detail.status]
  }
  expect(await codeOf({})).toEqual([401, 'needs_authorization'])
  expect(await codeOf({ 'xi-api-key': 'sk_of_nobody' })).toEqual([401, 'invalid_api_key'])
  expect(await codeOf({ 'x-api-key': 'sk_of_nobody' })).toEqual([401, 'needs_authorization'])
})

it('what has no effect is named', async () => {
  const data = { dynamic_variables: { a: 1 }, conversation_config_override: { agent: { language: 'en' } } }
  const recipients = [{ phone_number: '+14155550810', conversation_initiation_client_data: data, note: 'x' }]
  const made = await server.ask('POST', SUBMIT, quietBatch({ recipients, colour: 'red' }))
  expect(made.headers.get('carillon-ignored-fields')?.split(', ').sort()).toEqual([
    'colour',
    'recipients[0].conversation_initiation_client_data.conversation_config_override',
    'recipients[0].note',
  ])
  const listed = await server.ask('GET', '/v1/convai/conversations?user_id=x&page_size=1')
  expect(listed.headers.get('carillon-ignored-fields')).toBe('user_id')
})
