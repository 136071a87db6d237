import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { hostPort } from '../../src/sip/addresses.ts'

export const hasSipp = spawnSync('sipp', ['-v'], { encoding: 'utf8' }).stdout?.includes('SIPp') ?? false
export const hasBaresip = spawnSync('baresip', ['-h'], { encoding: 'utf8' }).stderr?.includes('baresip') ?? false

export interface SippOptions {
  readonly scenario: string
  /** Calls after which it ends by itself. */
  readonly calls?: number
  readonly transport?: 'u1' | 't1'
  readonly address?: string
  readonly port?: number
  /** Where requests within a call shall come, when that is not sipp itself: `127.0.0.1:5062`. */
  readonly contact?: string
  readonly arguments?: readonly string[]
}

export interface Sipp {
  readonly address: string
  readonly port: number
  /** 0 when every call went as the scenario says. */
  readonly ended: Promise<number>
  /** Every message that was sent and received, as sipp wrote them down. */
  messages(): SippMessage[]
  /** What the scenario itself wrote down. */
  notes(): string
  /** What sipp said on its screen and in its error file; for a test that fails. */
  complaints(): string
  stop(): Promise<void>
}

export interface SippMessage {
  readonly direction: 'sent' | 'received'
  /** By sipp's clock, to the microsecond. */
  readonly atEpochMs: number
  readonly startLine: string
  readonly text: string
  header(name: string): string | null
}

/** A UDP port that nobody uses now. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

export async function startSipp(options: SippOptions): Promise<Sipp> {
  const { address = '127.0.0.1', transport = 'u1', calls } = options
  const folder = await mkdtemp(path.join(tmpdir(), 'carillon-sipp-'))
  await writeFile(path.join(folder, 'scenario.xml'), options.scenario)
  const port = options.port ?? (await freePort(address))
  const control = await freePort('127.0.0.1')
  const media = 40_000 + (port % 10_000) * 2
  const list = [
    ...['-sf', 'scenario.xml', '-i', address, '-p', String(port), '-cp', String(control), '-t', transport],
    ...[
      '-mi',
      address,
      '-mp',
      String(media),
      '-nostdin',
      '-key',
      'contact_address',
      options.contact ?? hostPort(address, port),
      '-trace_msg',
      '-message_file',
      'messages.log',
      '-trace_err',
      '-trace_logs',
      '-log_file',
      'scenario.log',
    ],
    ...(calls === undefined ? [] : ['-m', String(calls)]),
    ...(options.arguments ?? []),
  ]
  const child = spawn('sipp', list, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TERM: 'dumb' },
  })
  let screen = ''
  child.stdout.on('data', (text) => {
    screen = (screen + text).slice(-4000)
  })
  child.stderr.on('data', (text) => {
    screen = (screen + text).slice(-4000)
  })
  const ended = once(child, 'exit').then(([code]) => (code as number | null) ?? -1)
  await untilBound(child, { port, tcp: transport === 't1', complaint: () => screen })
  const read = (name: string) => {
    const found = readdirSync(folder).filter((file) => file.includes(name))
    return found.map((file) => readFileSync(path.join(folder, file), 'utf8')).join('\n')
  }
  return {
    address,
    port,
    ended,
    messages: () => (existsSync(path.join(folder, 'messages.log')) ? parseMessages(read('messages.log')) : []),
    notes: () => (existsSync(path.join(folder, 'scenario.log')) ? read('scenario.log') : ''),
    complaints: () => `${screen}\n${read('errors.log')}`,
    async stop() {
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** sipp says nothing when it is ready; the kernel's tables do. */
async function untilBound(
  child: ChildProcess,
  { port, tcp, complaint }: { port: number; tcp: boolean; complaint: () => string },
) {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const tables = tcp ? ['/proc/net/tcp', '/proc/net/tcp6'] : ['/proc/net/udp', '/proc/net/udp6']
  for (let tries = 0; tries < 500; tries++) {
    if (child.exitCode !== null) throw new Error(`sipp ended with ${child.exitCode}: ${complaint()}`)
    if (tables.some((table) => readFileSync(table, 'utf8').includes(hex))) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`sipp did not start: ${complaint()}`)
}

/** Each entry begins with a line that ends in its instant, in the machine's time zone: `2026-01-31 09:30:00.123456`. */
export function parseMessages(log: string): SippMessage[] {
  const [, ...parts] = log.split(/^-{20,}[ \t]*(\d[^\n]*)?$/m)
  const found: SippMessage[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const match = /(?:UDP|TCP) message (sent|received)[^\n]*\n\r?\n([\s\S]*)/.exec(parts[at + 1]!)
    const atEpochMs = instantOf(parts[at] ?? '')
    // What came unexpected is written down twice: when it came, and without an instant as a complaint.
    if (match === null || Number.isNaN(atEpochMs)) continue
    const [, direction, text] = match
    found.push({
      direction: direction as SippMessage['direction'],
      atEpochMs,
      startLine: text!.split(/\r?\n/, 1)[0]!,
      text: text!,
      header: (name: string) => new RegExp(`^${name}:[ \\t]*([^\\r\\n]*)`, 'im').exec(text!)?.[1] ?? null,
    })
  }
  return found
}

/** NaN for anything else. `Date` reads milliseconds; the rest of the fraction is added. */
function instantOf(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)\.(\d{6})/.exec(text)
  return match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}`) + Number(match[3]) / 1000
}
