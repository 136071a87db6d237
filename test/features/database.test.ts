import type pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { sortFailure } from '../../src/http/failures.ts'
import {
  createPool,
  openConnection,
  openHotConnection,
  requireCommitted,
  transaction,
} from '../../src/store/database.ts'
import { ownerTransaction } from '../../src/store/owner-transaction.ts'
import { untilDatabaseAnswers } from '../../src/store/ping-database.ts'
import { FaultProxy, serverOf, through } from '../../verify/fault-proxy.ts'
import { createTestDatabase } from '../database.ts'
import { FakeClock } from '../fake-clock.ts'

async function newDatabase(): Promise<{ url: string; administrator: pg.Client }> {
  const database = await createTestDatabase()
  const administrator = await openConnection(database.connectionString)
  onTestFinished(async () => {
    await administrator.end()
    await database.drop()
  })
  await administrator.query(`
    CREATE TABLE note (organization_id int, text text);
    ALTER TABLE note ENABLE ROW LEVEL SECURITY;
    CREATE POLICY one ON note TO carillon_api
      USING (organization_id = nullif(current_setting('carillon.organization_id', true), '')::int);
    CREATE POLICY every ON note TO carillon_dispatcher USING (true);
    GRANT SELECT, INSERT ON note TO carillon_api, carillon_dispatcher;
    INSERT INTO note VALUES (1, 'one'), (2, 'two');
  `)
  return { url: database.connectionString, administrator }
}

function newPool(url: string, maxConnections = 1): pg.Pool {
  const pool = createPool(url, { maxConnections })
  onTestFinished(() => pool.end())
  return pool
}

async function notes(client: pg.ClientBase): Promise<string[]> {
  return (await client.query<{ text: string }>('SELECT text FROM note ORDER BY text')).rows.map((row) => row.text)
}

test('a transaction sees one organization as the API role, all as the dispatcher, none without an organization', async () => {
  const { url } = await newDatabase()
  const pool = newPool(url)
  expect(await transaction(pool, { role: 'carillon_api', organizationId: 2 }, notes)).toEqual(['two'])
  expect(await transaction(pool, { role: 'carillon_dispatcher' }, notes)).toEqual(['one', 'two'])
  expect(await transaction(pool, { role: 'carillon_api' }, notes)).toEqual([])
  const after = await pool.query(
    `SELECT current_user::text AS name, current_setting('carillon.organization_id', true) AS id`,
  )
  expect(after.rows[0]).toEqual({ name: expect.not.stringMatching(/carillon_(api|dispatcher)/), id: '' })
})

test('an organization id is a value, never part of the statement', async () => {
  const { url } = await newDatabase()
  const scope = { role: 'carillon_api', organizationId: "1'; SELECT set_config('role', 'none', true); --" } as const
  await expect(transaction(newPool(url), scope, notes)).rejects.toThrow(/invalid input syntax for type integer/)
})

