import { EXIT, type ExitCode } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { findNamed } from './find-by-name.ts'
import { harmless } from './terminal.ts'

/** Looking at the trunk, ringing, talking, and giving up. */
const CALL_MS = 150_000

interface TestFinding {
  readonly level: 'ok' | 'note' | 'bad'
  readonly step: string
  readonly text: string
  readonly remedy?: string
}

export interface TestTrunkOptions extends ConnectionOptions {
  readonly from?: string
  readonly json?: boolean
}

/** Rings one telephone through a trunk and says in plain words what happened; fails when something is wrong. */
export async function testTrunk(
  asked: { trunk: string; to: string },
  options: TestTrunkOptions,
  { terminal, environment }: CliContext,
): Promise<ExitCode> {
  const client = connect(options, environment)
  const trunk = await findNamed(client, 'trunk', asked.trunk)
  terminal.note(`Ringing ${asked.to} through ${harmless(trunk.name)}; pick up, listen, say something or press a key.`)
  const body = { to: asked.to, from: options.from }
  const { findings } = await client.post<{ findings: readonly TestFinding[] }>(`/trunks/${trunk.id}/test`, body, {
    timeoutMs: CALL_MS,
  })
  const { paint } = terminal.style
  const marks = { ok: paint.green('ok  '), note: paint.dim('-   '), bad: paint.red('BAD ') }
  for (const finding of findings) {
    if (options.json === true) terminal.line(JSON.stringify(finding))
    else {
      terminal.line(`${marks[finding.level]}  ${harmless(finding.text)}`)
      if (finding.remedy !== undefined) terminal.line(`      ${paint.bold(harmless(finding.remedy))}`)
    }
  }
  return findings.some(({ level }) => level === 'bad') ? EXIT.failed : EXIT.ok
}
