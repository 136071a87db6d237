import type { Clock } from '../clock.ts'
import type { CallEvent } from '../model/call-event.ts'
import type { DispatcherLog } from './dispatcher-log.ts'
import type { OrganizationDesk, TrunkHealthChange } from './organization-desk.ts'
import type { TrunkCarriers } from './trunk-carriers.ts'

/** The row of a trunk stays shut for so much longer than the wait before its probe, which opens it. */
const LONGER_MS = 5000

export interface TrunkBreakerOptions {
  readonly clock: Clock
  readonly log: DispatcherLog
  readonly carriers: TrunkCarriers
  /** Something of the organization is to be written. */
  readonly tell: (organizationId: number) => void
}

/** Shuts trunks that fail again and again, so that a list neither spins nor turns `unknown`, and asks when they are back. */
export class TrunkBreaker {
  readonly #options: TrunkBreakerOptions
  #stopped = false

  constructor(options: TrunkBreakerOptions) {
    this.#options = options
  }

  /** What a piece of evidence about a call says of its trunk. */
  note(desk: OrganizationDesk, trunkId: number, event: CallEvent): void {
    const { carriers } = this.#options
    const failed =
      (event.kind === 'not-sent' && event.cause === 'trunk-unreachable') ||
      (event.kind === 'ended' && event.cause === 'carrier-error')
    if (event.kind === 'accepted' || event.kind === 'ringing') {
      if (!carriers.noteSuccess(desk.organizationId, trunkId)) return
      desk.setTrunkHealth(trunkId, { failuresInRow: 0, blockedForMs: null })
    } else if (failed) {
      const shut = carriers.noteFailure(desk.organizationId, trunkId)
      if (shut) this.#shut(desk, trunkId, shut)
    }
  }

  /** Asks no trunk any more. */
  stop(): void {
    this.#stopped = true
  }

  /** Keeps a trunk shut for a while, then asks whether it is back. */
  #shut(desk: OrganizationDesk, trunkId: number, health: TrunkHealthChange): void {
    const { clock, log, carriers, tell } = this.#options
    const { organizationId } = desk
    const { blockedForMs } = health
    desk.setTrunkHealth(trunkId, { ...health, blockedForMs: blockedForMs === null ? null : blockedForMs + LONGER_MS })
    tell(organizationId)
    if (blockedForMs === null) return
    log.warn({ organizationId, trunkId, blockedForMs }, 'A trunk fails and gets no calls')
    clock.setTimer(blockedForMs, () => {
      if (!this.#stopped) carriers.probe(organizationId, trunkId, (next) => this.#shut(desk, trunkId, next))
    })
  }
}
