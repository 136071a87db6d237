/** A message larger than this is not read; ours are under 4 KB. */
export const MESSAGE_BYTES_MAX = 65_535
const HEAD_BYTES_MAX = 16_384
const HEADER_LINES_MAX = 200
const HEAD_END = Buffer.from('\r\n\r\n')

/** Headers as they are usually spelled: some peers compare names by case, although they should not. */
const SPELLINGS = (
  'Via Max-Forwards From To Call-ID CSeq Contact Route Record-Route User-Agent Server Allow Supported Require Accept ' +
  'Content-Type Content-Length Date Expires Reason Session-Expires Min-SE RSeq RAck Retry-After P-Asserted-Identity ' +
  'Remote-Party-ID WWW-Authenticate Authorization Proxy-Authenticate Proxy-Authorization'
).split(' ')

/** The one-letter forms of RFC 3261 and its extensions. */
const COMPACT_NAMES: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
}

/** Headers of which a second one makes a message ambiguous, and those that none goes without; a bit for each. */
const SINGLE_HEADERS: readonly string[] = ['from', 'to', 'call-id', 'cseq', 'content-length', 'max-forwards']
const NEEDED_HEADERS: readonly string[] = ['from', 'to', 'call-id', 'cseq', 'via']

interface KnownName {
  readonly name: string
  readonly single: number
  readonly needed: number
}

function known(name: string): KnownName {
  const bit = (names: readonly string[]) => (names.includes(name) ? 1 << names.indexOf(name) : 0)
  return { name, single: bit(SINGLE_HEADERS), needed: bit(NEEDED_HEADERS) }
}

const ALL_NEEDED = (1 << NEEDED_HEADERS.length) - 1

/** By the usual spelling, in lower case and by the compact form: nearly all names that come are found here. */
const KNOWN_NAMES: ReadonlyMap<string, KnownName> = new Map([
  ...SPELLINGS.map((name) => [name, known(name.toLowerCase())] as const),
  ...SPELLINGS.map((name) => [name.toLowerCase(), known(name.toLowerCase())] as const),
  ...Object.entries(COMPACT_NAMES).map(([letter, name]) => [letter, known(name)] as const),
])

const WRITTEN_NAMES: ReadonlyMap<string, string> = new Map(SPELLINGS.map((name) => [name.toLowerCase(), name]))

interface SipMessageBase {
  readonly headers: SipHeaders
  readonly body: Buffer
}

export interface SipRequest extends SipMessageBase {
  readonly kind: 'request'
  readonly method: string
  readonly uri: string
}

export interface SipResponse extends SipMessageBase {
  readonly kind: 'response'
  /** 100 to 699. */
  readonly status: number
  readonly reason: string
}

export type SipMessage = SipRequest | SipResponse

export type ParsedMessage =
  | { readonly ok: true; readonly message: SipMessage }
  /** `why` is for the log: it never repeats what was received. */
  | { readonly ok: false; readonly why: string }

/** The headers of one message, in order. Names are compared without case, and by their compact forms. */
export class SipHeaders {
  readonly #names: string[] = []
  readonly #values: string[] = []
  /** Undefined: not read yet. */
  #cseq: Cseq | null | undefined

  constructor(lines: readonly (readonly [name: string, value: string])[] = []) {
    for (const [name, value] of lines) this.add(name, value)
  }

  /** The first header of that name. */
  get(name: string): string | null {
    const index = this.#names.indexOf(canonicalName(name))
    return index < 0 ? null : this.#values[index]!
  }

