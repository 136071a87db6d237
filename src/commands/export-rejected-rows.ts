import { csvLine } from '../csv/csv-writer.ts'
import { selectRejectedRows } from '../store/batches.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { type ExportFormat, inPieces } from './export-results.ts'
import { requireBatch } from './get-batch.ts'
import type { RejectedRowView } from './views.ts'

const PAGE = 1_000

/** The rows of the uploaded file that are no recipients, by line. @throws AppError `batch-not-found`. */
export async function listRejectedRows(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  page: { afterLine?: number; limit?: number } = {},
): Promise<readonly RejectedRowView[]> {
  const { organizationId } = actor
  const rows = await inOrganization(context, actor, async (client) => {
    const batch = await requireBatch(client, organizationId, batchId)
    const key = { organizationId, batchId: batch.batch_id }
    return selectRejectedRows(client, key, { after: page.afterLine ?? 0, limit: Math.min(page.limit ?? PAGE, PAGE) })
  })
  return rows.map(({ column_name, ...row }) => ({ ...row, column: column_name }))
}

/** The same as text, to be corrected and sent again. @throws AppError `batch-not-found`, before anything is written. */
export async function exportRejectedRows(
  context: CommandContext,
  actor: Actor,
  batchId: string,
  format: ExportFormat,
): Promise<AsyncIterable<string>> {
  const first = await listRejectedRows(context, actor, batchId)
  return inPieces(linesOf(context, actor, { batchId, first, format }))
}

async function* linesOf(
  context: CommandContext,
  actor: Actor,
  options: { batchId: string; first: readonly RejectedRowView[]; format: ExportFormat },
): AsyncGenerator<string> {
  const { batchId, format } = options
  if (format === 'csv') yield csvLine(['line', 'column', 'value', 'reason', 'remedy'])
  for (let rows = options.first; rows.length > 0; ) {
    for (const row of rows) {
      const { line, column, value, reason, remedy } = row
      yield format === 'csv' ? csvLine([line, column, value, reason, remedy]) : `${JSON.stringify(row)}\n`
    }
    const full = rows.length === PAGE
    rows = full ? await listRejectedRows(context, actor, batchId, { afterLine: rows.at(-1)!.line }) : []
  }
}
