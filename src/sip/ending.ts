import { parametersOf } from './addresses.ts'
import type { SipHeaders } from './message.ts'
import { splitOutside } from './message.ts'

/** Why we end a call. */
export type HangUpReason =
  | 'ring-timeout'
  | 'user'
  | 'finished'
  | 'max-duration'
  | 'media-lost'
  | 'media-not-agreed'
  | 'shut-down'

/**
 * How a call ended on the wire.
 * - `refused`: a final answer of 300 or more that we did not ask for.
 * - `given-up`: we cancelled before it was answered. `status` is the final answer; null: none came in 32 s.
 * - `answered-too-late`: the answer crossed our CANCEL; we hung up at once.
 * - `hung-up`: BYE of either side after the answer.
 * - `vanished`: it was answered, and the other side no longer knows it or does not answer in it.
 * - `lost`: the connection broke after the other side had taken the INVITE, and before it was answered.
 */
export type CallEnding =
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly q850: number | null
      readonly retryAfterSeconds: number | null
    }
  | {
      readonly kind: 'given-up'
      readonly why: HangUpReason
      readonly status: number | null
      readonly q850: number | null
    }
  | { readonly kind: 'answered-too-late'; readonly why: HangUpReason }
  | { readonly kind: 'hung-up'; readonly by: 'callee'; readonly q850: number | null }
  | { readonly kind: 'hung-up'; readonly by: 'us'; readonly why: HangUpReason }
  | { readonly kind: 'vanished' }
  | { readonly kind: 'lost' }

/** The cause of ITU-T Q.850 in a Reason header (RFC 3326), 1 to 127, or null. */
export function q850Of(headers: SipHeaders): number | null {
  for (const value of headers.list('reason')) {
    const [protocol, ...parameters] = splitOutside(value, ';')
    const cause = Number(parametersOf(parameters).get('cause'))
    if (protocol?.toUpperCase() === 'Q.850' && Number.isInteger(cause) && cause >= 1 && cause <= 127) return cause
  }
  return null
}

/** Seconds of Retry-After, at most an hour; null when there is none. */
export function retryAfterOf(headers: SipHeaders): number | null {
  const match = /^(\d{1,6})/.exec(headers.get('retry-after') ?? '')
  return match === null ? null : Math.min(3600, Number(match[1]))
}
