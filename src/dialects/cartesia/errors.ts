import { STATUS_CODES } from 'node:http'
import type { ErrorDetail } from '../../errors.ts'
import type { Failure } from '../failure.ts'
import { type FieldWords, messageInWords, pathInWords } from '../field-words.ts'
import type { ErrorBody } from './wire.ts'

const DETAILS_SHOWN = 10

/** Conflicts of the core that the vendor documents as 400. */
const BAD_REQUESTS = new Set([
  'batch-status-conflict',
  'batch-expired',
  'call-not-live',
  'call-not-over',
  'alias-taken',
])

/** Fields of the core, in the words of this wire format. */
const NAMES: FieldWords = {
  to: 'to_number',
  variables: 'metadata',
  dialectFields: 'metadata',
  agent: 'agent_id',
  callerNumber: 'from_number_id',
  concurrency: 'target_concurrency_limit',
  startAt: 'scheduled_at',
  ringTimeoutSeconds: 'ringing_timeout_seconds',
  maxCallSeconds: 'max_call_duration_minutes',
  agentIds: 'agent_id',
}

/** A failure in the form of this wire format; older versions have one line of text. */
export interface EncodedFailure {
  readonly httpStatus: number
  readonly body: ErrorBody
}

export function encodeFailure(failure: Failure, requestId: string): EncodedFailure {
  const httpStatus = BAD_REQUESTS.has(failure.code) ? 400 : failure.httpStatus
  const title = STATUS_CODES[httpStatus] ?? 'Error'
  const body = {
    error_code: failure.code.replaceAll('-', '_'),
    title,
    message: messageOf(failure),
    request_id: requestId,
  }
  return { httpStatus, body }
}

export function plainText({ title, message }: ErrorBody): string {
  return `${title}: ${message}`
}

function messageOf({ message, field, remedy, details }: Failure): string {
  const own = field === undefined ? message : inTheirWords(message, field)
  const named = field === undefined || own.includes(pathOf(field)) ? own : `${pathOf(field)}: ${own}`
  const parts = [...new Set((details ?? []).map(textOf))].slice(0, DETAILS_SHOWN)
  return [named, ...parts.filter((part) => part !== own), remedy].join(' ')
}

function textOf({ path, message }: ErrorDetail): string {
  const said = inTheirWords(message, path)
  return said.startsWith(pathOf(path)) ? endedSentence(said) : endedSentence(`${pathOf(path)} ${said}`)
}

function endedSentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}

function inTheirWords(message: string, field: string): string {
  return messageInWords(message, field, NAMES)
}

function pathOf(path: string): string {
  return pathInWords(path, NAMES)
}
