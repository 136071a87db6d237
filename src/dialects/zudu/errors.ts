import type { Failure } from '../failure.ts'
import type { ErrorBody } from './wire.ts'

export interface EncodedFailure {
  readonly httpStatus: number
  readonly body: ErrorBody
}

/** What the product prints as the message of each kind of error; it prints those of 400 alone. */
const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Validation error',
  401: 'Authentication error',
  403: 'Permission error',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Payload too large',
  415: 'Unsupported media type',
  422: 'Validation error',
  429: 'Too many requests',
  503: 'Service unavailable',
}

/** Conflicts are faults of the request to this product. What a header of ours asked for keeps its status. */
const VALIDATION_CODES = new Set(['batch-status-conflict', 'batch-expired'])
const NAMED: Readonly<Record<string, string>> = {
  'batch-not-found': 'Batch call not found',
  'agent-not-found': 'Agent not found',
}

/** A failure in the envelope of this wire format, with the status it is sent with. */
export function encodeFailure(failure: Failure): EncodedFailure {
  const httpStatus = VALIDATION_CODES.has(failure.code) ? 400 : failure.httpStatus
  const message = MESSAGES[httpStatus] ?? (httpStatus >= 500 ? 'Internal server error' : 'Error')
  return { httpStatus, body: { message, status: 'error', error: textOf(failure) } }
}

function textOf(failure: Failure): string {
  const { field, remedy, details } = failure
  if (details !== undefined && details.length > 0) {
    return details.map(({ path, message }) => (message.startsWith(path) ? message : `${path}: ${message}`)).join('; ')
  }
  const named = NAMED[failure.code]
  const message = named === undefined ? failure.message : named
  // The texts that the product prints stand alone.
  if (remedy === '') return message
  const at = field === undefined || field === '' || message.includes(field) ? '' : `${field}: `
  return `${at}${message}${message.endsWith('.') ? '' : '.'} ${remedy}`
}
