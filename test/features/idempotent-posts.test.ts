import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openConnection } from '../../src/store/database.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import { type BareServer, startBareServer } from '../requests/bare-server.ts'
import { POSTS, type PostRow } from '../requests/posts.ts'
import { type Answer, type Request, type RequestWorld, requestWorld } from '../requests/request-world.ts'

const PARALLEL = 50
const STAND_STILL = 4_711

/** What asks for no key of ours. */
const WITHOUT_KEY: Readonly<Record<string, string>> = {
  'POST /carriers/:trunkId': 'callbacks of carriers carry an event key of their own',
  'POST /carriers/:trunkId/*': 'callbacks of carriers carry an event key of their own',
}

let database: TestDatabase
let sql: pg.Client
let api: BareServer
let world: RequestWorld
let routes: readonly { readonly route: string; readonly dialect: string | null }[]
let keys = 0

beforeAll(async () => {
  database = await createTestDatabase()
  sql = await openConnection(database.connectionString)
  api = await startBareServer(database.connectionString, { maxConnections: 20 })
  world = await requestWorld(api.url, api.first, sql)
  routes = api.server.routeTable.entries
    .filter(({ method }) => method === 'POST')
    .map(({ method, url, dialect }) => ({ route: `${method} ${url}`, dialect }))
})

afterAll(async () => {
  await api.close()
  await sql.end()
  await database.drop()
})

const titleOf = ({ route, as }: PostRow) => `${route}${as === undefined ? '' : ` as a ${as}`}`

async function requestOf(row: PostRow): Promise<Request> {
  const { dialect } = routes.find(({ route }) => route === row.route)!
  const post = await row.make(world)
  keys += 1
  return {
    dialect: dialect as DialectName,
    sender: row.sender ?? 'organization',
    post,
    headers: { 'idempotency-key': `key-${keys}` },
  }
}

