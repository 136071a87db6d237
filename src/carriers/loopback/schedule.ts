import type { Clock, Timer } from '../../clock.ts'

/** Items run in one turn before others of this process get theirs. */
const RUNS_PER_TURN = 2000

interface Entry<Item> {
  readonly dueMonotonicMs: number
  readonly item: Item
}

/**
 * Runs items at their instants with one timer of the clock for all of them: a binary heap, so that ten thousand
 * calls cost no timers. Items run in the order of their instants, never before them.
 */
export class Schedule<Item> {
  readonly #clock: Clock
  readonly #run: (item: Item) => void
  readonly #heap: Entry<Item>[] = []
  #timer: Timer | null = null
  #timerDueMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(clock: Clock, run: (item: Item) => void) {
    this.#clock = clock
    this.#run = run
  }

  /** Never runs the item before it returns, even when its instant has passed. */
  add(dueMonotonicMs: number, item: Item): void {
    if (this.#closed) return
    this.#rise({ dueMonotonicMs, item })
    this.#arm()
  }

  /** Nothing runs any more. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#heap.length = 0
  }

  #arm(): void {
    const head = this.#heap[0]
    if (this.#closed || head === undefined || head.dueMonotonicMs >= this.#timerDueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = head.dueMonotonicMs
    const delayMs = Math.max(0, Math.ceil(head.dueMonotonicMs - this.#clock.monotonicMs()))
    this.#timer = this.#clock.setTimer(delayMs, () => this.#turn())
  }

  #turn(): void {
    this.#timer = null
    this.#timerDueMs = Number.POSITIVE_INFINITY
    try {
      const nowMs = this.#clock.monotonicMs()
      for (let runs = 0; runs < RUNS_PER_TURN; runs++) {
        const head = this.#heap[0]
        if (head === undefined || head.dueMonotonicMs > nowMs) break
        this.#dropHead()
        this.#run(head.item)
      }
    } finally {
      this.#arm()
    }
  }

  #rise(entry: Entry<Item>): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]!
      if (parent.dueMonotonicMs <= entry.dueMonotonicMs) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = entry
  }

  #dropHead(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= heap.length) break
      if (childAt + 1 < heap.length && heap[childAt + 1]!.dueMonotonicMs < heap[childAt]!.dueMonotonicMs) childAt++
      if (heap[childAt]!.dueMonotonicMs >= last.dueMonotonicMs) break
      heap[at] = heap[childAt]!
      at = childAt
    }
    heap[at] = last
  }
}
