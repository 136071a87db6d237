import { isAscii } from 'node:buffer'
import { RecipientFileError } from './recipient-file-error.ts'

export type FileEncoding = 'ascii' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

/** The 32 characters in which Windows-1252 differs from Latin-1, from 0x80 on. Unassigned bytes stay what they are. */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'
const LONE_SURROGATE = /\p{Cs}/gu
const C1 = /[\x80-\x9f]/g
const SNIFFED_BYTES = 4_096
const NOTHING = Buffer.alloc(0)

/**
 * Turns the bytes of a text file into text, piece by piece, after finding out the encoding: byte order marks first,
 * then UTF-16 by its zero bytes, then UTF-8 if the first bytes beyond ASCII are valid as such, else Windows-1252.
 *
 * The first piece should hold at least a few kilobytes unless the file is shorter. Bytes that are not valid become
 * U+FFFD. A character cut in two by the border between pieces is kept whole.
 */
export class FileDecoder {
  #encoding: FileEncoding | undefined
  #pending: Buffer = NOTHING

  /** What has been found so far: `ascii` until a byte beyond ASCII comes. */
  get encoding(): FileEncoding {
    return this.#encoding ?? 'ascii'
  }

  /** `last` says that no more bytes follow. Throws `not-a-csv` for zero bytes in a text that is not UTF-16. */
  decode(piece: Buffer, last: boolean): string {
    let bytes = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece])
    this.#pending = NOTHING
    if (this.#encoding === undefined) {
      const mark = byteOrderMark(bytes)
      this.#encoding = mark?.encoding ?? utf16WithoutMark(bytes) ?? 'ascii'
      if (mark) bytes = bytes.subarray(mark.length)
    }
    const whole = last ? bytes.length : bytes.length - this.#cutOff(bytes)
    if (whole < bytes.length) {
      // Copied, since the caller may use its buffer again.
      this.#pending = Buffer.from(bytes.subarray(whole))
      bytes = bytes.subarray(0, whole)
    }
    const text = this.#decodeWhole(bytes)
    if (text.includes('\0')) {
      throw new RecipientFileError(
        'not-a-csv',
        'The file holds NUL characters, which no text has.',
        'It is damaged or not a text file. Export it again as CSV in UTF-8.',
      )
    }
    return text
  }

  #cutOff(bytes: Buffer): number {
    if (this.#encoding === 'windows-1252') return 0
    if (this.#encoding === 'utf-16le' || this.#encoding === 'utf-16be') {
      const odd = bytes.length % 2
      const high = bytes[bytes.length - odd - (this.#encoding === 'utf-16le' ? 1 : 2)]
      return odd + (high !== undefined && high >= 0xd8 && high <= 0xdb ? 2 : 0)
    }
    return incompleteUtf8Bytes(bytes)
  }

  #decodeWhole(bytes: Buffer): string {
    switch (this.#encoding) {
      case 'utf-16le':
        return bytes.toString('utf16le').replace(LONE_SURROGATE, '\ufffd')
      case 'utf-16be':
        return Buffer.from(bytes.subarray(0, bytes.length & ~1))
          .swap16()
          .toString('utf16le')
          .replace(LONE_SURROGATE, '\ufffd')
      case 'windows-1252':
        return fromWindows1252(bytes)
      case 'utf-8':
        return isAscii(bytes) ? bytes.toString('latin1') : bytes.toString('utf8')
      default:
        return this.#decodeUndecided(bytes)
    }
  }

  /** Until a byte beyond ASCII comes, both encodings read the same. */
  #decodeUndecided(bytes: Buffer): string {
    if (isAscii(bytes)) return bytes.toString('latin1')
    const text = bytes.toString('utf8')
    const bad = text.match(/\ufffd/g)?.length ?? 0
    const good = (text.match(/[\u0080-\uffff]/g)?.length ?? 0) - bad
    // One damaged character among many good ones does not make a file Windows-1252, whose accents are never valid here.
    this.#encoding = good > 0 && good >= bad ? 'utf-8' : 'windows-1252'
    return this.#encoding === 'utf-8' ? text : fromWindows1252(bytes)
  }
}

function fromWindows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(C1, (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80]!)
}

function byteOrderMark(bytes: Buffer): { encoding: FileEncoding; length: number } | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { encoding: 'utf-8', length: 3 }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { encoding: 'utf-16le', length: 2 }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { encoding: 'utf-16be', length: 2 }
  return undefined
}

/** A table of names and numbers in UTF-16 has a zero in nearly every second byte. */
function utf16WithoutMark(bytes: Buffer): FileEncoding | undefined {
  const length = Math.min(bytes.length, SNIFFED_BYTES) & ~1
  const zeros = [0, 0] as [number, number]
  for (let index = 0; index < length; index += 1) if (bytes[index] === 0) zeros[(index & 1) as 0 | 1] += 1
  const [even, odd] = zeros
  if (odd > length / 4 && even < odd / 8) return 'utf-16le'
  if (even > length / 4 && odd < even / 8) return 'utf-16be'
  return undefined
}

/** How many bytes at the end begin a character of UTF-8 that is not complete. */
function incompleteUtf8Bytes(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
  }
  return 0
}
