import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDeviations } from '../deviations.ts'
import { LOOPBACK_NETWORKS } from '../loopback-targets.ts'
import { API_KEY, CALLER, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

/**
 * The request that the product's page prints is sent as it is; only host, credentials and the two ids are replaced. The
 * answer is held against the printed one, and every difference must stand in docs/reference/deviations.md.
 */

const run = promisify(execFile)
const ANSWER = 'GET /api/agents/{agent_id}/scheduled_batches/{batch_id}/scheduled_calls 200'

type Json = Record<string, unknown>
const PRINTED = JSON.parse(
  fs.readFileSync(
    new URL('../../src/dialects/ultravox/fixtures/list-scheduled-calls.answer.json', import.meta.url),
    'utf8',
  ),
) as Json & { results: [Json & { medium: Json }] }
const [CALL] = PRINTED.results
const deviations = new Map(
  readDeviations('Ultravox')
    .filter(({ answer }) => answer === ANSWER)
    .map((entry) => [entry.key, entry]),
)
const used = new Set<string>()

function deviation(key: string) {
  const found = deviations.get(key)
  if (found !== undefined) used.add(key)
  return found
}

let server: UltravoxServer
let batchId: string

/** The medium that the page prints, one call for each of its keys and branches, with values that can be sent. */
function printedMedia(): Json[] {
  const { sip, ...others } = CALL.medium as { sip: { incoming: Json; outgoing: Json } }
  const filled = (medium: unknown, to: string) =>
    JSON.parse(
      JSON.stringify(medium, (key, value) =>
        key === 'to' ? to : key === 'from' && value === '<string>' ? CALLER : value,
      ),
    ) as Json
  return [
    ...Object.entries(others).map(([key, medium], at) => filled({ [key]: medium }, `+1415555402${at}`)),
    { sip: { incoming: sip.incoming } },
    filled({ sip: { outgoing: sip.outgoing } }, 'sip:+14155554029@pbx.example.com'),
  ]
}

beforeAll(async () => {
  server = await startUltravoxServer({ env: { CARILLON_ALLOW_PRIVATE_TARGETS: LOOPBACK_NETWORKS.join(',') } })
  const whatever = { metadata: { a: 'b' }, templateContext: { name: 'Ada' }, experimentalSettings: { x: 1 } }
  const calls = printedMedia().map((medium) => ({ medium, ...whatever }))
  // Nobody listens there, so that those who are to be brought end with an error.
  const { status, body } = await server.ask('POST', server.batches, { calls, webhookUrl: 'http://127.0.0.1:1/' })
  expect(status, JSON.stringify(body)).toBe(201)
  batchId = body.batchId
  await server.until(batchId, ({ endedAt }) => endedAt !== null)
})
afterAll(() => server.close())

async function printedRequest(query = ''): Promise<Json & { results: (Json & { medium: Json })[] }> {
  const command = fs
    .readFileSync(new URL('../clients/ultravox-curl.sh', import.meta.url), 'utf8')
    .replace('https://api.ultravox.ai', server.url)
    .replace('{agent_id}', server.agentId)
    .replace('{batch_id}/scheduled_calls', `${batchId}/scheduled_calls${query}`)
    .replace('<api-key>', API_KEY)
    .replaceAll(/--url (\S+)/g, "--url '$1'")
  const { stdout } = await run('bash', ['-c', command])
  return JSON.parse(stdout)
}

describe('listing scheduled calls', () => {
  it('the printed request gets an answer of the printed shape', async () => {
    const answer = await printedRequest()
    expect(Object.keys(answer)).toEqual(Object.keys(PRINTED))
    expect(answer).toMatchObject({ next: null, previous: null, total: 8 })
    for (const result of answer.results) {
      expect(Object.keys(result)).toEqual(Object.keys(CALL))
      expect(['FUTURE', 'PENDING', 'SUCCESS', 'EXPIRED', 'ERROR']).toContain(result.status)
      for (const key of ['batchId', 'callId'])
        expect(result[key]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      expect(result).toMatchObject({ metadata: { a: 'b' }, templateContext: { name: 'Ada' } })
      expect(typeof result.error).toBe(result.status === 'ERROR' ? typeof CALL.error : 'object')
    }
  })

  it('links are absolute addresses with a cursor, in both directions', async () => {
    const first = await printedRequest('?pageSize=3')
    expect(first.next).toMatch(new RegExp(deviation('next')!.sent!))
    const second = await server.ask('GET', first.next as string)
    // The printed link back has nothing that differs.
    expect(new URL(PRINTED.previous as string).searchParams.has('cursor')).toBe(true)
    expect(new URL(second.body.previous).searchParams.has('cursor')).toBe(true)
    expect(deviation('previous')).toBeUndefined()
  })

  it('the media together are what is printed', async () => {
    const { results } = await printedRequest()
    const seen: Json = {}
    for (const { medium } of results) {
      const [name, ...more] = Object.keys(medium)
      expect([name, more]).toEqual([expect.stringMatching(new RegExp(deviation('results[].medium')!.sent!)), []])
      if (name === 'sip') {
        const branches = Object.keys(medium.sip as Json)
        expect(branches).toEqual([expect.stringMatching(new RegExp(deviation('results[].medium.sip')!.sent!))])
      }
      seen[name!] = { ...(seen[name!] as Json), ...(medium[name!] as Json) }
    }
    expectShape(seen, CALL.medium, 'results[].medium')
  })

  it('every deviation that is listed still holds', () => {
    expect([...used].sort()).toEqual([...deviations.keys()].sort())
  })
})

/** The same keys and types at every depth, but for what is listed as missing. */
function expectShape(sent: unknown, printed: unknown, path: string): void {
  expect(typeof sent, path).toBe(typeof printed)
  if (typeof printed !== 'object' || printed === null) return
  const missing = Object.keys(printed).filter((key) => deviation(`${path}.${key}`)?.difference === 'missing')
  expect(Object.keys(sent as Json).sort(), path).toEqual(
    Object.keys(printed)
      .filter((key) => !missing.includes(key))
      .sort(),
  )
  for (const [key, value] of Object.entries(sent as Json)) expectShape(value, (printed as Json)[key], `${path}.${key}`)
}
