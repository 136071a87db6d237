#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { EXIT, type ExitCode } from './cli-error.ts'
import { buildProgram } from './program.ts'
import { reportError } from './report-error.ts'
import { openTerminal } from './terminal.ts'

/** Whatever a command leaves open may not keep the program from ending. */
const LINGER_MS = 2000

const terminal = openTerminal({ stdout: process.stdout, stderr: process.stderr, environment: process.env })

// The reader of a pipe went away, as `head` does: there is nobody left to write to.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

process.exitCode = await main(process.argv)
setTimeout(() => process.exit(), LINGER_MS).unref()

async function main(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok
  const program = buildProgram(versionOfPackage(), async (action) => {
    exitCode = await action({ terminal, environment: process.env })
  })
  for (const command of [program, ...descendants(program)]) command.exitOverride()
  try {
    await program.parseAsync(argv)
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, terminal)
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
}

function descendants(command: ReturnType<typeof buildProgram>): ReturnType<typeof buildProgram>[] {
  return command.commands.flatMap((child) => [child as typeof command, ...descendants(child as typeof command)])
}

function versionOfPackage(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
