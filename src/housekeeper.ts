import { type Clock, sleep, type Timer } from './clock.ts'
import type { CommandContext } from './commands/context.ts'
import { eraseStep, retentionStep } from './commands/erase-in-steps.ts'
import { foldStep } from './commands/fold-counts.ts'
import { sealStep } from './commands/seal-audit.ts'

const ERASE_EVERY_MS = 5_000
/** Of rounds of the above. */
const RETENTION_EVERY = 720
/** Between two steps, so that they take a part of one connection and of the disk at most. */
const BETWEEN_STEPS_MS = 50

export interface HousekeeperOptions {
  readonly commands: Pick<CommandContext, 'database' | 'secrets'>
  readonly clock: Clock
  readonly log: { warn(fields: object, message: string): void }
  /** Null: people are kept, where their organization says nothing else. */
  readonly retentionDays: number | null
}

/**
 * In small steps beside everything else: erases who asked for it and who was kept long enough, folds the kept counts of
 * lists, and seals the audit log.
 */
export class Housekeeper {
  readonly #options: HousekeeperOptions
  #timer: Timer | null = null
  #working: Promise<void> = Promise.resolve()
  #round = 0
  #stopped = false

  constructor(options: HousekeeperOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(ERASE_EVERY_MS, () => {
      this.#working = this.#work().then(() => this.start())
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#working
  }

  async #work(): Promise<void> {
    const { commands, log, retentionDays } = this.#options
    try {
      await this.#steps(() => foldStep(commands))
      await this.#steps(() => eraseStep(commands))
      if (this.#round++ % RETENTION_EVERY === 0) await this.#steps(() => retentionStep(commands, retentionDays))
    } catch (error) {
      log.warn({ err: error }, 'Counts could not be folded, or somebody not be erased who is to be; it is tried again')
    }
    // Apart, so that neither keeps the other from being done.
    try {
      await this.#steps(() => sealStep(commands))
    } catch (error) {
      log.warn({ err: error }, 'The audit log could not be sealed; it is tried again')
    }
  }

  async #steps(step: () => Promise<boolean>): Promise<void> {
    while (!this.#stopped && (await step())) await sleep(this.#options.clock, BETWEEN_STEPS_MS)
  }
}
