import type { FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Form, type FormFile, readForm } from '../multipart-form.ts'
import { refusal } from './decode.ts'
import { FILE_BYTES_MAX } from './wire.ts'

/** A form with the file that a batch is made from. */
export interface Upload extends Form {
  readonly file: FormFile
}

/** What RFC 2046 allows. */
const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)/i
/** Boundaries and headers of parts. The form reader cuts long headers off without a word. */
const OVERHEAD_BYTES_MAX = 131_072
/** Codes of the form reader that already say what they mean. */
const KNOWN_CODE = /^FST_(?:PARTS|FIELDS|FILES)_LIMIT$/

/**
 * Reads the form that starts a batch. The whole file is read before anything is done with it, so `agentId` may stand
 * behind it, nothing is left of an upload that breaks off, and no database connection waits for a slow client.
 *
 * @throws AppError `invalid-input` without a file or for a broken form, `file-too-large`.
 */
export async function readUpload(request: FastifyRequest): Promise<Upload> {
  if (!request.isMultipart()) throw noFile()
  if (!BOUNDARY.test(request.headers['content-type'] ?? '')) {
    throw brokenForm('The Content-Type names no boundary of 1 to 70 characters')
  }
  const { fields, file } = await readForm(request, { fileBytesMax: FILE_BYTES_MAX }).catch((error: unknown) => {
    throw isKnown(error) ? error : brokenForm('The form is not complete or not well-formed', error)
  })
  if (overheadBytes(request, fields, file) > OVERHEAD_BYTES_MAX)
    throw brokenForm('The headers of the parts are too long')
  const isFile = file !== null && file.fieldName === 'file' && (file.name !== '' || file.byteLength > 0)
  if (!isFile) throw noFile()
  return { fields, file }
}

/** What is neither the file nor a field; not known for a body without a declared length. */
function overheadBytes(request: FastifyRequest, fields: Form['fields'], file: FormFile | null): number {
  let counted = file?.byteLength ?? 0
  for (const value of fields.values()) counted += Buffer.byteLength(value)
  return Number(request.headers['content-length'] ?? counted) - counted
}

function isKnown(error: unknown): boolean {
  return (
    error instanceof AppError || (error instanceof Error && KNOWN_CODE.test(String((error as { code?: unknown }).code)))
  )
}

function noFile(): AppError {
  return refusal('file', 'No file uploaded')
}

function brokenForm(message: string, cause?: unknown): AppError {
  const remedy = 'Send a multipart/form-data body with the parts file and agentId, and end it with its last boundary.'
  return new AppError('invalid-input', { args: [message], remedy, cause })
}
