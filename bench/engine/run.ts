import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { endLineInPlace, sayInPlace } from '../support/progress.ts'
import { recount } from '../support/recount.ts'
import { type DatabaseUnderTest, type ServerUnderTest, walPosition } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { startWorker, type Worker } from '../support/workers.ts'
import { release, type SeedOptions, seed } from './seed.ts'

export interface EngineRunOptions extends SeedOptions {
  readonly nodes: number
  /** Measured from this many settled recipients on; 0: from the first claim. */
  readonly measureFrom: number
  /** Ends before the lists do, at this many settled recipients; null: works everything off. */
  readonly stopAfter: number | null
  readonly nodeFlags: readonly string[]
  readonly runtime?: string | undefined
}

export interface EngineRunResult {
  readonly nodes: number
  readonly lifecyclesPerSecond: number
  readonly seconds: number
  readonly lifecycles: number
  readonly walBytesPerCall: number
  /** CPU microseconds a lifecycle, in PostgreSQL with all its processes and in all nodes. */
  readonly postgresCpuUs: number
  readonly nodeCpuUs: number
  readonly lifecyclesPerCycle: number
  readonly cyclesFailed: number
  readonly nodeRssMb: number
  readonly broken: readonly string[]
}

interface Usage {
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly counters: { readonly cycles: number; readonly cyclesFailed: number; readonly ended: number }
}

/** How long without a settled recipient until a run counts as stuck. */
const STUCK_MS = 30_000

/** Looks at a run from outside. */
export interface EngineWatch {
  /** Nodes are up, nothing has been dialled yet. */
  readonly onStart?: (database: DatabaseUnderTest) => Promise<void>
  /** Everything is worked off, the database is still there. */
  readonly onEnd?: (database: DatabaseUnderTest, lifecycles: number) => Promise<void>
}

/** One run on a database of its own: seeds it, lets nodes work the lists off, counts, recounts. */
export async function runEngine(
  server: ServerUnderTest,
  options: EngineRunOptions,
  watch: EngineWatch = {},
): Promise<EngineRunResult> {
  const database = await server.database()
  const workers: Worker[] = []
  try {
    await seed(database.client, options)
    for (let node = 1; node <= options.nodes; node++)
      workers.push(await startBenchNode(server, database, node, options))
    await watch.onStart?.(database)
    await release(database.client)
    const measured = await measure(server, database, workers, options)
    await watch.onEnd?.(database, measured.lifecycles)
    await Promise.all(workers.map((worker) => worker.stop()))
    const drained = options.stopAfter === null
    const wrong = await recount(database.client, { drained, wholeCalls: true })
    return { ...measured, broken: [...measured.broken, ...wrong] }
  } finally {
    for (const worker of workers) worker.kill()
    await database.drop()
  }
}

function startBenchNode(server: ServerUnderTest, database: DatabaseUnderTest, node: number, options: EngineRunOptions) {
  const args = {
    databaseUrl: database.url,
    name: `bench-${node}`,
    logFile: path.join(server.folder, `node-${node}.log`),
  }
  return startWorker({
    program: new URL('./node.ts', import.meta.url),
    args: [JSON.stringify(args)],
    nodeFlags: options.nodeFlags,
    ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
  })
}

interface Snapshot {
  readonly epochMs: number
  readonly answered: number
  readonly wal: string
  readonly postgresCpuSeconds: number
  readonly usages: readonly Usage[]
}

async function measure(
  server: ServerUnderTest,
  { client }: DatabaseUnderTest,
  workers: readonly Worker[],
  options: EngineRunOptions,
): Promise<EngineRunResult> {
  const broken: string[] = []
  const snapshot = async ({ epochMs, answered }: Progress): Promise<Snapshot> => ({
    epochMs,
    answered,
    wal: await walPosition(client),
    postgresCpuSeconds: server.cpuSeconds(),
    usages: await Promise.all(workers.map((worker) => worker.ask<Usage>('usage'))),
  })
  // The rows are few, so that asking them costs little against the work itself.
  const pollMs = options.batches > 1000 ? 250 : 100
  const first = await waitFor(client, { settled: options.measureFrom, pollMs, broken })
  let from = await snapshot(first)
  const total = options.stopAfter ?? first.total
  const last = await waitFor(client, { settled: total, pollMs, broken })
  const to = await snapshot(last)
  if (options.measureFrom === 0) from = { ...from, epochMs: await firstClaimEpochMs(client) }
  return { ...figuresBetween(from, to), broken }
}

function figuresBetween(from: Snapshot, to: Snapshot): Omit<EngineRunResult, 'broken'> {
  const seconds = (to.epochMs - from.epochMs) / 1000
  const lifecycles = to.answered - from.answered
  const sum = (of: (usage: Usage) => number) =>
    to.usages.reduce((total, usage, node) => total + of(usage) - of(from.usages[node]!), 0)
  return {
    nodes: to.usages.length,
    lifecyclesPerSecond: round(lifecycles / seconds),
    seconds: round(seconds, 2),
    lifecycles,
    walBytesPerCall: round((lsn(to.wal) - lsn(from.wal)) / lifecycles),
    postgresCpuUs: round(((to.postgresCpuSeconds - from.postgresCpuSeconds) * 1e6) / lifecycles, 1),
    nodeCpuUs: round((sum((usage) => usage.cpuSeconds) * 1e6) / lifecycles, 1),
    lifecyclesPerCycle: round(lifecycles / sum((usage) => usage.counters.cycles)),
    cyclesFailed: sum((usage) => usage.counters.cyclesFailed),
    nodeRssMb: round(Math.max(...to.usages.map((usage) => usage.rssBytes)) / 2 ** 20),
  }
}

interface Progress {
  readonly epochMs: number
  readonly settled: number
  readonly answered: number
  readonly total: number
}

/** Polls until so many are settled, and watches the limits meanwhile. */
async function waitFor(
  client: pg.Client,
  goal: { settled: number; pollMs: number; broken: string[] },
): Promise<Progress> {
  let best = -1
  let changedAt = performance.now()
  for (;;) {
    const { rows } = await client.query(
      `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS epoch_ms, s.*,
         (SELECT count(*)::int FROM gate WHERE live > live_max) + (SELECT count(*)::int FROM trunk_state WHERE live > live_max) AS above
       FROM (SELECT coalesce(sum(settled), 0)::int AS settled, coalesce(sum(answered), 0)::int AS answered,
         coalesce(sum(total), 0)::int AS total FROM batch_state) s`,
    )
    const { epoch_ms: epochMs, settled, answered, total, above } = rows[0]
    if (above > 0) goal.broken.push(`a limit of ${above} organizations or trunks was exceeded`)
    sayInPlace(`  ${settled} of ${total}`)
    if (settled >= goal.settled) {
      endLineInPlace()
      return { epochMs, settled, answered, total }
    }
    if (settled > best) {
      best = settled
      changedAt = performance.now()
    } else if (performance.now() - changedAt > STUCK_MS) {
      throw new Error(`Nothing was settled for ${STUCK_MS / 1000} s; ${settled} of ${total} are`)
    }
    await delay(goal.pollMs)
  }
}

async function firstClaimEpochMs(client: pg.Client): Promise<number> {
  const { rows } = await client.query('SELECT extract(epoch FROM min(at))::float8 * 1000 AS epoch_ms FROM event_block')
  return rows[0].epoch_ms
}

/** A position in the WAL as a number of bytes. */
function lsn(position: string): number {
  const [high, low] = position.split('/') as [string, string]
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16)
}
