import type { FastifyRequest } from 'fastify'
import type { PresentedCredential } from '../commands/authenticate.ts'

/** What a request shows to prove who sent it, not yet compared with anything. */
export type CredentialReading =
  | { readonly ok: true; readonly credential: PresentedCredential }
  /** `absent`: none of the headers. `malformed`: a header that can be no credential. `ambiguous`: more than one. */
  | { readonly ok: false; readonly reason: 'absent' | 'malformed' | 'ambiguous' }

const CREDENTIAL_TEXT = /^[\x21-\x7e]{1,512}$/

/** The token of `Authorization: Bearer <token>`. */
export function readBearer(request: FastifyRequest): CredentialReading {
  return readToken(request, 'authorization', (value) => /^Bearer +(\S+)$/i.exec(value.trim())?.[1])
}

/**
 * The token in a header of its own. There a pair is written `<key>:<secret>`; a token of ours holds no colon, so the
 * first colon decides.
 */
export function readHeaderToken(request: FastifyRequest, header: string): CredentialReading {
  return readToken(request, header, (value) => value.trim())
}

/** The pair in `X-API-KEY` and `X-API-SECRET`. One of the two alone is malformed: an id alone proves nothing. */
export function readPair(request: FastifyRequest): CredentialReading {
  const counts = [timesSent(request, 'x-api-key'), timesSent(request, 'x-api-secret')]
  if (Math.max(...counts) > 1) return { ok: false, reason: 'ambiguous' }
  if (Math.max(...counts) === 0) return { ok: false, reason: 'absent' }
  const key = textOf(request, 'x-api-key')
  const secret = textOf(request, 'x-api-secret')
  if (!CREDENTIAL_TEXT.test(key) || !CREDENTIAL_TEXT.test(secret)) return { ok: false, reason: 'malformed' }
  return { ok: true, credential: { id: key, secret } }
}

function readToken(
  request: FastifyRequest,
  header: string,
  take: (value: string) => string | undefined,
): CredentialReading {
  const times = timesSent(request, header)
  if (times === 0) return { ok: false, reason: 'absent' }
  if (times > 1) return { ok: false, reason: 'ambiguous' }
  const token = take(textOf(request, header))
  if (token === undefined || !CREDENTIAL_TEXT.test(token)) return { ok: false, reason: 'malformed' }
  const colon = token.indexOf(':')
  if (colon < 0) return { ok: true, credential: { token } }
  return { ok: true, credential: { id: token.slice(0, colon), secret: token.slice(colon + 1) } }
}

/** Node keeps only the first of several `Authorization` headers and joins others, so the raw list is counted. */
function timesSent(request: FastifyRequest, name: string): number {
  const raw = request.raw.rawHeaders
  if (raw === undefined || raw.length === 0) return request.headers[name] === undefined ? 0 : 1
  let times = 0
  for (let at = 0; at < raw.length; at += 2) if (raw[at]!.toLowerCase() === name) times++
  return times
}

function textOf(request: FastifyRequest, name: string): string {
  const value = request.headers[name]
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim()
}
