import type { Carrier, CarrierContext, CarrierKind } from '../../src/carriers/carrier.ts'
import { loopback } from '../../src/carriers/loopback/carrier.ts'

/** What every trunk is opened with in the engine bench, whatever carrier its row names. */
export const instantCarrierKind: CarrierKind = { ...loopback, open: (_settings, context) => instantCarrier(context) }

/**
 * A telephone network without time: every call is accepted, rings, is answered and ends as fast as the product makes
 * each of these durable, and no step is told before the one before it is on disk. The id has the length of Twilio's.
 */
function instantCarrier({ clock, report }: Pick<CarrierContext, 'clock' | 'report'>): Carrier {
  let placed = 0
  return {
    traits: {
      lookUpIsComplete: false,
      firstLookUpDelayMs: 60_000,
      nextLookUpDelaysMs: [],
      pollSilentCallAfterMs: 600_000,
    },
    place({ ref }) {
      placed += 1
      const carrierCallId = `CA${placed.toString(16).padStart(32, '0')}`
      const at = () => clock.nowEpochMs()
      const end = () => report({ ref, kind: 'ended', atEpochMs: at(), disposition: 'answered', cause: 'agent-hung-up' })
      const answer = () => report({ ref, kind: 'answered', atEpochMs: at(), answeredBy: 'not-detected' }, end)
      const ring = () => report({ ref, kind: 'ringing', atEpochMs: at() }, answer)
      report({ ref, kind: 'accepted', atEpochMs: at(), carrierCallId }, ring)
    },
    hangUp() {},
    lookUp: async () => ({ found: false, reason: 'cannot-tell' }),
    probe: async () => true,
    close: async () => undefined,
  }
}
