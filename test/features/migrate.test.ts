import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createPool, openConnection } from '../../src/store/database.ts'
import { MissingDatabaseRightsError } from '../../src/store/database-roles.ts'
import { MigrationRefusedError, migrate } from '../../src/store/migrate.ts'
import { createTestDatabase } from '../database.ts'

function migrationFolder(files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-migrations-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true }))
  for (const [name, sql] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), sql)
  return folder
}

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase({ empty: true })
  onTestFinished(database.drop)
  return database.connectionString
}

async function rowsOf(connectionString: string, sql: string): Promise<unknown[]> {
  const client = await openConnection(connectionString)
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

const first = 'CREATE TABLE apple (id int); INSERT INTO apple VALUES (1);'
const second = 'ALTER TABLE apple ADD COLUMN colour text;'

test('applies the migrations in order, records them, and applies nothing twice', async () => {
  const url = await emptyDatabase()
  const folder = migrationFolder({ '0002_colour.sql': second, '0001_apple.sql': first })

  expect(await migrate(url, { folder })).toEqual(['0001_apple', '0002_colour'])
  expect(await migrate(url, { folder })).toEqual([])
  expect(await rowsOf(url, 'SELECT number, name, length(sha256) FROM migration ORDER BY number')).toEqual([
    [1, '0001_apple', 64],
    [2, '0002_colour', 64],
  ])
  expect(await rowsOf(url, 'SELECT id, colour FROM carillon.apple')).toEqual([[1, null]])
})

test('works on a pool and leaves no lock on its connections', async () => {
  const url = await emptyDatabase()
  const pool = createPool(url)
  onTestFinished(() => pool.end())
  await migrate(pool, { folder: migrationFolder({ '0001_apple.sql': first }) })
  const locks = await pool.query(`SELECT FROM pg_locks WHERE locktype = 'advisory'`)
  expect(locks.rowCount).toBe(0)
})

test('of several nodes that start at once, one applies and the others wait for it', async () => {
  const url = await emptyDatabase()
  const folder = migrationFolder({ '0001_slow.sql': `SELECT pg_sleep(0.3); ${first}`, '0002_colour.sql': second })
  const waits: string[] = []
  const log = { info: (_: object, message: string) => message.includes('waiting') && waits.push(message) }

  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(url, { folder, log })))

  expect(results.flat()).toEqual(['0001_slow', '0002_colour'])
  expect(waits).toHaveLength(3)
  expect(await rowsOf(url, 'SELECT count(*)::int FROM carillon.apple')).toEqual([[1]])
})

test('a migration that fails leaves nothing of itself and is applied when it is mended', async () => {
  const url = await emptyDatabase()
  const broken = migrationFolder({ '0001_apple.sql': first, '0002_colour.sql': `${second} SELECT no_such_function();` })
  await expect(migrate(url, { folder: broken })).rejects.toThrow(/Migration 0002_colour failed: .*no_such_function/)
  expect(await rowsOf(url, `SELECT FROM pg_attribute WHERE attname = 'colour'`)).toEqual([])

  const mended = migrationFolder({ '0001_apple.sql': first, '0002_colour.sql': second })
  expect(await migrate(url, { folder: mended })).toEqual(['0002_colour'])
})

test('refuses a database whose applied migration was changed since', async () => {
  const url = await emptyDatabase()
  await migrate(url, { folder: migrationFolder({ '0001_apple.sql': first }) })
  const changed = migrationFolder({ '0001_apple.sql': `${first} -- changed`, '0002_colour.sql': second })
  await expect(migrate(url, { folder: changed })).rejects.toThrow(MigrationRefusedError)
  await expect(migrate(url, { folder: changed })).rejects.toThrow(/0001_apple was applied .* must not be changed/)
  expect(await rowsOf(url, 'SELECT number FROM migration')).toEqual([[1]])
})

test('the same migration with CR LF line ends is not a change', async () => {
  const url = await emptyDatabase()
  await migrate(url, { folder: migrationFolder({ '0001_apple.sql': 'CREATE TABLE apple (\n  id int\n);\n' }) })
  const folder = migrationFolder({ '0001_apple.sql': 'CREATE TABLE apple (\r\n  id int\r\n);\r\n' })
  expect(await migrate(url, { folder })).toEqual([])
})

test('refuses a database that is newer than the code', async () => {
  const url = await emptyDatabase()
  await migrate(url, { folder: migrationFolder({ '0001_apple.sql': first, '0002_colour.sql': second }) })
  const older = migrationFolder({ '0001_apple.sql': first })
  await expect(migrate(url, { folder: older })).rejects.toThrow(
    /newer than this Carillon: it has migration 0002_colour/,
  )
})

test.each([
  [{ '1_apple.sql': first }, /not named like/],
  [{ '0002_apple.sql': first }, /should have the number 1/],
  [{ '0001_apple.sql': first, '0001_pear.sql': second }, /should have the number 2/],
])('refuses a folder with wrong names or numbers: %j', async (files, message) => {
  await expect(migrate('postgres://nowhere.invalid/none', { folder: migrationFolder(files) })).rejects.toThrow(message)
})

test('makes the roles, bound by row-level security, for several databases of one server at once', async () => {
  const urls = await Promise.all([1, 2, 3].map(emptyDatabase))
  const folder = migrationFolder({ '0001_apple.sql': first })
  await Promise.all(urls.map((url) => migrate(url, { folder })))
  expect(
    await rowsOf(
      urls[0]!,
      `SELECT rolname, rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'carillon\\_%'
       AND rolname IN ('carillon_api', 'carillon_dispatcher') ORDER BY rolname`,
    ),
  ).toEqual([
    ['carillon_api', true, false, false],
    ['carillon_dispatcher', true, false, false],
  ])
})

async function asPlainUser(url: string): Promise<{ url: string; user: string }> {
  const user = `user_${Math.random().toString(36).slice(2, 12)}`
  const client = await openConnection(url)
  onTestFinished(async () => {
    await client.query(`DROP OWNED BY ${user} CASCADE; DROP ROLE ${user}`)
    await client.end()
  })
  await client.query(`CREATE ROLE ${user} LOGIN NOSUPERUSER`)
  return { url: url.replace(/\/\/[^@/]*@/, `//${user}@`), user }
}

test('says what an administrator must run when the user may not take on the roles, and works after it was run', async () => {
  const url = await emptyDatabase()
  const folder = migrationFolder({ '0001_apple.sql': first })
  // The roles exist on this server already, made by the template's migration.
  const plain = await asPlainUser(url)

  const error: unknown = await migrate(plain.url, { folder }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(MissingDatabaseRightsError)
  const { sql, message } = error as MissingDatabaseRightsError
  expect(sql).toEqual([
    `GRANT carillon_api TO "${plain.user}";`,
    `GRANT carillon_dispatcher TO "${plain.user}";`,
    `CREATE SCHEMA carillon AUTHORIZATION "${plain.user}";`,
  ])
  expect(message).toContain(sql.join('\n'))

  const administrator = await openConnection(url)
  onTestFinished(() => administrator.end())
  await administrator.query(sql.join('\n'))
  expect(await migrate(plain.url, { folder })).toEqual(['0001_apple'])
})
