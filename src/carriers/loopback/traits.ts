import type { CarrierTraits } from '../carrier.ts'

/** A simulated network knows every call at once, so that look-ups can be early and few: three, two seconds apart. */
export const LOOPBACK_TRAITS: CarrierTraits = {
  lookUpIsComplete: true,
  firstLookUpDelayMs: 2000,
  nextLookUpDelaysMs: [2000, 2000],
  pollSilentCallAfterMs: 2000,
}
