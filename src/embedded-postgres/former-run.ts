import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { EmbeddedPostgresLog } from './server-log.ts'

const pollMs = 20
const fastStopMs = 60_000
const immediateStopMs = 10_000
const leftoverMs = 15_000

/** First line of postmaster.pid and whether the server accepts connections; undefined without a readable file. */
export function readPostmasterFile(clusterFolder: string): { pid: number; ready: boolean } | undefined {
  let text: string
  try {
    text = fs.readFileSync(path.join(clusterFolder, 'postmaster.pid'), 'utf8')
  } catch {
    return undefined
  }
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  return { pid, ready: lines[7]?.trim() === 'ready' }
}

/**
 * Clears what a killed Carillon left on a cluster whose folder lock we hold. Afterwards a server can be started.
 *
 * A postmaster that still runs is stopped, not adopted: it may be another version or have other settings, its log pipe
 * is broken, and only a child of ours tells us when it ends. A postmaster.pid whose process id now belongs to something
 * else (usual after a restart of a container) is removed, since PostgreSQL would refuse to start for ever.
 */
export async function endFormerRun(clusterFolder: string, log: EmbeddedPostgresLog): Promise<void> {
  const former = readPostmasterFile(clusterFolder)
  if (former === undefined) return
  if (isPostgresOf(former.pid, clusterFolder)) {
    log.warn({ postgresPid: former.pid }, 'PostgreSQL of an earlier Carillon still runs; it is stopped first')
    await stopPostmaster(former.pid, clusterFolder)
    return
  }
  if (process.platform !== 'linux' || !exists(former.pid)) return
  if (!(await waitUntil(() => processesIn(clusterFolder) === 0, leftoverMs))) {
    throw new EmbeddedPostgresError(
      `Processes of an earlier PostgreSQL still use ${clusterFolder} and do not end. End them, then start Carillon again.`,
    )
  }
  fs.rmSync(path.join(clusterFolder, 'postmaster.pid'), { force: true })
}

async function stopPostmaster(pid: number, clusterFolder: string): Promise<void> {
  const gone = () => !isPostgresOf(pid, clusterFolder)
  // SIGINT asks for a fast stop (clients are sent away, everything is written), SIGQUIT for an immediate one.
  for (const [signal, waitMs] of [
    ['SIGINT', fastStopMs],
    ['SIGQUIT', immediateStopMs],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw error
    }
    if (await waitUntil(gone, waitMs)) return
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL of an earlier Carillon (process ${pid}) does not stop. End it, then start Carillon again.`,
  )
}

/** True when the process is a living PostgreSQL that works in this cluster's folder. */
export function isPostgresOf(pid: number, clusterFolder: string): boolean {
  if (process.platform === 'linux') return workingFolder(pid) === fs.realpathSync(clusterFolder) && isPostgres(pid)
  try {
    const command = execFileSync('/bin/ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
    return command.includes('postgres') && command.includes(clusterFolder)
  } catch {
    return false
  }
}

// A zombie has no working folder any more, so it does not count as alive here.
function workingFolder(pid: number | string): string | undefined {
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

function isPostgres(pid: number): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')
  } catch {
    return false
  }
}

function processesIn(clusterFolder: string): number {
  const folder = fs.realpathSync(clusterFolder)
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && workingFolder(name) === folder).length
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function waitUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += pollMs) {
    if (condition()) return true
    await delay(pollMs)
  }
  return condition()
}
