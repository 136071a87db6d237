import type { CallRecord } from './call-record.ts'
import { ALLOW, type CallLeg, type DialogPart, requestHeaders, requestInDialog } from './dialog.ts'
import type { SipHeaders, SipRequest } from './message.ts'

/** What of an INVITE is needed once it is written: for its CANCEL, and for the ACK of whoever answers. */
export interface WrittenInvite {
  readonly branch: string
  readonly sequence: number
  readonly credentials: readonly (readonly [name: string, value: string])[]
}

/** The INVITE of a call: the first with `sequence` 1 more than nothing, a challenged one again with the next. */
export function inviteRequest(
  leg: CallLeg,
  options: {
    branch: string
    sequence: number
    offer: Buffer
    headers: readonly (readonly [name: string, value: string])[]
  },
): SipRequest {
  const { branch, sequence, offer } = options
  const headers = requestHeaders(leg, { method: 'INVITE', sequence, branch })
    .add('contact', leg.contact)
    .add('allow', ALLOW)
    .add('supported', 'timer, 100rel')
    .add('accept', 'application/sdp')
    .add('content-type', 'application/sdp')
  for (const [name, value] of options.headers) headers.add(name, value)
  return { kind: 'request', method: 'INVITE', uri: leg.requestUri, headers, body: offer }
}

/**
 * The ACK of a 2xx is a request of its own within the dialog, with a branch of its own, that repeats the credentials of its
 * INVITE. Written again for a 2xx that came again it must be the same to the letter: that is how peers know it.
 */
export function ackRequest(
  leg: CallLeg,
  dialog: DialogPart,
  { branch, sequence, credentials }: WrittenInvite,
): SipRequest {
  const ack = requestInDialog(leg, dialog, { method: 'ACK', sequence, branch })
  for (const [name, value] of credentials) ack.headers.add(name, value)
  return ack
}

/** Cancels the INVITE of a record: it must repeat what named that INVITE, branch and sequence number included. */
export function cancelRequest({ leg, inviteBranch, sequence }: CallRecord): SipRequest {
  const headers: SipHeaders = requestHeaders(leg, { method: 'CANCEL', sequence, branch: inviteBranch })
  return { kind: 'request', method: 'CANCEL', uri: leg.requestUri, headers, body: Buffer.alloc(0) }
}
