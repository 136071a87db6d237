import type { Failure } from '../dialects/failure.ts'
import { RequestError, type RequestErrorCode } from '../dialects/request-errors.ts'
import { AppError } from '../errors.ts'

/** A failure, the headers its answer carries, and whether it is a fault of ours that belongs into the log. */
export interface SortedFailure {
  readonly failure: Failure
  readonly headers: Readonly<Record<string, string>>
  readonly ours: boolean
}

/** What the framework's own errors mean here. */
const FRAMEWORK_CODES: Readonly<Record<string, RequestErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-body',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-body',
  FST_ERR_BAD_URL: 'malformed-request',
  FST_ERR_ASYNC_CONSTRAINT: 'malformed-request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported-media-type',
  FST_REQ_FILE_TOO_LARGE: 'body-too-large',
  FST_PARTS_LIMIT: 'body-too-large',
  FST_FILES_LIMIT: 'body-too-large',
  FST_FIELDS_LIMIT: 'body-too-large',
  FST_PROTO_VIOLATION: 'malformed-body',
  FST_NO_FORM_DATA: 'malformed-body',
  // The client went away; the answer reaches nobody, and it is no fault of ours.
  ECONNRESET: 'malformed-body',
  ECONNABORTED: 'malformed-body',
  ERR_STREAM_PREMATURE_CLOSE: 'malformed-body',
  // The database was asked for a text with U+0000, which only an address can hold this far: bodies and queries cannot.
  '22021': 'malformed-request',
}

/**
 * Shut-down, start-up and loss of the database: SQLSTATE classes 08, 53, 57 and the codes of broken sockets. 25P03: the
 * server ended a transaction in which this node stood still.
 */
const UNAVAILABLE = /^(08...|53...|57P0[1-5]|25006|25P03|ECONNREFUSED|EPIPE|ETIMEDOUT|ENOENT|ENOTFOUND)$/

/** Says what an error means for the one who sent the request. What we did not name ourselves tells nothing of itself. */
export function sortFailure(error: unknown): SortedFailure {
  if (error instanceof AppError) {
    const { httpStatus, code, message, field, remedy, details, retryable } = error
    const waitSeconds = error.retryAfterSeconds ?? (code === 'request-in-progress' ? 2 : undefined)
    const headers: Record<string, string> = waitSeconds === undefined ? {} : { 'retry-after': String(waitSeconds) }
    return { failure: { httpStatus, code, message, field, remedy, details, retryable }, headers, ours: false }
  }
  if (error instanceof RequestError) return fromRequestError(error, error.httpStatus >= 500)
  const code = codeOf(error)
  const known = FRAMEWORK_CODES[code]
  if (known !== undefined) return fromRequestError(new RequestError(known, { cause: error }), false)
  if (UNAVAILABLE.test(code) || isPoolTimeout(error)) {
    return fromRequestError(new RequestError('unavailable', { headers: { 'retry-after': '5' } }), true)
  }
  return fromRequestError(new RequestError('internal'), true)
}

function fromRequestError(error: RequestError, ours: boolean): SortedFailure {
  const { httpStatus, code, message, field, remedy, retryable, headers } = error
  return { failure: { httpStatus, code, message, field, remedy, retryable }, headers, ours }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

/** The driver has no code of its own for these. */
function isPoolTimeout(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(timeout exceeded when trying to connect|Connection terminated)|not queryable/.test(error.message)
  )
}
