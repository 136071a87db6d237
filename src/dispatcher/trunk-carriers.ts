import type { Carrier } from '../carriers/carrier.ts'
import type { TrunkDefinition } from '../store/definitions.ts'

/** Opens the carrier of a trunk; throws when the settings do not fit its kind. */
export type OpenCarrier = (organizationId: number, trunk: TrunkDefinition) => Carrier

/** Failures in a row after which a trunk gets no more calls until it answered a probe. */
const FAILURES_MAX = 5
const FIRST_PROBE_MS = 1000
const LAST_PROBE_MS = 60_000

/** Edits of a trunk within the time of one call; what waited through more of them cannot be joined any more. */
const FORMERS_MAX = 8

interface OpenTrunk {
  readonly organizationId: number
  readonly definition: TrunkDefinition
  readonly carrier: Carrier
  /** Opened before its edits, newest first, where calls wait in the carrier to be joined. */
  readonly formers: readonly Carrier[]
  failuresInRow: number
  probeAfterMs: number
  probing: boolean
}

/** The carriers a node has opened, one for each trunk it has dialled, and the breaker of each. */
export class TrunkCarriers {
  readonly #open: OpenCarrier
  /** By organization and trunk. Asked for every piece of evidence, so nothing is built to ask it. */
  readonly #trunks = new Map<number, Map<number, OpenTrunk>>()

  constructor(open: OpenCarrier) {
    this.#open = open
  }

  /** Takes the definitions as they are now: a trunk that was edited is opened anew, calls on the old one go on. */
  learn(organizationId: number, definitions: readonly TrunkDefinition[]): void {
    for (const definition of definitions) {
      const known = this.#find(organizationId, definition.trunkId)
      if (known?.definition.version === definition.version) continue
      const carrier = this.#open(organizationId, definition)
      const trunks = this.#trunks.get(organizationId) ?? new Map<number, OpenTrunk>()
      this.#trunks.set(organizationId, trunks)
      trunks.set(definition.trunkId, {
        organizationId,
        definition,
        carrier,
        formers: known?.carrier.join ? [known.carrier, ...known.formers].slice(0, FORMERS_MAX) : [],
        failuresInRow: 0,
        probeAfterMs: FIRST_PROBE_MS,
        probing: false,
      })
    }
  }

  get(organizationId: number, trunkId: number): Carrier | null {
    return this.#find(organizationId, trunkId)?.carrier ?? null
  }

  /** Where a call is: with the trunk as it is now, unless it waits, or was joined, where it was before an edit. */
  holding(organizationId: number, trunkId: number, ref: string): Carrier | null {
    const trunk = this.#find(organizationId, trunkId)
    const former = trunk?.formers.find((each) => each.seatOf?.(ref) !== 'elsewhere')
    return former ?? trunk?.carrier ?? null
  }

  byUuid(trunkUuid: string): { organizationId: number; trunkId: number; carrier: Carrier } | null {
    for (const { definition, organizationId, carrier } of this.#all()) {
      if (definition.trunkUuid === trunkUuid) return { organizationId, trunkId: definition.trunkId, carrier }
    }
    return null
  }

  /** How long to keep the trunk shut after one more failure; null: not yet. */
  noteFailure(organizationId: number, trunkId: number): { failuresInRow: number; blockedForMs: number | null } | null {
    const trunk = this.#find(organizationId, trunkId)
    if (!trunk) return null
    trunk.failuresInRow++
    if (trunk.failuresInRow < FAILURES_MAX) return null
    return { failuresInRow: trunk.failuresInRow, blockedForMs: trunk.probeAfterMs }
  }

  /** True when the trunk had failed before: its row must be told. */
  noteSuccess(organizationId: number, trunkId: number): boolean {
    const trunk = this.#find(organizationId, trunkId)
    if (!trunk || trunk.failuresInRow === 0) return false
    const wasShut = trunk.failuresInRow >= FAILURES_MAX
    trunk.failuresInRow = 0
    trunk.probeAfterMs = FIRST_PROBE_MS
    return wasShut
  }

  /** Asks a shut trunk whether it is back. `told` gets the next state of its breaker. */
  probe(
    organizationId: number,
    trunkId: number,
    told: (health: { failuresInRow: number; blockedForMs: number | null }) => void,
  ): void {
    const trunk = this.#find(organizationId, trunkId)
    if (!trunk || trunk.probing) return
    trunk.probing = true
    trunk.carrier.probe().then(
      (reachable) => {
        trunk.probing = false
        if (reachable) {
          trunk.failuresInRow = 0
          trunk.probeAfterMs = FIRST_PROBE_MS
          told({ failuresInRow: 0, blockedForMs: null })
        } else {
          trunk.probeAfterMs = Math.min(LAST_PROBE_MS, trunk.probeAfterMs * 2)
          told({ failuresInRow: Math.max(FAILURES_MAX, trunk.failuresInRow), blockedForMs: trunk.probeAfterMs })
        }
      },
      () => {
        trunk.probing = false
      },
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#all().flatMap(({ carrier, formers }) => [carrier, ...formers].map((each) => each.close())))
    this.#trunks.clear()
  }

  #find(organizationId: number, trunkId: number): OpenTrunk | undefined {
    return this.#trunks.get(organizationId)?.get(trunkId)
  }

  #all(): OpenTrunk[] {
    return [...this.#trunks.values()].flatMap((trunks) => [...trunks.values()])
  }
}
