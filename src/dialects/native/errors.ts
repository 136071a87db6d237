import type { Failure } from '../failure.ts'
import { type Problem, problemOf } from '../problem.ts'

/** Words of the core that the native dialect spells otherwise. */
const SPELLED: readonly (readonly [RegExp, string])[] = [[/\bliveMax\b/g, 'concurrency']]

/** A failure as problem JSON, in the words that native requests use. */
export function encodeFailure(failure: Failure, requestId: string): Problem {
  return problemOf(
    {
      ...failure,
      message: inOurWords(failure.message),
      field: failure.field === undefined ? undefined : inOurWords(failure.field),
      details: failure.details?.map((detail) => ({
        ...detail,
        path: inOurWords(detail.path),
        message: inOurWords(detail.message),
      })),
    },
    requestId,
  )
}

function inOurWords(text: string): string {
  return SPELLED.reduce((spelled, [word, ours]) => spelled.replace(word, ours), text)
}
