import type { Terminal } from './terminal.ts'

/** What every command is given by the program. */
export interface CliContext {
  readonly terminal: Terminal
  readonly environment: Readonly<Record<string, string | undefined>>
}
