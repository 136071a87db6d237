import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { helpOf } from './command-line.ts'

const PROGRAMS = [
  'test/simulator/main.ts',
  'verify/chaos.ts',
  'verify/two-nodes.ts',
  'verify/stop-means-stop.ts',
  'verify/requests.ts',
  'verify/sip-fuzz.ts',
  'verify/sip.ts',
  'bench/main.ts',
]

function run(program: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', './test/run-typescript.mjs', program, ...args], (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    )
  })
}

test.each(PROGRAMS)('%s tells what can be asked for', { timeout: 120_000 }, async (program) => {
  const help = await run(program, ['--help'])
  expect(help).toMatchObject({ code: 0, err: '' })
  expect(help.out).toMatch(/^Usage: npm run /)
  expect(help.out).toContain('--help')
})

test.each([
  ['test/simulator/main.ts', []],
  ['bench/main.ts', ['engine']],
])('%s refuses an option that does not exist in a line', { timeout: 60_000 }, async (program, before) => {
  const unknown = await run(program, [...before, '--no-such-option'])
  expect(unknown).toMatchObject({ code: 2, out: '' })
  expect(unknown.err).toMatch(/^[^\n]*--no-such-option[^\n]*\n$/)
})

test('a value that is no number is refused in a line', { timeout: 60_000 }, async () => {
  const { code, err } = await run('test/simulator/main.ts', ['--count', 'many'])
  expect(code).toBe(2)
  expect(err).toBe('--count takes a whole number, not "many". npm run simulate -- --help shows what there is.\n')
})

test('the help has a line for each option', () => {
  const help = helpOf(
    { name: 'npm run it --', does: 'It does it.', examples: ['--count 5'] },
    { count: { type: 'string', value: 'N', means: 'how often' }, keep: { type: 'boolean', means: 'keep it' } },
  )
  expect(help).toBe(`Usage: npm run it -- [options]

It does it.

Options:
  --count N  how often
  --keep     keep it
  --help     show this

Examples:
  npm run it -- --count 5`)
})
