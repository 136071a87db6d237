import type { CallRequest, Carrier, CarrierContext, CarrierKind } from '../../src/carriers/carrier.ts'
import { loopback } from '../../src/carriers/loopback/carrier.ts'
import { seededRandom } from '../support/statistics.ts'

/** What happened at this carrier, by the machine's clock, so that nodes can be compared. */
export interface Observed {
  /** Which batch: the number that its calls are made from. */
  readonly callers: string[]
  /** When a create-call was written, one entry a call, beside `callers`. */
  readonly placedAt: number[]
  readonly endedCallers: string[]
  /** When a call was over at the carrier: from then on its slot is free in truth. */
  readonly endedAt: number[]
  /** Milliseconds from telling an event until it was durable, and when it was told. */
  readonly durableMs: number[]
  readonly durableAt: number[]
}

export function nowEpochMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Calls as people make them: it rings for some seconds, they talk for a while, some shortly and a few for long. */
export function timedCarrierKind(options: { seed: number; callSeconds: number }): {
  kind: CarrierKind
  observed: Observed
} {
  const observed: Observed = { callers: [], placedAt: [], endedCallers: [], endedAt: [], durableMs: [], durableAt: [] }
  const random = seededRandom(options.seed)
  const kind = { ...loopback, open: (_settings: unknown, context: CarrierContext) => timedCarrier(context) }
  let placed = 0

  function timedCarrier({ clock, report }: CarrierContext): Carrier {
    const tell = (event: Parameters<typeof report>[0]) => {
      const from = performance.now()
      report(event, () => {
        observed.durableMs.push(performance.now() - from)
        observed.durableAt.push(nowEpochMs())
      })
    }
    return {
      traits: {
        lookUpIsComplete: false,
        firstLookUpDelayMs: 60_000,
        nextLookUpDelaysMs: [],
        pollSilentCallAfterMs: 3_600_000,
      },
      place({ ref, from }: CallRequest) {
        observed.callers.push(from)
        observed.placedAt.push(nowEpochMs())
        placed += 1
        const carrierCallId = `CA${placed.toString(16).padStart(32, '0')}`
        const at = () => clock.nowEpochMs()
        // A third of the mean rings, the rest is talk: exponential, with half a second at least.
        const ringMs = options.callSeconds * 1000 * (0.1 + 0.4 * random())
        const talkMs = 500 - Math.log(1 - random()) * options.callSeconds * 700
        setTimeout(() => tell({ ref, kind: 'accepted', atEpochMs: at(), carrierCallId }), 20 + 60 * random())
        setTimeout(() => tell({ ref, kind: 'ringing', atEpochMs: at() }), 100 + 200 * random())
        setTimeout(() => tell({ ref, kind: 'answered', atEpochMs: at(), answeredBy: 'not-detected' }), 300 + ringMs)
        setTimeout(
          () => {
            observed.endedCallers.push(from)
            observed.endedAt.push(nowEpochMs())
            tell({ ref, kind: 'ended', atEpochMs: at(), disposition: 'answered', cause: 'agent-hung-up' })
          },
          300 + ringMs + talkMs,
        )
      },
      hangUp() {},
      lookUp: async () => ({ found: false, reason: 'cannot-tell' }),
      probe: async () => true,
      close: async () => undefined,
    }
  }
  return { kind, observed }
}
