import type { Failure } from '../failure.ts'
import { type Problem, problemOf } from '../problem.ts'

/** A failure as problem JSON; the native dialect has the words of the core. */
export function encodeFailure(failure: Failure, requestId: string): Problem {
  return problemOf(failure, requestId)
}
