import type { Clock } from '../../clock.ts'

/** Preparations that differ by more than this are not evened out: a slow voice must not hold up everybody. */
const LAG_MAX_MS = 500
/** How fast the common delay becomes shorter again, in milliseconds a millisecond: the pace rises by so little. */
const DECAY = 0.02
/** Calls so far apart stand in no common second. */
const APART_MS = 1000

/**
 * Keeps the gaps between calls as they were when the calls were handed over. Their pace was decided then, by the limit of
 * their trunk; if the first of them had to wait until a thread was started and the next had not, both would be written at
 * once. So everyone waits as long as the slowest lately.
 */
export class SteadyLag {
  readonly #clock: Clock
  #lagMs = 0
  #sentAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds that a call which is ready now has to wait still. Times are monotonic. */
  waitMs(handedOverAtMs: number): number {
    return Math.max(0, handedOverAtMs + this.#lagNowMs() - this.#clock.monotonicMs())
  }

  /** The call is written now. */
  sent(handedOverAtMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#lagMs = Math.min(LAG_MAX_MS, Math.max(this.#lagNowMs(), nowMs - handedOverAtMs))
    this.#sentAtMs = nowMs
  }

  #lagNowMs(): number {
    const sinceMs = this.#clock.monotonicMs() - this.#sentAtMs
    return sinceMs > APART_MS ? 0 : Math.max(0, this.#lagMs - sinceMs * DECAY)
  }
}
