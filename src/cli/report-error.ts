import { CliError, EXIT, type ExitCode } from './cli-error.ts'
import type { Terminal } from './terminal.ts'

/** Errors of the server whose message says what is wrong and what to do about it. */
const TOLD_IN_FULL = new Set([
  'ConfigError',
  'EmbeddedPostgresError',
  'MigrationRefusedError',
  'MissingDatabaseRightsError',
])
const NO_DATABASE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENOENT|28P01|28000|3D000|57P03)$/

/** Writes a failure to standard error, what is wrong first and then what to do, and tells the exit code. */
export function reportError(error: unknown, terminal: Terminal): ExitCode {
  const { paint } = terminal.style
  const tell = (message: string, ...more: readonly (string | undefined)[]): void => {
    terminal.note(`${paint.red('carillon:')} ${message}`)
    for (const line of more) if (line !== undefined) terminal.note(`  ${line}`)
  }
  if (error instanceof CliError) {
    tell(error.message, ...error.details, error.remedy)
    return error.exitCode
  }
  if (!(error instanceof Error)) {
    tell(String(error))
    return EXIT.failed
  }
  const { code, remedy, syscall, port } = error as Error &
    Partial<Record<'code' | 'remedy' | 'syscall' | 'port', unknown>>
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    if (syscall === 'listen') {
      tell(
        `The port ${String(port)} ${code === 'EADDRINUSE' ? 'is in use by another program' : 'may not be used by this user'}.`,
        'Set PORT to another one, for example PORT=8090, or to 0 for any that is free.',
      )
      return EXIT.failed
    }
  }
  if (TOLD_IN_FULL.has(error.name)) tell(error.message)
  else if (typeof remedy === 'string') tell(error.message, remedy)
  else if (typeof code === 'string' && NO_DATABASE.test(code)) {
    tell(
      `The database cannot be used (${code}).`,
      'Compare DATABASE_URL with where PostgreSQL listens, and see that it runs.',
    )
  } else tell('Something went wrong that should not.', error.stack ?? error.message)
  return error.name === 'ConfigError' ? EXIT.usage : EXIT.failed
}
