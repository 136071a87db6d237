import { expect, onTestFinished, test } from 'vitest'
import { sortFailure } from '../../src/http/failures.ts'
import { transaction } from '../../src/store/database.ts'
import { openWatchedPool } from '../../src/store/silent-database.ts'
import { FaultProxy, serverOf, through } from '../../verify/fault-proxy.ts'
import { createTestDatabase } from '../database.ts'
import { FakeClock } from '../fake-clock.ts'

const TIMEOUT_MS = 60_000
const STEP_MS = 500

async function watchedPool() {
  const { connectionString } = await createTestDatabase()
  const relay = await FaultProxy.start(serverOf(connectionString))
  const clock = new FakeClock()
  const watched = openWatchedPool(through(relay, connectionString), { clock, maxConnections: 2 })
  onTestFinished(async () => {
    relay.heal()
    await watched.close()
    await relay.close()
  })
  return { relay, clock, pool: watched.pool, watched }
}

/** Lets the clock run until the work is done; how many of its milliseconds that took, and how it ended. */
async function whileTimePasses(
  clock: FakeClock,
  work: Promise<unknown>,
): Promise<{ tookMs: number; failure: unknown }> {
  const startMs = clock.monotonicMs()
  let ended = false
  let failure: unknown = null
  const done = work.then(
    () => undefined,
    (error: unknown) => {
      failure = error
    },
  )
  void done.then(() => {
    ended = true
  })
  while (!ended) {
    clock.advance(STEP_MS)
    // What the clock has begun needs the network, which has its own time.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await done
  return { tookMs: clock.monotonicMs() - startMs, failure }
}

/** What the sender of the request is told. */
function answerTo(failure: unknown) {
  const { failure: told, headers } = sortFailure(failure)
  return { httpStatus: told.httpStatus, headers }
}

const UNAVAILABLE = { httpStatus: 503, headers: { 'retry-after': '5' } }

test('a statement on a machine that has vanished fails soon, when another one answers at its address', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { relay, clock, pool } = await watchedPool()
  await transaction(pool, { role: 'carillon_dispatcher' }, async (client) => {
    await client.query('SELECT 1')
    relay.strandAll()
    const { tookMs, failure } = await whileTimePasses(clock, client.query('SELECT 1'))
    expect(tookMs).toBeLessThan(10_000)
    throw failure
  }).catch((error: unknown) => expect(answerTo(error)).toEqual(UNAVAILABLE))
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

test('all connections to a machine that answers nobody are given up, idle ones too', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { relay, clock, pool, watched } = await watchedPool()
  const both = await Promise.all([pool.connect(), pool.connect()])
  for (const client of both) client.release()
  relay.stall('both')
  const { tookMs, failure } = await whileTimePasses(clock, pool.query('SELECT 1'))
  expect(answerTo(failure)).toEqual(UNAVAILABLE)
  expect(tookMs).toBeGreaterThanOrEqual(10_000)
  expect(tookMs).toBeLessThan(25_000)
  expect(watched.givenUp).toBe(2)
  relay.heal()
  await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] })
})

test('a long statement is left alone', { timeout: TIMEOUT_MS }, async () => {
  const { clock, pool, watched } = await watchedPool()
  const { tookMs, failure } = await whileTimePasses(clock, pool.query('SELECT pg_sleep(2)'))
  expect(failure).toBeNull()
  expect(tookMs).toBeGreaterThan(20_000)
  expect(watched.givenUp).toBe(0)
})

test('so is one that waits for another', { timeout: TIMEOUT_MS }, async () => {
  const { clock, pool } = await watchedPool()
  const holder = await pool.connect()
  await holder.query('BEGIN; SELECT pg_advisory_xact_lock(1)')
  const waiting = pool.query('SELECT pg_advisory_lock(1)')
  await whileTimePasses(clock, new Promise((resolve) => setTimeout(resolve, 1000)))
  await holder.query('COMMIT')
  holder.release()
  await expect(waiting).resolves.toBeDefined()
})
