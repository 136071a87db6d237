import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { openConnection, requireCommitted, schemaName } from './database.ts'
import { ensureRolesAndSchema } from './database-roles.ts'

export interface MigrateLog {
  info(fields: object, message: string): void
}

export interface MigrateOptions {
  log?: MigrateLog
  /** Folder of the numbered SQL files; Carillon's own by default. */
  folder?: string
  /** Gives the time that is written into the record of a migration; the system's by default. */
  clock?: Clock
}

/** A state of the database that no migration can mend; the message says what to do. */
export class MigrationRefusedError extends Error {
  override readonly name = 'MigrationRefusedError'
}

interface Migration {
  number: number
  name: string
  sql: string
  sha256: string
}

// The folder lies at the same distance from src/store/ and dist/store/.
const ownFolder = fileURLToPath(new URL('../../migrations', import.meta.url))
// Any number will do, as long as it stays the same in every version of Carillon.
const lockKey = '7310861462790283'

/**
 * Brings the database to the state this version of Carillon needs: the roles, the schema `carillon`, and every migration
 * that is not applied yet, in order, each in a transaction of its own together with its record.
 *
 * Several nodes may call it at once; one works, the others wait for it. A node that is killed leaves complete migrations.
 *
 * @returns the names of the migrations applied by this call.
 * @throws MigrationRefusedError when an applied migration was changed, or the database is newer than this Carillon.
 * @throws MissingDatabaseRightsError with the SQL an administrator must run.
 */
export async function migrate(target: pg.Pool | string, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = readMigrations(options.folder ?? ownFolder)
  if (typeof target === 'string') {
    const client = await openConnection(target, 'carillon-migrate')
    try {
      return await migrateUnderLock(client, migrations, options)
    } finally {
      await client.end()
    }
  }
  const client = await target.connect()
  try {
    return await migrateUnderLock(client, migrations, options)
  } finally {
    // The session holds the lock, so it ends here.
    client.release(true)
  }
}

async function migrateUnderLock(
  client: pg.ClientBase,
  migrations: Migration[],
  options: MigrateOptions,
): Promise<string[]> {
  await client.query('SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0')
  const clock = options.clock ?? systemClock
  const lock = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lockKey])
  if (!lock.rows[0]!.taken) {
    options.log?.info({}, 'Another node is changing the database schema; waiting for it')
    await client.query('SELECT pg_advisory_lock($1)', [lockKey])
  }
  try {
    await ensureRolesAndSchema(client)
    const pending = await findPending(client, migrations)
    for (const migration of pending) {
      await apply(client, migration, new Date(clock.nowEpochMs()))
      options.log?.info({ migration: migration.name }, 'Database migration applied')
    }
    return pending.map((migration) => migration.name)
  } finally {
    // On a broken connection the lock is gone already.
    await client.query('SELECT pg_advisory_unlock($1)', [lockKey]).catch(() => undefined)
  }
}

/**
 * Reads the migrations of a folder: files named `0001_words_in_snake_case.sql`, numbered from 1 without a gap.
 *
 * @throws MigrationRefusedError for a wrong name, a gap or a number used twice.
 */
function readMigrations(folder: string): Migration[] {
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.sql'))
  return files.sort().map((file, index) => {
    const parts = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)
    if (parts === null) throw new MigrationRefusedError(`${file} in ${folder} is not named like 0001_name.sql.`)
    const number = Number(parts[1])
    if (number !== index + 1)
      throw new MigrationRefusedError(`${file} in ${folder} should have the number ${index + 1}.`)
    // A checkout may turn line ends into CR LF; the migration is the same.
    const sql = fs.readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n')
    const sha256 = createHash('sha256').update(sql).digest('hex')
    return { number, name: path.basename(file, '.sql'), sql, sha256 }
  })
}

async function findPending(client: pg.ClientBase, migrations: Migration[]): Promise<Migration[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${schemaName}.migration (
       number int PRIMARY KEY,
       name text NOT NULL,
       sha256 text NOT NULL,
       applied_at timestamptz NOT NULL
     )`,
  )
  const applied = await client.query<{ number: number; name: string; sha256: string }>(
    `SELECT number, name, sha256 FROM ${schemaName}.migration ORDER BY number`,
  )
  for (const [index, row] of applied.rows.entries()) {
    const migration = migrations[index]
    if (migration === undefined) {
      throw new MigrationRefusedError(
        `The database is newer than this Carillon: it has migration ${row.name}, this version ends at ` +
          `${migrations.at(-1)?.name ?? 'none'}. Start the newer Carillon, or restore a backup made before the update.`,
      )
    }
    if (row.number !== migration.number || row.name !== migration.name || row.sha256 !== migration.sha256) {
      throw new MigrationRefusedError(
        `Migration ${row.name} was applied to this database, but the file ${migration.name}.sql is not the one that was ` +
          'applied. An applied migration must not be changed: restore the file, and put the change into a new migration.',
      )
    }
  }
  return migrations.slice(applied.rows.length)
}

async function apply(client: pg.ClientBase, migration: Migration, appliedAt: Date): Promise<void> {
  await client.query(`BEGIN; SET LOCAL search_path = ${schemaName}, pg_catalog`)
  try {
    await client.query(migration.sql)
    await client.query(
      `INSERT INTO ${schemaName}.migration (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)`,
      [migration.number, migration.name, migration.sha256, appliedAt],
    )
    requireCommitted(await client.query('COMMIT'))
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw new Error(`Migration ${migration.name} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
