import pg from 'pg'
import { listSettingsOf, requireCommitted, type TransactionScope } from './database.ts'
import { JointTransaction } from './joint-transaction.ts'

/** A statement that is prepared once for each connection under its name, which belongs to its text alone. */
export interface ReadStatement {
  readonly name: string
  readonly text: string
  readonly values: readonly (string | number | null)[]
}

/** Names of what was prepared by a message on a connection. */
const preparedOn = new WeakMap<pg.ClientBase, Set<string>>()

/** The driver prepares under names of its own on the same connection. */
const nameOnServer = (name: string) => pg.escapeIdentifier(`read_${name}`)

/**
 * Runs statements that only read in a transaction of their own, all of it in one message: what would be a round trip for
 * its begin, each statement and its end is one in all. Resolves with the rows of each statement.
 *
 * The server runs a message up to its first error, so that no statement ever runs without its role and organization. A
 * connection on which that happened is not used again.
 */
export async function readInOneMessage(
  pool: pg.Pool,
  scope: TransactionScope,
  statements: readonly ReadStatement[],
): Promise<object[][]> {
  const joint = JointTransaction.current(pool)
  if (joint !== undefined) return joint.piece(listSettingsOf(scope), (client) => readOneByOne(client, statements))
  const client = await pool.connect()
  let failure: Error | undefined
  const noteBreak = (error: Error): void => {
    failure = error
  }
  // Without a listener a break before the message is sent would end the process.
  client.on('error', noteBreak)
  try {
    return await readAll(client, scope, statements)
  } catch (error) {
    failure = error instanceof Error ? error : new Error('The database connection broke')
    throw error
  } finally {
    client.removeListener('error', noteBreak)
    client.release(failure)
  }
}

async function readAll(
  client: pg.ClientBase,
  scope: TransactionScope,
  statements: readonly ReadStatement[],
): Promise<object[][]> {
  const prepared = preparedOn.get(client) ?? new Set<string>()
  const missing = new Map(statements.filter(({ name }) => !prepared.has(name)).map(({ name, text }) => [name, text]))
  const parts = [
    'BEGIN READ ONLY',
    listSettingsOf(scope),
    ...Array.from(missing, ([name, text]) => `PREPARE ${nameOnServer(name)} AS ${text}`),
    ...statements.map(executionOf),
    'COMMIT',
  ]
  const results = (await client.query(parts.join(';'))) as unknown as pg.QueryResult<object>[]
  requireCommitted(results.at(-1)!)
  for (const name of missing.keys()) prepared.add(name)
  preparedOn.set(client, prepared)
  return results.slice(-1 - statements.length, -1).map(({ rows }) => rows)
}

async function readOneByOne(client: pg.ClientBase, statements: readonly ReadStatement[]): Promise<object[][]> {
  const all: object[][] = []
  for (const { name, text, values } of statements) {
    all.push((await client.query<object>({ name, text, values: [...values] })).rows)
  }
  return all
}

function executionOf({ name, values }: ReadStatement): string {
  const list = values.length === 0 ? '' : `(${values.map(literalOf).join(',')})`
  return `EXECUTE ${nameOnServer(name)}${list}`
}

/** Numbers are written as they are, so that `$1::int` is one; a text is quoted by the driver. */
function literalOf(value: string | number | null): string {
  if (value === null) return 'NULL'
  return typeof value === 'number' ? String(value) : pg.escapeLiteral(value)
}
