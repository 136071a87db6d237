import type { ErrorDetail } from '../../errors.ts'
import type { Failure } from '../failure.ts'
import { type FieldWords, messageInWords, pathInWords } from '../field-words.ts'
import type { ErrorBody } from './wire.ts'

const DETAILS_SHOWN = 10

/** Something that is named and not there, or somebody else's. The vendor has 422 for it, and no 404. */
const NOT_THERE = new Set([
  'agent-not-found',
  'batch-not-found',
  'call-not-found',
  'number-not-found',
  'caller-not-owned',
])
/** Conflicts of the core; the vendor has no 409. */
const BAD_REQUESTS = new Set(['call-not-live', 'call-not-over', 'batch-status-conflict'])

/** Fields of the core, in the words of this wire format. */
const NAMES: FieldWords = {
  to: 'to_number',
  variables: 'retell_llm_dynamic_variables',
  agent: 'override_agent_id',
  callerNumber: 'from_number',
  startAt: 'trigger_timestamp',
  callingWindow: 'call_time_window',
  concurrency: 'reserved_concurrency',
  url: 'webhook_url',
}

/** Fields below these are named as they were sent. */
const AS_SENT = /(?:^|\.)(?:agent_override|filter_criteria)\b/
const wordsFor = (path: string): FieldWords => (AS_SENT.test(path) ? {} : NAMES)

export interface EncodedFailure {
  readonly httpStatus: number
  readonly body: ErrorBody
}

export function encodeFailure(failure: Failure): EncodedFailure {
  return { httpStatus: statusOf(failure), body: { status: 'error', message: messageOf(failure) } }
}

function statusOf({ code, httpStatus }: Failure): number {
  if (NOT_THERE.has(code)) return 422
  return BAD_REQUESTS.has(code) ? 400 : httpStatus
}

function messageOf({ message, field, remedy, details }: Failure): string {
  const own = field === undefined ? message : messageInWords(message, field, wordsFor(field))
  const path = field === undefined ? '' : pathInWords(field, wordsFor(field))
  const named = own.includes(path) ? own : `${path}: ${own}`
  const parts = [...new Set((details ?? []).map(textOf))].slice(0, DETAILS_SHOWN)
  return [named, ...parts.filter((part) => part !== own), remedy].join(' ')
}

function textOf({ path, message }: ErrorDetail): string {
  const field = pathInWords(path, wordsFor(path))
  const said = messageInWords(message, path, wordsFor(path))
  const whole = said.startsWith(field) ? said : `${field} ${said}`
  return whole.endsWith('.') ? whole : `${whole}.`
}
