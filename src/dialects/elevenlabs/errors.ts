import type { ErrorDetail } from '../../errors.ts'
import type { Failure } from '../failure.ts'
import { type FieldWords, messageInWords, pathInWords } from '../field-words.ts'
import type { ErrorBody } from './wire.ts'

/** Conflicts of the core: the vendor answers what does not fit the state of a thing with 400. */
const BAD_REQUESTS = new Set(['batch-status-conflict', 'batch-expired', 'call-not-over'])

/** Codes that clients of the vendor know by another name. */
const CODES: Readonly<Record<string, string>> = {
  unauthenticated: 'invalid_api_key',
  'batch-not-found': 'batch_call_not_found',
  'call-not-found': 'conversation_not_found',
  'number-not-found': 'phone_number_not_found',
  'too-many-requests': 'rate_limit_exceeded',
  'too-many-attempts': 'rate_limit_exceeded',
}

const TYPES: Readonly<Record<number, string>> = {
  400: 'validation_error',
  401: 'authentication_error',
  403: 'authorization_error',
  404: 'not_found',
  409: 'conflict',
  422: 'validation_error',
  429: 'rate_limit_error',
  503: 'service_unavailable',
}

/** Fields of the core, in the words of this wire format. */
const NAMES: FieldWords = {
  to: 'phone_number',
  variables: 'conversation_initiation_client_data.dynamic_variables',
  dialectFields: 'conversation_initiation_client_data',
  agent: 'agent_id',
  callerNumber: 'agent_phone_number_id',
  concurrency: 'target_concurrency_limit',
  startAt: 'scheduled_time_unix',
  ringTimeoutSeconds: 'ringing_timeout_secs',
  url: 'settings.webhook_url',
}

export interface EncodedFailure {
  readonly httpStatus: number
  readonly body: ErrorBody
}

/** What of a request a failure speaks of. */
export interface FailedRequest {
  readonly id: string
  /** Where its fields stand. */
  readonly part: 'query' | 'body'
  readonly hasKey: boolean
}

/** A failure in one of the two forms of this wire format: 422 lists fields, anything else is one object. */
export function encodeFailure(failure: Failure, request: FailedRequest): EncodedFailure {
  if (isOfFields(failure)) return { httpStatus: 422, body: { detail: fieldsOf(failure, request) } }
  const { code, message, remedy, field } = failure
  const httpStatus = BAD_REQUESTS.has(code) ? 400 : failure.httpStatus
  const named = code === 'unauthenticated' && !request.hasKey ? 'needs_authorization' : codeOf(code)
  const type = TYPES[httpStatus] ?? (httpStatus < 500 ? 'invalid_request' : 'internal_error')
  const param = field === undefined || field === '' ? null : pathInWords(field, NAMES)
  const text = `${inTheirWords(message, field ?? '')} ${remedy}`.trim()
  const detail = { type, code: named, message: text, status: named, request_id: request.id, param }
  return { httpStatus, body: { detail } }
}

function codeOf(code: string): string {
  return CODES[code] ?? code.replaceAll('-', '_')
}

/** A body that cannot be read is a fault of the body as a whole. */
function isOfFields({ httpStatus, code, field, details }: Failure): boolean {
  if (httpStatus !== 400 || BAD_REQUESTS.has(code)) return false
  return field !== undefined || details !== undefined || code === 'invalid-input' || code === 'malformed-body'
}

function fieldsOf(failure: Failure, { part }: FailedRequest): Exclude<ErrorBody['detail'], { type: string }> {
  const { field, message, remedy, details } = failure
  const problems: readonly ErrorDetail[] = details ?? [{ path: field ?? '', message, remedy }]
  return problems.map((problem) => ({
    loc: [part, ...stepsOf(pathInWords(problem.path, NAMES))],
    msg: textOf(problem),
    type: problem.message.endsWith('is missing.') ? 'missing' : 'value_error',
  }))
}

/** `recipients[3].phone_number` as the vendor's stack writes it: each step by itself. */
function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step))
}

function textOf({ path, message, remedy }: ErrorDetail): string {
  const said = inTheirWords(message, path)
  const ended = said.endsWith('.') ? said : `${said}.`
  return remedy === undefined ? ended : `${ended} ${remedy}`
}

function inTheirWords(message: string, field: string): string {
  return messageInWords(message, field, NAMES)
}
