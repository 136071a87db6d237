import type { Clock } from '../../clock.ts'
import { hostText } from '../../sip/addresses.ts'
import { newTag } from '../../sip/dialog.ts'
import type { SipEndpoint } from '../../sip/endpoint.ts'
import type { OutgoingCallOptions } from '../../sip/outgoing-call.ts'
import type { Peer } from '../../sip/peer.ts'
import type { CallRequest } from '../carrier.ts'
import type { SipSettings } from './config.ts'
import type { CallSound } from './sound.ts'

/** How a committed intent is written as an INVITE. The Call-ID is our reference, so that logs of both sides meet. */
export function callOptions(
  settings: SipSettings,
  call: { request: CallRequest; peer: Peer; sound: CallSound; sip: SipEndpoint; clock: Clock },
): Omit<OutgoingCallOptions, 'authorization'> {
  const { request, peer, sound, sip, clock } = call
  const domain = hostText(settings.domain ?? settings.host)
  const caller = `sip:${numberText(settings, request.from)}@${domain}`
  const from = settings.fromUser === undefined ? caller : `sip:${settings.fromUser}@${domain}`
  const callee = `sip:${numberText(settings, request.to)}@${domain}`
  const names = sip.namesFor(peer, 'carillon')
  const longestSeconds = request.ringTimeoutSeconds + request.maxCallSeconds
  return {
    leg: {
      callId: request.ref,
      localTag: newTag(),
      from: `<${from}>`,
      to: `<${callee}>`,
      requestUri: callee,
      peer,
      sentBy: names.sentBy,
      contact: names.contact,
    },
    offer: sound.describe(),
    headers: callerHeaders(settings, caller),
    ringTimeoutMs: request.ringTimeoutSeconds * 1000,
    endsByEpochMs: clock.nowEpochMs() + longestSeconds * 1000,
  }
}

/** Digits and at most a plus: nothing of a number can become a parameter or a host. */
function numberText({ numberFormat }: SipSettings, e164: string): string {
  const digits = e164.replace(/\D/g, '')
  return numberFormat === 'plus' ? `+${digits}` : digits
}

function callerHeaders({ callerIn }: SipSettings, caller: string): readonly (readonly [string, string])[] {
  if (callerIn === 'p-asserted-identity') return [['p-asserted-identity', `<${caller}>`]]
  return callerIn === 'remote-party-id' ? [['remote-party-id', `<${caller}>;party=calling`]] : []
}
