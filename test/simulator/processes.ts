import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RarePath } from './coverage.ts'

const SLICE = 50

/** What a process tells about some seeds. */
export interface Slice {
  readonly seeds: number
  readonly calls: number
  readonly steps: number
  readonly virtualMs: number
  /** Sum of the trace hashes: the same seeds give the same sum, in whatever order they ran. */
  readonly traces: string
  readonly coverage: readonly (readonly [RarePath, number])[]
  readonly failures: readonly { readonly seed: number; readonly invariant: string; readonly report: string }[]
}

export interface SliceRequest {
  readonly seed: number
  readonly count: number
  readonly history: boolean
}

export interface ProcessesOptions {
  readonly seed: number
  readonly count: number
  readonly jobs: number
  readonly store: string
  readonly mistake?: string
  readonly history?: boolean
  readonly take: (slice: Slice) => void
  /** True: no more slices are begun. */
  readonly enough?: () => boolean
}

const program = fileURLToPath(new URL('./run-slices.ts', import.meta.url))
const typescript = new URL('../run-typescript.mjs', import.meta.url).href
const plant = new URL('./plant-mistake.mjs', import.meta.url).href

/** Runs seeds in as many processes as there are jobs, a slice at a time. */
export async function inProcesses(options: ProcessesOptions): Promise<void> {
  let next = options.seed
  const end = options.seed + options.count
  const request = (): SliceRequest | null => {
    if (next >= end || options.enough?.()) return null
    const count = Math.min(SLICE, end - next)
    next += count
    return { seed: next - count, count, history: options.history ?? false }
  }
  const jobs = Math.min(options.jobs, Math.ceil(options.count / SLICE))
  await Promise.all(Array.from({ length: jobs }, () => runProcess(options, request)))
}

function runProcess(options: ProcessesOptions, request: () => SliceRequest | null): Promise<void> {
  const { mistake, store, take } = options
  const imports = ['--import', typescript, ...(mistake === undefined ? [] : ['--import', plant])]
  const env = { ...process.env, ...(mistake === undefined ? {} : { CARILLON_PLANTED_MISTAKE: mistake }) }
  const child = fork(program, [store], { execArgv: imports, env })
  return new Promise((resolve, reject) => {
    let asked = false
    child.on('message', (message: Slice | 'ready') => {
      if (message !== 'ready') take(message)
      asked = ask(child, request())
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0 && !asked) resolve()
      else reject(new Error(`A process of the simulator ended with ${code}`))
    })
  })
}

function ask(child: ChildProcess, request: SliceRequest | null): boolean {
  if (request) child.send(request)
  else child.disconnect()
  return request !== null
}
