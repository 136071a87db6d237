import type { Clock } from '../clock.ts'

const CLIENTS_MAX = 10_000

/**
 * Counts failed authentications of each client address: `burst` at once, then `perSecond`. It holds a bounded number
 * of addresses and forgets the one that has been silent longest.
 */
export class FailedAttempts {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number

  constructor(clock: Clock, limits: { burst: number; perSecond: number } = { burst: 20, perSecond: 5 }) {
    this.#clock = clock
    this.#burst = limits.burst
    this.#perSecond = limits.perSecond
  }

  /** Seconds until the address may fail again; 0 when it may now. */
  waitSeconds(address: string): number {
    const bucket = this.#buckets.get(address)
    if (bucket === undefined) return 0
    const tokens = this.#refilled(bucket)
    return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / this.#perSecond)
  }

  /** Takes one failure down. */
  note(address: string): void {
    const bucket = this.#buckets.get(address)
    const tokens = bucket === undefined ? this.#burst : this.#refilled(bucket)
    // Deleted and set again: a Map iterates in order of insertion, so its first entry is the longest silent one.
    this.#buckets.delete(address)
    this.#buckets.set(address, { tokens: Math.max(0, tokens - 1), atMs: this.#clock.monotonicMs() })
    if (this.#buckets.size > CLIENTS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
  }

  #refilled(bucket: { tokens: number; atMs: number }): number {
    const elapsedSeconds = (this.#clock.monotonicMs() - bucket.atMs) / 1_000
    return Math.min(this.#burst, bucket.tokens + elapsedSeconds * this.#perSecond)
  }
}
