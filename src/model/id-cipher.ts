import { type Cipher, createCipheriv, createDecipheriv, type Decipher, hkdfSync } from 'node:crypto'
import type { AttemptKey } from './attempt-key.ts'

/** What an id of ours can stand for. The numbers are inside ids that clients keep: none may be changed. */
const KINDS = { recipient: 1, attempt: 2, call: 3 } as const
export type IdKind = keyof typeof KINDS

/** What an id says. The numbers are unsigned, of 32 bits each and 16 bits for `n`; a recipient's `n` is 0. */
export interface IdParts {
  readonly kind: IdKind
  readonly organizationId: number
  readonly batchId: number
  readonly seq: number
  readonly n: number
}

const BLOCK_BYTES = 16
/** Blocks made at once in bulk; a mebibyte, so that a long list costs no more memory than a short one. */
const BLOCKS_AT_ONCE = 65_536
const KIND_AT = 14
const CHECK_AT = 15
const CHECK = 0xca
const SECRET_BYTES_MIN = 16
const kindByCode = new Map<number, IdKind>((Object.keys(KINDS) as IdKind[]).map((kind) => [KINDS[kind], kind]))

/**
 * Makes the ids of recipients, attempts and calls out of what they stand for, and reads them again, so that they need
 * no column and no index and cannot be guessed. An id is one AES-128 block; the same parts make the same id always.
 *
 * A foreign id passes the check with a chance of 1 in 21,845 and then names a row at random. So whoever decodes an id
 * that a client sent still compares its organization with the client's, and looks the row up.
 */
export class IdCipher {
  // Without padding, ECB gives each block back at once, so one cipher serves for the life of the process.
  readonly #cipher: Cipher
  readonly #decipher: Decipher

  /** Throws RangeError unless the key has 16 bytes. See {@link deriveIdKey}. */
  constructor(key: Uint8Array) {
    this.#cipher = blockCipher(key)
    this.#decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  }

  /** 32 lower-case hex digits. Throws RangeError when a part does not fit its bits. */
  encode(parts: IdParts): string {
    const block = Buffer.allocUnsafe(BLOCK_BYTES)
    writeParts(block, 0, parts)
    return this.#cipher.update(block).toString('hex')
  }

  /** The ids of many at once, in order; several times faster than one by one. */
  encodeAll(list: readonly IdParts[]): string[] {
    return this.#encodeEach(list.length, (blocks, at, index) => writeParts(blocks, at, list[index]!))
  }

  /** The ids of attempts of one organization, in order. */
  encodeAttempts(organizationId: number, attempts: readonly AttemptKey[]): string[] {
    return this.#encodeEach(attempts.length, (blocks, at, index) => {
      const { batchId, seq, n } = attempts[index]!
      writeParts(blocks, at, { kind: 'attempt', organizationId, batchId, seq, n })
    })
  }

  #encodeEach(length: number, write: (blocks: Buffer, at: number, index: number) => void): string[] {
    const ids: string[] = []
    for (let start = 0; start < length; start += BLOCKS_AT_ONCE) {
      const count = Math.min(BLOCKS_AT_ONCE, length - start)
      const blocks = Buffer.allocUnsafe(count * BLOCK_BYTES)
      for (let i = 0; i < count; i++) write(blocks, i * BLOCK_BYTES, start + i)
      const encrypted = this.#cipher.update(blocks)
      for (let i = 0; i < count; i++) ids.push(encrypted.toString('hex', i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))
    }
    return ids
  }

  /** What an id in any of its four spellings stands for, or null when it is none of ours. */
  decode(text: string): IdParts | null {
    const hex = parseId(text)
    if (hex === null) return null
    const block = this.#decipher.update(Buffer.from(hex, 'hex'))
    const kind = kindByCode.get(block[KIND_AT]!)
    if (kind === undefined || block[CHECK_AT] !== CHECK) return null
    return {
      kind,
      organizationId: block.readUInt32BE(0),
      batchId: block.readUInt32BE(4),
      seq: block.readUInt32BE(8),
      n: block.readUInt16BE(12),
    }
  }
}

function writeParts(target: Buffer, at: number, parts: IdParts): void {
  const { organizationId, batchId, seq, n } = parts
  const fits = isUint32(organizationId) && isUint32(batchId) && isUint32(seq) && isUint32(n) && n <= 0xffff
  if (!fits) throw new RangeError(`These parts do not fit an id: ${JSON.stringify(parts)}`)
  target.writeUInt32BE(organizationId, at)
  target.writeUInt32BE(batchId, at + 4)
  target.writeUInt32BE(seq, at + 8)
  target.writeUInt16BE(n, at + 12)
  target[at + KIND_AT] = KINDS[parts.kind]
  target[at + CHECK_AT] = CHECK
}

function isUint32(value: number): boolean {
  return value >>> 0 === value
}

function blockCipher(key: Uint8Array): Cipher {
  if (key.length !== BLOCK_BYTES) throw new RangeError('The key of a block cipher has 16 bytes')
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
}

// The four spellings of a 128-bit number. Each has a length of its own, so none can be mistaken for another.

const HEX = /^[0-9a-f]{32}$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BASE62 = /^[0-9A-Za-z]{22}$/
const DECIMAL = /^\d{39}$/
const BASE62_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const TWO_TO_128 = 1n << 128n
const BASE62_CHARS = 22
/** Eight digits of base 62 are the most that a double holds exactly. */
const CHUNK_CHARS = 8
const CHUNK = 62n ** 8n

