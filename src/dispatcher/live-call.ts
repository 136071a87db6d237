import type { CallHandle, OrphanedCall } from '../carriers/carrier.ts'
import { type AttemptStatus, codeOfStatus, mergeCarrierCallId } from '../model/attempt-transitions.ts'
import type { AnsweredBy, CallEvent } from '../model/call-event.ts'
import { ANSWERED_BY } from '../model/call-event.ts'
import type { Cause } from '../model/cause.ts'
import type { AttemptDisposition } from '../model/disposition.ts'
import type { RowPlace } from '../store/row-place.ts'

/** How a call ended, as the evidence said. */
export interface Ending {
  readonly disposition: AttemptDisposition
  readonly cause: Cause
  readonly sipStatus: number | null
  readonly q850Cause: number | null
  readonly spokenText: string | null
  readonly keysPressed: string | null
}

/** Of endings that nobody told: this node gave the call up. */
const CAUSES_OF_SILENCE: ReadonlySet<Cause> = new Set(['lookup-missed', 'evidence-missing'])
const INT4_MAX = 2 ** 31 - 1
const NOTHING_TOLD = { sipStatus: null, q850Cause: null, spokenText: null, keysPressed: null } as const

export interface LiveCallOptions {
  readonly ref: string
  readonly organizationId: number
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly lane: number
  readonly trunkId: number
  readonly numberHash: bigint
  readonly place: RowPlace | null
  readonly successorSeq: number | null
  readonly claimedAtEpochMs: number
  readonly sendNotAfterEpochMs: number
}

/**
 * A node's copy of one live row. The row is the truth; this is a cache with the news that are not in the row yet.
 * Evidence is merged by rank, so late, doubled and reordered events change nothing they should not.
 */
export class LiveCall {
  readonly ref: string
  readonly organizationId: number
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly lane: number
  readonly trunkId: number
  readonly numberHash: bigint
  readonly successorSeq: number | null
  readonly claimedAtEpochMs: number
  readonly sendNotAfterEpochMs: number
  /** Where its row lay when it was last seen. */
  place: RowPlace | null
  /** The state its row is known to have, as code. */
  savedState = codeOfStatus('dialing')
  /** What the evidence has reached, as code; `ended` is told by `ending`. */
  reachedState = codeOfStatus('dialing')
  acceptedMs = -1
  ringingMs = -1
  answeredMs = -1
  endedMs = -1
  answeredByCode = 0
  carrierCallId: string | null = null
  savedCarrierCallId: string | null = null
  carrierState: string | null = null
  savedCarrierState: string | null = null
  /** Placed by another node, which is gone or gave it up: nobody speaks in it any more. */
  takenOver = false
  ending: Ending | null = null
  /** Somebody asked to end it: its carrier was asked, and is asked again whenever the call gets further. */
  hangUpAsked = false
  /** True while it stands in the list of what the next transaction writes. */
  dirty = false
  /** True while a transaction that writes it is on its way, or lines up for one. */
  underway = false
  /** Runs when what stands in that list is committed. */
  onDurable: (() => void) | null = null
  /** Its row has become an attempt. */
  endingSaved = false
  /** Monotonic time of the last news; until its create-call was sent nobody waits for any. */
  newsAtMonotonicMs = Number.POSITIVE_INFINITY
  /** How often it was looked up in vain since. */
  misses = 0
  /** Ring timeout and maximum length together: the call cannot last longer. Generous until its batch is known. */
  longestMs = 7_200_000
  /** Generous as well until its batch is known. */
  ringTimeoutMs = 120_000
  lookingUp = false

  constructor(options: LiveCallOptions) {
    this.ref = options.ref
    this.organizationId = options.organizationId
    this.batchId = options.batchId
    this.seq = options.seq
    this.n = options.n
    this.counted = options.counted
    this.lane = options.lane
    this.trunkId = options.trunkId
    this.numberHash = options.numberHash
    this.place = options.place
    this.successorSeq = options.successorSeq
    this.claimedAtEpochMs = options.claimedAtEpochMs
    this.sendNotAfterEpochMs = options.sendNotAfterEpochMs
  }

  /** How carriers know it. */
  get handle(): CallHandle {
    const { ref, carrierCallId, claimedAtEpochMs: placedAtEpochMs } = this
    return { ref, carrierCallId, placedAtEpochMs }
  }

  /** How long it may ring, and last after that. */
  lastsAtMost(terms: { readonly ringTimeoutSeconds: number; readonly maxCallSeconds: number }): void {
    this.ringTimeoutMs = terms.ringTimeoutSeconds * 1000
    this.longestMs = (terms.ringTimeoutSeconds + terms.maxCallSeconds) * 1000
  }

  /** Its row holds all that this copy knows, and this state. */
  noteSaved(state: number): void {
    this.savedState = state
    this.savedCarrierCallId = this.carrierCallId
    this.savedCarrierState = this.carrierState
  }

  /** What ends it at its carrier, as its row says, which may know more than this copy. */
  asOrphan(carrierState: string | null): OrphanedCall {
    this.carrierState = carrierState
    this.savedCarrierState = carrierState
    return { ...this.handle, carrierState }
  }

