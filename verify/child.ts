import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const TYPESCRIPT = new URL('../test/run-typescript.mjs', import.meta.url).href

export interface ProgramOptions {
  /** File name in this folder; types are erased from a `.ts`. */
  readonly program: string
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Where what it prints goes. */
  readonly outputFile: string
}

/** A program of ours in a process of its own, which has told that it is ready. It ends when this process does. */
export interface Program {
  /** Where it listens. */
  readonly url: string
  readonly pid: number
  /** Ends it in order. */
  stop(): Promise<void>
  /** Tells it something; what it understands is its own affair. */
  tell(message: object): void
  /** kill -9. Returns the instant of the kill, and when the process is gone. */
  kill(): { readonly killedAtEpochMs: number; readonly gone: Promise<void> }
}

/** A start takes seconds; on a machine that is busy with others, many. */
const READY_WITHIN_MS = 120_000

/** @throws Error with the name of its output when it ends before it is ready, or is not ready within two minutes. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const output = openSync(options.outputFile, 'a')
  const child = fork(fileURLToPath(new URL(options.program, import.meta.url)), [...options.argv], {
    execArgv: options.program.endsWith('.ts') ? ['--import', TYPESCRIPT] : [],
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  const gone = once(child, 'exit').then(() => undefined)
  const overdue = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS)
  const { url } = await Promise.race([
    once(child, 'message').then(([message]) => message as { url: string }),
    gone.then(() => Promise.reject(new Error(`${options.program} ended at its start; see ${options.outputFile}`))),
  ]).finally(() => clearTimeout(overdue))
  return {
    url,
    pid: child.pid!,
    stop: () => stop(child, gone),
    // One that died by itself is found by the judge, not here.
    tell: (message) => void child.send(message, () => undefined),
    kill: () => ({ killedAtEpochMs: killNow(child), gone }),
  }
}

function killNow(child: ChildProcess): number {
  child.kill('SIGKILL')
  return Date.now()
}

/** A program that does not end by itself within twenty seconds is killed. */
async function stop(child: ChildProcess, gone: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  // A process that was stopped by a signal could not hear it.
  child.kill('SIGCONT')
  child.send('stop')
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await gone
  clearTimeout(timer)
}