/** How many rows each table has, without what requests leave of themselves. */
async function rowCounts(): Promise<Record<string, number>> {
  const tables = await sql.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'carillon' AND c.relkind = 'r' AND c.relname NOT IN ('idempotent_answer', 'staged_recipient', 'node') ORDER BY 1`,
  )
  const parts = tables.rows.map(({ name }) => `SELECT '${name}' AS name, count(*)::int AS n FROM ${name}`)
  const { rows } = await sql.query<{ name: string; n: number }>(parts.join(' UNION ALL '))
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]))
}

function change(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  const changed = Object.keys(after).map((name) => [name, after[name]! - before[name]!] as const)
  return Object.fromEntries(changed.filter(([, by]) => by !== 0))
}

/** What one request does, and its answer. */
async function effectOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await rowCounts()
  await work()
  return change(before, await rowCounts())
}

/** All at once; who was told to come again does so when one of them was answered. */
async function sendTogether(request: Request): Promise<Answer[]> {
  const answers = await Promise.all(Array.from({ length: PARALLEL }, () => world.send(request)))
  const early = answers.filter(({ status, text }) => status === 409 && text.includes('still at work'))
  for (const { headers } of early) expect(headers.get('retry-after')).toBe('2')
  const rest = await Promise.all(early.map(() => world.send(request)))
  return [...answers.filter((answer) => !early.includes(answer)), ...rest]
}

test('every POST has a row', () => {
  const rows = new Set(POSTS.map(({ route }) => route))
  const missing = routes.filter(({ route }) => !rows.has(route) && WITHOUT_KEY[route] === undefined)
  expect(missing).toEqual([])
  const gone = [...rows].filter((row) => !routes.some(({ route }) => route === row))
  expect(gone).toEqual([])
})

describe.each(POSTS)('$route $as', (row) => {
  test('the same request twice gets the same answer and changes nothing more', async () => {
    const request = await requestOf(row)
    const first = await world.send(request)
    expect(first.status, first.text).toBeLessThan(300)
    if (row.reads === true) return
    let second: Answer | undefined
    const effect = await effectOf(async () => {
      second = await world.send(request)
    })
    expect(effect).toEqual({})
    expect(second).toMatchObject({ status: first.status, text: first.text })
    expect(second!.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(second!.headers.get('idempotent-replayed')).toBe('true')
    expect(first.headers.get('idempotent-replayed')).toBeNull()

    const other = await world.send({ ...request, otherwise: true })
    expect(other.status, other.text).toBe(422)
    expect(DIALECT_FACTS[request.dialect].isRefusal(other.body), other.text).toBe(true)
    expect(DIALECT_FACTS[request.dialect].isKeyReused(other.body), other.text).toBe(true)
  })

  test(`${PARALLEL} at the same time have one effect and one answer`, async () => {
    if (row.reads === true) return
    const alone = await requestOf(row)
    const once = await effectOf(() => world.send(alone))
    const request = await requestOf(row)
    let answers: Answer[] = []
    const together = await effectOf(async () => {
      answers = await sendTogether(request)
    })
    expect(together).toEqual(once)
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, answers[0]!.text).toBe(1)
    expect(answers).toHaveLength(PARALLEL)
    expect(answers[0]!.status, answers[0]!.text).toBeLessThan(300)
  })
})

describe('a server that is killed with kill -9', () => {
  const doomedRows = POSTS.filter(({ reads, outside }) => reads !== true && outside === undefined)

  test('while it notes the answers: before the commit where the two are one, after it where the command has its own', async () => {
    await killedWhile('NEW.http_status IS NOT NULL AND OLD.http_status IS NULL', doomedRows)
  })

  test('between the commit of each list or call and the note of its answer', async () => {
    // Several calls of one request belong to its transaction; the others hold nothing that another would wait for.
    const own = doomedRows.filter(({ calls }) => calls === 'one')
    expect(own.length).toBeGreaterThanOrEqual(12)
    await killedWhile('NEW.http_status IS NOT NULL AND OLD.http_status IS NULL', own)
  })

  test('in the transaction that makes a list', async () => {
    const lists = doomedRows.filter(({ calls }) => calls !== undefined)
    await killedWhile('NEW.batch_id IS DISTINCT FROM OLD.batch_id', lists)
  })
})

/**
 * Sends all of them to a server that stands still where `where` says, kills it, and sends them again to another one:
 * together they must do what each does once.
 */
async function killedWhile(where: string, rows: readonly PostRow[]): Promise<void> {
  let expected: Record<string, number> = {}
  for (const row of rows) {
    const { headers: _, ...alone } = await requestOf(row)
    const once = await effectOf(() => world.send(alone))
    expected = sum(expected, once)
  }
  const requests: Request[] = []
  for (const row of rows) requests.push(await requestOf(row))
  await sql.query(`SELECT pg_advisory_lock(${STAND_STILL})`)
  await sql.query(
    `CREATE OR REPLACE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN PERFORM pg_advisory_xact_lock_shared(${STAND_STILL}); RETURN NEW; END';
     DROP TRIGGER IF EXISTS stand_still ON idempotent_answer;
     CREATE TRIGGER stand_still BEFORE UPDATE ON idempotent_answer FOR EACH ROW WHEN (${where}) EXECUTE FUNCTION stand_still()`,
  )
  const together = await effectOf(async () => {
    const doomed = await startDoomed()
    world.moveTo(doomed.url)
    const lost = requests.map((request) => world.send(request).catch(() => 'lost' as const))
    await expect.poll(waiting, { timeout: 60_000 }).toBe(requests.length)
    doomed.kill()
    expect(new Set(await Promise.all(lost))).toEqual(new Set(['lost']))
    world.moveTo(api.url)
    await sql.query(`SELECT pg_advisory_unlock(${STAND_STILL})`)
    await expect.poll(connected, { timeout: 60_000 }).toBe(0)
    await sql.query(`DROP TRIGGER stand_still ON idempotent_answer`)
    const early = await world.send(requests[0]!)
    expect(early.status, early.text).toBe(409)
    await sql.query(`UPDATE idempotent_answer SET lease_until = '2020-01-01' WHERE http_status IS NULL`)
    for (const [index, request] of requests.entries()) {
      const answer = await world.send(request)
      // A call that was ended is over when it is asked for again.
      const over = rows[index]!.overStatus ?? 300
      expect(answer.status, `${titleOf(rows[index]!)}: ${answer.text}`).toBeLessThanOrEqual(over)
      const again = await world.send(request)
      if (answer.status < 300) expect(again.text).toBe(answer.text)
    }
  })
  // A command that finds its work done is told so, and the log has both who asked first and who asked again; each entry is
  // unsealed for a while.
  const { audit_entry: noted = 0, audit_unsealed: _, ...effects } = together
  const { audit_entry: once = 0, audit_unsealed: __, ...expectedEffects } = expected
  expect(effects).toEqual(expectedEffects)
  expect(noted).toBeGreaterThanOrEqual(once)
}

function sum(one: Record<string, number>, other: Record<string, number>): Record<string, number> {
  const total = { ...one }
  for (const [name, by] of Object.entries(other)) total[name] = (total[name] ?? 0) + by
  return Object.fromEntries(Object.entries(total).filter(([, by]) => by !== 0))
}

async function startDoomed(): Promise<{ url: string; kill: () => void }> {
  const program = fileURLToPath(new URL('../programs/answer-requests.ts', import.meta.url))
  const child = fork(program, [database.connectionString, 'doomed'], {
    execArgv: ['--import', new URL('../run-typescript.mjs', import.meta.url).href],
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return { url, kill: () => void child.kill('SIGKILL') }
}

async function waiting(): Promise<number> {
  const { rows } = await sql.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'doomed' AND wait_event_type = 'Lock'`,
  )
  return rows[0]!.n
}

async function connected(): Promise<number> {
  const { rows } = await sql.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'doomed'`,
  )
  return rows[0]!.n
}
