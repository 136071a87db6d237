import type { Clock, Timer } from '../src/clock.ts'

interface PendingTimer {
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
}

/** A clock that stands still until a test moves it. Timers run in the order of their instants, then of their making. */
export class FakeClock implements Clock {
  #epochMs: number
  #monotonicMs = 1_000_000
  #made = 0
  readonly #timers = new Set<PendingTimer>()

  constructor(startEpochMs = Date.UTC(2025, 0, 6, 9)) {
    this.#epochMs = startEpochMs
  }

  nowEpochMs(): number {
    return this.#epochMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#made++, run }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  /** Timers that have neither run nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Lets time pass; every timer that falls due runs at its own instant, also those that other timers make. */
  advance(byMs: number): void {
    const untilMs = this.#monotonicMs + byMs
    for (let next = this.#nextUntil(untilMs); next !== null; next = this.#nextUntil(untilMs)) this.#runTimer(next)
    this.#moveTo(untilMs)
  }

  /** As `advance`, but promises that a timer settles are followed before the next timer runs. */
  async advanceSettling(byMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + byMs
    await macrotask()
    for (let next = this.#nextUntil(untilMs); next !== null; next = this.#nextUntil(untilMs)) {
      this.#runTimer(next)
      await macrotask()
    }
    this.#moveTo(untilMs)
  }

  /** Changes the wall clock alone, as an administrator or a leap would. */
  setWallClock(epochMs: number): void {
    this.#epochMs = epochMs
  }

  #nextUntil(untilMs: number): PendingTimer | null {
    let next: PendingTimer | null = null
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue
      if (next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer
      }
    }
    return next
  }

  #runTimer(timer: PendingTimer): void {
    this.#timers.delete(timer)
    this.#moveTo(timer.dueMs)
    timer.run()
  }

  #moveTo(monotonicMs: number): void {
    const byMs = Math.max(0, monotonicMs - this.#monotonicMs)
    this.#monotonicMs += byMs
    this.#epochMs += byMs
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
