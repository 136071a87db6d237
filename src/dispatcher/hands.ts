import type { Clock } from '../clock.ts'

/** Organizations that a node serves at the same time while it meets nobody at their gates. */
const ALONE = 2
/** So long a node goes on with one hand after it found a gate taken. */
const CROWDED_MS = 1000
/** When a gate that was taken is tried again. */
const COME_BACK_MS = 1

/**
 * With how many hands a node works: transactions of different organizations at the same time. Two keep the database busy
 * while the node takes in what one of them has brought: with one, a single node lost a third of its calls a second. Where nodes
 * meet at the gates there are more hands than gates, and each further one only makes all groups smaller: with two nodes,
 * four organizations and two cores, one hand each brought a sixth more calls a second, and cost a sixth less CPU a call.
 */
export class Hands {
  readonly #clock: Clock
  #crowdedUntilMonotonicMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#clock.monotonicMs() < this.#crowdedUntilMonotonicMs ? 1 : ALONE
  }

  /** Another node was serving the organization that this one came for. Returns in how many milliseconds to come again. */
  noteGateTaken(): number {
    this.#crowdedUntilMonotonicMs = this.#clock.monotonicMs() + CROWDED_MS
    return COME_BACK_MS
  }
}
