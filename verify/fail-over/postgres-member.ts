import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import pg from 'pg'
import { runCommand, type SystemUser, spawnOptions } from '../../src/embedded-postgres/run-command.ts'
import { chooseSystemUser } from '../../src/embedded-postgres/system-user.ts'

/** The tools of a PostgreSQL that brings replication along, as Debian installs them; the embedded build has none. */
export const TOOLS = '/usr/lib/postgresql/15/bin'

export const OWNER = 'carillon'

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_level: 'replica',
  hot_standby: 'on',
  wal_keep_size: '512MB',
  max_connections: '100',
  shared_buffers: '128MB',
  wal_writer_delay: '5ms',
  jit: 'off',
  timezone: 'UTC',
} as const

/** One server of a pair: a data folder, a port, and the process when it runs. */
export class PostgresMember {
  readonly port: number
  readonly #folder: string
  readonly #user: SystemUser | undefined
  #child: ChildProcess | null = null

  private constructor(folder: string, port: number, user: SystemUser | undefined) {
    this.#folder = folder
    this.port = port
    this.#user = user
  }

  /** A folder that is still empty. */
  static async make(folder: string): Promise<PostgresMember> {
    return new PostgresMember(folder, await freePort(), await chooseSystemUser(folder))
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  urlOf(database: string): string {
    return `postgres://${OWNER}@127.0.0.1:${this.port}/${database}`
  }

  /** Makes a new cluster. */
  async init(): Promise<void> {
    this.#clear()
    await this.#tool('initdb', ['-D', this.#folder, '-U', OWNER, '-A', 'trust', '-E', 'UTF8', '--no-locale'])
  }

  /** Becomes a copy of another one that runs, and its standby when it is started. */
  async copy(primary: PostgresMember): Promise<void> {
    this.#clear()
    const source = `host=127.0.0.1 port=${primary.port} user=${OWNER} application_name=standby`
    await this.#tool('pg_basebackup', ['-d', source, '-D', this.#folder, '-R', '-X', 'stream', '-c', 'fast'])
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = Object.entries({ ...SETTINGS, port: this.port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    const output = fs.openSync(`${this.#folder}.log`, 'a')
    const child = spawn(path.join(TOOLS, 'postgres'), ['-D', this.#folder, ...settings], {
      ...spawnOptions({ user: this.#user }),
      stdio: ['ignore', output, output],
    })
    fs.closeSync(output)
    this.#child = child
    for (;;) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended at its start; see ${this.#folder}.log`)
      const { code } = await runCommand(path.join(TOOLS, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(this.port)])
      if (code === 0) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** kill -9 of all its processes at once, as when the machine loses its power. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    const gone = once(child, 'exit')
    for (const pid of [child.pid!, ...childrenOf(child.pid!)]) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself meanwhile.
      }
    }
    await gone
  }

  async promote(): Promise<void> {
    await this.ask('SELECT pg_promote(true, 60)')
  }

  /** Of its replication: with whom a commit is shared before it is acknowledged; '': with nobody. */
  async waitFor(standbys: '*' | ''): Promise<void> {
    await this.ask(`ALTER SYSTEM SET synchronous_standby_names = '${standbys}'`)
    await this.ask('SELECT pg_reload_conf()')
  }

  /** Asks it once, over a connection of its own. */
  async ask<Row extends object>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.urlOf('postgres') })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end().catch(() => undefined)
    }
  }

  #clear(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true })
    fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    if (this.#user !== undefined) fs.chownSync(this.#folder, this.#user.uid, this.#user.gid)
  }

  async #tool(name: string, args: readonly string[]): Promise<void> {
    const { code, output, startError } = await runCommand(path.join(TOOLS, name), args, { user: this.#user })
    if (code !== 0) throw new Error(`${name} failed: ${startError ?? output}`)
  }
}

/** Processes of a server are sessions of their own, so that only their parent names them. */
function childrenOf(parent: number): number[] {
  return fs.readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      // The second field is a name in brackets, which may hold anything.
      const after = fs.readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!
      return Number(after.split(' ')[1]) === parent ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
