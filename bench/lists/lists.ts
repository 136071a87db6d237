import path from 'node:path'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import { type DatabaseUnderTest, startServerUnderTest } from '../support/server-under-test.ts'
import { type Distribution, distribution, seededRandom } from '../support/statistics.ts'
import { startWorker } from '../support/workers.ts'
import { type CursorList, cursorLists, ListClient } from './clients.ts'
import { type ListSizes, seedBatches } from './seed.ts'

const PAGE = 20
/** Requests that warm up a list: plans that are made, pages of the database in memory. */
const WARM_UP = 300
/** And before all of them, for each wire format: code that is compiled, as it is in a server that runs for a while. */
const WARM_UP_ALL = 1_000
const SORT_KEYS = ['updated_at', 'created_at', 'scheduled_timestamp', 'name', 'status', 'total_task_count'] as const

/** Milliseconds of the requests for one kind of page. */
interface PageTimes {
  readonly list: string
  readonly page: string
  readonly ms: Distribution
  /** Milliseconds of CPU time for each request, of the product's process and of PostgreSQL with all its processes. */
  readonly nodeCpuMs: number
  readonly postgresCpuMs: number
}

/** CPU seconds used so far. */
interface CpuSeconds {
  readonly node: number
  readonly postgres: number
}

interface Run {
  readonly url: string
  readonly requests: number
  readonly sizes: ListSizes
  readonly token: string
  readonly database: DatabaseUnderTest
  readonly broken: string[]
  readonly cpuSeconds: () => Promise<CpuSeconds>
}

/**
 * Twenty of very many batches, over HTTP, one request after the other: pages by number in each order of Zudu's list, and
 * the lists with cursors of Ultravox, Cartesia and our own from the newest batch to the oldest. What is promised, and
 * fails the bench, is that every batch is there once and in order, and that what is counted is true.
 */
export async function benchLists(options: BenchOptions): Promise<void> {
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    const machine = describeMachine(server.folder)
    const batches = options.batches ?? (options.quick ? 2_000 : 45_000)
    const sizes = { batches, recipients: options.recipients ?? batches * 222 + (options.quick ? 0 : 10_000) }
    const requests = options.quick ? 50 : 500
    const database = await server.database({ migrated: false })
    const logFile = path.join(server.folder, 'lists.log')
    const worker = await startWorker({
      program: new URL('./node.ts', import.meta.url),
      args: [JSON.stringify({ databaseUrl: database.url, name: 'bench', logFile })],
      nodeFlags: options.nodeFlags,
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
    })
    try {
      const first = await worker.ask<First>('first')
      const token = first.apiKey!.token
      await makePattern(first, token)
      say(`Storing ${batches.toLocaleString('en')} batches of ${sizes.recipients.toLocaleString('en')} recipients`)
      await seedBatches(database.client, sizes)
      const broken: string[] = []
      const cpuSeconds = async () => ({ node: await worker.ask<number>('cpuSeconds'), postgres: server.cpuSeconds() })
      const run: Run = { url: first.url, requests, sizes, token, database, broken, cpuSeconds }
      await warmUp(run, first.agentId)
      const times = [...(await numberedPages(run)), ...(await pagesByCursor(run, first.agentId))]
      sayTable([
        ['list', 'page', 'requests', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'node cpu ms', 'postgres cpu ms'],
        ...times.map(({ list, page, ms, nodeCpuMs, postgresCpuMs }) => [
          ...[list, page, ms.count, ms.p50, ms.p95, ms.p99, ms.max],
          ...[nodeCpuMs, postgresCpuMs],
        ]),
      ])
      const recipientsAre = 'counts: no list reads their rows'
      const figures = { sizes: { ...sizes, recipientsAre, pageSize: PAGE }, times }
      conclude({ bench: 'lists', machine, postgres: server.version, ...figures, broken }, options.save)
    } finally {
      await worker.stop()
      await database.drop()
    }
  } finally {
    await server.stop()
  }
}

interface First {
  readonly url: string
  readonly apiKey: { readonly token: string } | null
  readonly agentId: string
}

