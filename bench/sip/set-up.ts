import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { freePort, hasSipp } from '../../test/sip/sipp.ts'
import { cpuSecondsOfTree, secondsWaitedForCore } from '../support/cpu-time.ts'
import { shareText } from '../support/markdown.ts'
import { say, sayTable } from '../support/progress.ts'
import { type Distribution, distribution, round } from '../support/statistics.ts'
import { startWorker } from '../support/workers.ts'
import { writeExchange } from './exchange.ts'

/** How long after the last call was offered all must be over. */
const PATIENCE_MS = 3000
/** What the compiler has not seen yet is not what is measured. */
const WARM_UP = { rate: 1000, calls: 3000, patienceMs: PATIENCE_MS } as const
/** Times the highest rate that was tried: what happens to calls when far too many are offered. */
const OVERLOAD = 2
/** A rate counts as reached when the calls took no longer than this many times what they should have, and a start. */
const LATE = 1.1
const START_SECONDS = 0.3
const LOOK_MS = 50

export interface SetUpRow {
  readonly who: 'carillon' | 'sipp'
  readonly offeredPerSecond: number
  readonly completedPerSecond: number
  readonly failed: number
  /** Refused by ourselves before anything was written. */
  readonly notSent: number
  /** The bench itself did not come to them in time. */
  readonly notOffered: number
  /** All were over about when they should have been. */
  readonly inTime: boolean
  readonly coreShare: number
  /** How much of the time its threads waited for a core that something else used; null: not known. Absent in older lines. */
  readonly waitedForCoreShare?: number | null
  /** Of the calls that were sent. */
  readonly cpuMicrosecondsPerCall: number
  readonly retransmissions: number | null
  readonly setUpMs: Distribution | null
}

export interface SetUpResult {
  readonly rows: readonly SetUpRow[]
  /** The highest rate at which no call failed and none was late. */
  readonly carillonPerSecond: number
  readonly sippPerSecond: number
  /** Null: sipp's client did not reach the lowest rate. */
  readonly ratio: number | null
  /** False: there was but one core, or no taskset, and the peer shared it. */
  readonly pinned: boolean
}

/**
 * Calls set up and hung up a second, INVITE to the 200 of the BYE, against sipp as the telephone exchange; beside it the
 * rate of sipp's own client against the same exchange on the same core. Null: sipp is not installed.
 */
export async function benchSetUp(options: { rates: readonly number[]; seconds: number }): Promise<SetUpResult | null> {
  if (!hasSipp) {
    say('sipp is not installed: call set-up is not measured')
    return null
  }
  const pinned = os.cpus().length > 1 && process.platform === 'linux'
  const rows: SetUpRow[] = []
  const load = (rate: number): Load => ({ rate, calls: Math.round(rate * options.seconds), pinned })
  for (const who of ['sipp', 'carillon'] as const) {
    for (const rate of options.rates) {
      const row = await measureFairly(who, load(rate))
      rows.push(row)
      if (!reached(row)) break
    }
  }
  const best = (who: SetUpRow['who']) =>
    Math.max(0, ...rows.filter((row) => row.who === who && reached(row)).map((row) => row.offeredPerSecond))
  const [carillonPerSecond, sippPerSecond] = [best('carillon'), best('sipp')]
  const ratio = sippPerSecond === 0 ? null : round(carillonPerSecond / sippPerSecond, 2)
  const most = Math.max(...rows.filter(({ who }) => who === 'carillon').map((row) => row.offeredPerSecond))
  rows.push(await measure('carillon', load(most * OVERLOAD)))
  sayTable([
    [
      'calls offered/s',
      'completed/s',
      'failed',
      'not sent',
      'core',
      'waited',
      'µs CPU/call',
      'repeated',
      'set-up p50 ms',
      'p95',
    ],
    ...rows.map((row) => [
      `${row.who} ${row.offeredPerSecond}`,
      row.completedPerSecond,
      row.failed,
      row.notSent,
      `${round(row.coreShare * 100)} %`,
      shareText(row.waitedForCoreShare),
      row.cpuMicrosecondsPerCall,
      row.retransmissions ?? '-',
      row.setUpMs?.p50 ?? '-',
      row.setUpMs?.p95 ?? '-',
    ]),
  ])
  return { rows, carillonPerSecond, sippPerSecond, ratio, pinned }
}

function reached({ failed, notSent, inTime }: SetUpRow): boolean {
  return failed + notSent === 0 && inTime
}

function isInTime({ rate, calls }: Load, seconds: number): boolean {
  return seconds <= (calls / rate) * LATE + START_SECONDS
}

interface Load {
  readonly rate: number
  readonly calls: number
  readonly pinned: boolean
}

