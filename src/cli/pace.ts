import type { Figures } from './api-types.ts'

/** How fast a batch goes, measured over the last seconds. */
export interface PaceReading {
  /** Dials begun a second; null until there is something to measure. */
  readonly callsPerSecond: number | null
  /** Until everybody has an outcome, if it goes on like this; null when that cannot be told. */
  readonly secondsLeft: number | null
}

interface Sample {
  readonly atMs: number
  readonly attempts: number
  readonly settled: number
}

const WINDOW_MS = 10_000
const SHORTEST_MS = 900

/** Takes the figures as they come and tells the pace. Times are of one clock that never goes back. */
export class Pace {
  #samples: Sample[] = []

  add(figures: Pick<Figures, 'attempts' | 'settled'>, atMs: number): void {
    this.#samples.push({ atMs, attempts: figures.attempts, settled: figures.settled })
    // One sample older than the window stays, so that slow batches have two to compare.
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? 0) <= atMs - WINDOW_MS) this.#samples.shift()
  }

  read(figures: Pick<Figures, 'total' | 'settled'>): PaceReading {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined) return { callsPerSecond: null, secondsLeft: null }
    const elapsedMs = last.atMs - first.atMs
    if (elapsedMs < SHORTEST_MS) return { callsPerSecond: null, secondsLeft: null }
    const settledPerSecond = ((last.settled - first.settled) * 1000) / elapsedMs
    const open = Math.max(0, figures.total - figures.settled)
    return {
      callsPerSecond: Math.max(0, ((last.attempts - first.attempts) * 1000) / elapsedMs),
      secondsLeft: open === 0 ? 0 : settledPerSecond > 0 ? open / settledPerSecond : null,
    }
  }
}
