import { randomBytes } from 'node:crypto'
import { startLoopbackServer } from '../carriers/loopback/listen.ts'
import { systemClock } from '../clock.ts'
import { EXIT, type ExitCode, usageError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { listenForInterrupt } from './interrupt.ts'

export interface LoopbackOptions {
  /** `[host:]port` */
  readonly listen: string
  readonly secret?: string
  readonly speed?: number
  readonly log?: string
}

const SECRET_BYTES = 18
const SECRET_LENGTH_MIN = 16

/** Runs the simulated telephone network in a process of its own, until Ctrl-C. */
export async function loopback(options: LoopbackOptions, context: CliContext): Promise<ExitCode> {
  const { terminal, environment } = context
  const given = options.secret ?? environment.CARILLON_LOOPBACK_SECRET
  if (given !== undefined && given.length < SECRET_LENGTH_MIN) {
    throw usageError(`The secret needs ${SECRET_LENGTH_MIN} characters or more.`)
  }
  const secret = given ?? randomBytes(SECRET_BYTES).toString('base64url')
  const { host, port } = addressOf(options.listen)
  const server = await startLoopbackServer({
    ...(host === undefined ? {} : { host }),
    port,
    secret,
    clock: systemClock,
    ...(options.speed === undefined ? {} : { speed: options.speed }),
    ...(options.log === undefined ? {} : { logFile: options.log }),
  })
  const interrupt = listenForInterrupt()
  terminal.line(`The simulated telephone network listens at ${server.url}`)
  if (given === undefined) terminal.line(`Its secret, made for this run: ${secret}`)
  terminal.line('Make a trunk that uses it, in another terminal:')
  terminal.line(`  carillon trunk add --name Simulated --carrier loopback \\`)
  terminal.line(`    --settings '${JSON.stringify({ url: server.url, secret: given === undefined ? secret : '…' })}'`)
  terminal.line('Ctrl-C ends it.')
  try {
    if (!interrupt.signal.aborted) {
      await new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(), { once: true }))
    }
  } finally {
    interrupt.release()
    await server.close()
  }
  return EXIT.ok
}

/** `7300`, `127.0.0.1:7300` or `[::1]:7300`. */
export function addressOf(text: string): { host?: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw usageError(`--listen ${text} is not an address.`, 'Write a port, or a host and a port: 127.0.0.1:7300')
  }
  const host = bracketed ?? plain
  return host === undefined ? { port } : { host, port }
}
