import { hostText, parseNameAddress, parseUri, type SipUri } from '../../sip/addresses.ts'
import { Authorization } from '../../sip/authorization.ts'
import type { Credentials } from '../../sip/digest.ts'
import type { SipEndpoint } from '../../sip/endpoint.ts'
import type { SipResponse } from '../../sip/message.ts'
import type { Redirection } from '../../sip/outgoing-call.ts'
import type { Peer } from '../../sip/peer.ts'
import { type NameService, resolvePeers } from '../../sip/resolve.ts'
import type { SipSettings } from './config.ts'

/** Contacts of one redirect that are looked at. */
const CONTACTS_MAX = 3
const FOLLOWED = new Set([300, 301, 302])

export interface RedirectOptions {
  readonly settings: SipSettings
  readonly endpoint: SipEndpoint
  readonly credentials: Credentials | null
  /** The number that is called, in E.164. */
  readonly number: string
  /** What is left of the time in which the call may be sent. */
  readonly leftMs: () => number
  readonly names: NameService | undefined
}

/**
 * Where a redirect leads to, when it is one to follow: the same number at a server that may be called, by the transport of
 * the trunk. Another number would be another person, who may be suppressed, in a call already, or expensive.
 *
 * The password was given for the trunk: another server is answered only in the realm that the trunk's settings name.
 */
export async function followRedirect(response: SipResponse, options: RedirectOptions): Promise<Redirection | null> {
  if (!FOLLOWED.has(response.status)) return null
  for (const value of response.headers.list('contact').slice(0, CONTACTS_MAX)) {
    const uri = parseUri(parseNameAddress(value)?.uri ?? '')
    if (uri === null || !isSameCall(uri, options)) continue
    const peer = await reachable(uri, options).catch(() => null)
    if (options.leftMs() <= 0) return null
    if (peer !== null) return redirection(uri, peer, options)
  }
  return null
}

function isSameCall(uri: SipUri, { number, settings: { transport } }: RedirectOptions): boolean {
  const [user = ''] = uri.user.split(';')
  if (!/^\+?[\d.()-]+$/.test(user) || user.replace(/\D/g, '') !== number.replace(/\D/g, '')) return false
  const named = uri.parameters.get('transport')?.toLowerCase()
  if (uri.scheme === 'sips') return transport === 'tls'
  return named === undefined || named === transport
}

async function reachable(uri: SipUri, options: RedirectOptions): Promise<Peer | null> {
  const { settings, endpoint, names, leftMs } = options
  const address = { host: uri.host, port: uri.port, transport: settings.transport, serverName: null }
  const random = Math.random
  const peers = await resolvePeers(address, names === undefined ? { random } : { random, names })
  for (const peer of peers.filter((each) => endpoint.mayReach(each))) {
    if (leftMs() <= 0) return null
    const certificateAuthority = settings.certificateAuthority ?? null
    const there = await endpoint.reach(peer, { withinMs: leftMs(), certificateAuthority }).then(
      () => true,
      () => false,
    )
    if (there) return peer
  }
  return null
}

function redirection(uri: SipUri, peer: Peer, { settings, endpoint, credentials }: RedirectOptions): Redirection {
  const { sentBy, contact } = endpoint.namesFor(peer, 'carillon')
  const [user] = uri.user.split(';')
  const port = uri.port === null ? '' : `:${uri.port}`
  const requestUri = `sip:${user}@${hostText(uri.host)}${port}`
  const authorization = new Authorization(settings.realm === undefined ? null : credentials)
  return { to: { requestUri, peer, sentBy, contact }, authorization }
}
