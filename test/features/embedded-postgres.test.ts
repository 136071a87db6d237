import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { findPackagedBinDir } from '../../src/embedded-postgres/binaries.ts'
import { isPostgresOf, readPostmasterFile } from '../../src/embedded-postgres/former-run.ts'
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from '../../src/embedded-postgres/supervisor.ts'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/supervisor.ts'
import { openConnection } from '../../src/store/database.ts'
import type { MissingDatabaseRightsError } from '../../src/store/database-roles.ts'
import { migrate } from '../../src/store/migrate.ts'

const isRoot = process.getuid?.() === 0
const testMode = { shared_buffers: '32MB' }

function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-embedded-'))
  fs.chmodSync(folder, 0o711)
  // A server that was just killed may still be writing its last files.
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  return folder
}

const usedFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-embedded-used-'))

beforeAll(async () => {
  fs.chmodSync(usedFolder, 0o711)
  const server = await startEmbeddedPostgres({ dataDir: usedFolder, log: recordingLog().log, settings: testMode })
  await server.stop()
})
afterAll(() => fs.rmSync(usedFolder, { recursive: true }))

/** A copy of a data folder whose first start lies behind it, which takes less time than another first start. */
function usedDataFolder(): string {
  const folder = temporaryFolder()
  execFileSync('cp', ['-a', `${usedFolder}/.`, folder])
  return folder
}

interface Line {
  level: string
  message: string
}

function recordingLog() {
  const lines: Line[] = []
  const at = (level: string) => (_fields: object, message: string) => void lines.push({ level, message })
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

async function start(options: Partial<EmbeddedPostgresOptions> & { dataDir: string }): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ log: recordingLog().log, settings: testMode, ...options })
  onTestFinished(() => server.stop())
  return server
}

async function query(server: { connectionString: string }, sql: string): Promise<unknown[]> {
  const client = await openConnection(server.connectionString)
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

/** Polls a state of the operating system, for which there is no event. */
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`Never became true: ${condition}`)
}

interface Carillon {
  process: ChildProcess
  connectionString: string
  postgresPid: number
}

/** A process of its own that runs the supervisor, so that it can be killed. */
async function startInOwnProcess(dataDir: string, ...args: string[]): Promise<Carillon> {
  const loader = new URL('../run-typescript.mjs', import.meta.url).href
  const program = fileURLToPath(new URL('../programs/hold-embedded-postgres.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', loader, program, dataDir, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let postgresPid = 0
  onTestFinished(async () => {
    child.kill('SIGKILL')
    // Its guard stops the server, which writes its last files meanwhile: nobody may remove the folder before.
    await eventually(() => postgresPid === 0 || !isPostgresOf(postgresPid, clusterOf(dataDir)))
  })
  const text = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    child.once('exit', (code) => reject(new Error(`The program ended with code ${code}.`)))
  })
  const started = JSON.parse(text) as { connectionString: string; postgresPid: number }
  postgresPid = started.postgresPid
  return { process: child, ...started }
}

function kill9(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGKILL')
  return gone
}

/** The guard is the shell that would stop the server of a killed Carillon. */
function guardOf(postgresPid: number): number {
  const guards = fs.readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const words = fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      return words[0] === '/bin/sh' && words.includes(String(postgresPid))
    } catch {
      return false
    }
  })
  expect(guards).toHaveLength(1)
  return Number(guards[0])
}

function clusterOf(dataDir: string): string {
  return path.join(dataDir, 'postgres', 'cluster')
}

/** Every file below a folder with its size and time of change. */
function snapshot(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const found = fs.lstatSync(path.join(folder, name))
    return `${name} ${found.size} ${found.ctimeMs}`
  })
}

