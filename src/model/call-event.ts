import type { Cause } from './cause.ts'
import type { AttemptDisposition } from './disposition.ts'

/** Who picked up. Without detection by the carrier it is `not-detected`, never a guess. */
export const ANSWERED_BY = ['not-detected', 'human', 'machine', 'uncertain'] as const
export type AnsweredBy = (typeof ANSWERED_BY)[number]

/**
 * What a carrier tells about one call, in our words. Every way back (an answer to create-call, a callback,
 * a poll, a SIP response) ends in this union and nowhere else.
 *
 * Events may come late, twice or out of order; the merge by rank in the dispatcher makes that harmless.
 */
export type CallEvent = CallAccepted | CallRinging | CallAnswered | CallEnded | CallNotSent

interface CallEventBase {
  /** The client reference that was given to `Carrier.place`: 32 lower-case hex digits, one per attempt. */
  readonly ref: string
  /** When it happened, by the carrier's clock where it tells, else by ours. */
  readonly atEpochMs: number
  /** The carrier's own id of the call, at most 128 characters, when this evidence carries it. */
  readonly carrierCallId?: string
  /** Present on evidence that may be delivered again: the same key is applied once for a trunk. */
  readonly eventKey?: string
  /**
   * What another node needs to end the call, in the carrier's own words; the last one told stands on the live row.
   * Only from carriers that carry calls themselves.
   */
  readonly carrierState?: string
}

/** The carrier has taken the call and named it. */
export interface CallAccepted extends CallEventBase {
  readonly kind: 'accepted'
}

/** The person's telephone rings. */
export interface CallRinging extends CallEventBase {
  readonly kind: 'ringing'
}

export interface CallAnswered extends CallEventBase {
  readonly kind: 'answered'
  readonly answeredBy: AnsweredBy
}

/** The call is over, or was refused before it existed. Definite: whatever is doubtful is not an event. */
export interface CallEnded extends CallEventBase {
  readonly kind: 'ended'
  readonly disposition: AttemptDisposition
  readonly cause: Cause
  readonly answeredBy?: AnsweredBy
  /** Final SIP status of the call, where the carrier knows one. */
  readonly sipStatus?: number
  /** Cause of ITU-T Q.850, where the carrier tells one. */
  readonly q850Cause?: number
  /** What the agent said, as far as it is known here. */
  readonly spokenText?: string
  /** Keys the person pressed, in order, of `0-9*#`. */
  readonly keysPressed?: string
}

/** Proven: no byte of the create-call request left this process. The recipient is due again. */
export interface CallNotSent extends CallEventBase {
  readonly kind: 'not-sent'
  readonly cause: Cause
}
