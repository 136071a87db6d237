import type { Clock, Timer } from '../clock.ts'

/**
 * How many calls may begin before the socket is read again. A turn of Node's event loop reads at most 32 datagrams of a
 * socket (libuv's `uv__udp_recvmsg`), and a call that is answered at once brings four to six. With more calls in a turn
 * the answers would wait longer with each, until they come after their requests were repeated: for repetitions, not for
 * calls, all time is spent then.
 */
const CALLS_PER_TURN = 4
/** What a busy moment has delayed is made up for; of a longer one only so much, so that no flood follows it. */
const BEHIND_MS = 250

interface Waiting {
  readonly begin: () => void
  readonly refusal: Timer
}

/**
 * Spreads the beginnings of calls evenly: one every so many milliseconds, first come first served, and never more than
 * this process can listen to. A burst of calls that all ring the same server at once makes it repeat and lose answers,
 * which makes more messages.
 */
export class CallPace {
  readonly #clock: Clock
  readonly #gapMs: number
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  #nextAtMs = Number.NEGATIVE_INFINITY
  #leftInTurn = CALLS_PER_TURN
  #timer: Timer | null = null

  /** `Infinity`: as many as the process can listen to. */
  constructor(clock: Clock, callsPerSecond: number) {
    this.#clock = clock
    this.#gapMs = 1000 / callsPerSecond
  }

  /** Resolves when it is this call's turn; false after `withinMs` when its turn would come later. */
  turn(withinMs: number): Promise<boolean> {
    if (withinMs <= 0) return Promise.resolve(false)
    if (this.#waiting.size === 0) this.#nextAtMs = Math.max(this.#nextAtMs, this.#clock.monotonicMs())
    return new Promise((resolve) => {
      const refusal = this.#clock.setTimer(withinMs, () => {
        this.#waiting.delete(waiting)
        resolve(false)
      })
      const waiting = { begin: () => resolve(true), refusal }
      this.#waiting.add(waiting)
      this.#release()
    })
  }

  #release(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const waiting of this.#waiting) {
      if (this.#nextAtMs > nowMs || this.#leftInTurn === 0) break
      this.#takeOfTurn()
      this.#nextAtMs = Math.max(this.#nextAtMs, nowMs - BEHIND_MS) + this.#gapMs
      this.#waiting.delete(waiting)
      waiting.refusal.cancel()
      waiting.begin()
    }
    if (this.#waiting.size > 0 && this.#nextAtMs > nowMs) this.#releaseAfter(this.#nextAtMs - nowMs)
  }

  #releaseAfter(delayMs: number): void {
    this.#timer ??= this.#clock.setTimer(delayMs, () => {
      this.#timer = null
      this.#release()
    })
  }

  /** The event loop looks at the sockets before it comes to what is set for immediately after. */
  #takeOfTurn(): void {
    if (this.#leftInTurn === CALLS_PER_TURN) {
      setImmediate(() => {
        this.#leftInTurn = CALLS_PER_TURN
        this.#release()
      })
    }
    this.#leftInTurn--
  }
}
