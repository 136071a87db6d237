import type { ErrorDetail } from '../../errors.ts'
import type { Failure } from '../failure.ts'

/**
 * The vendor does not document its error bodies; its stack writes `{"detail": "…"}` for the request as a whole and
 * `{"<field>": ["…"]}` for what is wrong with fields, with status 400. So do we, and say in each text what to do.
 */
export interface EncodedFailure {
  readonly httpStatus: number
  readonly body: Readonly<Record<string, string | readonly string[]>>
}

/** Conflicts that the vendor's stack would find while it validates the fields. */
const VALIDATION_CODES = new Set(['batch-status-conflict', 'batch-expired', 'throttle-taken', 'throttle-in-use'])

/** Words of the core that this wire format spells otherwise. */
const SPELLED: readonly (readonly [RegExp, string])[] = [
  [/\bexpiresAt\b/g, 'windowEnd'],
  [/\bstartAt\b/g, 'windowStart'],
  [/\blimit\b(?= must be)/g, 'pageSize'],
]

/** A failure in the form of this wire format, with the status it is sent with. */
export function encodeFailure(failure: Failure): EncodedFailure {
  // What a field names and is not there is a fault of the field, and no missing address.
  const namedInField = failure.httpStatus === 404 && failure.field !== undefined
  const httpStatus = namedInField || VALIDATION_CODES.has(failure.code) ? 400 : failure.httpStatus
  const problems = failure.details ?? ownDetail(failure)
  if (httpStatus !== 400 || problems.length === 0) {
    return { httpStatus, body: { detail: textOf(failure.message, failure.remedy) } }
  }
  const fields = new Map<string, string[]>()
  for (const { path, message, remedy } of problems) {
    const spelled = inTheirWords(path)
    const field = /^[^.[]+/.exec(spelled)?.[0] ?? spelled
    const at = spelled === field || message.startsWith(path) ? '' : `${spelled}: `
    fields.set(field, [...(fields.get(field) ?? []), `${at}${textOf(message, remedy)}`])
  }
  return { httpStatus, body: Object.fromEntries(fields) }
}

function ownDetail({ field, message, remedy }: Failure): readonly ErrorDetail[] {
  return field === undefined || field === '' ? [] : [{ path: field, message, remedy }]
}

function textOf(message: string, remedy: string | undefined): string {
  return inTheirWords(remedy === undefined ? message : `${message} ${remedy}`)
}

function inTheirWords(text: string): string {
  return SPELLED.reduce((spelled, [word, theirs]) => spelled.replace(word, theirs), text)
}
