import type { ApiClient } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { CliError, EXIT, type ExitCode } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { countText } from './durations.ts'
import { findCallerNumber, findNamed } from './find-by-name.ts'
import { listenForInterrupt } from './interrupt.ts'
import { saveResults } from './save-results.ts'
import { summaryLines } from './summary.ts'
import { harmless } from './terminal.ts'
import { watchBatch } from './watch-batch.ts'

export interface CallOptions extends ConnectionOptions {
  readonly agent?: string
  readonly from?: string
  readonly trunk?: string
  readonly name?: string
  readonly concurrency?: number
  readonly startAt?: string
  readonly expiresAt?: string
  readonly phoneColumn?: string
  readonly duplicates?: 'skip' | 'call'
  readonly strict?: boolean
  readonly draft?: boolean
  /** `--no-watch` makes it false. */
  readonly watch?: boolean
  readonly results?: string
}

interface CreatedDocument {
  readonly batch: BatchDocument
  /** The first of them; how many there are stands in the batch. */
  readonly rejectedRows: readonly RejectedRow[]
  readonly warnings?: readonly string[]
}

interface RejectedRow {
  readonly line: number
  readonly reason: string
  readonly remedy?: string
}

const ROWS_SHOWN = 5

/** Uploads a list, then shows how it goes until everybody on it has an outcome. Ctrl-C leaves the batch running. */
export async function call(file: string, options: CallOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  const client = connect(options, context.environment)
  const agent = await findNamed(client, 'agent', options.agent)
  const callerNumber = await findCallerNumber(client, options)
  const created = await client.upload<CreatedDocument>('/batches', file, {
    agent: agent.id,
    callerNumber,
    name: options.name,
    concurrency: options.concurrency,
    startAt: instantText(options.startAt, '--start-at'),
    expiresAt: instantText(options.expiresAt, '--expires-at'),
    phoneColumn: options.phoneColumn,
    duplicateNumbers: options.duplicates,
    onBadRows: options.strict === true ? 'reject' : undefined,
    draft: options.draft === true ? true : undefined,
  })
  const { batch } = created
  announce(created, context)
  if (options.watch === false || options.draft === true) return EXIT.ok
  const exitCode = await watchToTheEnd({ client, batchId: batch.id, context })
  if (exitCode === EXIT.ok && options.results !== undefined) {
    const saved = await saveResults(client, { batchId: batch.id, kind: 'csv', file: options.results })
    terminal.note(`Results: ${saved}`)
  }
  return exitCode
}

function announce({ batch, rejectedRows: rows, warnings = [] }: CreatedDocument, { terminal }: CliContext): void {
  const rejected = batch.rejectedRows
  if (!terminal.isLive) {
    const { id: batchId, name, status, figures } = batch
    const recipients = figures.total
    terminal.line(
      JSON.stringify({ type: 'batch-created', batchId, name, status, recipients, rejectedRows: rejected, warnings }),
    )
    return
  }
  const { paint } = terminal.style
  terminal.line(`${paint.bold(countText(batch.figures.total))} people, batch ${batch.id}`)
  for (const warning of warnings) terminal.line(paint.yellow(harmless(warning)))
  if (rejected > 0) {
    terminal.line(paint.yellow(`${countText(rejected)} ${rejected === 1 ? 'row was' : 'rows were'} left out:`))
    for (const row of rows.slice(0, ROWS_SHOWN))
      terminal.line(`  line ${row.line}: ${harmless(row.remedy ?? row.reason)}`)
    if (rejected > ROWS_SHOWN) terminal.line(`  all of them: carillon batch rejected ${batch.id}`)
  }
}

/** Watches a batch and, when it is over, sums it up; on Ctrl-C says how to come back. */
export async function watchToTheEnd(task: {
  readonly client: ApiClient
  readonly batchId: string
  readonly context: CliContext
}): Promise<ExitCode> {
  const { client, batchId, context } = task
  const { terminal } = context
  const interrupt = listenForInterrupt()
  try {
    const { batch, interrupted } = await watchBatch({ client, batchId, terminal, interrupt: interrupt.signal })
    if (interrupted) {
      tellHowToComeBack(batchId, context)
      return EXIT.interrupted
    }
    if (batch !== undefined && terminal.isLive) {
      terminal.line()
      for (const line of summaryLines(batch.figures, terminal.style)) terminal.line(line)
      terminal.line()
      terminal.line("Everyone's outcome:")
      terminal.line(`  carillon batch results ${batchId} > results.csv`)
    }
    return batch?.status === 'cancelled' ? EXIT.failed : EXIT.ok
  } finally {
    interrupt.release()
  }
}

function tellHowToComeBack(batchId: string, { terminal }: CliContext): void {
  terminal.note('')
  terminal.note('The batch goes on without you.')
  terminal.note(`  see it again   carillon batch watch ${batchId}`)
  terminal.note(`  hold it        carillon batch pause ${batchId}`)
  terminal.note(`  end it         carillon batch cancel ${batchId}`)
}

/** An instant with its zone: without one it would mean something else on another machine. */
export function instantText(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined
  const hasZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text)
  if (hasZone && !Number.isNaN(Date.parse(text))) return text
  throw new CliError(`${option} ${text} is not an instant.`, {
    remedy: 'Write it with its zone, such as 2027-01-15T09:00:00Z or 2027-01-15T09:00:00-05:00.',
    exitCode: EXIT.usage,
  })
}
