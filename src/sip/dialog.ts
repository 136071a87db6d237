import { isIP } from 'node:net'
import { hostPort, parseNameAddress, parseUri, tagOf } from './addresses.ts'
import { SipHeaders, type SipRequest, type SipResponse } from './message.ts'
import type { Peer } from './peer.ts'
import { isPrivateAddress } from './private-address.ts'
import { randomName } from './random-name.ts'

export const USER_AGENT = 'Carillon'
/** What we answer within a call. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO'

/** What names one call on the wire from its first INVITE on; all of it is text that can be stored. */
export interface CallLeg {
  readonly callId: string
  readonly localTag: string
  /** Address of the caller, without a tag: `<sip:…>`. */
  readonly from: string
  /** Address of the called person, without a tag. */
  readonly to: string
  /** The Request-URI of the INVITE. */
  readonly requestUri: string
  readonly peer: Peer
  /** The sent-by of our Via. */
  readonly sentBy: string
  /** `<sip:…>`: where requests of the other side shall come. */
  readonly contact: string
}

/** What the other side added when it answered. */
export interface DialogPart {
  readonly remoteTag: string
  /** The URI that requests within the call go to. */
  readonly target: string
  /** From the first hop on. */
  readonly routes: readonly string[]
}

const VIA_TRANSPORT = { udp: 'UDP', tcp: 'TCP', tls: 'TLS' } as const

/** Names one request. */
export function newBranch(): string {
  return `z9hG4bK${randomName()}`
}

/** Names our side of one call. */
export function newTag(): string {
  return randomName()
}

/** Via, the two addresses and what every request of a call begins with. */
export function requestHeaders(
  leg: CallLeg,
  options: { method: string; sequence: number; branch: string; remoteTag?: string | undefined },
): SipHeaders {
  const { method, sequence, branch, remoteTag } = options
  return new SipHeaders()
    .add('via', `SIP/2.0/${VIA_TRANSPORT[leg.peer.transport]} ${leg.sentBy};branch=${branch};rport`)
    .add('max-forwards', '70')
    .add('from', `${leg.from};tag=${leg.localTag}`)
    .add('to', remoteTag ? `${leg.to};tag=${remoteTag}` : leg.to)
    .add('call-id', leg.callId)
    .add('cseq', `${sequence} ${method}`)
    .add('user-agent', USER_AGENT)
}

/** The dialog that an answer to our INVITE makes; null while the answer carries no tag. */
export function dialogPartOf(leg: CallLeg, response: SipResponse): DialogPart | null {
  const remoteTag = tagOf(response.headers.get('to'))
  if (remoteTag === null) return null
  return {
    remoteTag,
    target: contactUri(response.headers) ?? leg.requestUri,
    routes: response.headers.list('record-route').reverse(),
  }
}

/** The URI of the Contact header, when it is one that a request can be sent to. */
export function contactUri(headers: SipHeaders): string | null {
  const line = headers.get('contact') ?? ''
  const value = line.includes(',') ? headers.list('contact')[0] : line
  const uri = value ? (parseNameAddress(value)?.uri ?? null) : null
  return uri !== null && /^[^\s<>"]{1,2048}$/.test(uri) && parseUri(uri) !== null ? uri : null
}

/** A request within the dialog, unsigned and without a body. */
export function requestInDialog(
  leg: CallLeg,
  dialog: DialogPart,
  { method, sequence, branch = newBranch() }: { method: string; sequence: number; branch?: string },
): SipRequest {
  const headers = requestHeaders(leg, { method, sequence, branch, remoteTag: dialog.remoteTag })
  const [first] = dialog.routes
  const firstUri = first === undefined ? null : (parseNameAddress(first)?.uri ?? null)
  // A first hop without `lr` routes by the Request-URI, as RFC 2543 did (RFC 3261 12.2.1.1).
  const strict = firstUri !== null && !(parseUri(firstUri)?.parameters.has('lr') ?? true)
  const routes = strict ? [...dialog.routes.slice(1), `<${dialog.target}>`] : dialog.routes
  for (const route of routes) headers.add('route', route)
  if (method === 'INVITE' || method === 'UPDATE') headers.add('contact', leg.contact).add('allow', ALLOW)
  return { kind: 'request', method, uri: strict ? firstUri : dialog.target, headers, body: Buffer.alloc(0) }
}

/**
 * Where a request within the dialog goes: by RFC 3261 to its first route, else to its target. We follow that for UDP
 * and literal addresses only, and not from a public trunk to a private address that somebody forgot to translate;
 * everywhere else the way to the trunk is the right one, and over a connection it is the only one.
 */
export function nextHop(leg: CallLeg, dialog: DialogPart): Peer {
  const { peer } = leg
  const [first] = dialog.routes
  const uri = parseUri(first === undefined ? dialog.target : (parseNameAddress(first)?.uri ?? ''))
  if (peer.transport !== 'udp' || uri === null || uri.scheme !== 'sip' || isIP(uri.host) === 0) return peer
  if (isIP(uri.host) !== isIP(peer.address) || (uri.parameters.get('transport') ?? 'udp').toLowerCase() !== 'udp')
    return peer
  const port = uri.port ?? 5060
  if (uri.host === peer.address) return port === peer.port ? peer : { ...peer, port }
  if (isPrivateAddress(uri.host) && !isPrivateAddress(peer.address)) return peer
  return { ...peer, address: uri.host, port }
}

export function contactOf(user: string, name: { host: string; port: number }, peer: Peer): string {
  const transport = peer.transport === 'udp' ? '' : `;transport=${peer.transport}`
  return `<sip:${user}@${hostPort(name.host, name.port)}${transport}>`
}
