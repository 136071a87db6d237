import type { Clock } from '../clock.ts'

/**
 * Lets things go after the same time, with one timer for all of them: a timer of its own for each call that is over would
 * be most of what is kept of it. Nothing is taken back: whoever is let go twice must not mind.
 */
export class Expiry<Thing> {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #letGo: (thing: Thing) => void
  /** In the order of their instants. */
  #waiting: { readonly thing: Thing; readonly atMs: number }[] = []
  /** How many of them are gone already. */
  #gone = 0
  #armed = false

  constructor(clock: Clock, options: { afterMs: number; letGo: (thing: Thing) => void }) {
    this.#clock = clock
    this.#afterMs = options.afterMs
    this.#letGo = options.letGo
  }

  add(thing: Thing): void {
    this.#waiting.push({ thing, atMs: this.#clock.monotonicMs() + this.#afterMs })
    if (!this.#armed) this.#arm(this.#afterMs)
  }

  #arm(delayMs: number): void {
    this.#armed = true
    this.#clock.setTimer(delayMs, () => this.#run())
  }

  #run(): void {
    this.#armed = false
    const nowMs = this.#clock.monotonicMs()
    while (this.#gone < this.#waiting.length && this.#waiting[this.#gone]!.atMs <= nowMs) {
      this.#letGo(this.#waiting[this.#gone++]!.thing)
    }
    // Halves what is held each time, so that moving costs nothing in the mean.
    if (this.#gone * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#gone)
      this.#gone = 0
    }
    const next = this.#waiting[this.#gone]
    if (next !== undefined) this.#arm(Math.max(1, next.atMs - nowMs))
  }
}
