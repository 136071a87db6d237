import type { Clock } from '../clock.ts'

/**
 * Spreads the beginnings of calls evenly: one every so many milliseconds, first come first served. A burst of calls
 * that all ring the same server at once makes it repeat and lose answers, which makes more messages.
 */
export class CallPace {
  readonly #clock: Clock
  readonly #gapMs: number
  #nextAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, callsPerSecond: number) {
    this.#clock = clock
    this.#gapMs = 1000 / callsPerSecond
  }

  /** Resolves when it is this call's turn; false after `withinMs` when its turn would come later. */
  turn(withinMs: number): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs()
    const atMs = Math.max(nowMs, this.#nextAtMs)
    const inTime = atMs - nowMs < withinMs
    if (inTime) this.#nextAtMs = atMs + this.#gapMs
    if (atMs === nowMs) return Promise.resolve(inTime)
    return new Promise((resolve) => {
      this.#clock.setTimer(inTime ? atMs - nowMs : withinMs, () => resolve(inTime))
    })
  }
}
