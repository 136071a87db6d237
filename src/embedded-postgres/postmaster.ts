import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { readPostmasterFile } from './former-run.ts'
import { type SystemUser, spawnOptions } from './run-command.ts'
import type { EmbeddedPostgresLog } from './server-log.ts'
import { followServerLog } from './server-log.ts'

/** Everything a server needs to be started, again and again with the same values. */
export interface LaunchPlan {
  binaries: Binaries
  clusterFolder: string
  configFile: string
  user: SystemUser | undefined
  log: EmbeddedPostgresLog
}

/** One running server process, ready for connections. */
export interface Postmaster {
  readonly pid: number
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Fast stop: clients are sent away and everything is written; an immediate stop when that takes over a minute. */
  stop(): Promise<void>
}

const readyPollMs = 10
const slowStartNoticeMs = 10_000
const leftoverRetryMs = 100
const leftoverLimitMs = 30_000
const fastStopMs = 60_000
// What PostgreSQL says while processes or files of a killed server are not gone yet (about 1.5 seconds after a kill -9).
const leftoverPattern = /lock file|shared memory block|Unix-domain socket|Unix address/

/**
 * Starts the server and waits until it accepts connections, however long crash recovery takes.
 *
 * @throws EmbeddedPostgresError with the server's last words when it does not start.
 */
export async function launchPostmaster(plan: LaunchPlan): Promise<Postmaster> {
  for (let waitedMs = 0; ; waitedMs += leftoverRetryMs) {
    const outcome = await tryLaunch(plan)
    if (typeof outcome !== 'string') return outcome
    if (!leftoverPattern.test(outcome) || waitedMs >= leftoverLimitMs) {
      throw new EmbeddedPostgresError(`PostgreSQL does not start. Its last words:\n${outcome}`)
    }
    await delay(leftoverRetryMs)
  }
}

async function tryLaunch(plan: LaunchPlan): Promise<Postmaster | string> {
  const { binaries, user } = plan
  // A process group of its own: Ctrl-C in a terminal must reach Carillon alone, which drains before it stops the server.
  const child = spawn(
    path.join(binaries.binDir, 'postgres'),
    ['-D', plan.clusterFolder, '-c', `config_file=${plan.configFile}`],
    {
      ...spawnOptions({ user, ldLibraryPath: binaries.ldLibraryPath }),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const serverLog = followServerLog(child.stderr, plan.log)
  let end: { code: number | null; signal: NodeJS.Signals | null } | undefined
  let startError: Error | undefined
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => {
      end = { code, signal }
      resolve(end)
    })
  })
  child.on('error', (error) => {
    startError = error
    end ??= { code: -1, signal: null }
  })
  const pid = child.pid
  let waitedMs = 0
  while (end === undefined && !isReady(plan.clusterFolder, pid)) {
    await delay(readyPollMs)
    waitedMs += readyPollMs
    if (waitedMs % slowStartNoticeMs === 0)
      plan.log.info({ postgresPid: pid }, 'PostgreSQL is still starting; it may be recovering')
  }
  if (end !== undefined || pid === undefined) return startError?.message ?? serverLog.lastLines()
  // A running server must not keep Carillon's process alive; the guard ends it when the process does.
  child.unref()
  ;(child.stderr as Socket).unref()
  const guard = startGuard(pid, user)
  void ended.then(() => guard.kill('SIGKILL'))
  return { pid, ended, stop: () => stopChild(child, ended) }
}

function isReady(clusterFolder: string, pid: number | undefined): boolean {
  const file = readPostmasterFile(clusterFolder)
  return file?.ready === true && file.pid === pid
}

/**
 * A shell that waits for the end of Carillon's process and then asks the server to stop. Its standard input is a pipe
 * that only our process holds, so the end of input comes on every end, kill -9 included. Without it a killed Carillon
 * would leave a server behind.
 */
function startGuard(postgresPid: number, user: SystemUser | undefined): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r line; kill -INT "$0"', String(postgresPid)], {
    ...spawnOptions({ user }),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.on('error', () => undefined)
  guard.stdin?.on('error', () => undefined)
  guard.unref()
  ;(guard.stdin as Socket | null)?.unref()
  return guard
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.ref()
  child.kill('SIGINT')
  const timer = setTimeout(() => child.kill('SIGQUIT'), fastStopMs)
  await ended
  clearTimeout(timer)
}