test('first start, restart and second stop: the data stays, nothing listens on TCP', async () => {
  const dataDir = temporaryFolder()
  const before = snapshot(path.dirname(findPackagedBinDir()))
  const first = await start({ dataDir })
  expect(await query(first, 'SELECT current_user::text, current_database()::text')).toEqual([['carillon', 'carillon']])
  expect(
    await query(
      first,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes',
       'listen_addresses', 'server_encoding', 'TimeZone') ORDER BY name COLLATE "C"`,
    ),
  ).toEqual([
    ['TimeZone', 'UTC'],
    ['fsync', 'on'],
    ['full_page_writes', 'on'],
    ['listen_addresses', ''],
    ['server_encoding', 'UTF8'],
    ['synchronous_commit', 'on'],
  ])
  expect(fs.statSync(first.socketDir).mode & 0o777).toBe(0o700)
  await query(first, 'CREATE TABLE public.kept AS SELECT 42 AS n')
  await first.stop()
  await first.stop()
  expect(first.pid).toBeUndefined()

  const second = await start({ dataDir, settings: { ...testMode, work_mem: '7MB' } })
  expect(await query(second, `SELECT n, current_setting('work_mem') FROM public.kept`)).toEqual([[42, '7MB']])
  // The package folder may be read-only: nothing was written there, links included.
  expect(snapshot(path.dirname(findPackagedBinDir()))).toEqual(before)
})

test.runIf(isRoot)('as root, PostgreSQL runs as another user and keeps its data from others', async () => {
  const dataDir = temporaryFolder()
  const server = await start({ dataDir })
  const owner = fs.statSync(clusterOf(dataDir))
  expect(owner.uid).not.toBe(0)
  expect(owner.mode & 0o777).toBe(0o700)
  expect(fs.statSync(`/proc/${server.pid}`).uid).toBe(owner.uid)
  // A cluster stays with its owner, whatever users the machine gets later.
  await server.stop()
  await start({ dataDir })
})

test.runIf(isRoot)('as root, a data folder that PostgreSQL cannot enter is named with the remedy', async () => {
  const closed = temporaryFolder()
  fs.chmodSync(closed, 0o700)
  const failing = startEmbeddedPostgres({ dataDir: path.join(closed, 'data'), log: recordingLog().log })
  await expect(failing).rejects.toThrow(new RegExp(`may not enter ${closed}\\. Set CARILLON_DATA_DIR`))
})

test.runIf(isRoot)('as root, programs that PostgreSQL cannot reach are copied into the data folder once', async () => {
  const closed = temporaryFolder()
  fs.cpSync(path.dirname(findPackagedBinDir()), path.join(closed, 'native'), { recursive: true })
  fs.chmodSync(closed, 0o700)
  const dataDir = temporaryFolder()
  const binDir = path.join(closed, 'native', 'bin')
  const first = await start({ dataDir, binDir })
  expect(await query(first, 'SELECT 1')).toEqual([[1]])
  const copies = () => fs.readdirSync(path.join(dataDir, 'postgres')).filter((name) => name.startsWith('binaries-'))
  const made = copies()
  expect(made).toHaveLength(1)
  const stamp = fs.statSync(path.join(dataDir, 'postgres', made[0]!)).ctimeMs
  await first.stop()
  await start({ dataDir, binDir })
  expect(copies()).toEqual(made)
  expect(fs.statSync(path.join(dataDir, 'postgres', made[0]!)).ctimeMs).toBe(stamp)
})

test('a killed Carillon leaves no server behind, and the next start finds all acknowledged commits', async () => {
  const dataDir = usedDataFolder()
  const carillon = await startInOwnProcess(dataDir)
  await query(carillon, 'CREATE TABLE public.kept AS SELECT 42 AS n')
  await kill9(carillon.process)
  await eventually(() => !isPostgresOf(carillon.postgresPid, clusterOf(dataDir)))
  expect(await query(await start({ dataDir }), 'SELECT n FROM public.kept')).toEqual([[42]])
})

test('a Carillon that exits without stopping its server can start again at once', async () => {
  const dataDir = usedDataFolder()
  const carillon = await startInOwnProcess(dataDir, 'exit')
  const server = await start({ dataDir })
  expect(server.pid).not.toBe(carillon.postgresPid)
  expect(await query(server, 'SELECT 1')).toEqual([[1]])
})

test('starts after a kill -9 of everything: Carillon, guard and server', async () => {
  const dataDir = usedDataFolder()
  const carillon = await startInOwnProcess(dataDir)
  await query(carillon, 'CREATE TABLE public.kept AS SELECT 42 AS n')
  const guard = guardOf(carillon.postgresPid)
  process.kill(guard, 'SIGKILL')
  const killed = kill9(carillon.process)
  process.kill(carillon.postgresPid, 'SIGKILL')
  await killed
  expect(await query(await start({ dataDir }), 'SELECT n FROM public.kept')).toEqual([[42]])
})

test('a server orphaned by a kill -9 of Carillon and its guard is stopped and started anew', async () => {
  const dataDir = usedDataFolder()
  const carillon = await startInOwnProcess(dataDir)
  await query(carillon, 'CREATE TABLE public.kept AS SELECT 42 AS n')
  process.kill(guardOf(carillon.postgresPid), 'SIGKILL')
  await kill9(carillon.process)
  expect(isPostgresOf(carillon.postgresPid, clusterOf(dataDir))).toBe(true)

  const { lines, log } = recordingLog()
  const server = await start({ dataDir, log })
  expect(isPostgresOf(carillon.postgresPid, clusterOf(dataDir))).toBe(false)
  expect(server.pid).not.toBe(carillon.postgresPid)
  expect(lines).toContainEqual({ level: 'warn', message: expect.stringContaining('it is stopped first') })
  expect(await query(server, 'SELECT n FROM public.kept')).toEqual([[42]])
})

test('a postmaster.pid whose process id belongs to something else does not block the start', async () => {
  const dataDir = usedDataFolder()
  const first = await start({ dataDir })
  await first.stop()
  const owner = fs.statSync(clusterOf(dataDir))
  // PostgreSQL takes any living process of its own user for a server.
  const stranger = spawn('sleep', ['600'], {
    stdio: 'ignore',
    ...(isRoot ? { uid: owner.uid, gid: owner.gid } : {}),
  })
  onTestFinished(() => {
    stranger.kill('SIGKILL')
  })
  const file = path.join(clusterOf(dataDir), 'postmaster.pid')
  fs.writeFileSync(file, `${stranger.pid}\n${clusterOf(dataDir)}\n1700000000\n5432\n\n\n\n ready\n`)
  fs.chownSync(file, owner.uid, owner.gid)
  expect(await query(await start({ dataDir }), 'SELECT 1')).toEqual([[1]])
  expect(stranger.exitCode).toBeNull()
})

test('a second Carillon on the folder is refused with the process id of the first, which works on', async () => {
  const dataDir = usedDataFolder()
  const carillon = await startInOwnProcess(dataDir)
  const message = new RegExp(
    `Another Carillon \\(process ${carillon.process.pid}\\) uses the folder .*CARILLON_DATA_DIR`,
  )
  await expect(startEmbeddedPostgres({ dataDir, log: recordingLog().log })).rejects.toThrow(message)
  expect(await query(carillon, 'SELECT 1')).toEqual([[1]])
  const first = await start({ dataDir: usedDataFolder() })
  expect(await query(first, 'SELECT 1')).toEqual([[1]])
})

test('of several that start on one folder at the same moment, at most one gets it, and the next start works', async () => {
  const dataDir = temporaryFolder()
  const starts = await Promise.allSettled([1, 2, 3, 4].map(() => start({ dataDir })))
  const servers = starts.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const reasons = starts.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
  expect(servers).toHaveLength(1)
  for (const reason of reasons) expect(reason).toMatch(/Another Carillon/)
  await servers[0]!.stop()
  await start({ dataDir })
})

test('a folder made by another major version is refused, naming both and the remedy', async () => {
  const dataDir = usedDataFolder()
  const server = await start({ dataDir })
  await server.stop()
  fs.writeFileSync(path.join(clusterOf(dataDir), 'PG_VERSION'), '17\n')
  const failing = startEmbeddedPostgres({ dataDir, log: recordingLog().log })
  await expect(failing).rejects.toThrow(/made by PostgreSQL 17, but this Carillon carries PostgreSQL 18.*DATABASE_URL/)
})

test('a server that dies is started again and logged; a stop meanwhile ends it for good', async () => {
  const dataDir = usedDataFolder()
  const { lines, log } = recordingLog()
  const server = await start({ dataDir, log })
  await query(server, 'CREATE TABLE public.kept AS SELECT 42 AS n')
  const former = server.pid!
  process.kill(former, 'SIGKILL')
  await eventually(() => server.pid !== undefined && server.pid !== former)
  expect(await query(server, 'SELECT n FROM public.kept')).toEqual([[42]])
  expect(lines).toContainEqual({ level: 'error', message: 'PostgreSQL ended by itself; it is started again' })

  process.kill(server.pid!, 'SIGKILL')
  await server.stop()
  expect(server.pid).toBeUndefined()
  const left = readPostmasterFile(clusterOf(dataDir))
  expect(left === undefined || !isPostgresOf(left.pid, clusterOf(dataDir))).toBe(true)
})

test('a long data folder gets its socket in a short one, and the same one again', async () => {
  const dataDir = path.join(temporaryFolder(), 'a-folder-with-a-long-name'.repeat(5))
  const first = await start({ dataDir })
  expect(first.socketDir.startsWith(dataDir)).toBe(false)
  onTestFinished(() => fs.rmSync(first.socketDir, { recursive: true, force: true }))
  expect(await query(first, 'SELECT 1')).toEqual([[1]])
  await first.stop()
  expect((await start({ dataDir })).socketDir).toBe(first.socketDir)
})

test('a setting that PostgreSQL does not take is shown in its own words, and the folder is free again', async () => {
  const dataDir = usedDataFolder()
  const failing = startEmbeddedPostgres({ dataDir, log: recordingLog().log, settings: { shared_buffers: 'plenty' } })
  await expect(failing).rejects.toThrow(/does not start[\s\S]*shared_buffers/)
  await start({ dataDir })
})

test('errors of statements, which may hold personal data, stay out of the log', async () => {
  const { lines, log } = recordingLog()
  const server = await start({ dataDir: usedDataFolder(), log })
  await expect(query(server, `SELECT '+14155550123'::int`)).rejects.toThrow()
  await server.stop()
  expect(lines.map((line) => line.message).join()).not.toContain('14155550123')
  expect(lines).toContainEqual({ level: 'debug', message: expect.stringContaining('ready to accept connections') })
})

test('on a new server a user without rights is told every statement an administrator must run', async () => {
  const server = await start({ dataDir: temporaryFolder() })
  await query(server, 'CREATE ROLE plain LOGIN')
  const url = server.connectionString.replace('//carillon@', '//plain@')
  const error: unknown = await migrate(url).catch((reason: unknown) => reason)
  const { sql } = error as MissingDatabaseRightsError
  expect(sql).toEqual([
    'CREATE ROLE carillon_api LOGIN NOSUPERUSER NOBYPASSRLS;',
    'GRANT carillon_api TO "plain";',
    'CREATE ROLE carillon_dispatcher LOGIN NOSUPERUSER NOBYPASSRLS;',
    'GRANT carillon_dispatcher TO "plain";',
    'CREATE SCHEMA carillon AUTHORIZATION "plain";',
  ])
  await query(server, sql.join('\n'))
  expect(await migrate(url)).toContain('0001_ground')
})

const debianBinDir = '/usr/lib/postgresql/15/bin'
test.runIf(fs.existsSync(debianBinDir))('runs another build of PostgreSQL, and the migrations on it', async () => {
  const server = await start({ dataDir: temporaryFolder(), binDir: debianBinDir })
  expect(await migrate(server.connectionString)).toContain('0001_ground')
  expect(await query(server, `SELECT current_setting('server_version_num')::int / 10000`)).toEqual([[15]])
})
