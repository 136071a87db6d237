import type { Readable } from 'node:stream'

/** Pieces that have arrived and that the reader of the parts has not seen yet are far less than this. */
const UNDER_WAY_BYTES_MAX = 1_048_576
const LINE_BREAK = '\r\n'

export interface FormMeterOptions {
  /** Of the Content-Type. */
  readonly boundary: string
  /** What may stand in a form beside the contents of its parts. */
  readonly overheadBytesMax: number
}

/**
 * Watches the bytes of a form beside the parser, which passes over a part without a usable Content-Disposition, cuts
 * long headers off and swallows what stands before the first boundary, all without a word.
 *
 * Make it in the turn in which the parser is attached, so that both see every byte.
 */
export class FormMeter {
  /** Rejects when so much came that belongs to no part that waiting for the next part makes no sense. */
  readonly excess: Promise<never>
  /** A name that the parser refuses, when one was sent. */
  refusedName: string | undefined
  readonly #body: Readable
  readonly #options: FormMeterOptions
  readonly #delimiter: Buffer
  #reportExcess: (error: Error) => void = () => {}
  /** The end of what came before, one byte shorter than a delimiter. The first delimiter needs no line break. */
  #tail: Buffer
  #delimiters = 0
  #headedParts = 0
  #bodyBytes = 0
  #contentBytes = 0

  constructor(body: Readable, options: FormMeterOptions) {
    this.#body = body
    this.#options = options
    this.#delimiter = Buffer.from(`${LINE_BREAK}--${options.boundary}`)
    this.#tail = Buffer.from(LINE_BREAK)
    this.excess = new Promise((_resolve, reject) => {
      this.#reportExcess = reject
    })
    this.excess.catch(() => {})
    body.on('data', this.#onData)
  }

  /** To be called for every part whose head could be read. */
  notePart(name: string | undefined): void {
    this.#headedParts += 1
    if (name !== undefined && name in Object.prototype) this.refusedName ??= name
  }

  /** To be called for what a part contains. */
  noteContent(bytes: number): void {
    this.#contentBytes += bytes
  }

  /** Boundaries, headers, and whatever belongs to no part. Exact when the form was read to its end. */
  get overheadBytes(): number {
    return this.#bodyBytes - this.#contentBytes
  }

  /** How many parts were passed over. Known when the form was read to its end. */
  get headlessParts(): number {
    return Math.max(0, this.#delimiters - 1 - this.#headedParts)
  }

  stop(): void {
    this.#body.off('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    // Looks at what came before this chunk, which may be of any size and which nobody has seen yet.
    if (this.overheadBytes > this.#options.overheadBytesMax + UNDER_WAY_BYTES_MAX) {
      this.#reportExcess(new FormExcess())
    }
    this.#bodyBytes += chunk.length
    const shorter = this.#delimiter.length - 1
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, shorter)])
    this.#delimiters += this.#delimitersIn(seam) + this.#delimitersIn(chunk)
    this.#tail = Buffer.from((chunk.length < shorter ? seam : chunk).subarray(-shorter))
  }

  #delimitersIn(bytes: Buffer): number {
    let found = 0
    for (let at = bytes.indexOf(this.#delimiter); at >= 0; at = bytes.indexOf(this.#delimiter, at + 1)) found += 1
    return found
  }
}

/** What {@link FormMeter.excess} rejects with. */
export class FormExcess extends Error {
  override readonly name = 'FormExcess'
}
