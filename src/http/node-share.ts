import type { Clock } from '../clock.ts'
import type { RequestRate } from './request-rates.ts'

/** A node that comes or dies counts this much later, which is less than the lease by which it is known. */
const COUNTED_AGAIN_MS = 5_000

/**
 * The part of an installation's rate that this node may let through: one of as many as there are nodes. Nodes ask nobody
 * for a request; a count that cannot be had stays as it was.
 */
export class NodeShare {
  readonly #clock: Clock
  readonly #countNodes: () => Promise<number>
  #nodes = 1
  #counting: Promise<void> | null = null
  #countedAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, countNodes: () => Promise<number>) {
    this.#clock = clock
    this.#countNodes = countNodes
  }

  async of({ perSecond, burst }: RequestRate): Promise<RequestRate> {
    const isFirst = this.#countedAtMs === Number.NEGATIVE_INFINITY
    if (this.#clock.monotonicMs() - this.#countedAtMs >= COUNTED_AGAIN_MS) this.#counting ??= this.#count()
    // Later counts are not waited for.
    if (isFirst) await this.#counting
    return { perSecond: perSecond / this.#nodes, burst: Math.max(1, burst / this.#nodes) }
  }

  async #count(): Promise<void> {
    try {
      this.#nodes = Math.max(1, await this.#countNodes())
    } catch {
      // The request that is counted tells more of a database that is away.
    }
    this.#countedAtMs = this.#clock.monotonicMs()
    this.#counting = null
  }
}
