import type { Clock, Timer } from '../clock.ts'
import type { DispatchStore } from '../store/dispatch-store.ts'
import type { DispatcherLog } from './dispatcher-log.ts'
import type { Chores } from './organization-desk.ts'

/** How often a node looks for work that nobody told it of: what other nodes left, and slots they freed unused. */
const ROUND_MS = 250
/** Orphans are looked for less often: a dead node shows after its lease of ten seconds anyway. */
const ROUNDS_PER_ORPHAN_SEARCH = 4
/** A node that is taken for dead may be slow instead, and commit a claim long after. */
const ROUNDS_PER_THOROUGH_SEARCH = 40
/** A start that comes sooner than the next round gets a timer of its own; a later one is asked for again. */
const SOON_MS = 600

export interface PatrolOptions {
  readonly store: DispatchStore
  readonly clock: Clock
  readonly log: DispatcherLog
  readonly visit: (organizationId: number, chores: Partial<Chores>) => void
}

/**
 * The rounds of a node: which organizations have work. Everything read here may be stale; a visit finds out under the
 * gate. Nothing depends on the rounds for correctness but the liveness of what no event of this node will move.
 */
export class Patrol {
  readonly #options: PatrolOptions
  #timer: Timer | null = null
  #startTimer: Timer | null = null
  #round = 0
  #stopped = false

  constructor(options: PatrolOptions) {
    this.#options = options
  }

  start(): void {
    this.#walk()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#startTimer?.cancel()
  }

  #walk(): void {
    this.#look()
      .catch((error) => this.#options.log.warn({ err: error }, 'A patrol could not read the database'))
      .finally(() => {
        if (!this.#stopped) this.#timer = this.#options.clock.setTimer(ROUND_MS, () => this.#walk())
      })
  }

  async #look(): Promise<void> {
    const { store, visit } = this.#options
    await this.#startDue()
    for (const organizationId of await store.organizationsWithOpenBatches()) visit(organizationId, {})
    const round = this.#round++
    if (round % ROUNDS_PER_ORPHAN_SEARCH !== 0) return
    const always = round % ROUNDS_PER_THOROUGH_SEARCH === 0
    for (const organizationId of await store.organizationsWithOrphans({ always }))
      visit(organizationId, { adopt: true })
  }

  /** Visits organizations with a start or an expiry that has come, and arms a timer for one that comes soon. */
  async #startDue(): Promise<void> {
    const { store, clock, visit } = this.#options
    const { organizationIds, nextInMs } = await store.dueBatches()
    if (this.#stopped) return
    for (const organizationId of organizationIds) visit(organizationId, { turn: true })
    this.#startTimer?.cancel()
    this.#startTimer = null
    if (nextInMs === null || nextInMs > SOON_MS) return
    this.#startTimer = clock.setTimer(nextInMs, () => {
      this.#startDue().catch(() => undefined)
    })
  }
}
