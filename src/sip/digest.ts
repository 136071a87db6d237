import { createHash } from 'node:crypto'
import { parametersOf } from './addresses.ts'
import type { SipHeaders, SipResponse } from './message.ts'
import { splitOutside } from './message.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
  /** When set, a challenge of any other realm is not answered. */
  readonly realm?: string | undefined
}

type Algorithm = 'MD5' | 'SHA-256'

export interface Challenge {
  /** Which header the answer belongs into. */
  readonly header: 'authorization' | 'proxy-authorization'
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | null
  readonly algorithm: Algorithm
  readonly qop: 'auth' | null
  /** The password was right, the nonce too old. */
  readonly stale: boolean
}

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256' } as const satisfies Record<Algorithm, string>

/**
 * The best challenge of a 401 or 407 that we can answer: SHA-256 before MD5. Null when there is none, or none of the
 * realm that is expected.
 */
export function chooseChallenge(response: SipResponse, realm?: string): Challenge | null {
  const header = response.status === 407 ? 'proxy-authorization' : 'authorization'
  const offered = response.headers
    .all(response.status === 407 ? 'proxy-authenticate' : 'www-authenticate')
    .map((value) => readChallenge(value, header))
    .filter((challenge) => challenge !== null)
    .filter((challenge) => realm === undefined || challenge.realm === realm)
  return offered.find(({ algorithm }) => algorithm === 'SHA-256') ?? offered[0] ?? null
}

function readChallenge(value: string, header: Challenge['header']): Challenge | null {
  const match = /^Digest[ \t]+(.+)$/i.exec(value)
  if (match === null) return null
  const parameters = parametersOf(splitOutside(match[1]!, ','))
  const realm = parameters.get('realm')
  const nonce = parameters.get('nonce')
  const algorithm = (parameters.get('algorithm') || 'MD5').toUpperCase()
  if (realm === undefined || !nonce || (algorithm !== 'MD5' && algorithm !== 'SHA-256')) return null
  const qops = parameters.get('qop')
  const offersAuth = qops?.split(',').some((each) => each.trim().toLowerCase() === 'auth') ?? false
  // Only `auth-int` is offered: we do not speak it.
  if (qops !== undefined && !offersAuth) return null
  const stale = parameters.get('stale')?.toLowerCase() === 'true'
  return {
    header,
    realm,
    nonce,
    opaque: parameters.get('opaque') ?? null,
    algorithm,
    qop: offersAuth ? 'auth' : null,
    stale,
  }
}

export interface DigestUse {
  readonly method: string
  readonly uri: string
  /** How often this nonce was used, this time included. */
  readonly nonceCount: number
  /** Random, for each answer. */
  readonly cnonce: string
}

/** The value of the Authorization or Proxy-Authorization header that answers a challenge. */
export function answerChallenge(challenge: Challenge, credentials: Credentials, use: DigestUse): string {
  const { realm, nonce, algorithm, qop, opaque } = challenge
  const hash = (text: string) => createHash(HASHES[algorithm]).update(text).digest('hex')
  const count = use.nonceCount.toString(16).padStart(8, '0')
  const secret = hash(`${credentials.username}:${realm}:${credentials.password}`)
  const target = hash(`${use.method}:${use.uri}`)
  const response = hash(
    qop === null ? `${secret}:${nonce}:${target}` : `${secret}:${nonce}:${count}:${use.cnonce}:${qop}:${target}`,
  )
  const parts = [
    `username="${escaped(credentials.username)}"`,
    `realm="${escaped(realm)}"`,
    `nonce="${escaped(nonce)}"`,
    `uri="${use.uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
  ]
  if (qop !== null) parts.push(`qop=${qop}`, `nc=${count}`, `cnonce="${use.cnonce}"`)
  if (opaque !== null) parts.push(`opaque="${escaped(opaque)}"`)
  return `Digest ${parts.join(', ')}`
}

function escaped(text: string): string {
  return text.replace(/[\\"]/g, '\\$&')
}

/** The answer that stands in a request already, so that its ACK can carry it too. */
export function authorizationLines(headers: SipHeaders): [name: string, value: string][] {
  return (['authorization', 'proxy-authorization'] as const).flatMap((name) =>
    headers.all(name).map((value): [string, string] => [name, value]),
  )
}