  /** Merges one piece of evidence; false when it brings nothing new. */
  merge(event: CallEvent): boolean {
    if (this.ending) return false
    const named = this.#mergeId(event.carrierCallId)
    const described = this.#mergeState(event.carrierState)
    if (event.kind === 'not-sent') return this.#mergeNotSent(event.cause)
    const ms = this.#msSinceClaim(event.atEpochMs)
    if (event.kind === 'ended') {
      if (event.answeredBy) this.#mergeAnsweredBy(event.answeredBy)
      this.endedMs = ms
      this.ending = {
        disposition: event.disposition,
        cause: event.cause,
        sipStatus: event.sipStatus ?? null,
        q850Cause: event.q850Cause ?? null,
        spokenText: event.spokenText ?? null,
        keysPressed: event.keysPressed ?? null,
      }
      return true
    }
    if (event.kind === 'answered') this.#mergeAnsweredBy(event.answeredBy)
    return this.#reach(event.kind, ms) || named || described
  }

  /** Ends it on our own authority. */
  endAs(disposition: AttemptDisposition, cause: Cause, atEpochMs: number): void {
    if (this.ending) return
    this.endedMs = this.#msSinceClaim(atEpochMs)
    this.ending = { disposition, cause, ...NOTHING_TOLD }
  }

  /** True when its row lacks something this copy knows. */
  get unsaved(): boolean {
    return (
      this.endingUnsaved ||
      this.reachedState > this.savedState ||
      (this.carrierCallId !== null && this.savedCarrierCallId === null) ||
      this.carrierState !== this.savedCarrierState
    )
  }

  get endingUnsaved(): boolean {
    return this.ending !== null && !this.endingSaved
  }

  get unsavedCarrierCallId(): string | null {
    return this.savedCarrierCallId === null ? this.carrierCallId : null
  }

  get unsavedCarrierState(): string | null {
    return this.carrierState === this.savedCarrierState ? null : this.carrierState
  }

  /**
   * What this copy knows, as evidence that can be judged against the rows again. That a carrier was silent is none: whoever
   * answers for the call now hears more, and judges by that.
   */
  evidence(): CallEvent[] {
    const { ref, claimedAtEpochMs: at, ending } = this
    const carrierCallId = this.carrierCallId ?? undefined
    const answeredBy = ANSWERED_BY[this.answeredByCode] ?? 'not-detected'
    const events: CallEvent[] = []
    if (this.acceptedMs >= 0) events.push({ ref, kind: 'accepted', atEpochMs: at + this.acceptedMs, carrierCallId })
    if (this.ringingMs >= 0) events.push({ ref, kind: 'ringing', atEpochMs: at + this.ringingMs, carrierCallId })
    if (this.answeredMs >= 0) {
      events.push({ ref, kind: 'answered', atEpochMs: at + this.answeredMs, carrierCallId, answeredBy })
    }
    if (ending?.disposition === 'not-sent') {
      events.push({ ref, kind: 'not-sent', atEpochMs: at, cause: ending.cause })
    } else if (ending && !CAUSES_OF_SILENCE.has(ending.cause)) {
      const { disposition, cause } = ending
      events.push({
        ref,
        kind: 'ended',
        atEpochMs: at + this.endedMs,
        carrierCallId,
        disposition,
        cause,
        answeredBy,
        sipStatus: ending.sipStatus ?? undefined,
        q850Cause: ending.q850Cause ?? undefined,
        spokenText: ending.spokenText ?? undefined,
        keysPressed: ending.keysPressed ?? undefined,
      })
    }
    return events
  }

  #reach(status: AttemptStatus, ms: number): boolean {
    const state = codeOfStatus(status)
    if (status === 'accepted' && this.acceptedMs < 0) this.acceptedMs = ms
    if (state <= this.reachedState) return false
    this.reachedState = state
    if (status === 'ringing') this.ringingMs = ms
    if (status === 'answered') this.answeredMs = ms
    return true
  }

  /** Once the carrier said anything about a call, it was sent, whatever else we believed. */
  #mergeNotSent(cause: Cause): boolean {
    if (this.reachedState !== codeOfStatus('dialing') || this.carrierCallId !== null) return false
    this.endedMs = 0
    this.ending = { disposition: 'not-sent', cause, ...NOTHING_TOLD }
    return true
  }

  #mergeId(reported: string | undefined): boolean {
    const known = this.carrierCallId
    this.carrierCallId = mergeCarrierCallId(known, reported).carrierCallId
    return this.carrierCallId !== known
  }

  #mergeState(told: string | undefined): boolean {
    if (told === undefined || told === this.carrierState) return false
    this.carrierState = told
    return true
  }

  #mergeAnsweredBy(answeredBy: AnsweredBy): void {
    this.answeredByCode = Math.max(this.answeredByCode, ANSWERED_BY.indexOf(answeredBy))
  }

  /** Never before what is known already, whatever clock the carrier has, and never more than a column holds. */
  #msSinceClaim(atEpochMs: number): number {
    const latestMs = Math.max(0, this.acceptedMs, this.ringingMs, this.answeredMs)
    return Math.min(INT4_MAX, Math.max(latestMs, Math.round(atEpochMs - this.claimedAtEpochMs)))
  }
}
