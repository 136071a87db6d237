/** After a call its ports rest, so that its last packets do not end up in somebody else's. */
const REST_MS = 5000
/** Another program uses it: it may be gone after a while. */
const BUSY_MS = 30_000

interface Aside {
  readonly port: number
  readonly untilMs: number
}

/** Even ports, each with the odd one behind it. The one that was free for longest is taken first. */
export class PortPool {
  #free: number[] = []
  #resting: Aside[] = []
  #busy: Aside[] = []

  /** All pairs within `first` and `last`. `startAt` (0-1) says where to begin: processes that share a range should differ. */
  constructor(range: { first: number; last: number }, startAt: number) {
    for (let port = range.first + (range.first % 2); port < range.last; port += 2) this.#free.push(port)
    const begin = Math.floor(this.#free.length * startAt)
    this.#free = [...this.#free.slice(begin), ...this.#free.slice(0, begin)]
  }

  /** Null when every pair is in use, resting or busy. */
  take(nowMs: number): number | null {
    this.#resting = this.#comeBack(this.#resting, nowMs)
    this.#busy = this.#comeBack(this.#busy, nowMs)
    return this.#free.shift() ?? null
  }

  giveBack(port: number, nowMs: number): void {
    this.#resting.push({ port, untilMs: nowMs + REST_MS })
  }

  /** It could not be bound. */
  setAside(port: number, nowMs: number): void {
    this.#busy.push({ port, untilMs: nowMs + BUSY_MS })
  }

  get freePairs(): number {
    return this.#free.length + this.#resting.length
  }

  get busyPairs(): number {
    return this.#busy.length
  }

  /** Both lists are in the order of their instants. */
  #comeBack(aside: Aside[], nowMs: number): Aside[] {
    const due = aside.findIndex(({ untilMs }) => untilMs > nowMs)
    const back = due < 0 ? aside : aside.slice(0, due)
    if (back.length === 0) return aside
    for (const { port } of back) this.#free.push(port)
    return due < 0 ? [] : aside.slice(due)
  }
}
