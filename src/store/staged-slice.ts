/** One recipient on its way in. Texts are stored as they are. */
export interface StagedRecipient {
  readonly lane: number
  /** Ordinal within the lane, from 0. */
  readonly position: number
  readonly line: number
  readonly digits: number
  readonly variables: string | null
  readonly metadata: string | null
  readonly dialectFields: string | null
  readonly notBefore: Date | null
}

/** The columns of a row in the order in which a slice writes them. */
export const STAGED_COLUMNS =
  'organization_id, upload_id, lane, position, line, number, number_hash, variables, metadata, dialect_fields, not_before'
const COLUMN_COUNT = 11

/** Signature, no flags, no extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const TRAILER_BYTES = 2
/** A row without its texts: the count, eleven lengths, and the columns of fixed length. */
const FIXED_BYTES = 2 + COLUMN_COUNT * 4 + 4 + 8 + 2 + 4 + 4 + 8 + 8 + 8
/** Where the hash stands, from the start of its row. */
const HASH_AT = 2 + 8 + 12 + 6 + 8 + 8 + 12 + 4
const FIRST_BYTES = 131_072
/** An UTF-16 code unit becomes at most so many bytes. */
const UTF8_BYTES_MAX = 3
const NULL_LENGTH = -1
/** PostgreSQL counts microseconds from 2000-01-01. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0)

/**
 * Recipients as the bytes of a binary COPY, written as they come: no object lives until the slice is sent, nothing is
 * put into digits that the server would read from digits again.
 */
export class StagedSlice {
  readonly #organizationId: number
  readonly #uploadId: bigint
  readonly #digits: number[] = []
  readonly #starts: number[] = []
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, FIRST_BYTES)
  #at = HEADER.copy(this.#buffer)

  constructor(upload: { organizationId: number; uploadId: string }) {
    this.#organizationId = upload.organizationId
    this.#uploadId = BigInt(upload.uploadId)
  }

  get length(): number {
    return this.#starts.length
  }

  /** The numbers of its recipients, in order. */
  get digits(): readonly number[] {
    return this.#digits
  }

  add(row: StagedRecipient): void {
    this.#makeRoom(row)
    this.#starts.push(this.#at)
    this.#digits.push(row.digits)
    this.#view.setInt16(this.#at, COLUMN_COUNT)
    this.#at += 2
    this.#int4(this.#organizationId)
    this.#int8(this.#uploadId)
    this.#view.setInt32(this.#at, 2)
    this.#view.setInt16(this.#at + 4, row.lane)
    this.#at += 6
    this.#int4(row.position)
    this.#int4(row.line)
    // Two halves: a BigInt for each number would be an object more.
    this.#view.setInt32(this.#at, 8)
    this.#view.setInt32(this.#at + 4, Math.floor(row.digits / 2 ** 32))
    this.#view.setUint32(this.#at + 8, row.digits % 2 ** 32)
    this.#at += 12
    this.#view.setInt32(this.#at, 8)
    this.#at += 12
    this.#text(row.variables)
    this.#text(row.metadata)
    this.#text(row.dialectFields)
    if (row.notBefore === null) this.#null()
    else this.#int8(BigInt(row.notBefore.getTime() - POSTGRES_EPOCH_MS) * 1000n)
  }

  /** All of it, with the hash of each number. The slice must not be used afterwards. */
  finish(hashes: BigInt64Array): Buffer {
    for (const [index, start] of this.#starts.entries()) this.#view.setBigInt64(start + HASH_AT, hashes[index]!)
    this.#view.setInt16(this.#at, -1)
    return this.#buffer.subarray(0, this.#at + TRAILER_BYTES)
  }

  #makeRoom({ variables, metadata, dialectFields }: StagedRecipient): void {
    const texts = (variables?.length ?? 0) + (metadata?.length ?? 0) + (dialectFields?.length ?? 0)
    const needed = this.#at + FIXED_BYTES + texts * UTF8_BYTES_MAX + TRAILER_BYTES
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length)
  }

  #int4(value: number): void {
    this.#view.setInt32(this.#at, 4)
    this.#view.setInt32(this.#at + 4, value)
    this.#at += 8
  }

  #int8(value: bigint): void {
    this.#view.setInt32(this.#at, 8)
    this.#view.setBigInt64(this.#at + 4, value)
    this.#at += 12
  }

  #text(value: string | null): void {
    if (value === null) {
      this.#null()
      return
    }
    const length = this.#buffer.write(value, this.#at + 4)
    this.#view.setInt32(this.#at, length)
    this.#at += 4 + length
  }

  #null(): void {
    this.#view.setInt32(this.#at, NULL_LENGTH)
    this.#at += 4
  }
}
