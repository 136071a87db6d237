import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * Texts of credentials. Ours is `crl_<12>` with a secret of 43 random characters and 6 of checksum, written as one
 * token `crl_<12>_<secret><checksum>` or as a pair of id and secret. One that was imported is whatever its owner uses.
 */
const OURS = /^(crl_[0-9A-Za-z]{12})_([0-9A-Za-z]{49})$/
const OUR_ID = /^crl_[0-9A-Za-z]{12}$/
const OUR_SECRET = /^[0-9A-Za-z]{49}$/
const IMPORTED = /^[\x21-\x7e]{20,200}$/
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_CHARS = 12
const SECRET_CHARS = 43
const CHECKSUM_CHARS = 6

/** A credential as it is looked up: the id of its row and the secret that must fit. */
export interface CredentialParts {
  readonly id: string
  readonly secret: string
}

/** A new credential of ours. */
export function makeCredential(): CredentialParts & { readonly token: string } {
  const id = `crl_${randomText(ID_CHARS)}`
  const random = randomText(SECRET_CHARS)
  const secret = random + checksumOf(id, random)
  return { id, secret, token: `${id}_${secret}` }
}

/** Whether a text may be imported as a key or as a secret. */
export function mayBeImported(text: string): boolean {
  return IMPORTED.test(text)
}

/** How a key that its owner uses elsewhere is stored: under an id made from it, so that it can be looked up. */
export function importedParts(pepper: Buffer, key: string, secret?: string): CredentialParts {
  const ours = parseOurs(key)
  if (ours !== null && secret === undefined) return ours
  return { id: importedId(pepper, key), secret: secret ?? key }
}

/**
 * Every reading of one text that a client showed. A token of ours has one; another text is a key of its own or, with a
 * colon, a pair.
 */
export function readingsOfToken(pepper: Buffer, token: string): readonly CredentialParts[] {
  const ours = parseOurs(token)
  if (ours !== null) return [ours]
  const readings: CredentialParts[] = []
  if (IMPORTED.test(token)) readings.push({ id: importedId(pepper, token), secret: token })
  const colon = token.indexOf(':')
  if (colon > 0) {
    const pair = readingOfPair(pepper, token.slice(0, colon), token.slice(colon + 1))
    if (pair !== null) readings.push(pair)
  }
  return readings
}

/** The one reading of a pair; null when it cannot be a credential. */
export function readingOfPair(pepper: Buffer, id: string, secret: string): CredentialParts | null {
  if (OUR_ID.test(id)) return OUR_SECRET.test(secret) && hasChecksum(id, secret) ? { id, secret } : null
  return IMPORTED.test(id) && IMPORTED.test(secret) ? { id: importedId(pepper, id), secret } : null
}

/** What is stored instead of the secret. */
export function hmacOfSecret(pepper: Buffer, parts: CredentialParts): Buffer {
  return createHmac('sha256', pepper).update(`${parts.id}\0${parts.secret}`).digest()
}

function parseOurs(token: string): CredentialParts | null {
  const match = OURS.exec(token)
  if (match === null) return null
  const [, id = '', secret = ''] = match
  return hasChecksum(id, secret) ? { id, secret } : null
}

function hasChecksum(id: string, secret: string): boolean {
  return checksumOf(id, secret.slice(0, SECRET_CHARS)) === secret.slice(SECRET_CHARS)
}

function checksumOf(id: string, random: string): string {
  return inDigits(crc32(`${id}_${random}`), CHECKSUM_CHARS)
}

function importedId(pepper: Buffer, key: string): string {
  return `imp_${createHmac('sha256', pepper).update(`id\0${key}`).digest('hex').slice(0, 32)}`
}

function inDigits(value: number, chars: number): string {
  let text = ''
  for (let rest = value; text.length < chars; rest = Math.floor(rest / 62)) text = DIGITS[rest % 62]! + text
  return text
}

/** Bytes of 248 and above are thrown away, so that every character is as likely as any other. */
function randomText(chars: number): string {
  let text = ''
  while (text.length < chars) {
    for (const byte of randomBytes(chars)) if (byte < 248 && text.length < chars) text += DIGITS[byte % 62]
  }
  return text
}
