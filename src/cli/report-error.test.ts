import { describe, expect, it } from 'vitest'
import { ConfigError } from '../config.ts'
import { AppError } from '../errors.ts'
import { CliError } from './cli-error.ts'
import { reportError } from './report-error.ts'
import { openTerminal } from './terminal.ts'

function reported(error: unknown) {
  const lines: string[] = []
  const out: string[] = []
  const terminal = openTerminal({
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => lines.push(text.trimEnd()) },
    environment: {},
  })
  const exitCode = reportError(error, terminal)
  expect(out).toEqual([])
  return { exitCode, lines }
}

describe('reportError', () => {
  it('says what is wrong and what to do, to standard error', () => {
    const error = new CliError('There is no agent.', { remedy: 'Add one.', details: ['a: b'], exitCode: 2 })
    expect(reported(error)).toEqual({ exitCode: 2, lines: ['carillon: There is no agent.', '  a: b', '  Add one.'] })
  })

  it('knows the errors of the server', () => {
    expect(reported(new ConfigError(['PORT: Write a number.'])).exitCode).toBe(2)
    expect(reported(new AppError('weak-credential')).lines[1]).toBe('  Choose a longer random text.')
  })

  it('knows a port that is taken and a database that is away', () => {
    const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen', port: 8080 })
    expect(reported(taken).lines[0]).toBe('carillon: The port 8080 is in use by another program.')
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(reported(away).lines[0]).toBe('carillon: The database cannot be used (ECONNREFUSED).')
  })

  it('shows where a fault of ours happened', () => {
    expect(reported(new TypeError('x is not a function')).lines.join()).toContain('report-error.test')
  })
})
