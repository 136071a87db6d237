import fs from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Deviation, readDeviations } from '../deviations.ts'
import { type Body, type RetellServer, startRetellServer } from '../retell-server.ts'

/**
 * The request of the product's page gets the answer that is printed there; every difference must stand in
 * docs/reference/deviations.md.
 */

const CREATE = 'POST /create-batch-call 201'
const fixture = (name: string): Body =>
  JSON.parse(fs.readFileSync(new URL(`../../src/dialects/retell/fixtures/${name}.json`, import.meta.url), 'utf8'))
const deviations = readDeviations('Retell')
const used = new Set<Deviation>()
let server: RetellServer

beforeAll(async () => {
  server = await startRetellServer()
})
afterAll(() => server.close())

/** What was sent, with the printed values where a deviation allows others: what is left must be equal. */
function withPrinted(answer: string, sent: Body, page: Body, path = ''): Body {
  const found = deviations.find((entry) => entry.answer === answer && entry.key === path)
  if (found?.difference === 'value') {
    expect(JSON.stringify(sent), path).toMatch(new RegExp(found.sent!))
    used.add(found)
    return page
  }
  if (Array.isArray(sent)) return sent.map((entry) => withPrinted(answer, entry, page?.[0], `${path}[]`))
  if (typeof sent !== 'object' || sent === null) return sent
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  return Object.fromEntries(
    Object.entries(sent).flatMap(([key, value]) => {
      const added = deviations.find((entry) => entry.answer === answer && entry.key === at(key))
      if (added?.difference === 'added') {
        used.add(added)
        return []
      }
      return [[key, withPrinted(answer, value, page?.[key], at(key))]]
    }),
  )
}

it('the printed request gets the printed answer', async () => {
  const made = await server.ask('POST', '/create-batch-call', fixture('create-batch-call.request'))
  expect(made.status, made.text).toBe(201)
  const page = fixture('create-batch-call.answer')
  expect(JSON.stringify(withPrinted(CREATE, made.body, page))).toBe(JSON.stringify(page))
  // Whoever has no number of another country calls at the hours of the page's zone, and this start is over.
  const { body } = await server.native('GET', `/batches/${made.body.batch_call_id.replace('batch_call_', '')}`)
  expect(body).toMatchObject({
    status: 'running',
    startAt: '2025-01-01T08:00:00.000Z',
    callingWindow: { zone: 'America/Los_Angeles', ranges: [{ weekdays: [1], from: '09:00', to: '17:00' }] },
  })
})

it('the smallest request of the page is called at once', async () => {
  const asked = { from_number: '+14157774444', tasks: [{ to_number: '+12137774445' }] }
  const { body: made } = await server.ask('POST', '/create-batch-call', asked)
  expect(Object.keys(made)).toEqual(['batch_call_id', 'name', 'from_number', 'scheduled_timestamp', 'total_task_count'])
  const [call] = await server.finished(made.batch_call_id, 1)
  expect(call).toMatchObject({ call_status: 'ended', to_number: '+12137774445', batch_call_id: made.batch_call_id })
  const read = await server.ask('GET', `/v2/get-call/${call.call_id}`)
  expect(withPrinted('GET /v2/get-call 200', { batch_call_id: read.body.batch_call_id }, {})).toEqual({})
})

it('a refusal has the two printed fields', async () => {
  const refused = await server.ask('POST', '/create-batch-call', {})
  expect(refused).toMatchObject({ status: 400, body: { status: 'error', message: expect.any(String) } })
  expect(Object.keys(refused.body)).toEqual(['status', 'message'])
})

it('every deviation that is listed still holds', () => {
  expect(deviations.filter((entry) => !used.has(entry))).toEqual([])
})
