/**
 * The only source of time in TypeScript. The simulator and the tests pass a clock of their own,
 * so nothing else in the product may ask the machine what time it is.
 */
export interface Clock {
  /** Wall clock in milliseconds since 1970 UTC. May jump. */
  nowEpochMs(): number
  /** Never goes back and counts while the process is stopped; for elapsed time only. */
  monotonicMs(): number
  /** Runs `run` once, not before `delayMs` have passed. Does not keep the process alive by itself. */
  setTimer(delayMs: number, run: () => void): Timer
}

export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  nowEpochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, run) {
    const timer = setTimeout(run, Math.max(0, delayMs))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `delayMs` on `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve)
  })
}

/** Keeps the process alive while something is waited for that only a timer of a clock brings. */
export function keepAwake(): { stop(): void } {
  const timer = setInterval(() => undefined, 3_600_000)
  return { stop: () => clearInterval(timer) }
}
