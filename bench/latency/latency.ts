import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { seed } from '../engine/seed.ts'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, endLineInPlace, say, sayInPlace, sayTable } from '../support/progress.ts'
import { recount } from '../support/recount.ts'
import { type DatabaseUnderTest, type ServerUnderTest, startServerUnderTest } from '../support/server-under-test.ts'
import { type Distribution, distribution, round } from '../support/statistics.ts'
import { startWorker, type Worker } from '../support/workers.ts'
import { slotDelays, timesByCaller } from './pairs.ts'
import type { Observed } from './timed-carrier.ts'

interface Sizes {
  readonly nodes: number
  /** Calls in progress, held by the limits of this many long batches. */
  readonly liveCalls: number
  readonly batches: number
  readonly callSeconds: number
  readonly seconds: number
  /** Small batches that start one after the other while all this goes on. */
  readonly scheduled: number
}

/** Recipients of a scheduled batch. */
const SMALL = 2
/** Numbers that the batches call from tell them apart at the carrier. */
const CALLER_BASE = 14_155_000_000

/**
 * How long things take for people while a thousand of them are on the phone: from a call's end to the next dial, from
 * a batch's time to its first dial, from an event to the disk.
 */
export async function benchLatency(options: BenchOptions): Promise<void> {
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    const machine = describeMachine(server.folder)
    const sizes = sizesOf(options)
    const rounds = options.rounds ?? 1
    const results: LatencyResult[] = []
    for (let turn = 1; turn <= rounds; turn++) {
      const result = await runLatency(server, sizes)
      results.push(result)
      print(result)
    }
    const broken = results.flatMap((result) => result.broken)
    conclude({ bench: 'latency', machine, postgres: server.version, sizes, rounds: results, broken }, options.save)
  } finally {
    await server.stop()
  }
}

function sizesOf(options: BenchOptions): Sizes {
  return {
    nodes: options.nodes?.[0] ?? 2,
    liveCalls: options.quick ? 200 : 1000,
    batches: options.batches ?? 20,
    callSeconds: options.callSeconds ?? (options.quick ? 3 : 12),
    seconds: options.seconds ?? (options.quick ? 10 : 60),
    scheduled: options.quick ? 20 : 140,
  }
}

interface LatencyResult {
  readonly liveCalls: number
  readonly endsPerSecond: number
  readonly freedSlotToDialMs: Distribution
  readonly scheduledStartMs: Distribution
  readonly eventUntilDurableMs: Distribution
  /** Of one core, of all nodes together. */
  readonly nodeCores: number
  readonly postgresCores: number
  readonly broken: readonly string[]
}

async function runLatency(server: ServerUnderTest, sizes: Sizes): Promise<LatencyResult> {
  const database = await server.database()
  const workers: Worker[] = []
  try {
    const limit = Math.round(sizes.liveCalls / sizes.batches)
    await seedLatency(database.client, sizes, limit)
    for (let node = 1; node <= sizes.nodes; node++) workers.push(await startLatencyNode(server, database, node, sizes))
    await startLongBatches(database.client, sizes)
    // The first calls all begin together; after a mean length they end independently of each other.
    await count('filling', 2 * sizes.callSeconds)
    const fromEpochMs = performance.timeOrigin + performance.now()
    const starts = await scheduleSmallBatches(database.client, sizes, fromEpochMs)
    const cpuBefore = await cpuSeconds(server, workers)
    await count('measuring', sizes.seconds)
    const cpuAfter = await cpuSeconds(server, workers)
    const live = (await database.client.query('SELECT count(*)::int AS n FROM live_call')).rows[0].n
    const observations = await Promise.all(workers.map((worker) => worker.ask<Observed>('observed')))
    await Promise.all(workers.map((worker) => worker.stop()))
    const wrong = await recount(database.client, { drained: false, wholeCalls: false })
    const found = figures({ observations, starts, limit, sizes, fromEpochMs })
    const nodeCores = round((cpuAfter.nodes - cpuBefore.nodes) / sizes.seconds, 2)
    const postgresCores = round((cpuAfter.postgres - cpuBefore.postgres) / sizes.seconds, 2)
    return { liveCalls: live, ...found, nodeCores, postgresCores, broken: [...found.broken, ...wrong] }
  } finally {
    for (const worker of workers) worker.kill()
    await database.drop()
  }
}

async function seedLatency(client: pg.Client, sizes: Sizes, limit: number): Promise<void> {
  await seed(client, {
    recipients: (sizes.batches + sizes.scheduled) * listLength(sizes, limit),
    batches: sizes.batches + sizes.scheduled,
    organizations: 1,
    organizationLimit: 5000,
    trunks: 4,
    suppressed: 100_000,
    suppressedEvery: 0,
    window: true,
  })
  await client.query('UPDATE batch SET caller_number = $1::bigint + batch_id', [CALLER_BASE])
  await client.query('UPDATE batch_state SET live_max = $2 WHERE batch_id <= $1', [sizes.batches, limit])
  await client.query('UPDATE batch_state SET live_max = $2, total = $2 WHERE batch_id > $1', [sizes.batches, SMALL])
  await client.query('UPDATE lane SET end_seq = 1 + $2::int, last_seq = 1 + $2::int WHERE batch_id > $1', [
    sizes.batches,
    SMALL,
  ])
}

