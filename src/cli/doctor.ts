import { EXIT, type ExitCode } from './cli-error.ts'
import type { ConnectionOptions } from './connection.ts'
import type { CliContext } from './context.ts'
import { checkApi } from './doctor-api.ts'
import { checkDatabase } from './doctor-database.ts'
import type { Finding } from './doctor-finding.ts'
import { checkMachine, checkPort } from './doctor-machine.ts'
import { checkTelephony } from './doctor-telephony.ts'

export interface DoctorOptions extends ConnectionOptions {
  readonly json?: boolean
}

/** Looks at everything that can be wrong with an installation from outside; fails when something is. */
export async function doctor(options: DoctorOptions, context: CliContext): Promise<ExitCode> {
  const { terminal, environment } = context
  const findings: Finding[] = []
  const checks = [
    checkMachine(environment),
    checkDatabase(environment),
    checkPort(environment),
    checkTelephony(environment),
    checkApi(options, environment),
  ]
  for (const found of checks) {
    for (const finding of await found) {
      findings.push(finding)
      if (options.json === true) terminal.line(JSON.stringify(finding))
      else for (const line of findingLines(finding, context)) terminal.line(line)
    }
  }
  const bad = findings.filter(({ level }) => level === 'bad').length
  const warnings = findings.filter(({ level }) => level === 'warning').length
  if (options.json !== true) {
    const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`
    terminal.line()
    terminal.line(bad + warnings === 0 ? 'All is well.' : `${count(bad, 'fault')}, ${count(warnings, 'warning')}.`)
  }
  return bad === 0 ? EXIT.ok : EXIT.failed
}

const MARKS = { ok: 'ok  ', note: '-   ', warning: 'warn', bad: 'BAD ' } as const

function findingLines({ level, text, remedy }: Finding, { terminal }: CliContext): string[] {
  const { paint } = terminal.style
  const painted = { ok: paint.green, note: paint.dim, warning: paint.yellow, bad: paint.red }[level](MARKS[level])
  return [`${painted}  ${text}`, ...(remedy === undefined ? [] : [`      ${paint.bold(remedy)}`])]
}
