import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { round } from './statistics.ts'
import { cpuSecondsOfSelf } from './worker-process.ts'

export interface ResourceUse {
  readonly cpuSeconds: number
  /** From before the work to its highest. */
  readonly rssGrowthMb: number
  /** The longest time in which this process did nothing else. */
  readonly longestBlockMs: number
}

const RSS_SAMPLE_MS = 20

/** Watches this process while it works. Run Node with --expose-gc, or what earlier work left behind counts too. */
export class ResourceWatch {
  readonly #delays = monitorEventLoopDelay({ resolution: 1 })
  #cpuSeconds = 0
  #rssBefore = 0
  #rssMax = 0
  #timer: NodeJS.Timeout | undefined

  async start(): Promise<void> {
    globalThis.gc?.()
    // What the collection itself took must not count as a time in which the process did nothing else.
    await nextTurn()
    this.#rssBefore = process.memoryUsage.rss()
    this.#rssMax = this.#rssBefore
    this.#timer = setInterval(() => this.#sample(), RSS_SAMPLE_MS)
    this.#delays.enable()
    this.#delays.reset()
    this.#cpuSeconds = cpuSecondsOfSelf()
  }

  stop(): ResourceUse {
    this.#sample()
    clearInterval(this.#timer)
    this.#delays.disable()
    return {
      cpuSeconds: round(cpuSecondsOfSelf() - this.#cpuSeconds, 3),
      rssGrowthMb: round((this.#rssMax - this.#rssBefore) / 2 ** 20),
      longestBlockMs: round(this.#delays.max / 1e6, 1),
    }
  }

  #sample(): void {
    this.#rssMax = Math.max(this.#rssMax, process.memoryUsage.rss())
  }
}
