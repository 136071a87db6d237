import pg from 'pg'
import { JointTransaction } from './joint-transaction.ts'
import { requireShared, watchCommits } from './shared-commit.ts'

/**
 * The database roles of Carillon's transactions. Row-level security holds the first to one organization; the second
 * serves all of them.
 */
export type DatabaseRole = 'carillon_api' | 'carillon_dispatcher'

/** The schema that holds everything of Carillon's in the database. */
export const schemaName = 'carillon'

/** What this module needs of a logger; a pino logger fits. */
export interface DatabaseLog {
  warn(fields: object, message: string): void
}

export interface PoolOptions {
  /** Connections at most; 10 by default. */
  maxConnections?: number
  /** Shown in pg_stat_activity. */
  applicationName?: string
  /** A statement that runs longer is ended by the server. No limit by default. */
  statementTimeoutMs?: number
  /** A transaction that asks nothing for so long is ended by the server; 10,000 by default. */
  idleInTransactionMs?: number
  /** Milliseconds to wait for a connection, one that is free included, before an error; no limit by default. */
  connectionTimeoutMs?: number
  log?: DatabaseLog
}

// Warnings must come through, whatever the role is set to: one of them says that a commit may be lost.
const searchPath = `-c search_path=${schemaName},pg_catalog -c client_min_messages=warning`
const dateOid = 1082

/**
 * How column values arrive in TypeScript, on all our connections: `int8` and `numeric` as string (the 64 bits of a
 * number hash do not fit a JavaScript number; cast counts to int4 or float8 in the statement), `timestamptz` as Date,
 * `date` as `YYYY-MM-DD`, because pg would make it a Date in the machine's own time zone.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === dateOid && format !== 'binary') return (text: string) => text
    return pg.types.getTypeParser(oid, format)
  },
}

/**
 * A pool on the database. Its connections have the search path `carillon, pg_catalog`, so statements name our tables
 * without a schema. A broken idle connection is dropped and logged, never an unhandled error. A transaction in which nothing
 * is asked for 10 seconds is ended by the server, so that a node that stands still frees what it has locked.
 */
export function createPool(connectionString: string, options: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(connectionString, `${searchPath} ${gateSession(options.idleInTransactionMs)}`),
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'carillon',
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
    ...(options.connectionTimeoutMs === undefined ? {} : { connectionTimeoutMillis: options.connectionTimeoutMs }),
  })
  pool.on('connect', watchCommits)
  pool.on('error', (error: Error & { code?: string }) => {
    options.log?.warn({ code: error.code }, 'An idle database connection broke and was dropped')
  })
  return pool
}

export interface HotConnectionOptions {
  applicationName?: string
  /** Called once when the connection breaks outside of a statement; statements in flight reject by themselves. */
  onBroken?: (error: Error) => void
}

/**
 * The dispatcher's statements have one good plan each: probes of an index, in a nested loop, for every row that a
 * parameter brings. A plan is made once for a connection and kept, often while `live_call` is still empty, when a
 * sequential scan looks free and then costs every later call: 37 µs a claim against 9 with these settings.
 */
const hotPlans = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_material=off',
  'enable_memoize=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

/** The same for lists of the API. Memoizing stays: the batches of a page share agent, trunk and number. */
const ONE_PLAN = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
}

/**
 * A node that stands still inside a transaction holds its organization's gate, and nobody else may dial. The server ends
 * such a transaction after the time in which the node is taken for dead anyway.
 */
const GATE_HELD_MS_MAX = 10_000
const gateSession = (heldMsMax = GATE_HELD_MS_MAX) => `-c idle_in_transaction_session_timeout=${heldMsMax}`

/**
 * One connection for the dispatcher's statements: pipelined (statements are sent without waiting for the answer of the
 * one before) and with generic plans only, so that no plan flips with its parameters. After a failed statement all that
 * were already sent fail too, and COMMIT then answers ROLLBACK without an error: check it with `requireCommitted`, and
 * with `requireShared` that its standby has it.
 *
 * @throws when the database cannot be reached.
 */
export async function openHotConnection(
  connectionString: string,
  options: HotConnectionOptions = {},
): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionConfig(connectionString, `${searchPath} ${hotPlans} ${gateSession()}`),
    application_name: options.applicationName ?? 'carillon-dispatcher',
    connectionTimeoutMillis: GATE_HELD_MS_MAX,
    pipeline: true,
  })
  let told = false
  client.on('error', (error) => {
    if (!told) options.onBroken?.(error)
    told = true
  })
  await client.connect()
  watchCommits(client)
  return client
}

/** One ordinary connection with our search path and types, for work that needs a session of its own. */
export async function openConnection(connectionString: string, applicationName = 'carillon'): Promise<pg.Client> {
  const client = unconnected(connectionString, applicationName)
  await client.connect()
  return client
}

/** The same before it is connected, so that whoever loses patience can end it. */
export function unconnected(connectionString: string, applicationName: string): pg.Client {
  const client = new pg.Client({
    ...connectionConfig(connectionString, searchPath),
    application_name: applicationName,
  })
  // A break between statements shows in the next statement; without a listener it would end the process.
  client.on('error', () => undefined)
  return client
}

