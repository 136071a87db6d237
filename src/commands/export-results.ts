import type { Actor, CommandContext } from './context.ts'
import type { RecipientView } from './views.ts'

export type ExportFormat = 'csv' | 'json-lines'

/** Every recipient in the order in which it was uploaded, read in short pages. */
export function resultsOf(_c: CommandContext, _actor: Actor, _batchId: string): AsyncIterable<RecipientView> {
  throw new Error('not filled in')
}
/** The same as text: the uploaded columns and what became of each. The promise rejects before anything is written. */
export function exportResults(_c: CommandContext, _actor: Actor, _batchId: string, _format: ExportFormat): Promise<AsyncIterable<string>> {
  throw new Error('not filled in')
}
/** The rows of the uploaded file that are not recipients, with line, column, value, reason and remedy. */
export function exportRejectedRows(_c: CommandContext, _actor: Actor, _batchId: string, _format: ExportFormat): Promise<AsyncIterable<string>> {
  throw new Error('not filled in')
}
