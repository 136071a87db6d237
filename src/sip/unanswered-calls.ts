import type { Clock, Timer } from '../clock.ts'

interface Waiting {
  readonly take: () => void
  readonly refusal: Timer
}

/**
 * Places for INVITEs that nothing has answered yet. A server that answers late gets no more calls than it has places, so
 * that it is not asked for more and more, each call several times, while it is already behind.
 */
export class UnansweredCalls {
  readonly #clock: Clock
  #free: number
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()

  constructor(clock: Clock, places: number) {
    this.#clock = clock
    this.#free = places
  }

  /** A place, held until `leave`; false after `withinMs` when none became free. */
  take(withinMs: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve(true)
    }
    if (withinMs <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const refusal = this.#clock.setTimer(withinMs, () => {
        this.#waiting.delete(waiting)
        resolve(false)
      })
      const waiting = { take: () => resolve(true), refusal }
      this.#waiting.add(waiting)
    })
  }

  /** Something has answered, or the call was not sent: its place goes to whoever waits longest. */
  leave(): void {
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting)
      waiting.refusal.cancel()
      waiting.take()
      return
    }
    this.#free++
  }
}