function connectionConfig(connectionString: string, ours: string): pg.ClientConfig {
  // What stands in the connection string wins over the config in pg, so options given there are joined with ours.
  const at = connectionString.indexOf('?')
  const parameters = new URLSearchParams(at < 0 ? '' : connectionString.slice(at + 1))
  const theirs = parameters.get('options')
  if (theirs === null) return { connectionString, options: ours, types, keepAlive: true }
  parameters.delete('options')
  const rest = `${connectionString.slice(0, at)}?${parameters}`
  return { connectionString: rest, options: `${theirs} ${ours}`, types, keepAlive: true }
}

export interface TransactionScope {
  role: DatabaseRole
  /** The organization that row-level security holds the transaction to; without it the API role sees no rows. */
  organizationId?: number | string
}

/**
 * Runs `work` in one transaction, as the given role and held to the given organization. Commits when `work` resolves,
 * rolls back when it rejects, and rejects when the server did not commit (a failed statement whose error was swallowed).
 * A connection that broke, or whose server is going down or became read-only by a fail-over, is not used again.
 */
export function transaction<T>(
  pool: pg.Pool,
  scope: TransactionScope,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return runTransaction(pool, settingsOf(scope), work)
}

/**
 * One transaction that begins with these statements. Resolves only after a COMMIT that was acknowledged as one, by the
 * synchronous standby too if there is one; a connection that broke, also between two statements, is never used again.
 * Inside of a {@link JointTransaction} it is a piece of that one.
 */
export function runTransaction<T>(
  pool: pg.Pool,
  settings: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const joint = JointTransaction.current(pool)
  return joint === undefined ? runAlone(pool, settings, work) : joint.piece(`${NO_SETTINGS}; ${settings}`, work)
}

async function runAlone<T>(pool: pg.Pool, settings: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let failure: unknown
  let broken = false
  const noteBreak = (): void => {
    broken = true
  }
  // Without a listener a break while no statement is under way would end the process.
  client.on('error', noteBreak)
  try {
    await client.query(`BEGIN; ${settings}`)
    const result = await work(client)
    requireCommitted(await client.query('COMMIT'))
    requireShared(client)
    return result
  } catch (error) {
    failure = error
    broken ||= isBrokenConnection(error)
    if (!broken) {
      await client.query('ROLLBACK').catch(noteBreak)
    }
    throw error
  } finally {
    client.removeListener('error', noteBreak)
    client.release(broken ? asError(failure) : undefined)
  }
}

/**
 * The statements that hold a transaction to its role and organization. One simple query, hence one round trip. The names
 * of the roles are ours; the organization is quoted as a literal.
 */
export function settingsOf(scope: TransactionScope): string {
  const organization = pg.escapeLiteral(String(scope.organizationId ?? ''))
  return `SET LOCAL ROLE ${scope.role}; SELECT set_config('carillon.organization_id', ${organization}, true)`
}

/**
 * The same for prepared statements that have one good plan, whatever their parameters: probes of indexes. It is made
 * once for each connection, and the same when the tables are still empty. One statement with one value, since each
 * costs the driver as much as a row.
 */
export function listSettingsOf({ role, organizationId = '' }: TransactionScope): string {
  const settings = { role, 'carillon.organization_id': String(organizationId), ...ONE_PLAN }
  const calls = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, true)`,
  )
  return `SELECT ${calls.join(' || ')}`
}

/** What the piece before has set does not hold for the next one. */
const NO_SETTINGS = `SET LOCAL ROLE NONE; SELECT set_config('carillon.organization_id', '', true)`

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error('The database connection broke')
}

/**
 * PostgreSQL answers the COMMIT of a failed transaction with the tag ROLLBACK and no error.
 *
 * @throws Error when the result of a COMMIT does not say COMMIT.
 */
export function requireCommitted(result: { command: string }): void {
  if (result.command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed.')
}

// Class 08: connection exceptions. 57P01-57P05: the server shuts down, crashed, starts up, lost the database or ended an
// idle session. 25006: read-only, which is what a primary that was demoted by a fail-over answers.
const brokenCodes = /^(08...|57P0[1-5]|25006|25P03|ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|ENOENT|ENOTFOUND)$/

/** True for errors after which a connection must not be used again and a new one may reach a working server. */
export function isBrokenConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as Error & { code?: unknown }).code
  if (typeof code === 'string') return brokenCodes.test(code)
  return /^Connection terminated|not queryable|^Client was closed|^Query read timeout$/.test(error.message)
}

/**
 * Makes the database that a connection string names, when the server does not have it, by way of the database
 * `postgres`. For servers of our own, where the user may create databases.
 */
export async function createDatabaseIfMissing(connectionString: string): Promise<void> {
  const url = splitDatabase(connectionString)
  const client = new pg.Client({ connectionString: url.maintenance })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const found = await client.query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [url.database])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(url.database)}`)
  } finally {
    await client.end()
  }
}

function splitDatabase(connectionString: string): { database: string; maintenance: string } {
  const parts = /^(postgres(?:ql)?:\/\/[^/]*\/)([^?]+)(\?.*)?$/.exec(connectionString)
  if (parts === null) throw new RangeError('A connection string of the form postgres://user@host/database is needed.')
  return { database: decodeURIComponent(parts[2]!), maintenance: `${parts[1]}postgres${parts[3] ?? ''}` }
}
