import type { Clock, Timer } from '../../src/clock.ts'
import type { Dispatcher } from '../../src/dispatcher/dispatcher.ts'
import type { FaultRates, Point } from './faults.ts'
import type { VirtualWorld } from './virtual-world.ts'

const STALL_MS_MAX = 25_000
/** Timers of a busy process come late; so the rounds of a node cost less here, and come in every order. */
const TIMER_SLACK_MS_MAX = 2_500

const RUNNING = Promise.resolve()

/** One process: it can die, stand still, sleep with its machine, and have a wrong clock. */
export class SimulatedNode implements Clock {
  readonly name: string
  readonly incarnation: number
  readonly #world: VirtualWorld
  readonly #faults: () => FaultRates
  readonly #slackMs: number
  dispatcher!: Dispatcher
  alive = true
  /** When it runs again, in virtual time; in the past: it runs. */
  frozenUntilMs = 0
  #monotonicShiftMs = 1_000_000
  readonly #wallShiftMs: number
  readonly #onDeath = new Set<() => void>()

  constructor(options: {
    world: VirtualWorld
    name: string
    incarnation: number
    faults: () => FaultRates
    wallShiftMs: number
  }) {
    this.#world = options.world
    this.name = options.name
    this.incarnation = options.incarnation
    this.#faults = options.faults
    this.#wallShiftMs = options.wallShiftMs
    this.#slackMs = options.world.random.between(50, TIMER_SLACK_MS_MAX)
  }

  nowEpochMs(): number {
    return this.#world.startEpochMs + this.#localMs + this.#wallShiftMs
  }

  monotonicMs(): number {
    return this.#localMs + this.#monotonicShiftMs
  }

  setTimer(delayMs: number, run: () => void): Timer {
    let cancelled = false
    const lateMs = delayMs > 0 ? Math.floor(this.#world.random.fraction() * this.#slackMs) : 0
    this.#world.after(Math.max(0, delayMs) + lateMs, () => {
      if (!cancelled) this.whenRunning(() => cancelled || run())
    })
    return {
      cancel: () => {
        cancelled = true
      },
    }
  }

  /** Runs something in the process: at once, when it runs again, or never. */
  whenRunning(run: () => void): void {
    if (!this.alive) return
    const waitMs = this.frozenUntilMs - this.#world.nowMs
    if (waitMs <= 0) run()
    else this.#world.after(waitMs, () => this.whenRunning(run))
  }

  /** Asked first, so that a process that runs costs no promise. */
  get runs(): boolean {
    return this.alive && this.frozenUntilMs <= this.#world.nowMs
  }

  /** Resolves when the process runs; never when it is dead. */
  running(): Promise<void> {
    if (this.runs) return RUNNING
    return new Promise((resolve) => this.whenRunning(resolve))
  }

  /** Runs something outside of the process when it dies; returns how to take that back. */
  onDeath(run: () => void): () => void {
    if (!this.alive) run()
    else this.#onDeath.add(run)
    return () => this.#onDeath.delete(run)
  }

  /** In how many milliseconds what the process does now really happens: it may stand still in the middle of a line. */
  get behindMs(): number {
    return Math.max(0, this.frozenUntilMs - this.#world.nowMs)
  }

  /** A named point in the code: with bad luck the process dies here, or stands still. True when it stood still. */
  pass(point: Point): boolean {
    const { random } = this.#world
    const { kill, stall } = this.#faults()
    if (!this.alive) return false
    if (random.chance(kill[point])) {
      this.kill(point)
      return false
    }
    if (!random.chance(stall[point])) return false
    this.stall(random.between(200, STALL_MS_MAX), point)
    return true
  }

  kill(where: string): void {
    if (!this.alive) return
    this.alive = false
    this.#world.note(this.name, `killed at ${where}`)
    if (this.dispatcher.liveCalls > 0) this.#world.coverage.hit('node-killed')
    for (const run of this.#onDeath) run()
    this.#onDeath.clear()
  }

  stall(forMs: number, where: string): void {
    const { random, coverage } = this.#world
    this.frozenUntilMs = Math.max(this.#world.nowMs, this.frozenUntilMs) + forMs
    const sleeps = random.chance(0.3)
    if (sleeps) this.#monotonicShiftMs -= forMs
    this.#world.note(this.name, `${sleeps ? 'sleeps' : 'stands still'} for ${forMs} ms at ${where}`)
    if (sleeps) coverage.hit('node-suspended')
    if (forMs > 10_000) coverage.hit('node-stalled')
  }

  get #localMs(): number {
    return Math.max(this.#world.nowMs, this.frozenUntilMs)
  }
}
