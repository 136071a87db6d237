import type { CarrierKind } from '../carrier.ts'
import { type SipSettings, sipSettings } from './config.ts'
import { SipTrunk } from './trunk.ts'

/** A telephone line over SIP: real telephones ring. */
export const sip: CarrierKind<SipSettings> = {
  kind: 'sip',
  summary: 'A SIP trunk of any provider or exchange; this server carries the sound of the calls itself.',
  settings: sipSettings,
  takesAnyNumber: false,
  open: (settings, context) => new SipTrunk(settings, context),
}
