import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/supervisor.ts'
import { createDatabaseIfMissing, openConnection } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { cpuSecondsOfTree } from './cpu-time.ts'
import { say } from './progress.ts'

export interface DatabaseUnderTest {
  readonly url: string
  readonly client: pg.Client
  /** Ends the client and drops the database. */
  drop(): Promise<void>
}

/** The product's own PostgreSQL with its own settings, in a folder that is gone afterwards. */
export interface ServerUnderTest {
  readonly folder: string
  readonly version: string
  /** A new database; migrated for Carillon unless told otherwise. */
  database(options?: { migrated?: boolean }): Promise<DatabaseUnderTest>
  cpuSeconds(): number
  /** Sends every line of the server's log to `listener` from now on. */
  listen(listener: (line: string) => void): void
  stop(): Promise<void>
}

export interface ServerOptions {
  /** Where to make the folder; the system's folder for temporary files by default. */
  readonly parentFolder?: string
  /** PostgreSQL settings that win over the product's: for experiments, never for figures. */
  readonly settings?: Readonly<Record<string, string>>
}

export async function startServerUnderTest(options: ServerOptions = {}): Promise<ServerUnderTest> {
  const folder = fs.mkdtempSync(path.join(options.parentFolder ?? os.tmpdir(), 'carillon-bench-'))
  // The server's user must pass through when the bench runs as root.
  fs.chmodSync(folder, 0o711)
  let listener: ((line: string) => void) | null = null
  const hear = (_fields: object, line: string) => listener?.(line)
  const fault = (fields: object, line: string) => {
    say(`PostgreSQL: ${line} ${JSON.stringify(fields)}`)
    listener?.(line)
  }
  const log = { debug: hear, info: hear, warn: hear, error: fault }
  const server = await startEmbeddedPostgres({ dataDir: folder, log, settings: options.settings ?? {} })
  const removeFolder = () => fs.rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  let made = 0
  return {
    folder,
    version: await versionOf(server.connectionString),
    database: ({ migrated = true } = {}) => makeDatabase(server.connectionString, `bench_${++made}`, migrated),
    cpuSeconds: () => (server.pid === undefined ? Number.NaN : cpuSecondsOfTree(server.pid)),
    listen: (next) => {
      listener = next
    },
    stop: async () => {
      await server.stop()
      removeFolder()
      process.removeListener('exit', removeFolder)
    },
  }
}

async function versionOf(url: string): Promise<string> {
  const client = await openConnection(url)
  const { rows } = await client.query('SHOW server_version')
  await client.end()
  return rows[0].server_version
}

async function makeDatabase(serverUrl: string, name: string, migrated: boolean): Promise<DatabaseUnderTest> {
  const url = serverUrl.replace(/\/carillon\?/, `/${name}?`)
  await createDatabaseIfMissing(url)
  if (migrated) await migrate(url)
  const client = await openConnection(url, 'bench')
  return {
    url,
    client,
    drop: async () => {
      await client.end()
      const maintenance = await openConnection(serverUrl)
      await maintenance.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await maintenance.end()
    },
  }
}

export async function walPosition(client: pg.Client): Promise<string> {
  return (await client.query('SELECT pg_current_wal_lsn()::text AS lsn')).rows[0].lsn
}

export async function walBytesSince(client: pg.Client, position: string): Promise<number> {
  const { rows } = await client.query('SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)::float8 AS bytes', [position])
  return rows[0].bytes
}
