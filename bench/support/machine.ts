import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { percentile, round } from './statistics.ts'

const TMPFS = 0x01021994

/** What figures must be read with. */
export interface Machine {
  readonly at: string
  readonly command: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly platform: string
  readonly node: string
  /** What others ran when the bench began: the load average of the minute before. */
  readonly loadBefore: number
  readonly dataFolderInMemory: boolean
  /** A small write until it is on disk. */
  readonly fdatasyncMs: { readonly p50: number; readonly p99: number }
}

export function describeMachine(dataFolder: string): Machine {
  const inMemory = process.platform === 'linux' && fs.statfsSync(dataFolder).type === TMPFS
  return {
    at: new Date().toISOString(),
    command: `npm run bench -- ${withoutPlaces(process.argv.slice(2)).join(' ')}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryGb: round(os.totalmem() / 2 ** 30),
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
    node: process.version,
    loadBefore: round(os.loadavg()[0]!, 2),
    dataFolderInMemory: inMemory,
    fdatasyncMs: probeDisk(dataFolder),
  }
}

/** Options that name a place of the machine, which says nothing to whoever repeats the command on another one. */
const PLACES: ReadonlySet<string> = new Set(['--save', '--folder', '--runtime'])

function withoutPlaces(args: readonly string[]): string[] {
  return args.filter((arg, at) => !PLACES.has(arg.split('=')[0]!) && !PLACES.has(args[at - 1] ?? ''))
}

function probeDisk(folder: string): { p50: number; p99: number } {
  const file = path.join(folder, 'disk-probe')
  const handle = fs.openSync(file, 'w')
  const page = Buffer.alloc(8192, 1)
  const times: number[] = []
  try {
    for (let write = 0; write < 200; write++) {
      const from = performance.now()
      fs.writeSync(handle, page)
      fs.fdatasyncSync(handle)
      times.push(performance.now() - from)
    }
  } finally {
    fs.closeSync(handle)
    fs.rmSync(file)
  }
  return { p50: round(percentile(times, 50), 3), p99: round(percentile(times, 99), 3) }
}