/** A rate that was missed is tried once more: something else on the machine may have come between. */
async function measureFairly(who: SetUpRow['who'], load: Load): Promise<SetUpRow> {
  const row = await measure(who, load)
  return reached(row) ? row : await measure(who, load)
}

async function measure(who: SetUpRow['who'], load: Load): Promise<SetUpRow> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'carillon-bench-sip-'))
  const port = await freePort()
  const scenario = ['-sf', writeExchange(folder), '-key', 'contact_address', `127.0.0.1:${port}`]
  const exchange = await startSipp([...scenario, '-p', String(port), '-l', '1000000'], { folder, core: 1, load })
  try {
    // The kernel's table tells no name; sipp is there within half a second.
    await new Promise((resolve) => setTimeout(resolve, 500))
    return who === 'sipp' ? await bySipp(port, load, folder) : await byCarillon(port, load)
  } finally {
    exchange.kill('SIGKILL')
    await once(exchange, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
}

async function byCarillon(port: number, load: Load): Promise<SetUpRow> {
  const { rate, calls } = load
  const node = await startWorker({
    program: new URL('./set-up-node.ts', import.meta.url),
    args: load.pinned ? ['0'] : [],
  })
  try {
    await node.ask('run', { port, ...WARM_UP })
    const run = await node.ask<{
      completed: number
      failed: number
      notSent: number
      notOffered: number
      seconds: number
      cpuSeconds: number
      waitedForCoreSeconds: number | null
      retransmissions: number
      setUpMs: number[]
    }>('run', { port, rate, calls, patienceMs: PATIENCE_MS })
    await node.stop()
    return {
      who: 'carillon',
      offeredPerSecond: rate,
      completedPerSecond: Math.round(run.completed / run.seconds),
      failed: run.failed,
      notSent: run.notSent,
      notOffered: run.notOffered,
      inTime: isInTime(load, run.seconds),
      coreShare: round(run.cpuSeconds / run.seconds, 3),
      waitedForCoreShare: run.waitedForCoreSeconds === null ? null : round(run.waitedForCoreSeconds / run.seconds, 3),
      cpuMicrosecondsPerCall: Math.round((run.cpuSeconds * 1e6) / Math.max(1, run.completed + run.failed)),
      retransmissions: run.retransmissions,
      setUpMs: distribution(run.setUpMs),
    }
  } finally {
    node.kill()
  }
}

/** Its exit code says whether all calls went well. */
async function bySipp(port: number, load: Load, folder: string): Promise<SetUpRow> {
  const { rate, calls } = load
  const list = ['-sn', 'uac', `127.0.0.1:${port}`, '-r', String(rate), '-m', String(calls), '-l', '1000000', '-d', '0']
  const own = await freePort()
  const limit = ['-p', String(own), '-timeout', `${Math.ceil(calls / rate + PATIENCE_MS / 1000)}s`]
  const startedAtMs = performance.now()
  const client = await startSipp([...list, ...limit], { folder, core: 0, load })
  let [cpuSeconds, waitedSeconds] = [0, 0]
  const watch = setInterval(() => {
    const [now, waited] = [cpuSecondsOfTree(client.pid!), secondsWaitedForCore(client.pid!)]
    if (now > cpuSeconds) cpuSeconds = now
    if (waited > waitedSeconds) waitedSeconds = waited
  }, LOOK_MS)
  const [code] = (await once(client, 'exit')) as [number | null]
  clearInterval(watch)
  const seconds = (performance.now() - startedAtMs) / 1000
  return {
    who: 'sipp',
    offeredPerSecond: rate,
    completedPerSecond: Math.round(calls / seconds),
    failed: code === 0 ? 0 : calls,
    notSent: 0,
    notOffered: 0,
    inTime: isInTime(load, seconds),
    coreShare: round(cpuSeconds / seconds, 3),
    waitedForCoreShare: round(waitedSeconds / seconds, 3),
    cpuMicrosecondsPerCall: Math.round((cpuSeconds * 1e6) / calls),
    retransmissions: null,
    setUpMs: null,
  }
}

async function startSipp(
  list: readonly string[],
  { folder, core, load }: { folder: string; core: number; load: Load },
): Promise<ChildProcess> {
  const control = String(await freePort())
  const all = [...list, '-i', '127.0.0.1', '-nostdin', '-cp', control, '-buff_size', '4000000']
  const pinned = ['-c', String(core), 'sipp', ...all]
  const options = { cwd: folder, stdio: 'ignore', env: { ...process.env, TERM: 'dumb' } } as const
  return load.pinned ? spawn('taskset', pinned, options) : spawn('sipp', all, options)
}
