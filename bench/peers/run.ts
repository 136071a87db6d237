import { say } from '../support/progress.ts'
import { type ServerUnderTest, walBytesSince, walPosition } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { startWorker, type Worker } from '../support/workers.ts'
import { installPeers } from './install.ts'
import { hasRedis, startRedis } from './redis.ts'

export const PEERS = ['graphile-worker', 'pg-boss', 'bullmq'] as const
export type PeerName = (typeof PEERS)[number]

/** The durable transitions of a job in these libraries: locked, then deleted or completed. */
export const TRANSITIONS_OF_A_JOB = 2

export interface PeerRunResult {
  readonly jobsPerSecond: number
  readonly enqueuedPerSecond: number
  readonly walBytesPerJob: number
  /** CPU microseconds a job, in the database with all its processes and in all workers. */
  readonly databaseCpuUs: number
  readonly nodeCpuUs: number
  readonly broken: readonly string[]
}

export interface PeerRunOptions {
  readonly peer: PeerName
  readonly processes: number
  readonly jobs: number
  readonly runtime: string
}

/** Which of the wanted peers can be run here, and with which Node; says aloud what is skipped. */
export function preparePeers(wanted: readonly string[]): { peers: PeerName[]; runtime: string } | null {
  const unknown = wanted.filter((name) => !PEERS.includes(name as PeerName))
  if (unknown.length > 0) throw new RangeError(`There is no peer called ${unknown.join(', ')}.`)
  if (wanted.length === 0) return null
  const runtime = installPeers()
  if (runtime === null) return null
  const peers = (wanted as PeerName[]).filter((name) => {
    if (name !== 'bullmq' || hasRedis()) return true
    say('SKIPPED: bullmq, because there is no redis-server on this machine (apt-get install redis-server)')
    return false
  })
  return { peers, runtime }
}

/** Loads a list of jobs that do nothing and lets the peer work it off; jobs are counted from the first that is done. */
export async function runPeer(server: ServerUnderTest, options: PeerRunOptions): Promise<PeerRunResult> {
  if (options.peer === 'bullmq') return runOnRedis(server, options)
  const database = await server.database({ migrated: false })
  try {
    return await drain(options, {
      place: { url: database.url },
      databaseCpuSeconds: () => server.cpuSeconds(),
      settle: async () => {
        await database.client.query('VACUUM ANALYZE')
        await database.client.query('CHECKPOINT')
      },
      measureWal: async () => {
        const from = await walPosition(database.client)
        return () => walBytesSince(database.client, from)
      },
    })
  } finally {
    await database.drop()
  }
}

async function runOnRedis(server: ServerUnderTest, options: PeerRunOptions): Promise<PeerRunResult> {
  const redis = await startRedis(server.folder)
  try {
    return await drain(options, {
      place: { socket: redis.socket },
      databaseCpuSeconds: () => redis.cpuSeconds(),
      settle: async () => undefined,
      measureWal: async () => async () => Number.NaN,
    })
  } finally {
    await redis.stop()
  }
}

interface PeerDatabase {
  readonly place: object
  databaseCpuSeconds(): number
  settle(): Promise<void>
  measureWal(): Promise<() => Promise<number>>
}

async function drain(options: PeerRunOptions, database: PeerDatabase): Promise<PeerRunResult> {
  const workers: Worker[] = []
  const start = () => startPeerProcess(options, database.place)
  try {
    const loader = await start()
    const { seconds, loaded } = await loader.ask<{ seconds: number; loaded: number }>('load', { count: options.jobs })
    await database.settle()
    for (let worker = 0; worker < options.processes; worker++) workers.push(await start())
    const cpu = async () => {
      const usages = await Promise.all(workers.map((worker) => worker.ask<{ cpuSeconds: number }>('usage')))
      return usages.reduce((sum, usage) => sum + usage.cpuSeconds, 0)
    }
    const before = { node: await cpu(), database: database.databaseCpuSeconds() }
    const walBytes = await database.measureWal()
    const secondsToDrain = await drained(workers, options.jobs)
    // What is done in memory is not yet told to the database; stopping finishes that.
    const nodeCpu = (await cpu()) - before.node
    await Promise.all(workers.map((worker) => worker.stop()))
    const databaseCpu = database.databaseCpuSeconds() - before.database
    const wal = await walBytes()
    const { left } = await loader.ask<{ left: number }>('left')
    await loader.stop()
    const broken: string[] = []
    if (loaded !== options.jobs) broken.push(`${loaded} of ${options.jobs} jobs were loaded`)
    if (left !== 0) broken.push(`${left} jobs are left`)
    return {
      jobsPerSecond: round(options.jobs / secondsToDrain),
      enqueuedPerSecond: round(options.jobs / seconds),
      walBytesPerJob: round(wal / options.jobs),
      databaseCpuUs: round((databaseCpu * 1e6) / options.jobs, 1),
      nodeCpuUs: round((nodeCpu * 1e6) / options.jobs, 1),
      broken,
    }
  } finally {
    for (const worker of workers) worker.kill()
  }
}

function startPeerProcess(options: PeerRunOptions, place: object): Promise<Worker> {
  return startWorker({
    program: new URL('./process.mjs', import.meta.url),
    args: [JSON.stringify({ peer: options.peer, processes: options.processes, ...place })],
    runtime: options.runtime,
  })
}

/** Reports come every 5 ms; the first that tells of a job is that much late at most. */
const REPORT_MS = 5

/** Seconds from the first job to the last, in the peer's favour: what it needs to begin is not counted. */
function drained(workers: readonly Worker[], jobs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = workers.map(() => 0)
    let firstAt: number | null = null
    workers.forEach((worker, at) => {
      worker.onNews((news) => {
        done[at] = (news as { done: number }).done
        const sum = done.reduce((total, count) => total + count, 0)
        if (firstAt === null && sum > 0) firstAt = performance.now() - REPORT_MS
        if (firstAt !== null && sum >= jobs) resolve((performance.now() - firstAt) / 1000)
      })
      worker.ask('work').catch(reject)
    })
  })
}
