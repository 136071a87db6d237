import type { FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'

/**
 * The header that says which version of the wire format a client was written for. Outside facts: the vendor's pages on
 * versions and on errors. Every date from the first version with batches on is taken; what came later differs in the
 * places named here.
 */
export const VERSION_HEADER = 'cartesia-version'
const FIRST = '2026-03-01'
const A_DATE = /^\d{4}-\d{2}-\d{2}$/

export interface WireVersion {
  readonly recipientsMax: number
  /** Whether a batch of which nobody could be dialled is `failed`; the first version keeps the word in reserve. */
  readonly hasFailed: boolean
  /** Whether a request may name the region. */
  readonly takesRegion: boolean
}

const FIRST_VERSION: WireVersion = { recipientsMax: 1_000, hasFailed: false, takesRegion: false }
const LATER_VERSION: WireVersion = { recipientsMax: 5_000, hasFailed: true, takesRegion: true }

/** More than any version takes in a request. */
export const RECIPIENTS_MAX = LATER_VERSION.recipientsMax

/** @throws AppError `invalid-input` for a version that is missing, no date, or older than batches. */
export function versionOf(request: FastifyRequest): WireVersion {
  const written = dateIn(request)
  if (written === null) {
    throw refusal('must be a date such as 2026-03-01', 'Send the header Cartesia-Version with a date.')
  }
  if (written < FIRST) throw refusal(`must not lie before ${FIRST}`, `Use the version ${FIRST} or a later one.`)
  return written === FIRST ? FIRST_VERSION : LATER_VERSION
}

/** Whether the client was written for a version whose errors are plain text. */
export function expectsPlainErrors(request: FastifyRequest): boolean {
  const written = dateIn(request)
  return written !== null && written < FIRST
}

function dateIn(request: FastifyRequest): string | null {
  const header = request.headers[VERSION_HEADER]
  if (typeof header !== 'string' || !A_DATE.test(header)) return null
  const epochMs = Date.parse(`${header}T00:00:00Z`)
  // 30 February is read as 1 March by the language, and is no date.
  return Number.isNaN(epochMs) || new Date(epochMs).toISOString().slice(0, 10) !== header ? null : header
}

function refusal(rule: string, remedy: string): AppError {
  return new AppError('invalid-input', { field: 'Cartesia-Version', args: [`Cartesia-Version ${rule}.`], remedy })
}
