/** Numbers that look random and are the same for the same seed, so that a round can be run again. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let value = this.#state
    value = Math.imul(value ^ (value >>> 15), value | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }

  between(from: number, below: number): number {
    return from + this.next() * (below - from)
  }

  /** A whole number from 0 to below `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const result = [...items]
    for (let at = result.length - 1; at > 0; at--) {
      const other = this.below(at + 1)
      ;[result[at], result[other]] = [result[other]!, result[at]!]
    }
    return result
  }
}
