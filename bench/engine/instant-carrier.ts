import type { Carrier, CarrierContext, CarrierKind } from '../../src/carriers/carrier.ts'
import { loopback } from '../../src/carriers/loopback/carrier.ts'

/** What every trunk is opened with in the engine bench, whatever carrier its row names. */
export const instantCarrierKind: CarrierKind = { ...loopback, open: (_settings, context) => instantCarrier(context) }

/** An id is `CA` and 32 hexadecimal digits, the last twelve of which count. */
const ID_START = `CA${'0'.repeat(20)}`
const ID_MIN = 0x100000000000

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
      const carrierCallId = ID_START + (ID_MIN + placed).toString(16)
      let step = 0
      // One function for all steps: what the network costs counts as the product's.
      const next = () => {
        const atEpochMs = clock.nowEpochMs()
        step += 1
        if (step === 1) report({ ref, kind: 'accepted', atEpochMs, carrierCallId }, next)
        else if (step === 2) report({ ref, kind: 'ringing', atEpochMs }, next)
        else if (step === 3) report({ ref, kind: 'answered', atEpochMs, answeredBy: 'not-detected' }, next)
        else report({ ref, kind: 'ended', atEpochMs, disposition: 'answered', cause: 'agent-hung-up' })
      }
      next()
    },
    hangUp() {},
    lookUp: async () => ({ found: false, reason: 'cannot-tell' }),
    probe: async () => true,
    close: async () => undefined,
  }
}
