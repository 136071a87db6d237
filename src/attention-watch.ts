import type { Clock, Timer } from './clock.ts'
import type { CommandContext } from './commands/context.ts'
import { findAttention } from './commands/find-attention.ts'
import type { FailingCycles } from './commands/report-troubles.ts'
import { reportTroubles, whoseAttention } from './commands/report-troubles.ts'
import type { AttentionKind } from './model/attention.ts'

/** A pause between two walks; with many organizations a walk itself takes longer. */
const WALK_EVERY_MS = 30_000

export interface AttentionWatchOptions {
  readonly commands: CommandContext
  readonly clock: Clock
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
  /** What this node fails at now. */
  readonly failing: () => { readonly nodeId: number; readonly cycles: readonly FailingCycles[] }
}

/**
 * Walks over all organizations from time to time, one after another and over one connection, and keeps what it found for
 * the metrics. What appears and what goes is logged once. It is also what tells the other nodes of this node's troubles.
 */
export class AttentionWatch {
  readonly #options: AttentionWatchOptions
  #counts = new Map<AttentionKind, number>()
  #logged = new Set<string>()
  #walkedAtMonotonicMs: number | null = null
  #timer: Timer | null = null
  #walking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: AttentionWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#walking
  }

  /** Findings of the last walk over all organizations; 0 before the first. */
  count(kind: AttentionKind): number {
    return this.#counts.get(kind) ?? 0
  }

  /** Seconds since the last walk that ended well; null before the first. */
  get ageSeconds(): number | null {
    if (this.#walkedAtMonotonicMs === null) return null
    return (this.#options.clock.monotonicMs() - this.#walkedAtMonotonicMs) / 1_000
  }

  /** One walk. Throws what the database throws; figures of the walk before stay then. */
  async walk(): Promise<void> {
    const { commands, clock, failing } = this.#options
    const { nodeId, cycles } = failing()
    await reportTroubles(commands, nodeId, cycles)
    const counts = new Map<AttentionKind, number>()
    const seen = new Set<string>()
    for (const organizationId of await whoseAttention(commands)) {
      if (this.#stopped) return
      for (const { kind, objectId, count, reason } of await findAttention(commands, { organizationId })) {
        counts.set(kind, (counts.get(kind) ?? 0) + 1)
        const key = JSON.stringify({ organizationId, kind, objectId })
        if (!seen.has(key)) this.#note(key, { organizationId, kind, objectId, count, reason })
        seen.add(key)
      }
    }
    for (const key of this.#logged) {
      if (!seen.has(key)) this.#options.log.info(JSON.parse(key), 'Needs no attention any more')
    }
    this.#logged = seen
    this.#counts = counts
    this.#walkedAtMonotonicMs = clock.monotonicMs()
  }

  #note(key: string, fields: object): void {
    if (!this.#logged.has(key)) this.#options.log.warn(fields, 'Needs attention')
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(WALK_EVERY_MS, () => {
      this.#walking = this.walk()
        .catch((error: unknown) => this.#options.log.warn({ err: error }, 'A walk over the organizations failed'))
        .then(() => this.#arm())
    })
  }
}
