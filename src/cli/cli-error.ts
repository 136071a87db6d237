/** What the shell sees when a command ends. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure that the person at the keyboard is told about: one line that says what is wrong, and one what to do. */
export class CliError extends Error {
  override readonly name: string = 'CliError'
  readonly remedy: string | undefined
  readonly exitCode: ExitCode
  /** Further lines, such as each row that is wrong. */
  readonly details: readonly string[]

  constructor(message: string, options: { remedy?: string; exitCode?: ExitCode; details?: readonly string[] } = {}) {
    super(message)
    this.remedy = options.remedy
    this.exitCode = options.exitCode ?? EXIT.failed
    this.details = options.details ?? []
  }
}

/** The command was called in a way that it does not understand. */
export function usageError(message: string, remedy?: string): CliError {
  return new CliError(message, { exitCode: EXIT.usage, ...(remedy === undefined ? {} : { remedy }) })
}
