import type { GuardedAnswer } from '../targets/guarded-request.ts'

/** What the answer of a receiver means. */
export interface Judgement {
  readonly taken: boolean
  /** The receiver says that nothing shall come any more. */
  readonly gone: boolean
  /** It asks for rest, in milliseconds; zero: it does not. */
  readonly restMs: number
  readonly httpStatus: number | null
  /** The first bytes of what it said. */
  readonly answer: string | null
  /** Null when it was taken. */
  readonly error: string | null
}

/** A receiver may ask for that much rest at a time, however much it says. */
export const REST_MS_MAX = 3_600_000
const ANSWER_BYTES_KEPT = 1_024
const GONE = 410
const TOO_MANY = 429
const UNAVAILABLE = 503

/**
 * Any 2xx is taken, everything else is not, a redirect too: it is never followed. 410 says that the endpoint is gone;
 * 429 and 503 may ask for rest with `Retry-After`.
 */
export function judgeAnswer(answer: GuardedAnswer, nowEpochMs: number): Judgement {
  if (!answer.ok) {
    return { taken: false, gone: false, restMs: 0, httpStatus: null, answer: null, error: answer.error }
  }
  const { status } = answer
  const taken = status >= 200 && status < 300
  const asksForRest = status === TOO_MANY || status === UNAVAILABLE
  return {
    taken,
    gone: status === GONE,
    restMs: asksForRest ? restOf(answer.headers['retry-after'], nowEpochMs) : 0,
    httpStatus: status,
    answer: textOf(answer.body),
    error: taken ? null : wordsFor(status),
  }
}

function wordsFor(status: number): string {
  if (status === GONE) return 'It answered 410: the endpoint is gone'
  if (status >= 300 && status < 400) return `It answered ${status}, a redirect, which is not followed`
  return `It answered ${status}`
}

/** Seconds, or an instant as RFC 9110 section 10.2.3 allows both. */
function restOf(header: string | string[] | undefined, nowEpochMs: number): number {
  const text = (Array.isArray(header) ? header[0] : header)?.trim() ?? ''
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowEpochMs
  return ms > 0 ? Math.min(ms, REST_MS_MAX) : 0
}

/** As text that PostgreSQL can store. */
function textOf(body: Buffer): string | null {
  if (body.length === 0) return null
  return body.subarray(0, ANSWER_BYTES_KEPT).toString('utf8').replaceAll('\0', '\ufffd')
}
