import type { Clock } from '../clock.ts'
import { openConnection } from './database.ts'

/** What decides whether an acknowledged commit survives, and whether nodes and database agree about the time. */
export interface DatabaseReport {
  /** As PostgreSQL writes it, such as `18.4`. */
  readonly version: string
  /** 180004 for 18.4. */
  readonly versionNumber: number
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly maxConnections: number
  /** A standby, which takes no writes. */
  readonly isReadOnly: boolean
  /** Null when Carillon has not made its schema yet. */
  readonly clock: ClockComparison | null
}

export interface ClockComparison {
  /** Milliseconds by which this machine's clock is ahead of the database's; negative: behind. */
  readonly aheadMs: number
  /** The true difference is at most this much away from `aheadMs`: half of the time the question took. */
  readonly uncertaintyMs: number
}

const CLOCK_READINGS = 5
const UNDEFINED_FUNCTION = '42883'

/** Asks a database about itself over a connection of its own. Rejects when it cannot be reached. */
export async function readDatabaseReport(connectionString: string, clock: Clock): Promise<DatabaseReport> {
  const client = await openConnection(connectionString, 'carillon-doctor')
  try {
    const { rows } = await client.query<Omit<DatabaseReport, 'clock'>>(
      `SELECT current_setting('server_version') AS "version",
         current_setting('server_version_num')::int AS "versionNumber",
         current_setting('fsync') AS "fsync",
         current_setting('full_page_writes') AS "fullPageWrites",
         current_setting('synchronous_commit') AS "synchronousCommit",
         current_setting('max_connections')::int AS "maxConnections",
         pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS "isReadOnly"`,
    )
    const readings: ClockComparison[] = []
    for (let reading = 0; reading < CLOCK_READINGS; reading += 1) {
      const compared = await compareClocks(client, clock)
      if (compared !== null) readings.push(compared)
    }
    readings.sort((a, b) => a.uncertaintyMs - b.uncertaintyMs)
    return { ...rows[0]!, clock: readings[0] ?? null }
  } finally {
    await client.end()
  }
}

/** The answer was made somewhere between asking and hearing it. */
async function compareClocks(
  client: Awaited<ReturnType<typeof openConnection>>,
  clock: Clock,
): Promise<ClockComparison | null> {
  try {
    const askedMs = clock.nowEpochMs()
    const { rows } = await client.query<{ now: Date }>('SELECT carillon_now() AS now')
    const heardMs = clock.nowEpochMs()
    return { aheadMs: (askedMs + heardMs) / 2 - rows[0]!.now.getTime(), uncertaintyMs: (heardMs - askedMs) / 2 }
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_FUNCTION) return null
    throw error
  }
}
