import type { ErrorDetail } from '../../errors.ts'
import type { Failure } from '../failure.ts'
import { type FieldWords, messageInWords, pathInWords } from '../field-words.ts'
import type { ErrorBody } from './wire.ts'

/** How a failure is answered where that differs from its own status and words. `%s` takes the failure's message. */
interface ErrorRow {
  readonly httpStatus?: number
  readonly text?: string
}

/** The product documents 400, 401, 403, 404, 413, 429 and 500; what a header of ours asked for keeps its status. */
const ROWS: Readonly<Record<string, ErrorRow>> = {
  'batch-not-found': { text: 'Batch not found' },
  'agent-not-found': { text: 'Agent not found' },
  'batch-status-conflict': { httpStatus: 400 },
  'batch-expired': { httpStatus: 400 },
  'file-missing': { text: 'No file uploaded' },
  'unsupported-media-type': { httpStatus: 400, text: 'No file uploaded' },
  'file-too-large': { text: 'File size exceeds 20MB limit' },
  'file-unreadable': { text: 'CSV validation failed: %s' },
  'unsupported-file': { httpStatus: 400, text: 'CSV validation failed: %s' },
  'no-good-row': { text: 'CSV validation failed: %s' },
  'bad-rows-refused': { text: 'CSV validation failed: %s' },
  'no-recipients': { text: 'CSV validation failed: %s' },
}

/** Fields of the core, in the words of this wire format. */
const NAMES: FieldWords = { variables: 'dynamic_variables' }

/** A failure in the flat form of this wire format, with the status it is sent with. */
export interface FlatError {
  readonly httpStatus: number
  readonly body: ErrorBody
}

/** `batchId` is the batch that the path names, as the client wrote it. */
export function flatError(failure: Failure, batchId?: string): FlatError {
  const row = ROWS[failure.code] ?? {}
  const message = messageInWords(failure.message, failure.field ?? '', NAMES)
  const body: ErrorBody = {
    error: row.text === undefined ? message : row.text.replace('%s', () => message),
    message: failure.remedy,
    ...(failure.code === 'batch-not-found' && batchId !== undefined ? { id: batchId } : {}),
    ...(failure.details === undefined ? {} : { details: failure.details.map(detailInWords) }),
  }
  return { httpStatus: row.httpStatus ?? failure.httpStatus, body }
}

function detailInWords({ path, message, ...rest }: ErrorDetail): ErrorDetail {
  return { path: pathInWords(path, NAMES), message: messageInWords(message, path, NAMES), ...rest }
}
