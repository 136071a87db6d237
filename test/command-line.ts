import { parseArgs } from 'node:util'

/** An option of a program that proves something, and what it means. */
export interface ProgramOption {
  readonly type: 'string' | 'boolean'
  readonly default?: string | boolean
  /** What stands behind it in the help; `N`: it must be a whole number. */
  readonly value?: string
  readonly means: string
}

export interface Program {
  /** As it is called, such as `npm run simulate --`. */
  readonly name: string
  /** What it does, in a sentence or some. */
  readonly does: string
  readonly examples?: readonly string[]
}

type Values<Options extends Record<string, ProgramOption>> = ReturnType<
  typeof parseArgs<{ options: Options }>
>['values']

/**
 * What the command line asks for. `--help` prints what there is and ends the program; an option that does not exist, or a
 * value that cannot be used, ends it with status 2 and one line.
 */
export function readCommandLine<const Options extends Record<string, ProgramOption>>(
  program: Program,
  options: Options,
): Values<Options> {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(helpOf(program, options))
    process.exit(0)
  }
  try {
    const { values } = parseArgs({ args, options })
    for (const [name, { value }] of Object.entries(options)) requireUsable(name, value, values[name as never])
    return values
  } catch (error) {
    // The first sentence says what is wrong; what Node adds speaks of positional arguments.
    const [sentence] = (error as Error).message.split('. ')
    console.error(`${sentence!.replace(/\.$/, '')}. ${program.name} --help shows what there is.`)
    return process.exit(2)
  }
}

function requireUsable(name: string, value: string | undefined, written: unknown): void {
  if (value !== 'N' || typeof written !== 'string' || /^\d+$/.test(written)) return
  throw new RangeError(`--${name} takes a whole number, not ${JSON.stringify(written)}.`)
}

/** Exported for its test. */
export function helpOf(
  { name, does, examples = [] }: Program,
  options: Readonly<Record<string, ProgramOption>>,
): string {
  const all: [string, ProgramOption][] = [...Object.entries(options), ['help', { type: 'boolean', means: 'show this' }]]
  const rows = all.map(([option, { type, value = 'TEXT', means }]) => {
    return [`--${option}${type === 'string' ? ` ${value}` : ''}`, means] as const
  })
  const width = Math.max(...rows.map(([option]) => option.length))
  const lines = rows.map(([option, means]) => `  ${option.padEnd(width)}  ${means}`)
  const shown = examples.length === 0 ? [] : ['', 'Examples:', ...examples.map((example) => `  ${name} ${example}`)]
  return [`Usage: ${name} [options]`, '', does, '', 'Options:', ...lines, ...shown].join('\n')
}
