import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../src/embedded-postgres/supervisor.ts'
import { createDatabaseIfMissing, openConnection } from '../src/store/database.ts'
import { migrate } from '../src/store/migrate.ts'
import { databaseUrl } from './database-url.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection string of the tests' PostgreSQL, on its database `postgres`. */
    postgresConnectionString: string
    /** Name of the migrated database that test databases are cloned from. */
    templateDatabase: string
  }
}

const silentLog = { debug() {}, info() {}, warn() {}, error: console.error }

/**
 * One PostgreSQL for the whole run, with a migrated template database. It is the embedded one, in a temporary folder
 * and without fsync; with CARILLON_TEST_DATABASE_URL set, that server is used instead (14 to 18, a superuser's URL).
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.CARILLON_TEST_DATABASE_URL
  const server = given === undefined ? await startTemporaryServer() : { connectionString: given, stop: async () => {} }
  const maintenance = databaseUrl(server.connectionString, 'postgres')
  // Two runs may share one given server.
  const template = `carillon_template_${process.pid}`
  const templateUrl = databaseUrl(server.connectionString, template)
  try {
    await createDatabaseIfMissing(templateUrl)
    await migrate(templateUrl)
  } catch (error) {
    await server.stop()
    throw error
  }
  project.provide('postgresConnectionString', maintenance)
  project.provide('templateDatabase', template)
  return async () => {
    if (given !== undefined) await dropTemplate(maintenance, template)
    await server.stop()
  }
}

/** A PostgreSQL of its own for a program that is no test, without fsync; it goes when it is stopped. */
export async function startTemporaryServer() {
  const dataDir = makeTemporaryDataFolder()
  const binDir = process.env.CARILLON_TEST_POSTGRES_BIN
  const server = await startEmbeddedPostgres({
    dataDir,
    log: silentLog,
    settings: {
      fsync: false,
      synchronous_commit: false,
      full_page_writes: false,
      shared_buffers: '128MB',
      max_connections: 300,
    },
    ...(binDir === undefined ? {} : { binDir }),
  })
  return {
    connectionString: server.connectionString,
    stop: async () => {
      await server.stop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

// mkdtemp makes folders that only their owner may enter, but the server's user must pass through when tests run as root.
function makeTemporaryDataFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-test-'))
  fs.chmodSync(folder, 0o711)
  return folder
}

async function dropTemplate(maintenance: string, template: string): Promise<void> {
  const client = await openConnection(maintenance)
  await client.query(`DROP DATABASE IF EXISTS ${template}`)
  await client.end()
}
