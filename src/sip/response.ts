import { tagOf, topVia } from './addresses.ts'
import { SipHeaders, type SipRequest, type SipResponse } from './message.ts'
import type { Peer } from './peer.ts'

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  420: 'Bad Extension',
  481: 'Call/Transaction Does Not Exist',
  488: 'Not Acceptable Here',
  491: 'Request Pending',
  500: 'Server Internal Error',
  603: 'Decline',
}

export interface ResponseOptions {
  readonly status: keyof typeof REASONS & number
  readonly peer: Peer
  /** Ours, put into To where the request has none. */
  readonly localTag?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Buffer
}

/** A final answer to a request, with what every answer repeats of it. */
export function responseTo(request: SipRequest, options: ResponseOptions): SipResponse {
  const { status, peer, localTag, body = Buffer.alloc(0) } = options
  const headers = new SipHeaders()
  for (const [index, via] of request.headers.list('via').entries()) {
    headers.add('via', index === 0 ? seenVia(request, via, peer) : via)
  }
  for (const route of request.headers.all('record-route')) headers.add('record-route', route)
  headers.add('from', request.headers.get('from')!)
  const to = request.headers.get('to')!
  headers.add('to', tagOf(to) === null && localTag !== undefined ? `${to};tag=${localTag}` : to)
  headers.add('call-id', request.headers.get('call-id')!)
  headers.add('cseq', request.headers.get('cseq')!)
  for (const [name, value] of options.headers ?? []) headers.add(name, value)
  return { kind: 'response', status, reason: REASONS[status] ?? '', headers, body }
}

/** Where the request really came from, as RFC 3581 wants it. */
function seenVia(request: SipRequest, via: string, peer: Peer): string {
  const parameters = topVia(request.headers)?.parameters
  const asked = parameters?.get('rport') === ''
  const withPort = asked ? via.replace(/;\s*rport(?=\s*(;|$))/i, `;rport=${peer.port}`) : via
  return parameters?.has('received') ? withPort : `${withPort};received=${peer.address}`
}
