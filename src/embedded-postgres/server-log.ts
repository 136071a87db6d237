import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** What the supervisor needs of a logger; a pino logger fits. */
export interface EmbeddedPostgresLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const rememberedLines = 20

/**
 * Sends the server's lines to the logger and remembers the last ones for error messages.
 * A refused connection (FATAL) is a warning, since it concerns one client; a crash of a server process is an error.
 */
export function followServerLog(stream: Readable, log: EmbeddedPostgresLog): { lastLines(): string } {
  const last: string[] = []
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    last.push(line)
    if (last.length > rememberedLines) last.shift()
    log[levelOf(line)]({ component: 'postgres' }, line)
  })
  return { lastLines: () => last.join('\n') }
}

/** The level at which a line of PostgreSQL's log is passed on. */
export function levelOf(line: string): 'debug' | 'warn' | 'error' {
  if (/^PANIC:|was terminated by signal|^LOG: +server process/.test(line)) return 'error'
  if (/^(FATAL|WARNING|ERROR):/.test(line)) return 'warn'
  return 'debug'
}
