import { RequestError } from './request-errors.ts'

/** Memory is taken by pages, so that a body that comes in crumbs holds no more than its bytes. */
const PAGE_BYTES = 65_536
const ALL_UPLOADS_BYTES_MAX = 256 * 1_048_576
const RETRY_AFTER_SECONDS = 5

/** How many bytes of uploads may be held at once. Counts only; the pages are with their {@link HeldUpload}. */
export class UploadMemory {
  readonly #bytesMax: number
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** @throws RequestError `unavailable` with `retry-after` when there is not so much left. */
  take(bytes: number): void {
    if (this.#heldBytes + bytes > this.#bytesMax) {
      throw new RequestError('unavailable', {
        message: 'Too many files are being uploaded at the same time.',
        remedy: 'Send the same request again in a few seconds.',
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      })
    }
    this.#heldBytes += bytes
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes
  }
}

/** The one of this process, whatever server, dialect or route an upload belongs to. */
export const uploadMemory = new UploadMemory(ALL_UPLOADS_BYTES_MAX)

/**
 * The bytes of one upload, from their arrival until they were read once or {@link forget | forgotten}. What is not
 * there any more is never taken for an empty file: reading it throws.
 */
export class HeldUpload {
  readonly #memory: UploadMemory
  readonly #pages: Buffer[] = []
  #state: 'held' | 'reading' | 'gone' = 'held'
  #byteLength = 0

  constructor(memory: UploadMemory) {
    this.#memory = memory
  }

  get byteLength(): number {
    return this.#byteLength
  }

  /** Copies the bytes. @throws RequestError `unavailable` when all uploads together are too large. */
  append(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) {
      const filled = this.#byteLength % PAGE_BYTES
      if (filled === 0) this.#addPage()
      const copied = bytes.copy(this.#pages.at(-1)!, filled, from)
      this.#byteLength += copied
      from += copied
    }
  }

  /** The bytes in order, once. Lets go of each page as soon as the next one is asked for. */
  async *read(): AsyncGenerator<Buffer> {
    if (this.#state !== 'held')
      throw new RequestError('malformed-body', { message: 'The upload is not there any more.' })
    this.#state = 'reading'
    try {
      let left = this.#byteLength
      while (left > 0) {
        const page = this.#pages[0]!
        yield page.subarray(0, Math.min(left, PAGE_BYTES))
        left -= PAGE_BYTES
        this.#pages.shift()
        this.#memory.giveBack(PAGE_BYTES)
      }
    } finally {
      this.#letGo()
    }
  }

  /** Frees the memory, unless somebody is reading: then it is freed when the reader has finished or given up. */
  forget(): void {
    if (this.#state === 'held') this.#letGo()
  }

  #addPage(): void {
    if (this.#state !== 'held') throw new Error('Bytes were added to an upload that was read or forgotten')
    this.#memory.take(PAGE_BYTES)
    this.#pages.push(Buffer.allocUnsafeSlow(PAGE_BYTES))
  }

  #letGo(): void {
    this.#state = 'gone'
    this.#memory.giveBack(this.#pages.length * PAGE_BYTES)
    this.#pages.length = 0
  }
}
