import type { Failure } from './failure.ts'

/** The media type of {@link Problem} (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** A failure as the native dialect, and everything that belongs to no dialect, writes it. */
export interface Problem {
  readonly type: string
  readonly status: number
  readonly code: string
  readonly message: string
  readonly field?: string
  readonly remedy: string
  readonly retryable: boolean
  readonly details?: readonly { readonly field: string; readonly message: string; readonly remedy?: string }[]
  readonly requestId: string
}

/** The same failure as a problem that names the request. */
export function problemOf(failure: Failure, requestId: string): Problem {
  return {
    type: `urn:carillon:error:${failure.code}`,
    status: failure.httpStatus,
    code: failure.code,
    message: failure.message,
    field: failure.field,
    remedy: failure.remedy,
    retryable: failure.retryable,
    details: failure.details?.map(({ path, message, remedy }) => ({ field: path, message, remedy })),
    requestId,
  }
}
