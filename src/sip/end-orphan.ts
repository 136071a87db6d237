import type { Authorization } from './authorization.ts'
import type { CallRecord } from './call-record.ts'
import { nextHop, requestInDialog } from './dialog.ts'
import type { SipEndpoint } from './endpoint.ts'
import { cancelRequest } from './invite.ts'
import type { SipRequest, SipResponse } from './message.ts'
import type { Peer } from './peer.ts'

/** Far above what the process that placed the call can have used. */
const SEQUENCE_STEP = 1000
const REACH_MS = 4000

/**
 * What became of a call that another process placed, and that this one ended.
 * - `answered`: it had been answered, perhaps while nobody was there to hear it.
 * - `not-answered`: it was ringing and is not any more.
 * - `unknown`: the other side does not know it.
 * - `unheard`: nothing answered, so the call may still live.
 */
export type OrphanEnd = 'answered' | 'not-answered' | 'unknown' | 'unheard'

/**
 * Ends a call from its record: CANCEL while it was not answered, BYE once it was. After a CANCEL that found the call, a
 * BYE asks whether somebody had answered meanwhile: one who knows the dialog after its INVITE was cancelled has answered.
 *
 * Resolves when the other side has answered, at the latest after twice 32 s. Never rejects.
 */
export async function endOrphan(
  endpoint: SipEndpoint,
  record: CallRecord,
  options: { authorization: Authorization; certificateAuthority: string | null },
): Promise<OrphanEnd> {
  const { peer } = record.leg
  try {
    await endpoint.reach(peer, { withinMs: REACH_MS, certificateAuthority: options.certificateAuthority })
  } catch {
    return 'unheard'
  }
  if (record.answered) {
    return (await sendBye(endpoint, record, options.authorization)) === null ? 'unheard' : 'answered'
  }
  // Its Via stays that of the process that is gone, since it names the INVITE; the answer finds us by `rport`.
  const cancelled = await finalAnswer(endpoint, cancelRequest(record), peer)
  if (cancelled === null) return 'unheard'
  if (cancelled.status >= 300) return 'unknown'
  if (record.dialog === null) return 'not-answered'
  const bye = await sendBye(endpoint, record, options.authorization)
  return bye !== null && bye.status < 300 ? 'answered' : 'not-answered'
}

function sendBye(endpoint: SipEndpoint, record: CallRecord, authorization: Authorization): Promise<SipResponse | null> {
  const { dialog } = record
  if (dialog === null) return Promise.resolve(null)
  const leg = { ...record.leg, sentBy: endpoint.namesFor(record.leg.peer, 'carillon').sentBy }
  const make = (sequence: number) =>
    requestInDialog(leg, dialog, { method: 'BYE', sequence: record.sequence + SEQUENCE_STEP + sequence })
  return endpoint.ask(make, nextHop(leg, dialog), authorization)
}

function finalAnswer(endpoint: SipEndpoint, request: SipRequest, peer: Peer): Promise<SipResponse | null> {
  return new Promise((resolve) => {
    const sent = endpoint.request(request, peer, {
      onResponse: (response) => {
        if (response.status >= 200) resolve(response)
      },
      onFailure: () => resolve(null),
    })
    if (sent === null) resolve(null)
  })
}
