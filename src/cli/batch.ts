import type { BatchDocument } from './api-types.ts'
import { watchToTheEnd } from './call.ts'
import { EXIT, type ExitCode, usageError } from './cli-error.ts'
import { type ConnectionOptions, connect } from './connection.ts'
import type { CliContext } from './context.ts'
import { countText } from './durations.ts'
import { renderLive } from './live-display.ts'
import { outcomesInOrder } from './outcome-style.ts'
import { openResults, type ResultKind, saveResults } from './save-results.ts'
import { renderTable } from './table.ts'

export interface BatchListOptions extends ConnectionOptions {
  readonly status?: string
  readonly limit?: number
  readonly json?: boolean
}

const LISTED = 20

export async function listBatches(options: BatchListOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  const client = connect(options, context.environment)
  const query = { limit: options.limit ?? LISTED, status: options.status }
  const { items } = await client.get<{ items: readonly BatchDocument[] }>('/batches', query)
  if (options.json === true || !terminal.isLive) {
    for (const batch of items) terminal.line(JSON.stringify(batch))
    return EXIT.ok
  }
  if (items.length === 0) {
    terminal.line('There is no batch yet. Make one: carillon call people.csv')
    return EXIT.ok
  }
  const lines = renderTable(
    items,
    [
      { title: 'ID', value: ({ id }) => id, whole: true },
      { title: 'NAME', value: ({ name }) => name },
      { title: 'STATUS', value: ({ status }) => status },
      {
        title: 'DONE',
        value: ({ figures }) => `${countText(figures.settled)}/${countText(figures.total)}`,
        align: 'right',
      },
      { title: 'ANSWERED', value: ({ figures }) => countText(figures.outcomes.answered ?? 0), align: 'right' },
    ],
    terminal.style,
  )
  for (const line of lines) terminal.line(line)
  return EXIT.ok
}

export function watch(batchId: string, options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  return watchToTheEnd({ client: connect(options, context.environment), batchId, context })
}

export async function show(batchId: string, options: ConnectionOptions, context: CliContext): Promise<ExitCode> {
  const { terminal } = context
  const batch = await connect(options, context.environment).get<BatchDocument>(
    `/batches/${encodeURIComponent(batchId)}`,
  )
  if (!terminal.isLive) {
    terminal.line(JSON.stringify(batch))
    return EXIT.ok
  }
  const { systemClock } = await import('../clock.ts')
  const nowEpochMs = systemClock.nowEpochMs()
  const endMs = batch.completedAt ? Date.parse(batch.completedAt) : nowEpochMs
  const elapsedSeconds = batch.startedAt ? (endMs - Date.parse(batch.startedAt)) / 1000 : 0
  const pace = { callsPerSecond: null, secondsLeft: null }
  for (const line of renderLive({ batch, pace, elapsedSeconds, nowEpochMs }, terminal.style)) terminal.line(line)
  return EXIT.ok
}

export type BatchVerb = 'start' | 'pause' | 'resume' | 'cancel'
const DONE: Readonly<Record<BatchVerb, string>> = {
  start: 'started',
  pause: 'paused: no call starts any more, live calls go on',
  resume: 'going on',
  cancel: 'cancelled: no call starts any more',
}

export async function changeBatch(
  task: { readonly batchId: string; readonly verb: BatchVerb },
  options: ConnectionOptions,
  context: CliContext,
): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const answer = await client.post<BatchDocument>(`/batches/${encodeURIComponent(task.batchId)}/${task.verb}`)
  tellBatch(answer, DONE[task.verb], context)
  return EXIT.ok
}

export interface RetryOptions extends ConnectionOptions {
  readonly outcomes: readonly string[]
}

/** Calls people with these outcomes once more. Nobody whose outcome is unknown is called again without this. */
export async function retryBatch(batchId: string, options: RetryOptions, context: CliContext): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const body = { outcomes: options.outcomes }
  const answer = await client.post<{ batch: BatchDocument; reopened: number }>(
    `/batches/${encodeURIComponent(batchId)}/retry`,
    body,
  )
  tellBatch(answer.batch, `${countText(answer.reopened)} people will be called once more`, context)
  return EXIT.ok
}

function tellBatch(batch: BatchDocument, text: string, { terminal }: CliContext): void {
  if (!terminal.isLive) {
    const { id, name, status, figures } = batch
    terminal.line(JSON.stringify({ type: 'batch-changed', batchId: id, name, status, figures }))
    return
  }
  const outcomes = outcomesInOrder(batch.figures.outcomes).map(({ outcome, count }) => `${outcome} ${count}`)
  terminal.line(`Batch ${batch.id} is ${batch.status}: ${text}.`)
  const so = `${countText(batch.figures.settled)} of ${countText(batch.figures.total)} done, ${batch.figures.live} live`
  terminal.line(outcomes.length === 0 ? so : `${so}: ${outcomes.join(', ')}`)
}

export interface ResultsOptions extends ConnectionOptions {
  readonly format?: string
  readonly output?: string
}

/** Everyone's outcome as a file, or to standard output so that it can be piped. */
export async function results(
  task: { readonly batchId: string; readonly rejected: boolean },
  options: ResultsOptions,
  context: CliContext,
): Promise<ExitCode> {
  const client = connect(options, context.environment)
  const request = { batchId: task.batchId, kind: kindOf(task.rejected, options.format) }
  if (options.output !== undefined) {
    const file = await saveResults(client, { ...request, file: options.output })
    context.terminal.note(`Written to ${file}`)
    return EXIT.ok
  }
  const decoder = new TextDecoder()
  for await (const chunk of await openResults(client, request)) {
    context.terminal.write(decoder.decode(chunk, { stream: true }))
  }
  context.terminal.write(decoder.decode())
  return EXIT.ok
}

function kindOf(rejected: boolean, format: string | undefined): ResultKind {
  if (rejected) return 'rejected'
  if (format === undefined || format === 'csv') return 'csv'
  if (format === 'jsonl' || format === 'json-lines') return 'json-lines'
  throw usageError(`There is no format ${format}.`, 'Write csv or jsonl.')
}
