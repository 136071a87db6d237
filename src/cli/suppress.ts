import { EXIT, type ExitCode, usageError } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { countText } from './durations.ts'
import { renderTable } from './table.ts'
import { harmless } from './terminal.ts'

export interface SuppressOptions extends ConnectionOptions {
  readonly file?: string
  readonly reason?: string
  readonly remove?: boolean
  readonly list?: boolean
}

interface Suppressed {
  readonly added: number
  readonly alreadyThere: number
  readonly rejected: readonly { readonly line: number; readonly reason: string; readonly remedy?: string }[]
}

interface SuppressionDocument {
  readonly number: string
  readonly reason: string
  readonly createdAt: string
}

const REJECTED_SHOWN = 10

/** Keeps numbers from being called, in every batch, from the answer on. */
export async function suppress(
  numbers: readonly string[],
  options: SuppressOptions,
  context: CliContext,
): Promise<ExitCode> {
  if (options.list === true) return list(options, context)
  const { file, reason } = options
  if ((numbers.length === 0) === (file === undefined)) {
    throw usageError(
      'Give numbers or a file, one of them.',
      'carillon suppress +14155550123, or carillon suppress --file dnc.csv',
    )
  }
  if (options.remove === true) return remove(numbers, options, context)
  const client = connect(options, context.environment)
  const done =
    file === undefined
      ? await client.post<Suppressed>('/suppressions', { numbers, reason })
      : await client.upload<Suppressed>('/suppressions/import', file, { reason })
  tell(done, context)
  return done.rejected.length === 0 ? EXIT.ok : EXIT.failed
}

function tell(done: Suppressed, { terminal }: CliContext): void {
  if (!terminal.isLive) {
    terminal.line(JSON.stringify(done))
    return
  }
  const before = done.alreadyThere === 0 ? '' : `, ${countText(done.alreadyThere)} were on the list before`
  terminal.line(
    `${countText(done.added)} ${done.added === 1 ? 'number' : 'numbers'} will not be called any more${before}.`,
  )
  for (const { line, reason, remedy } of done.rejected.slice(0, REJECTED_SHOWN)) {
    terminal.note(`line ${line} was left out: ${harmless(remedy ?? reason)}`)
  }
  const more = done.rejected.length - REJECTED_SHOWN
  if (more > 0) terminal.note(`and ${countText(more)} more lines`)
}

async function remove(numbers: readonly string[], options: SuppressOptions, context: CliContext): Promise<ExitCode> {
  if (options.file !== undefined) throw usageError('A file cannot be taken off the list.', 'Name the numbers.')
  const { terminal } = context
  const client = connect(options, context.environment)
  const answer = await client.post<{ removed: number }>('/suppressions/remove', { numbers })
  const text = `${countText(answer.removed)} of ${countText(numbers.length)} were on the list and may be called again.`
  terminal.line(terminal.isLive ? text : JSON.stringify(answer))
  return EXIT.ok
}

async function list(options: SuppressOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  const rows = await connect(options, context.environment).list<SuppressionDocument>('/suppressions', { limit: 1000 })
  if (!terminal.isLive) for (const row of rows) terminal.line(JSON.stringify(row))
  else if (rows.length === 0) terminal.line('Nobody is on the list.')
  else {
    const columns = [
      { title: 'NUMBER', value: ({ number }: SuppressionDocument) => number, whole: true as const },
      { title: 'SINCE', value: ({ createdAt }: SuppressionDocument) => createdAt.slice(0, 16).replace('T', ' ') },
      { title: 'REASON', value: ({ reason }: SuppressionDocument) => reason },
    ]
    for (const line of renderTable(rows, columns, terminal.style)) terminal.line(line)
  }
  return EXIT.ok
}
