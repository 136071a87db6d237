import type { Clock } from '../clock.ts'

/** The rate of keys that have none of their own; null: they have no limit. */
export interface RequestRate {
  readonly perSecond: number
  /** At once, after some silence. */
  readonly burst: number
}

const KEYS_MAX = 10_000

/**
 * Counts the requests of each key on this node, by the part of its rate that is this node's. A bounded number of keys is
 * held, the longest silent is forgotten.
 */
export class RequestRates {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes one request down and returns 0; or, when that is too many, the whole seconds until the next one may come. */
  take(key: string, { perSecond, burst }: RequestRate): number {
    const nowMs = this.#clock.monotonicMs()
    const before = this.#buckets.get(key)
    const elapsedSeconds = before === undefined ? 0 : (nowMs - before.atMs) / 1_000
    const tokens = before === undefined ? burst : Math.min(burst, before.tokens + elapsedSeconds * perSecond)
    const taken = tokens >= 1
    // Deleted and set again: a Map iterates in order of insertion, so its first entry is the longest silent one.
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: taken ? tokens - 1 : tokens, atMs: nowMs })
    if (this.#buckets.size > KEYS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
    return taken ? 0 : Math.ceil((1 - tokens) / perSecond)
  }
}