test('commits what resolves, rolls back what rejects, and uses the connection again', async () => {
  const { url, administrator } = await newDatabase()
  const pool = newPool(url)
  const scope = { role: 'carillon_dispatcher' } as const
  await transaction(pool, scope, (client) => client.query(`INSERT INTO note VALUES (3, 'kept')`))
  const failing = transaction(pool, scope, async (client) => {
    await client.query(`INSERT INTO note VALUES (3, 'lost')`)
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await notes(administrator)).toEqual(['kept', 'one', 'two'])
  expect(pool.totalCount).toBe(1)
})

test('rejects when a failed statement was swallowed and the server therefore rolled back', async () => {
  const { url, administrator } = await newDatabase()
  const swallowing = transaction(newPool(url), { role: 'carillon_dispatcher' }, async (client) => {
    await client.query(`INSERT INTO note VALUES (3, 'lost')`)
    await client.query('SELECT 1/0').catch(() => undefined)
  })
  await expect(swallowing).rejects.toThrow(/rolled back/)
  expect(await notes(administrator)).toEqual(['one', 'two'])
})

test('a connection that the server ended is not used again', async () => {
  const { url, administrator } = await newDatabase()
  const pool = newPool(url)
  const broken = transaction(pool, { role: 'carillon_dispatcher' }, async (client) => {
    const own = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await administrator.query('SELECT pg_terminate_backend($1)', [own.rows[0]!.pid])
    await client.query('SELECT 1')
  })
  await expect(broken).rejects.toThrow(/terminat|not queryable|EPIPE|ECONNRESET/)
  expect(pool.totalCount).toBe(0)
  expect(await transaction(pool, { role: 'carillon_dispatcher' }, notes)).toEqual(['one', 'two'])
})

test('a connection that the server ends between two statements fails the transaction, not the process', async () => {
  const { url, administrator } = await newDatabase()
  const pool = newPool(url)
  const work = async (client: pg.ClientBase) => {
    const own = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const ended = new Promise((resolve) => {
      client.once('error', resolve)
    })
    await administrator.query('SELECT pg_terminate_backend($1)', [own.rows[0]!.pid])
    await ended
    await client.query('SELECT 1')
  }
  await expect(ownerTransaction(pool, work)).rejects.toThrow()
  await expect(transaction(pool, { role: 'carillon_dispatcher' }, work)).rejects.toThrow()
  expect(await transaction(pool, { role: 'carillon_dispatcher' }, notes)).toEqual(['one', 'two'])
})

test('a connection to a server that became read-only is not used again', async () => {
  const { url } = await newDatabase()
  const pool = newPool(url)
  const refused = transaction(pool, { role: 'carillon_dispatcher' }, async (client) => {
    await client.query('SET TRANSACTION READ ONLY')
    await client.query(`INSERT INTO note VALUES (3, 'lost')`)
  })
  await expect(refused).rejects.toThrow(/read-only transaction/)
  expect(pool.totalCount).toBe(0)
})

test('an idle connection that breaks is logged and replaced', async () => {
  const { url, administrator } = await newDatabase()
  const warnings: object[] = []
  const pool = createPool(url, { log: { warn: (fields) => warnings.push(fields) } })
  onTestFinished(() => pool.end())
  const own = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const removed = new Promise((resolve) => pool.once('remove', resolve))
  await administrator.query('SELECT pg_terminate_backend($1)', [own.rows[0]!.pid])
  await removed
  expect(warnings).toEqual([{ code: '57P01' }])
  expect(await transaction(pool, { role: 'carillon_dispatcher' }, notes)).toEqual(['one', 'two'])
})

test('64-bit integers come as text without loss, instants as Date, dates as text', async () => {
  const { url } = await newDatabase()
  const result = await newPool(url).query(
    `SELECT 9223372036854775807::int8 AS hash, '2026-03-01T10:00:00Z'::timestamptz AS at, '2026-03-01'::date AS day`,
  )
  expect(result.rows[0]).toEqual({
    hash: '9223372036854775807',
    at: new Date('2026-03-01T10:00:00Z'),
    day: '2026-03-01',
  })
})

test('our search path joins options that the connection string brings', async () => {
  const { url } = await newDatabase()
  const pool = newPool(`${url}&options=${encodeURIComponent('-c work_mem=7MB')}`)
  const result = await pool.query(
    `SELECT current_setting('work_mem') AS memory, current_setting('search_path') AS path`,
  )
  expect(result.rows[0]).toEqual({ memory: '7MB', path: 'carillon,pg_catalog' })
})

test('the hot connection pipelines, keeps generic plans, and shows a failed transaction at its COMMIT', async () => {
  const { url, administrator } = await newDatabase()
  const client = await openHotConnection(url)
  onTestFinished(() => client.end())
  const [, mode, , committed] = await Promise.all([
    client.query('BEGIN'),
    client.query(`SELECT current_setting('plan_cache_mode') AS mode`),
    client.query({ name: 'put', text: 'INSERT INTO note VALUES ($1, $2)', values: [3, 'kept'] }),
    client.query('COMMIT'),
  ])
  expect(mode.rows[0]).toEqual({ mode: 'force_generic_plan' })
  requireCommitted(committed)

  const answers = await Promise.allSettled([
    client.query('BEGIN'),
    client.query('SELECT 1/0'),
    client.query({ name: 'put', text: 'INSERT INTO note VALUES ($1, $2)', values: [3, 'lost'] }),
    client.query('COMMIT'),
  ])
  expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  const commit = answers[3] as PromiseFulfilledResult<pg.QueryResult>
  expect(() => requireCommitted(commit.value)).toThrow(/rolled back/)
  expect(await notes(administrator)).toEqual(['kept', 'one', 'two'])
})

test('the hot connection tells once when it breaks', async () => {
  const { url, administrator } = await newDatabase()
  const broken: Error[] = []
  const client = await openHotConnection(url, { onBroken: (error) => broken.push(error) })
  const ended = new Promise((resolve) => client.once('end', resolve))
  const own = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await administrator.query('SELECT pg_terminate_backend($1)', [own.rows[0]!.pid])
  await ended
  expect(broken).toHaveLength(1)
})

test('a start waits for a database that does not answer yet, but not for one that never will', async () => {
  const { url } = await newDatabase()
  const relay = await FaultProxy.start(serverOf(url))
  onTestFinished(() => relay.close())
  const relayed = through(relay, url)
  const clock = new FakeClock()
  relay.cut()
  let onWaiting!: () => void
  const waiting = new Promise<void>((resolve) => {
    onWaiting = resolve
  })
  const answered = untilDatabaseAnswers(relayed, { clock, withinSeconds: 30, log: { info: onWaiting } })
  await waiting
  relay.heal()
  clock.advance(500)
  await answered

  const log = { info: () => undefined }
  const missing = untilDatabaseAnswers(`${relayed}-missing`, { clock, withinSeconds: 30, log })
  await expect(missing).rejects.toMatchObject({ code: '3D000' })
  relay.cut()
  const never = untilDatabaseAnswers(relayed, { clock, withinSeconds: 0, log })
  await expect(never).rejects.toThrow(/ECONNRESET|terminat/)
})

test('a node that stands still inside a transaction loses it, and with it the gate, after ten seconds', async () => {
  const { connectionString } = await createTestDatabase()
  const other = await openConnection(connectionString)
  onTestFinished(() => other.end())
  await other.query('CREATE TABLE gate_like (n int); INSERT INTO gate_like VALUES (1)')
  const broken: Error[] = []
  const client = await openHotConnection(connectionString, { onBroken: (error) => broken.push(error) })
  await client.query('BEGIN')
  await client.query('SELECT n FROM gate_like FOR UPDATE')
  // Waits as another node does: in line, for as long as it takes.
  await other.query('SELECT n FROM gate_like FOR UPDATE')
  await expect(client.query('COMMIT')).rejects.toThrow()
  expect(broken.length).toBeLessThanOrEqual(1)
})

test('a command that stands still does not keep the gate', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const owner = await openConnection(database.connectionString)
  await owner.query(
    `INSERT INTO carillon.organization (organization_uuid, name, created_at) VALUES (gen_random_uuid(), 'one', now())`,
  )
  await owner.query('INSERT INTO carillon.gate (organization_id, live_max) VALUES (1, 5)')
  const still = createPool(database.connectionString, { idleInTransactionMs: 300 })
  const other = newPool(database.connectionString)
  const gate = 'SELECT live_max FROM gate WHERE organization_id = 1 FOR UPDATE'
  const scope = { role: 'carillon_api', organizationId: 1 } as const
  let taken = (): void => undefined
  const isTaken = new Promise<void>((resolve) => {
    taken = resolve
  })
  let wakeUp = (): void => undefined
  const awake = new Promise<void>((resolve) => {
    wakeUp = resolve
  })
  const held = transaction(still, scope, async (client) => {
    await client.query(gate)
    taken()
    await awake
    await client.query('UPDATE gate SET live_max = 9')
  })
  const failure = expect(held).rejects.toThrow()
  await isTaken
  const { rows } = await transaction(other, scope, (client) => client.query(gate))
  expect(rows).toEqual([{ live_max: 5 }])
  wakeUp()
  await failure
  expect(sortFailure(await held.catch((error: unknown) => error))).toMatchObject({
    failure: { httpStatus: 503, code: 'unavailable' },
  })
  // The pool gives out no connection that the server has ended.
  expect((await transaction(still, scope, (client) => client.query(gate))).rows).toEqual([{ live_max: 5 }])
  const { rows: limit } = await other.query('SHOW idle_in_transaction_session_timeout')
  expect(limit).toEqual([{ idle_in_transaction_session_timeout: '10s' }])
  await still.end()
  await owner.end()
})
