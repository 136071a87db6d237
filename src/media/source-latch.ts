import type { Source } from '../udp/socket-name.ts'

/**
 * Decides whose packets belong to a call. Behind a NAT they come from somewhere else than the description says, so
 * whoever sends first is taken; but the announced source, when it turns up within three seconds, takes the call
 * back: a stranger who guessed the port must not keep it.
 */
const TRIAL_MS = 3000

export class SourceLatch {
  #announced: Source | null = null
  #latched: Source | null = null
  #latchedAtMs = 0

  /** The description says where packets should come from. True when that is news: what was latched is forgotten. */
  announce(source: Source): boolean {
    if (this.#announced && same(this.#announced, source)) return false
    this.#announced = source
    this.#latched = null
    return true
  }

  /** Whoever sends next is taken. */
  forget(): void {
    this.#latched = null
  }

  /** Whether a packet belongs to the call. Its source is latched when nobody is; ask only for packets that are sound. */
  take(source: Source, nowMs: number): boolean {
    if (!this.#announced) return false
    if (this.#latched && same(this.#latched, source)) return true
    if (this.#latched && !(this.#onTrial(nowMs) && same(this.#announced, source))) return false
    this.#latched = source
    this.#latchedAtMs = nowMs
    return true
  }

  /** Where to send: to the one latched, else to the one announced. */
  get target(): Source | null {
    return this.#latched ?? this.#announced
  }

  /** The source that nobody can take the call from any more; null while that is open. */
  settled(nowMs: number): Source | null {
    return this.#latched && !this.#onTrial(nowMs) ? this.#latched : null
  }

  #onTrial(nowMs: number): boolean {
    return !same(this.#latched!, this.#announced!) && nowMs - this.#latchedAtMs < TRIAL_MS
  }
}

function same(one: Source, other: Source): boolean {
  return one.port === other.port && one.address === other.address
}
