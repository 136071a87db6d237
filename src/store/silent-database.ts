import pg from 'pg'
import type { Clock, Timer } from '../clock.ts'
import { bytesReadOf, cutConnection, DatabaseSilent, processIdOf } from './connection-stream.ts'
import { createPool, type PoolOptions, unconnected } from './database.ts'

/** How often the connections that are in use are looked at. */
const LOOK_EVERY_MS = 1000
/** A connection that brought nothing for so long is asked about. Long statements do that too, and are left alone. */
const SILENT_AFTER_MS = 3000
/** The same as for the dispatcher: a node that gets no answer for so long is taken for dead by the others. */
const ANSWER_WITHIN_MS = 10_000
/** Whoever waits longer for a connection gets an error. */
const CONNECTED_WITHIN_MS = 15_000

/** The server is there, but cannot say whose connections it has: too many of them, a password that changed. */
const LIVES = 'lives'
/** SQLSTATE of a server that starts: it has none of the connections of before. */
const STARTING = '57P03'

export interface WatchedPoolOptions extends PoolOptions {
  readonly clock: Clock
}

/** A pool whose connections are watched. */
export interface WatchedPool {
  readonly pool: pg.Pool
  /** Connections that were given up so far, since the server was silent or knew nothing of them. */
  readonly givenUp: number
  close(): Promise<void>
}

/**
 * A pool like that of `createPool`, of which no statement waits for a machine that has vanished: its connections stay open,
 * and TCP alone would wait for a quarter of an hour. A connection in use that brought nothing for three seconds is asked
 * about, over a connection of its own: one that the server does not know is given up at once, and all of them when
 * nobody answers for ten seconds. What waited on them rejects with the code ETIMEDOUT. A statement that the server works on
 * is left alone, however long it takes. Nobody waits for a connection longer than 15 seconds.
 */
export function openWatchedPool(connectionString: string, options: WatchedPoolOptions): WatchedPool {
  const pool = createPool(connectionString, { connectionTimeoutMs: CONNECTED_WITHIN_MS, ...options })
  const watch = new PoolWatch(connectionString, pool, options)
  return {
    pool,
    get givenUp() {
      return watch.givenUp
    },
    async close() {
      await pool.end()
      watch.stop()
    },
  }
}

/** How much a connection has brought, and since when nothing more. */
interface Quiet {
  bytesRead: number
  sinceMs: number
}

class PoolWatch {
  readonly #connectionString: string
  readonly #options: WatchedPoolOptions
  readonly #all = new Set<pg.ClientBase>()
  readonly #inUse = new Map<pg.ClientBase, Quiet>()
  givenUp = 0
  /** Since when it is not known whether the server is there; null: nobody doubts it. */
  #doubtSinceMs: number | null = null
  #timer: Timer | null = null
  #stopped = false

  constructor(connectionString: string, pool: pg.Pool, options: WatchedPoolOptions) {
    this.#connectionString = connectionString
    this.#options = options
    pool.on('connect', (client) => this.#all.add(client))
    pool.on('acquire', (client) => this.#inUse.set(client, this.#quietOf(client)))
    pool.on('release', (_error, client) => this.#inUse.delete(client))
    pool.on('remove', (client) => {
      this.#all.delete(client)
      this.#inUse.delete(client)
    })
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    if (!this.#stopped) this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    if (this.#someAreSilent()) await this.#judge([...this.#all])
    else this.#doubtSinceMs = null
    this.#arm()
  }

  #quietOf(client: pg.ClientBase): Quiet {
    return { bytesRead: bytesReadOf(client), sinceMs: this.#options.clock.monotonicMs() }
  }

  #someAreSilent(): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    let silent = false
    for (const [client, quiet] of this.#inUse) {
      if (bytesReadOf(client) !== quiet.bytesRead) this.#inUse.set(client, this.#quietOf(client))
      else if (nowMs - quiet.sinceMs >= SILENT_AFTER_MS) silent = true
    }
    return silent
  }

  async #judge(clients: readonly pg.ClientBase[]): Promise<void> {
    const { clock } = this.#options
    this.#doubtSinceMs ??= clock.monotonicMs()
    const known = await this.#backends(clients.map(processIdOf))
    if (known !== null) this.#doubtSinceMs = null
    else if (clock.monotonicMs() - this.#doubtSinceMs >= ANSWER_WITHIN_MS) this.#giveUp(clients)
    if (known !== null && known !== LIVES) this.#giveUp(clients.filter((client) => !known.has(processIdOf(client))))
  }

  #giveUp(clients: readonly pg.ClientBase[]): void {
    if (clients.length === 0) return
    this.givenUp += clients.length
    this.#options.log?.warn(
      { connections: clients.length },
      'The database does not answer on connections, which are given up',
    )
    for (const client of clients) cutConnection(client, new DatabaseSilent())
  }

  /**
   * Which of these processes the server has, asked over a connection of its own; null: nobody answers.
   *
   * Numbers of processes are used again, so that a connection may count as known to a server that replaced its own. It is
   * asked about again in a second.
   */
  async #backends(processIds: readonly number[]): Promise<ReadonlySet<number> | typeof LIVES | null> {
    const client = unconnected(this.#connectionString, 'carillon-watch')
    const overdue = this.#options.clock.setTimer(ANSWER_WITHIN_MS, () => cutConnection(client, new DatabaseSilent()))
    try {
      await client.connect()
      const { rows } = await client.query<{ pid: number }>(
        'SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid = ANY($1::int[])',
        [processIds],
      )
      return new Set(rows.map(({ pid }) => pid))
    } catch (error) {
      return error instanceof pg.DatabaseError && error.code !== STARTING ? LIVES : null
    } finally {
      overdue.cancel()
      client.end().catch(() => undefined)
    }
  }
}