  /** Every value of that name, one header line each. */
  all(name: string): string[] {
    const wanted = canonicalName(name)
    if (!this.#names.includes(wanted)) return []
    return this.#values.filter((_, index) => this.#names[index] === wanted)
  }

  /** Every value of that name, with comma-separated ones apart. */
  list(name: string): string[] {
    return this.all(name).flatMap((value) => splitOutside(value, ','))
  }

  /** True when a comma-separated header names this token. */
  names(name: string, token: string): boolean {
    return this.list(name).some((each) => each.toLowerCase() === token.toLowerCase())
  }

  /** The sequence number and method, or null when there is no readable one. */
  get cseq(): Cseq | null {
    if (this.#cseq === undefined) this.#cseq = cseqOf(this.get('cseq') ?? '')
    return this.#cseq
  }

  add(name: string, value: string): this {
    return this.addCanonical(canonicalName(name), value)
  }

  /** `name` is one that `canonicalName` gave. */
  addCanonical(name: string, value: string): this {
    this.#names.push(name)
    this.#values.push(value)
    this.#cseq = undefined
    return this
  }

  set(name: string, value: string): this {
    const index = this.#names.indexOf(canonicalName(name))
    if (index < 0) return this.add(name, value)
    this.#values[index] = value
    this.#cseq = undefined
    return this
  }

  entries(): (readonly [name: string, value: string])[] {
    return this.#names.map((name, index) => [name, this.#values[index]!] as const)
  }

  /** Lines as they are sent, Content-Length left out. @throws RangeError when one would write another. */
  write(): string {
    let lines = ''
    let values = ''
    for (let index = 0; index < this.#names.length; index++) {
      const name = this.#names[index]!
      if (name === 'content-length') continue
      const value = this.#values[index]!
      values += value
      lines += `${writtenName(name)}: ${value}\r\n`
    }
    // All at once: looking at each costs more than writing it.
    oneLine(values)
    return lines
  }
}

function canonicalName(name: string): string {
  return (KNOWN_NAMES.get(name) ?? KNOWN_NAMES.get(name.toLowerCase()))?.name ?? name.toLowerCase()
}

/**
 * Splits at a separator that stands neither in quotes nor in angle brackets, and trims the parts; empty ones are left
 * out. One pass over the text, whatever it holds.
 */
export function splitOutside(text: string, separator: ',' | ';'): string[] {
  if (!text.includes(separator)) return text.trim() === '' ? [] : [text.trim()]
  const parts: string[] = []
  let start = 0
  let quoted = false
  let bracketed = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (quoted && char === '\\') at++
    else if (char === '"' && !bracketed) quoted = !quoted
    else if (quoted) continue
    else if (char === '<') bracketed = true
    else if (char === '>') bracketed = false
    else if (char === separator && !bracketed) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  parts.push(text.slice(start).trim())
  return parts.filter((part) => part !== '')
}

/** Where the head of a message ends in a stream: the offset of the body, or -1 while it is not complete. */
export function bodyOffset(bytes: Buffer): number {
  const end = bytes.indexOf(HEAD_END)
  return end < 0 ? -1 : end + 4
}

/**
 * Reads one whole message as it came from the wire. Never throws, takes time in proportion to the length, and accepts
 * only what can be answered without guessing: a start line, Via, From, To, Call-ID and CSeq, each once where it must be.
 */
export function parseMessage(bytes: Buffer): ParsedMessage {
  if (bytes.length > MESSAGE_BYTES_MAX) return fault('larger than any message may be')
  const offset = bodyOffset(bytes)
  if (offset < 0) return fault('no empty line after the headers')
  if (offset > HEAD_BYTES_MAX) return fault('headers too long')
  return readMessage(bytes.toString('utf8', 0, offset - 2), bytes.subarray(offset))
}

function readMessage(head: string, rest: Buffer): ParsedMessage {
  const startLineEnd = head.indexOf('\r')
  const headers = new SipHeaders()
  const why = readLines(head, startLineEnd + 2, headers) ?? (head.includes('\0') ? 'a zero byte in the headers' : null)
  // A line that begins with a space goes on where the one before it ended.
  if (why === CONTINUED) return readMessage(head.replace(/\r\n[ \t]+/g, ' '), rest)
  if (why !== null) return fault(why)
  const body = bodyOf(rest, headers)
  if (body === null) return fault('a body shorter than its length')
  return withStartLine(head.slice(0, startLineEnd), headers, body)
}

function fault(why: string): ParsedMessage {
  return { ok: false, why }
}

/** A header goes on in the next line, which hardly anybody does. */
const CONTINUED = 'a continued line'

/** Reads the lines of a head from `start` on; what is wrong with them, or null. */
function readLines(head: string, start: number, headers: SipHeaders): string | null {
  // The start line ends as all lines must.
  if (start < 2 || head.indexOf('\n') !== start - 1) return 'a line break that is no line end'
  let single = 0
  let needed = 0
  let count = 0
  for (let at = start; at < head.length; count++) {
    if (count === HEADER_LINES_MAX) return 'too many headers'
    if (head[at] === ' ' || head[at] === '\t') return CONTINUED
    const end = head.indexOf('\r', at)
    if (end < 0 || head.indexOf('\n', at) !== end + 1) return 'a line break that is no line end'
    const colon = head.indexOf(':', at)
    if (colon <= at || colon > end) return 'a header without a name'
    const written = head.slice(at, colon).trimEnd()
    const name = KNOWN_NAMES.get(written) ?? unusualName(written)
    if (name === null) return 'a header without a name'
    if ((single & name.single) !== 0) return `more than one ${name.name}`
    const value = head.slice(colon + 1, end).trim()
    single |= name.single
    if (value !== '') needed |= name.needed
    headers.addCanonical(name.name, value)
    at = end + 2
  }
  if (needed !== ALL_NEEDED) return `no ${NEEDED_HEADERS.find((_, index) => (needed & (1 << index)) === 0)}`
  if (/\s/.test(headers.get('call-id')!)) return 'a space in the Call-ID'
  return headers.cseq === null ? 'a CSeq that is none' : null
}

function unusualName(written: string): KnownName | null {
  if (!/^[\w!%'*+.`~-]+$/.test(written)) return null
  return KNOWN_NAMES.get(written.toLowerCase()) ?? { name: written.toLowerCase(), single: 0, needed: 0 }
}

export interface Cseq {
  readonly number: number
  readonly method: string
}

/** The sequence number and method of a message, or null when it has no readable one. */
export function readCseq(headers: SipHeaders): Cseq | null {
  return headers.cseq
}

function cseqOf(value: string): Cseq | null {
  const match = /^(\d{1,10})[ \t]+([A-Za-z]{1,32})$/.exec(value)
  if (match === null) return null
  const number = Number(match[1])
  return number <= 0x7fff_ffff ? { number, method: match[2]! } : null
}

/** The body as Content-Length says, which may be missing in a datagram; null when less has arrived. */
function bodyOf(bytes: Buffer, headers: SipHeaders): Buffer | null {
  const written = headers.get('content-length')
  if (written === null) return bytes
  if (!/^\d{1,6}$/.test(written)) return null
  const length = Number(written)
  return length > bytes.length ? null : bytes.subarray(0, length)
}

function withStartLine(line: string, headers: SipHeaders, body: Buffer): ParsedMessage {
  const response = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/.exec(line)
  if (response !== null) {
    const [, status, reason] = response
    return { ok: true, message: { kind: 'response', status: Number(status), reason: reason ?? '', headers, body } }
  }
  const request = /^([A-Z]{1,32}) ([^\s<>"]{1,2048}) SIP\/2\.0$/.exec(line)
  if (request === null) return fault('no start line')
  const [, method, uri] = request
  if (readCseq(headers)!.method !== method) return fault('a CSeq of another method')
  return { ok: true, message: { kind: 'request', method: method!, uri: uri!, headers, body } }
}

/**
 * The bytes of a message. Content-Length is added.
 *
 * @throws RangeError when a value holds a line break, which would let one header write another.
 */
export function writeMessage(message: SipMessage): Buffer {
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`
  const { body } = message
  const head = `${oneLine(start)}\r\n${message.headers.write()}Content-Length: ${body.length}\r\n\r\n`
  if (body.length === 0) return Buffer.from(head)
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(head) + body.length)
  body.copy(bytes, bytes.write(head))
  return bytes
}

function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new RangeError('A SIP header may not hold a line break')
  return text
}

function writtenName(name: string): string {
  return WRITTEN_NAMES.get(name) ?? oneLine(name).replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase())
}