/** `8-4-4-4-12`, lower case. Takes 32 hex digits. */
export function uuidFromHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** 22 of `0-9A-Za-z`, leading zeros kept. Takes 32 hex digits. */
export function base62FromHex(hex: string): string {
  let rest = BigInt(`0x${hex}`)
  let text = ''
  while (text.length < BASE62_CHARS) {
    let chunk = Number(rest % CHUNK)
    rest /= CHUNK
    for (let i = 0; i < CHUNK_CHARS && text.length < BASE62_CHARS; i++) {
      text = BASE62_DIGITS[chunk % 62]! + text
      chunk = Math.floor(chunk / 62)
    }
  }
  return text
}

/** 39 decimal digits, leading zeros kept. Takes 32 hex digits. */
export function decimalFromHex(hex: string): string {
  return BigInt(`0x${hex}`).toString().padStart(39, '0')
}

/**
 * The 32 lower-case hex digits of an id in any spelling: hex and uuid in either case, base 62, decimal. Null when it
 * is none of them, or a number of more than 128 bits.
 */
export function parseId(text: string): string | null {
  switch (text.length) {
    case 32: {
      const hex = text.toLowerCase()
      return HEX.test(hex) ? hex : null
    }
    case 36: {
      const uuid = text.toLowerCase()
      return UUID.test(uuid) ? uuid.replaceAll('-', '') : null
    }
    case BASE62_CHARS:
      return BASE62.test(text) ? hexOf(bigintFromBase62(text)) : null
    case 39:
      return DECIMAL.test(text) ? hexOf(BigInt(text)) : null
    default:
      return null
  }
}

function bigintFromBase62(text: string): bigint {
  let value = 0n
  for (const digit of text) value = value * 62n + BigInt(BASE62_DIGITS.indexOf(digit))
  return value
}

function hexOf(value: bigint): string | null {
  return value < TWO_TO_128 ? value.toString(16).padStart(32, '0') : null
}

// Hashes of telephone numbers.

const TEN_TO_8 = 100_000_000
let fourDigits: Uint32Array | undefined

/**
 * 64 bits that stand for each telephone number (its digits as an integer, without `+`) under an organization's key:
 * the first half, read little-endian, of the AES-128 block of its 16 decimal digits. Different numbers of one
 * organization share a hash with a chance of 1 in 2^64 a pair, so a hit is still compared with the number.
 * Throws RangeError for what is not a whole number from 0 to 2^53 - 1.
 */
export function hashNumbers(key: Uint8Array, digits: ArrayLike<number>): BigInt64Array {
  const cipher = blockCipher(key)
  const hashes = new BigInt64Array(digits.length)
  for (let start = 0; start < digits.length; start += BLOCKS_AT_ONCE) {
    const count = Math.min(BLOCKS_AT_ONCE, digits.length - start)
    const encrypted = cipher.update(digitBlocks(digits, start, count))
    const view = new DataView(encrypted.buffer, encrypted.byteOffset, encrypted.byteLength)
    for (let i = 0; i < count; i++) hashes[start + i] = view.getBigInt64(i * BLOCK_BYTES, true)
  }
  return hashes
}

/** The blocks of 16 ASCII digits, written four digits at a time from a table. */
function digitBlocks(digits: ArrayLike<number>, start: number, count: number): Uint8Array {
  fourDigits ??= tableOfFourDigits()
  const quads = new Uint32Array(count * 4)
  for (let i = 0; i < count; i++) {
    const number = digits[start + i]!
    if (!(Number.isSafeInteger(number) && number >= 0)) throw new RangeError('A telephone number is a whole number')
    const high = Math.floor(number / TEN_TO_8)
    const low = number - high * TEN_TO_8
    const highQuad = Math.floor(high / 10_000)
    const lowQuad = Math.floor(low / 10_000)
    quads[i * 4] = fourDigits[highQuad]!
    quads[i * 4 + 1] = fourDigits[high - highQuad * 10_000]!
    quads[i * 4 + 2] = fourDigits[lowQuad]!
    quads[i * 4 + 3] = fourDigits[low - lowQuad * 10_000]!
  }
  return new Uint8Array(quads.buffer)
}

function tableOfFourDigits(): Uint32Array {
  const bytes = Buffer.alloc(40_000)
  for (let quad = 0; quad < 10_000; quad++) bytes.write(String(quad).padStart(4, '0'), quad * 4, 'latin1')
  return new Uint32Array(bytes.buffer, bytes.byteOffset, 10_000)
}

// Keys.

/** The key of {@link IdCipher} from the secret of the installation, which has at least 16 bytes. */
export function deriveIdKey(secret: Uint8Array): Buffer {
  return deriveKey(secret, 'carillon/1/ids')
}

/** The key of {@link hashNumbers} for one organization from the secret of the installation (at least 16 bytes). */
export function deriveNumberHashKey(secret: Uint8Array, organizationId: number): Buffer {
  return deriveKey(secret, `carillon/1/number-hash/${organizationId}`)
}

function deriveKey(secret: Uint8Array, purpose: string): Buffer {
  if (secret.length < SECRET_BYTES_MIN) throw new RangeError(`The secret has fewer than ${SECRET_BYTES_MIN} bytes`)
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, BLOCK_BYTES))
}
