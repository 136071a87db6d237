import type { ErrorDetail } from '../errors.ts'

/** What went wrong with a request, for a dialect to put into its own error form. */
export interface Failure {
  readonly httpStatus: number
  /** A code of `src/errors.ts`, of `src/dialects/request-errors.ts`, or `internal`. */
  readonly code: string
  /** One or two sentences for the person who sent the request. */
  readonly message: string
  /** The field that is wrong, as a path such as `recipients[3].to`. */
  readonly field?: string
  /** What to do about it. */
  readonly remedy: string
  /** Each of several things that are wrong; the first of them is `field` and `message`. */
  readonly details?: readonly ErrorDetail[]
  /** The same request may work later without being changed. */
  readonly retryable: boolean
}
