import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/supervisor.ts'
import { createDatabaseIfMissing, createPool, openConnection, transaction } from '../../src/store/database.ts'
import { CommitUnknown } from '../../src/store/dispatch-store.ts'
import { migrate } from '../../src/store/migrate.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { PostgresMember } from '../../verify/fail-over/postgres-member.ts'
import { canFailOver } from '../../verify/fail-over/postgres-pair.ts'
import { FaultProxy, serverOf, through } from '../../verify/fault-proxy.ts'
import { createTestDatabase } from '../database.ts'
import { FakeClock } from '../fake-clock.ts'

const QUIET = { debug() {}, info() {}, warn() {}, error() {} }
const ORGANIZATION = 1
const TIMEOUT_MS = 300_000

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-fail-over-'))
  fs.chmodSync(folder, 0o711)
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** With a gate that can be opened. */
async function prepared(connectionString: string): Promise<void> {
  await migrate(connectionString)
  const client = await openConnection(connectionString)
  await client.query(
    `INSERT INTO organization (organization_uuid, name, created_at) VALUES (gen_random_uuid(), 'one', now())`,
  )
  await client.query('INSERT INTO gate (organization_id, live_max) VALUES (1, 10)')
  await client.end()
}

function openStore(connectionString: string, clock?: Clock): PostgresDispatchStore {
  const store = new PostgresDispatchStore(connectionString, clock)
  onTestFinished(() => store.close())
  return store
}

/** One transaction of the dispatcher. */
const commitOf = (store: PostgresDispatchStore, meanwhile: () => Promise<unknown> = async () => undefined) =>
  store.underGate(ORGANIZATION, { skipIfTaken: false }, async () => {
    await meanwhile()
    return 'committed'
  })

/** Cancels every wait for a standby until it is told to end, as an administrator does who sees commits hang. */
function cancelWaits(client: pg.Client): () => Promise<void> {
  let ended = false
  const done = (async () => {
    while (!ended) {
      await client.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
    }
  })()
  return () => {
    ended = true
    return done
  }
}

test('a commit that was acknowledged without its standby is not believed', { timeout: TIMEOUT_MS }, async () => {
  const settings = { wal_level: 'replica', max_wal_senders: 4 }
  const server = await startEmbeddedPostgres({ dataDir: temporaryFolder(), log: QUIET, settings })
  onTestFinished(() => server.stop())
  await prepared(server.connectionString)
  const store = openStore(server.connectionString)
  const pool = createPool(server.connectionString, { maxConnections: 1 })
  onTestFinished(() => pool.end())
  const command = () =>
    transaction(pool, { role: 'carillon_dispatcher' }, (client) =>
      client.query('UPDATE gate SET version = version + 1'),
    )
  await expect(commitOf(store)).resolves.toBe('committed')
  await command()

  const administrator = await openConnection(server.connectionString)
  // Its own commits wait for nobody.
  await administrator.query('SET synchronous_commit = local')
  await administrator.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
  await administrator.query('SELECT pg_reload_conf()')
  const end = cancelWaits(administrator)
  const refusal = async () =>
    (await command().then(
      () => null,
      (error: unknown) => error,
    )) as { code: string } | null
  // The server takes a new setting over when it comes to it.
  const whenRefused = async (): Promise<{ code: string }> => (await refusal()) ?? whenRefused()
  expect(await whenRefused()).toMatchObject({ code: '08007' })
  await expect(store.registerNode('alone')).rejects.toMatchObject({ code: '08007' })
  await expect(commitOf(store)).rejects.toBeInstanceOf(CommitUnknown)
  await end()
  await administrator.query('ALTER SYSTEM RESET synchronous_standby_names')
  await administrator.query('SELECT pg_reload_conf()')
  await administrator.end()
  // What waits for the standby that is no more wanted goes on.
  await expect(commitOf(store)).resolves.toBe('committed')
  await command()
})

test.runIf(canFailOver())('a primary that was replaced is not believed', { timeout: TIMEOUT_MS }, async () => {
  const folder = temporaryFolder()
  const old = await PostgresMember.make(path.join(folder, 'old'))
  const promoted = await PostgresMember.make(path.join(folder, 'promoted'))
  onTestFinished(async () => {
    await Promise.all([old.kill(), promoted.kill()])
  })
  await old.init()
  await old.start()
  await createDatabaseIfMissing(old.urlOf('carillon'))
  await prepared(old.urlOf('carillon'))
  await promoted.copy(old)
  await promoted.start()
  const relay = await FaultProxy.start(serverOf(old.urlOf('carillon')))
  onTestFinished(() => relay.close())
  const store = openStore(through(relay, old.urlOf('carillon')))
  await expect(commitOf(store)).resolves.toBe('committed')

  const failOver = async () => {
    await promoted.promote()
    relay.redirect(serverOf(promoted.urlOf('carillon')))
    // The transaction under way has the only connection to the old primary.
    await store.registerNode('after the fail-over')
  }
  await expect(commitOf(store, failOver)).rejects.toBeInstanceOf(CommitUnknown)
  const meetOld = async () => {
    relay.redirect(serverOf(old.urlOf('carillon')))
    await expect(store.registerNode('before the fail-over')).rejects.toMatchObject({ code: '08004' })
  }
  await expect(commitOf(store, meetOld)).resolves.toBe('committed')
})

test('a server that vanishes without a word is given up after ten seconds', { timeout: TIMEOUT_MS }, async () => {
  const { connectionString } = await createTestDatabase()
  await prepared(connectionString)
  const relay = await FaultProxy.start(serverOf(connectionString))
  onTestFinished(() => relay.close())
  const clock = new FakeClock()
  const store = openStore(through(relay, connectionString), clock)
  let nodeId = 0
  // Two connections: one under way makes the other.
  await commitOf(store, async () => {
    nodeId = await store.registerNode('alone')
  })
  relay.strandAll()
  const cycle = expect(commitOf(store)).rejects.toThrow()
  const renewal = expect(store.renewLease(nodeId)).rejects.toThrow()
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(10_000)
  await Promise.all([cycle, renewal])
  await expect(commitOf(store)).resolves.toBe('committed')
  await expect(store.renewLease(nodeId)).resolves.toBe(true)
})
