import { createHash } from 'node:crypto'
import { Coverage } from './coverage.ts'
import { Random } from './random.ts'

const NOW = Promise.resolve()

interface Scheduled {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** One line of the history: what happened, where, to whom. */
export interface HistoryLine {
  readonly atMs: number
  readonly what: string
  /** A person `organization/batch:seq`, an attempt `organization/batch:seq:n`, a node, a trunk, a batch. */
  readonly about: string
}

/**
 * Time, chance and order of one run. Everything that happens is an entry of one queue; after each entry every promise
 * that it settled is followed to its end before the next entry runs. So a seed decides everything.
 */
export class VirtualWorld {
  readonly random: Random
  readonly coverage = new Coverage()
  readonly history: HistoryLine[] = []
  /** Wall clock of the database at the start. */
  readonly startEpochMs: number
  nowMs = 0
  steps = 0
  /** Requests and callbacks on their way between providers and nodes. */
  underway = 0
  #order = 0
  #pendingIo = 0
  readonly #heap: Scheduled[] = []

  constructor(seed: number, startEpochMs: number) {
    this.random = new Random(seed)
    this.startEpochMs = startEpochMs
  }

  /** The database's time, which is the one that counts. */
  get nowEpochMs(): number {
    return this.startEpochMs + this.nowMs
  }

  /** Runs something once, `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    const entry = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run }
    const heap = this.#heap
    heap.push(entry)
    let index = heap.length - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  note(about: string, what: string): void {
    this.history.push({ atMs: this.nowMs, about, what })
  }

  /** Real work of a database on its way: virtual time stands still until it is done. */
  async whileReal<T>(work: () => Promise<T>): Promise<T> {
    this.#pendingIo++
    try {
      return await work()
    } finally {
      this.#pendingIo--
    }
  }

  /** The same in reverse: inside real work, something that takes virtual time. */
  async whileVirtual<T>(work: () => Promise<T>): Promise<T> {
    this.#pendingIo--
    try {
      return await work()
    } finally {
      this.#pendingIo++
    }
  }

  /** Lets time pass until `untilMs`, or until `done` says so. */
  run(untilMs: number, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (this.#pendingIo > 0) setImmediate(step)
          else if (!done() && this.#step(untilMs)) NOW.then(follow)
          else resolve()
        } catch (error) {
          reject(error)
        }
      }
      // A tick of Node.js that a microtask asks for comes after all microtasks, those that microtasks make included.
      const follow = (): void => process.nextTick(step)
      NOW.then(follow)
    })
  }

  /** Runs the entry that comes next; false: there is none before `untilMs`, which it is now. */
  #step(untilMs: number): boolean {
    const next = this.#heap[0]
    if (!next || next.atMs > untilMs) {
      this.nowMs = untilMs
      return false
    }
    this.#pop()
    if (next.atMs > this.nowMs) this.nowMs = next.atMs
    this.steps++
    next.run()
    return true
  }

  /** The same seed gives the same hash, on every machine. */
  traceHash(): string {
    const hash = createHash('sha256')
    for (const { atMs, about, what } of this.history) hash.update(`${atMs} ${about} ${what}\n`)
    return hash.update(`${this.steps} ${this.nowMs}`).digest('hex').slice(0, 16)
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

function isBefore(one: Scheduled, other: Scheduled): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}
