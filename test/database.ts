import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { openConnection } from '../src/store/database.ts'
import { databaseUrl } from './database-url.ts'

export interface TestDatabase {
  connectionString: string
  /** Removes the database, whoever is still connected. Not needed at the end of a run: the server goes with it. */
  drop(): Promise<void>
}

/**
 * A new database, cloned from the migrated template in a few milliseconds. `empty` gives one without our schema.
 * Every test that changes data takes its own, so tests never see each other's rows.
 */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const server = inject('postgresConnectionString')
  const name = `test_${randomBytes(8).toString('hex')}`
  const template = options.empty === true ? 'template0' : inject('templateDatabase')
  const client = await openConnection(server, 'carillon-tests')
  try {
    const version = await client.query<{ number: number }>(
      `SELECT current_setting('server_version_num')::int AS number`,
    )
    // Copying files is the faster way for a small template, and until 14 the only one.
    const strategy = version.rows[0]!.number >= 150_000 ? 'STRATEGY FILE_COPY' : ''
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} ${strategy}`)
  } finally {
    await client.end()
  }
  return { connectionString: databaseUrl(server, name), drop: () => dropDatabase(server, name) }
}

async function dropDatabase(server: string, name: string): Promise<void> {
  const client = await openConnection(server, 'carillon-tests')
  try {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  } finally {
    await client.end()
  }
}