/** Long enough that no list ends before the measurement does. */
function listLength(sizes: Sizes, limit: number): number {
  return Math.ceil(limit * (4 + (4 * sizes.seconds) / sizes.callSeconds))
}

function startLatencyNode(
  server: ServerUnderTest,
  database: DatabaseUnderTest,
  node: number,
  sizes: Sizes,
): Promise<Worker> {
  const name = `bench-${node}`
  const args = { databaseUrl: database.url, name, logFile: path.join(server.folder, `${name}.log`) }
  const carrier = { seed: node, callSeconds: sizes.callSeconds }
  return startWorker({
    program: new URL('./node.ts', import.meta.url),
    args: [JSON.stringify(args), JSON.stringify(carrier)],
  })
}

async function startLongBatches(client: pg.Client, sizes: Sizes): Promise<void> {
  await client.query('BEGIN')
  await client.query('UPDATE gate SET version = version + 1')
  await client.query('UPDATE batch b SET version = g.version FROM gate g WHERE b.batch_id <= $1', [sizes.batches])
  await client.query('UPDATE batch_state SET status = 2 WHERE batch_id <= $1', [sizes.batches])
  await client.query('COMMIT')
}

/** Spreads the starts over the measurement; returns them by the number that the batch calls from. */
async function scheduleSmallBatches(
  client: pg.Client,
  sizes: Sizes,
  fromEpochMs: number,
): Promise<Map<string, number>> {
  const { rows } = await client.query(
    `UPDATE batch_state SET status = 1,
       start_at = to_timestamp($2::float8 / 1000 + 1 + (batch_id - $1::int) * ($3::float8 - 2) / $4::float8)
     WHERE batch_id > $1 RETURNING batch_id, extract(epoch FROM start_at)::float8 * 1000 AS start_epoch_ms`,
    [sizes.batches, fromEpochMs, sizes.seconds, sizes.scheduled],
  )
  return new Map(rows.map((row) => [`+${CALLER_BASE + row.batch_id}`, row.start_epoch_ms]))
}

async function count(what: string, seconds: number): Promise<void> {
  for (let left = Math.ceil(seconds); left > 0; left--) {
    sayInPlace(`  ${what}: ${left} s left`)
    await delay(1000)
  }
  endLineInPlace()
}

async function cpuSeconds(server: ServerUnderTest, workers: readonly Worker[]) {
  const usages = await Promise.all(workers.map((worker) => worker.ask<{ cpuSeconds: number }>('usage')))
  return { postgres: server.cpuSeconds(), nodes: usages.reduce((sum, usage) => sum + usage.cpuSeconds, 0) }
}

function figures(all: {
  observations: readonly Observed[]
  starts: ReadonlyMap<string, number>
  limit: number
  sizes: Sizes
  fromEpochMs: number
}) {
  const broken: string[] = []
  const times = timesByCaller(all.observations)
  const slots: number[] = []
  const starts: number[] = []
  let ended = 0
  for (const [caller, batch] of times) {
    const startAt = all.starts.get(caller)
    if (startAt === undefined) {
      slots.push(...slotDelays(batch, all.limit, all.fromEpochMs))
      ended += batch.endedAt.filter((at) => at >= all.fromEpochMs).length
    } else starts.push(batch.placedAt[0]! - startAt)
  }
  if (starts.length < all.starts.size) broken.push(`${all.starts.size - starts.length} scheduled batches did not start`)
  if (starts.some((ms) => ms < 0)) broken.push('a scheduled batch started before its time')
  // A dial cannot come before the end that it needs: the limit would have been exceeded.
  const early = slots.filter((ms) => ms < 0).length
  if (early > 0) broken.push(`${early} dials came before a slot of their batch was free`)
  const durable = all.observations.flatMap(({ durableMs, durableAt }) =>
    durableMs.filter((_, at) => durableAt[at]! >= all.fromEpochMs),
  )
  return {
    endsPerSecond: round(ended / all.sizes.seconds, 1),
    freedSlotToDialMs: distribution(slots),
    scheduledStartMs: distribution(starts),
    eventUntilDurableMs: distribution(durable),
    broken,
  }
}

function print(result: LatencyResult): void {
  const row = (label: string, { count: n, p50, p95, p99, max }: Distribution) => [label, n, p50, p95, p99, max]
  say(`${result.liveCalls} calls live, ${result.endsPerSecond} end a second`)
  sayTable([
    ['milliseconds', 'count', 'p50', 'p95', 'p99', 'max'],
    row('freed slot to next dial', result.freedSlotToDialMs),
    row('start of a scheduled batch', result.scheduledStartMs),
    row('event until durable', result.eventUntilDurableMs),
  ])
  say(`nodes ${result.nodeCores} cores, PostgreSQL ${result.postgresCores} cores`)
}
