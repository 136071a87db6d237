import type { Clock, Timer } from '../clock.ts'

/** One alarm an organization: when its next cycle begins, if nothing happens before. */
export class Alarms {
  readonly #clock: Clock
  readonly #ring: (organizationId: number) => void
  readonly #set = new Map<number, { readonly atMonotonicMs: number; readonly timer: Timer }>()

  constructor(clock: Clock, ring: (organizationId: number) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings in `delayMs` at the latest: an alarm that rings sooner stays. */
  within(organizationId: number, delayMs: number): void {
    const atMonotonicMs = this.#clock.monotonicMs() + delayMs
    const before = this.#set.get(organizationId)
    if (before && before.atMonotonicMs <= atMonotonicMs) return
    before?.timer.cancel()
    const timer = this.#clock.setTimer(Math.ceil(delayMs), () => {
      this.#set.delete(organizationId)
      this.#ring(organizationId)
    })
    this.#set.set(organizationId, { atMonotonicMs, timer })
  }

  cancel(organizationId: number): void {
    this.#set.get(organizationId)?.timer.cancel()
    this.#set.delete(organizationId)
  }

  cancelAll(): void {
    for (const organizationId of [...this.#set.keys()]) this.cancel(organizationId)
  }
}
