import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callTo, startUltravoxServer, type UltravoxServer } from '../ultravox-server.ts'

let server: UltravoxServer

beforeAll(async () => {
  server = await startUltravoxServer({ env: { CARILLON_PUBLIC_URL: 'https://calls.example.com' } })
})
afterAll(() => server.close())

interface List {
  readonly next: string | null
  readonly previous: string | null
  readonly results: readonly Record<string, string>[]
  readonly total: number
}

/** Follows a link as a client does: it is absolute, and made from the public address. */
async function follow(link: string): Promise<List> {
  expect(link).toMatch(/^https:\/\/calls\.example\.com\/api\//)
  const { pathname, search } = new URL(link)
  return read(`${pathname}${search}`)
}

async function read(address: string): Promise<List> {
  const { status, body } = await server.ask('GET', address)
  expect(status).toBe(200)
  return body
}

/** All pages from the first to the last, and from there back to the first. */
async function walk(address: string): Promise<{ there: List[]; back: List[] }> {
  const there = [await read(address)]
  while (there.at(-1)!.next !== null) there.push(await follow(there.at(-1)!.next!))
  const back = [there.at(-1)!]
  while (back.at(-1)!.previous !== null) back.push(await follow(back.at(-1)!.previous!))
  return { there, back: back.reverse() }
}

const idsOf = (pages: readonly List[], key: string) => pages.flatMap(({ results }) => results.map((row) => row[key]))

describe('scheduled calls', () => {
  let batch: string

  beforeAll(async () => {
    const calls = Array.from({ length: 23 }, (_, at) => ({
      medium: { twilio: { outgoing: { to: `+1415555${String(2000 + at)}` } } },
      metadata: { at: String(at) },
    }))
    const { body } = await server.ask('POST', server.batches, { calls, windowStart: '2190-01-01T00:00:00Z' })
    batch = `${server.batches}/${body.batchId}/scheduled_calls`
  })

  it('are read page by page in both directions, each once', async () => {
    const { there, back } = await walk(`${batch}?pageSize=5`)
    expect(there.map(({ results }) => results.length)).toEqual([5, 5, 5, 5, 3])
    expect(there[0]!.previous).toBeNull()
    for (const { total } of there) expect(total).toBe(23)
    const order = (pages: readonly List[]) =>
      pages.flatMap(({ results }) => results.map((row) => (row.metadata as unknown as { at: string }).at))
    expect(order(there)).toEqual(Array.from({ length: 23 }, (_, at) => String(at)))
    expect(order(back)).toEqual(order(there))
    expect(back.map(({ results }) => results.length)).toEqual([5, 5, 5, 5, 3])
  })

  it('are filtered by status, in both directions, with the total of the filter', async () => {
    const { there, back } = await walk(`${batch}?pageSize=10&status=FUTURE`)
    expect(there.map(({ results, total }) => [results.length, total])).toEqual([
      [10, 23],
      [10, 23],
      [3, 23],
    ])
    expect(there.flatMap(({ results }) => results)).toEqual(back.flatMap(({ results }) => results))
    for (const { status } of there.flatMap(({ results }) => results)) expect(status).toBe('FUTURE')
    for (const status of ['PENDING', 'SUCCESS', 'EXPIRED', 'ERROR']) {
      expect(await read(`${batch}?status=${status}`)).toEqual({ next: null, previous: null, results: [], total: 0 })
    }
  })

  it.each([
    ['', 10],
    ['pageSize=1', 1],
    ['pageSize=100', 23],
    ['pageSize=1000000', 23],
    ['pageSize=0', 1],
    ['pageSize=-5', 1],
  ])('a page of "%s" has %i', async (query, count) => {
    expect((await read(`${batch}?${query}`)).results).toHaveLength(count)
  })

  it('a cursor of another filter or list is refused, and so is one that was changed', async () => {
    const { next } = await read(`${batch}?pageSize=5`)
    const cursor = new URL(next!).searchParams.get('cursor')!
    for (const address of [
      `${batch}?status=FUTURE&cursor=${cursor}`,
      `${server.batches}?cursor=${cursor}`,
      `${batch}?cursor=${cursor.slice(0, -2)}`,
      `${batch}?cursor=cD00ODY%3D`,
    ]) {
      const { status, body } = await server.ask('GET', address)
      expect([status, Object.keys(body)]).toEqual([400, ['cursor']])
    }
  })
})

it('batches are read newest first; what is made meanwhile neither hides nor repeats any', async () => {
  const make = async () => {
    const paused = { calls: [callTo('10')], paused: true }
    return (await server.ask('POST', server.batches, paused)).body.batchId as string
  }
  const agent = await server.ask('POST', '/api/agents', { name: 'another' })
  const made: string[] = []
  for (let at = 0; at < 7; at++) made.push(await make())
  const newest = [...made].reverse()
  const first = await read(`${server.batches}?pageSize=3`)
  expect(idsOf([first], 'batchId')).toEqual(newest.slice(0, 3))
  const late = await make()
  const second = await follow(first.next!)
  expect(idsOf([second], 'batchId')).toEqual(newest.slice(3, 6))
  expect(second.total).toBe(first.total + 1)
  const backToFirst = await follow(second.previous!)
  expect(idsOf([backToFirst], 'batchId')).toEqual(newest.slice(0, 3))
  const start = await follow(backToFirst.previous!)
  expect(idsOf([start], 'batchId')).toEqual([late])
  expect(start.previous).toBeNull()
  expect((await read(`/api/agents/${agent.body.agentId}/scheduled_batches`)).total).toBe(0)
})

it('agents are listed oldest first and found by a part of their name', async () => {
  const names = ['Blue bell', 'blue door', 'red bell']
  for (const name of names) await server.ask('POST', '/api/agents', { name })
  const { there, back } = await walk('/api/agents?pageSize=2&search=BLUE')
  expect(idsOf(there, 'name')).toEqual(['Blue bell', 'blue door'])
  expect(idsOf(back, 'name')).toEqual(['Blue bell', 'blue door'])
  expect(there[0]!.total).toBe(2)
  const all = await walk('/api/agents?pageSize=2')
  expect(idsOf(all.back, 'name')).toEqual(idsOf(all.there, 'name'))
  expect(new Set(idsOf(all.there, 'agentId')).size).toBe(all.there[0]!.total)
})
