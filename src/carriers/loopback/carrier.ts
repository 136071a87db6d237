import type { CarrierKind } from '../carrier.ts'
import { type LoopbackSettings, loopbackSettings } from './config.ts'
import { InProcessLoopback } from './in-process.ts'
import { RemoteLoopback } from './remote.ts'

/** A simulated telephone network: the last two digits of a number decide what becomes of a call to it. */
export const loopback: CarrierKind<LoopbackSettings> = {
  kind: 'loopback',
  summary: 'A simulated telephone network: no telephone rings, the last two digits of a number decide the outcome.',
  settings: loopbackSettings,
  takesAnyNumber: true,
  open(settings, context) {
    return settings.url === undefined ? new InProcessLoopback(settings, context) : new RemoteLoopback(settings, context)
  },
}