/** The batch that the others are copies of: a draft, so that nobody is called. */
async function makePattern({ url, agentId }: First, token: string): Promise<void> {
  const answer = await fetch(`${url}/carillon/v1/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'pattern', agent: agentId, draft: true, recipients: [{ to: '+14155550110' }] }),
  })
  if (answer.status !== 201)
    throw new Error(`The first batch was answered with ${answer.status}: ${await answer.text()}`)
}

/** The key's id and its secret, as the dialect with two headers wants them. */
function pairOf(token: string): Record<string, string> {
  const [, id = '', secret = ''] = /^(crl_[^_]+)_(.+)$/.exec(token) ?? []
  return { 'x-api-key': id, 'x-api-secret': secret }
}

async function warmUp(run: Run, agentId: string): Promise<void> {
  const zudu = { headers: pairOf(run.token), first: `/batch-call/list?limit=${PAGE}&page=0&sort_by=updated_at` }
  for (const { headers, first } of [zudu, ...cursorLists(run.token, agentId)]) {
    const client = new ListClient(run.url, headers)
    for (let request = 0; request < WARM_UP_ALL; request++) await client.get(first)
    client.close()
  }
}

interface NumberedList {
  readonly data: {
    readonly batch_calls: readonly { readonly batch_call_id: string }[]
    readonly pagination: { readonly total_count: number; readonly total_pages: number }
  }
}

async function numberedPages(run: Run): Promise<PageTimes[]> {
  const client = new ListClient(run.url, pairOf(run.token))
  const times: PageTimes[] = []
  try {
    for (const key of SORT_KEYS) {
      const order = await orderOf(run, key)
      const pages = Math.ceil(order.length / PAGE)
      const random = seededRandom(1)
      const kinds = {
        first: () => 0,
        middle: () => Math.floor(pages / 2),
        any: () => Math.floor(random() * pages),
        deepest: () => pages - 1,
      }
      for (const [kind, pick] of Object.entries(kinds)) {
        const ms: number[] = []
        let before: CpuSeconds | undefined
        for (let request = -WARM_UP; request < run.requests; request++) {
          if (request === 0) before = await run.cpuSeconds()
          const page = pick()
          const answer = await client.get(`/batch-call/list?limit=${PAGE}&page=${page}&sort_by=${key}`)
          if (request >= 0) ms.push(answer.ms)
          compare(run, `zudu by ${key}, page ${page}`, answer.body as NumberedList, {
            ids: order.slice(page * PAGE, (page + 1) * PAGE),
            total: order.length,
          })
        }
        times.push(await timesOf(run, { list: `zudu by ${key}`, page: kind }, ms, before!))
      }
    }
  } finally {
    client.close()
  }
  return times
}

const ORDER_COLUMNS: Readonly<Record<(typeof SORT_KEYS)[number], string>> = {
  updated_at: 'b.updated_at',
  created_at: 'b.created_at',
  scheduled_timestamp: "coalesce(s.start_at, 'infinity')",
  name: 'b.name',
  status: 's.status',
  total_task_count: 's.total',
}

/** What the list must hold, asked of the database in the plainest way. */
async function orderOf({ database }: Run, key: (typeof SORT_KEYS)[number]): Promise<string[]> {
  const { rows } = await database.client.query(
    `SELECT replace(batch_uuid::text, '-', '') AS id FROM batch b JOIN batch_state s USING (organization_id, batch_id)
     WHERE deleted_at IS NULL AND NOT single ORDER BY ${ORDER_COLUMNS[key]} DESC, batch_id DESC`,
  )
  return rows.map(({ id }) => `batch_call_${id}`)
}

function compare(run: Run, what: string, { data }: NumberedList, expected: { ids: string[]; total: number }): void {
  const ids = data.batch_calls.map(({ batch_call_id }) => batch_call_id)
  if (ids.join() !== expected.ids.join()) run.broken.push(`${what} holds other batches than the database has there`)
  if (data.pagination.total_count !== expected.total) {
    run.broken.push(`${what} counts ${data.pagination.total_count} batches of ${expected.total}`)
  }
}

async function pagesByCursor(run: Run, agentId: string): Promise<PageTimes[]> {
  const times: PageTimes[] = []
  for (const list of cursorLists(run.token, agentId)) {
    const client = new ListClient(run.url, list.headers)
    try {
      const first: number[] = []
      let before: CpuSeconds | undefined
      for (let request = -WARM_UP; request < run.requests; request++) {
        if (request === 0) before = await run.cpuSeconds()
        const { ms } = await client.get(list.first)
        if (request >= 0) first.push(ms)
      }
      times.push(await timesOf(run, { list: list.name, page: 'first' }, first, before!))
      const beforeWalk = await run.cpuSeconds()
      const all = await walk(run, client, list)
      times.push(await timesOf(run, { list: list.name, page: 'every one by cursor' }, all, beforeWalk))
    } finally {
      client.close()
    }
  }
  return times
}

async function timesOf(
  run: Run,
  which: Pick<PageTimes, 'list' | 'page'>,
  ms: readonly number[],
  before: CpuSeconds,
): Promise<PageTimes> {
  const now = await run.cpuSeconds()
  const each = (from: number, to: number) => Math.round(((to - from) / ms.length) * 100_000) / 100
  return {
    ...which,
    ms: distribution(ms),
    nodeCpuMs: each(before.node, now.node),
    postgresCpuMs: each(before.postgres, now.postgres),
  }
}

/** From the newest to the oldest. Returns the milliseconds of each page. */
async function walk(run: Run, client: ListClient, list: CursorList): Promise<number[]> {
  const total = run.sizes.batches + 1
  const seen = new Set<string>()
  const times: number[] = []
  let entries = 0
  for (let address: string | null = list.first; address !== null; ) {
    const { ms, body } = await client.get(address)
    const page = list.read(body)
    times.push(ms)
    for (const id of page.ids) seen.add(id)
    entries += page.ids.length
    if (page.total !== null && page.total !== total) run.broken.push(`${list.name} counts ${page.total} batches`)
    address = page.next
  }
  if (entries !== total || seen.size !== total) {
    run.broken.push(`${list.name} has ${entries} entries and ${seen.size} different batches of ${total}`)
  }
  return times
}
