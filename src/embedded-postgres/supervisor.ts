import fs from 'node:fs'
import path from 'node:path'
import { systemClock } from '../clock.ts'
import { createDatabaseIfMissing } from '../store/database.ts'
import { findPackagedBinDir, prepareBinaries } from './binaries.ts'
import { prepareCluster, prepareFolders, prepareSocketFolder, requireReachable } from './cluster.ts'
import type { FolderLock } from './folder-lock.ts'
import { lockFolder } from './folder-lock.ts'
import { endFormerRun } from './former-run.ts'
import type { LaunchPlan, Postmaster } from './postmaster.ts'
import { launchPostmaster } from './postmaster.ts'
import type { EmbeddedPostgresLog } from './server-log.ts'
import type { PostgresSettings } from './settings.ts'
import { defaultSettings, renderSettings } from './settings.ts'
import { chooseSystemUser } from './system-user.ts'

export interface EmbeddedPostgresOptions {
  /** Carillon's data folder (CARILLON_DATA_DIR); PostgreSQL gets the folder `postgres` in it. Made if missing. */
  dataDir: string
  log: EmbeddedPostgresLog
  /** PostgreSQL settings that win over the defaults. */
  settings?: PostgresSettings
  /** Folder of other `postgres` and `initdb` programs (14 to 18), such as `/usr/lib/postgresql/15/bin`. */
  binDir?: string
}

export interface EmbeddedPostgres {
  /** For pg and for DATABASE_URL: the database `carillon` over a unix socket, as its owner `carillon`. */
  readonly connectionString: string
  readonly socketDir: string
  /** Process id of the server; undefined while it is down between a crash and its restart. */
  readonly pid: number | undefined
  /** Stops the server cleanly and frees the folder. May be called again. */
  stop(): Promise<void>
}

const databaseName = 'carillon'
const port = 5432
const firstRestartDelayMs = 100
const maxRestartDelayMs = 10_000
const stableAfterMs = 60_000

/**
 * Starts Carillon's own PostgreSQL on `dataDir`, makes its cluster and database on the first start, and keeps it
 * running: a server that ends by itself is started again. It listens on a unix socket only, in a folder that only its
 * own user may enter. It ends with this process, even when that is killed; what it acknowledged is on disk.
 *
 * @throws EmbeddedPostgresError with the remedy when another Carillon uses the folder, the folder was made by another
 *   major version, the user PostgreSQL runs as cannot reach it, or PostgreSQL does not run on this machine.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options
  const dataDir = path.resolve(options.dataDir)
  const folders = prepareFolders(dataDir)
  const lock = await lockFolder(folders.lock)
  try {
    const user = await chooseSystemUser(folders.cluster)
    await requireReachable(folders.root, user)
    const binaries = await prepareBinaries(options.binDir ?? findPackagedBinDir(), folders.root, user)
    await prepareCluster({ folders, binaries, user, log })
    await endFormerRun(folders.cluster, log)
    const socketDir = prepareSocketFolder(folders, user)
    const place = { listen_addresses: '', unix_socket_directories: socketDir, port }
    const configFile = path.join(folders.root, 'carillon.conf')
    const text = renderSettings(folders.cluster, { ...defaultSettings(), ...options.settings, ...place })
    fs.writeFileSync(configFile, text, { mode: 0o644 })
    const plan: LaunchPlan = { binaries, clusterFolder: folders.cluster, configFile, user, log }
    const connectionString = `postgres://carillon@/${databaseName}?host=${encodeURIComponent(socketDir)}&port=${port}`
    const supervisor = new Supervisor(plan, await launchPostmaster(plan), lock)
    try {
      await createDatabaseIfMissing(connectionString)
    } catch (error) {
      await supervisor.stop()
      throw error
    }
    return {
      connectionString,
      socketDir,
      get pid() {
        return supervisor.pid
      },
      stop: () => supervisor.stop(),
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

class Supervisor {
  readonly #plan: LaunchPlan
  readonly #lock: FolderLock
  #postmaster: Postmaster | undefined
  #restart: Promise<void> | undefined
  #restartDelayMs = firstRestartDelayMs
  #stopping: Promise<void> | undefined

  constructor(plan: LaunchPlan, postmaster: Postmaster, lock: FolderLock) {
    this.#plan = plan
    this.#lock = lock
    this.#watch(postmaster)
  }

  get pid(): number | undefined {
    return this.#postmaster?.pid
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce()
    return this.#stopping
  }

  async #stopOnce(): Promise<void> {
    await this.#restart
    await this.#postmaster?.stop()
    await this.#lock.release()
  }

  #watch(postmaster: Postmaster): void {
    this.#postmaster = postmaster
    const startedAtMs = systemClock.monotonicMs()
    void postmaster.ended.then(({ code, signal }) => {
      this.#postmaster = undefined
      if (this.#stopping !== undefined) return
      this.#plan.log.error({ code, signal }, 'PostgreSQL ended by itself; it is started again')
      if (systemClock.monotonicMs() - startedAtMs > stableAfterMs) this.#restartDelayMs = firstRestartDelayMs
      this.#restart = this.#startAgain()
    })
  }

  async #startAgain(): Promise<void> {
    while (this.#stopping === undefined) {
      await this.#pause(this.#restartDelayMs)
      this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, maxRestartDelayMs)
      if (this.#stopping !== undefined) return
      try {
        this.#watch(await launchPostmaster(this.#plan))
        this.#plan.log.info({ postgresPid: this.pid }, 'PostgreSQL runs again')
        return
      } catch (error) {
        this.#plan.log.error({ err: error }, 'PostgreSQL could not be started again; the next attempt follows')
      }
    }
  }

  // In short steps, so that a stop does not wait for a long delay to end.
  async #pause(totalMs: number): Promise<void> {
    for (let waitedMs = 0; waitedMs < totalMs && this.#stopping === undefined; waitedMs += firstRestartDelayMs) {
      await new Promise((resolve) => setTimeout(resolve, firstRestartDelayMs))
    }
  }
}
