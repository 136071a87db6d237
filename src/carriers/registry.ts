import type { CarrierKind } from './carrier.ts'
import { invitation } from './invitation/carrier.ts'
import { loopback } from './loopback/carrier.ts'
import { sip } from './sip/carrier.ts'

/** Every kind of trunk this version can open. The only place that names carriers. */
export const CARRIER_KINDS: readonly CarrierKind[] = [loopback, invitation as CarrierKind, sip]

/** The kind of trunk that `trunk.carrier` names, or undefined when this version has none of that name. */
export function carrierKind(name: string): CarrierKind | undefined {
  return CARRIER_KINDS.find(({ kind }) => kind === name)
}
