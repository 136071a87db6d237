import { csvLine } from '../csv/csv-writer.ts'
import type { BatchRow } from '../store/batches.ts'
import { type RecipientRow, selectLanes, selectRecipients } from '../store/recipients.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireBatch } from './get-batch.ts'
import { recipientView } from './recipient-view.ts'
import type { RecipientView } from './views.ts'

export type ExportFormat = 'csv' | 'json-lines'

/** About so many recipients are held in memory, however many runs a batch has. */
const BUFFERED_MAX = 10_000
const PAGE_MAX = 1_000
const PAGE_MIN = 20
/** Text is handed on in pieces of about this many characters. */
const PIECE_CHARS = 65_536

/** Behind the uploaded columns, in this order. A name that the file has too gets a leading `result_`. */
const RESULT_COLUMNS: readonly (readonly [name: string, value: (recipient: RecipientView) => string | number])[] = [
  ['status', (recipient) => recipient.state],
  ['outcome', (recipient) => recipient.outcome ?? ''],
  ['answered_by', (recipient) => recipient.answeredBy ?? ''],
  ['attempts', (recipient) => recipient.attempts],
  ['cause', (recipient) => recipient.causeText],
  ['talk_seconds', (recipient) => recipient.talkSeconds],
  ['keys_pressed', (recipient) => recipient.keysPressed ?? ''],
  ['first_dialed_at', (recipient) => recipient.firstDialedAt?.toISOString() ?? ''],
  ['last_ended_at', (recipient) => recipient.lastEndedAt?.toISOString() ?? ''],
]

/**
 * Every recipient in the order in which it was uploaded. Lanes are runs that are each in that order, so they are merged
 * by line; each is read in short pages of a transaction of its own, so that a slow reader holds nothing up.
 *
 * @throws AppError `batch-not-found` when the first is asked for.
 */
export async function* resultsOf(
  context: CommandContext,
  actor: Actor,
  batchId: string,
): AsyncGenerator<RecipientView> {
  const batch = await inOrganization(context, actor, (client) => requireBatch(client, actor.organizationId, batchId))
  for await (const row of merged(context, actor, batch.batch_id)) {
    yield recipientView(context, actor.organizationId, row)
  }
}

/**
 * The results as text. A CSV has the uploaded columns and behind them what became of each recipient; cells that a
 * spreadsheet would run as a formula begin with an apostrophe, numbers are written without the plus. JSON lines are one
 * object for each recipient.
 *
 * @throws AppError `batch-not-found`, before anything is written.
 */
export async function exportResults(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  format: ExportFormat,
): Promise<AsyncIterable<string>> {
  const batch = await inOrganization(context, actor, (client) => requireBatch(client, actor.organizationId, batchId))
  const results = resultsOf(context, actor, batch.batch_uuid)
  return inPieces(format === 'csv' ? csvOf(batch, results) : jsonLinesOf(results))
}

async function* csvOf(batch: BatchRow, results: AsyncIterable<RecipientView>): AsyncGenerator<string> {
  const uploaded = batch.columns ?? ['phone_number', 'variables', 'metadata']
  const taken = new Set(uploaded)
  const names = RESULT_COLUMNS.map(([name]) => (taken.has(name) ? `result_${name}` : name))
  yield csvLine([...uploaded, ...names])
  for await (const recipient of results) {
    const cells = batch.columns === null ? postedCells(recipient) : uploadedCells(batch, recipient)
    yield csvLine([...cells, ...RESULT_COLUMNS.map(([, value]) => value(recipient))])
  }
}

/** The cells as they were, with the number as it was understood. */
function uploadedCells(batch: BatchRow, recipient: RecipientView): (string | number)[] {
  return batch.columns!.map((name, index) =>
    index === batch.phone_column ? digitsOf(recipient) : String(recipient.variables[name] ?? ''),
  )
}

function postedCells(recipient: RecipientView): string[] {
  const metadata = recipient.metadata === null ? '' : JSON.stringify(recipient.metadata)
  return [digitsOf(recipient), JSON.stringify(recipient.variables), metadata]
}

/** Without the plus, which spreadsheets take for the beginning of a formula. */
function digitsOf(recipient: RecipientView): string {
  return recipient.number.slice(1)
}

async function* jsonLinesOf(results: AsyncIterable<RecipientView>): AsyncGenerator<string> {
  for await (const recipient of results) yield `${JSON.stringify(recipient)}\n`
}

/** Small texts put together, since each piece costs a turn of the event loop and a write. */
export async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = ''
  for await (const line of lines) {
    piece += line
    if (piece.length < PIECE_CHARS) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** A part of the batch that is in the order of lines. */
interface Run {
  nextSeq: number
  readonly toSeq: number
  /** Recipients read at a time: long runs take more, so that all come to their end together. */
  readonly pageRows: number
  rows: RecipientRow[]
  at: number
}

async function* merged(context: CommandContext, actor: Actor, batchId: number): AsyncGenerator<RecipientRow> {
  const runs = await runsOf(context, actor, batchId)
  for (const run of runs) await refill(context, actor, batchId, run)
  for (;;) {
    let first: Run | undefined
    for (const run of runs) {
      if (run.at >= run.rows.length) continue
      if (first === undefined || run.rows[run.at]!.line < first.rows[first.at]!.line) first = run
    }
    if (first === undefined) return
    yield first.rows[first.at]!
    first.at += 1
    if (first.at === first.rows.length) await refill(context, actor, batchId, first)
  }
}

/** Those in line of each lane, and those of it that stand apart; `end_seq` never moves after the import. */
async function runsOf(context: CommandContext, actor: Actor, batchId: number): Promise<Run[]> {
  const { organizationId } = actor
  const lanes = await inOrganization(context, actor, (client) => selectLanes(client, { organizationId, batchId }))
  const ranges = lanes.flatMap((lane) => [
    { nextSeq: lane.first_seq, toSeq: lane.end_seq },
    { nextSeq: lane.end_seq, toSeq: lane.last_seq },
  ])
  const total = ranges.reduce((sum, { nextSeq, toSeq }) => sum + toSeq - nextSeq, 0)
  return ranges.flatMap(({ nextSeq, toSeq }): Run[] => {
    if (nextSeq >= toSeq) return []
    const share = Math.ceil((BUFFERED_MAX * (toSeq - nextSeq)) / total)
    return [{ nextSeq, toSeq, pageRows: Math.max(PAGE_MIN, Math.min(PAGE_MAX, share)), rows: [], at: 0 }]
  })
}

async function refill(context: CommandContext, actor: Actor, batchId: number, run: Run): Promise<void> {
  run.at = 0
  run.rows = []
  if (run.nextSeq >= run.toSeq) return
  const { nextSeq: fromSeq, toSeq, pageRows: limit } = run
  const range = { organizationId: actor.organizationId, batchId, fromSeq, toSeq, limit }
  run.rows = await inOrganization(context, actor, (client) => selectRecipients(client, range))
  run.nextSeq = (run.rows.at(-1)?.seq ?? toSeq - 1) + 1
}
