import { setImmediate as nextTurn } from 'node:timers/promises'
import { zoneSetOf } from '../model/number-zones.ts'
import { type NumberReason, type NumberRepair, parsePhoneNumber } from '../model/phone-number.ts'
import { plainDigits } from '../model/phone-number-automaton.ts'
import { canonicalZone } from '../model/zone-offsets.ts'
import { CsvReader, RECORD_LENGTH_MAX } from './csv-reader.ts'
import { FileDecoder, type FileEncoding } from './encoding.ts'
import { refuseOtherContent } from './file-content.ts'
import { NumberLines } from './number-lines.ts'
import { RecipientFileError } from './recipient-file-error.ts'
import { chooseDelimiter, type RecipientHeader, readHeader } from './recipient-header.ts'

/** A row that can be a recipient. */
export interface RecipientRow {
  /** 1-based line of the file on which the row begins. */
  readonly line: number
  /** The E.164 digits of the number. */
  readonly digits: number
  /** JSON text of an array with the values of {@link RecipientFileReader.columns}, in their order, exactly as written. */
  readonly variables: string
  /** Index into the model's sets of candidate zones; what the number says even when `timezone` is given. */
  readonly zoneSet: number
  /** From the file's time zone column; it overrides the zones of the number. */
  readonly timezone?: string
  /** The line on which the same number stood before. */
  readonly duplicateOf?: number
  readonly repaired?: NumberRepair
}

export type RowReason = NumberReason | 'short-row' | 'long-row' | 'bad-quote' | 'bad-encoding' | 'unknown-timezone'

/** A row that cannot be a recipient, with what its author can do about it. */
export interface RejectedRow {
  readonly line: number
  /** Null when the fault is the row's and not that of one value. */
  readonly column: string | null
  /** The value at fault, cut off after 100 characters; empty when the fault is the row's. */
  readonly value: string
  readonly reason: RowReason
  readonly remedy: string
  /** All fields as read, so that the row can be given back. */
  readonly fields: readonly string[]
}

export interface RecipientFileOptions {
  readonly onRow: (row: RecipientRow) => void
  readonly onRejected: (row: RejectedRow) => void
  /** Called once, before the first row. */
  readonly onHeader?: (header: RecipientHeader) => void
  /** ISO 3166 code of the country in which numbers without `+` are meant. */
  readonly defaultCountry?: string
  /** Whether numbers must be valid in their country, or only shaped like one (for trunks that ring no telephone). */
  readonly check?: 'valid' | 'shape'
  readonly phoneColumnNames?: readonly string[]
}

export interface RecipientFileSummary {
  readonly columns: readonly string[]
  readonly encoding: FileEncoding
  readonly delimiter: string
  /** Rows given to onRow, with their duplicates. */
  readonly rowCount: number
  readonly rejectedCount: number
  readonly duplicateCount: number
  readonly repairedCount: number
}

/** What is decoded and read at a time; it takes a millisecond or two, so the event loop is never held for long. */
export const SLICE_BYTES = 16_384
const SHOWN_VALUE_LENGTH = 100
const CACHED_TIMEZONES_MAX = 1_000
/** What JSON must escape, apart from the line ends that only stand inside quotes. */
const ESCAPED = /["\\]|[^\P{Cc}\r\n]/u
const ESCAPED_IN_VALUE = /["\\\p{Cc}]/u
/** No encoding that is read takes more bytes for an UTF-16 code unit. */
const CODE_UNIT_BYTES_MAX = 3
/** A record may reach over this many slices, counted with the one in which it ends. */
const SLICES_OF_A_RECORD = Math.ceil((RECORD_LENGTH_MAX * CODE_UNIT_BYTES_MAX) / SLICE_BYTES) + 1

/**
 * Reads a file of recipients while it arrives: encoding, delimiter and header are found out, each row becomes a
 * recipient or a rejected row, in the order of the file.
 *
 * `push` calls the listeners synchronously, so give it pieces of at most {@link SLICE_BYTES} and let other work run
 * between them, or use {@link readRecipientFile}. Memory is bounded, apart from 12 to 48 bytes per distinct number.
 * `push` and `end` throw {@link RecipientFileError} for a fault of the whole file; the reader must then be dropped.
 */
export class RecipientFileReader {
  readonly #options: RecipientFileOptions
  readonly #csv: CsvReader
  readonly #decoder = new FileDecoder()
  readonly #slice = Buffer.allocUnsafe(SLICE_BYTES)
  readonly #seen = new NumberLines()
  readonly #timezones = new Map<string, string | null>()
  #filled = 0
  #started = false
  #slicesToEscape = 0
  #header: RecipientHeader | undefined
  #columns: readonly string[] = []
  #rowCount = 0
  #rejectedCount = 0
  #duplicateCount = 0
  #repairedCount = 0

  constructor(options: RecipientFileOptions) {
    this.#options = options
    this.#csv = new CsvReader({
      onRecord: (fields, line, misquoted) => this.#readRecord(fields, line, misquoted),
      chooseDelimiter: (line) => chooseDelimiter(line, options),
    })
  }

  /** The names of the values in a row's `variables`: all columns but the telephone number. Empty before the header. */
  get columns(): readonly string[] {
    return this.#columns
  }

  push(chunk: Uint8Array): void {
    let from = 0
    while (from < chunk.length) {
      const part = chunk.subarray(from, from + SLICE_BYTES - this.#filled)
      this.#slice.set(part, this.#filled)
      this.#filled += part.length
      from += part.length
      if (this.#filled === SLICE_BYTES) this.#readSlice(false)
    }
  }

  end(): RecipientFileSummary {
    this.#readSlice(true)
    this.#csv.end()
    if (this.#rowCount + this.#rejectedCount === 0) {
      throw new RecipientFileError(
        'empty-file',
        this.#header ? 'The file has a header but no rows.' : 'The file is empty.',
        'Upload a file with a header row and one row per person.',
      )
    }
    return {
      columns: this.#columns,
      encoding: this.#decoder.encoding,
      delimiter: this.#csv.delimiter ?? ',',
      rowCount: this.#rowCount,
      rejectedCount: this.#rejectedCount,
      duplicateCount: this.#duplicateCount,
      repairedCount: this.#repairedCount,
    }
  }

  #readSlice(last: boolean): void {
    const bytes = this.#slice.subarray(0, this.#filled)
    this.#filled = 0
    if (!this.#started) refuseOtherContent(bytes)
    this.#started = true
    const text = this.#decoder.decode(bytes, last)
    this.#slicesToEscape = ESCAPED.test(text) ? SLICES_OF_A_RECORD : Math.max(0, this.#slicesToEscape - 1)
    this.#csv.push(text)
  }

  #readRecord(fields: string[], line: number, misquoted: boolean): void {
    if (this.#header !== undefined) {
      this.#readRow(fields, line, misquoted)
      return
    }
    const header = readHeader(fields, this.#options)
    this.#header = header
    this.#columns = header.names.filter((_, index) => index !== header.phoneColumn)
    this.#options.onHeader?.(header)
  }

  #readRow(fields: string[], line: number, misquoted: boolean): void {
    const { phoneColumn, timezoneColumn, names } = this.#header!
    if (fields.length !== names.length || misquoted) {
      this.#rejectRecord(fields, line, misquoted)
      return
    }
    const text = fields[phoneColumn]!
    let digits = this.#options.check === 'shape' ? 0 : plainDigits(text)
    let repaired: NumberRepair | undefined
    if (digits === 0) {
      const number = parsePhoneNumber(text, this.#options)
      if (!number.ok) {
        // Spreadsheets leave rows behind in which every cell is empty.
        if (number.reason === 'empty' && fields.every((field) => field.trim() === '')) return
        this.#reject(fields, line, phoneColumn, number)
        return
      }
      digits = number.digits
      repaired = number.repaired
    }
    const broken = this.#decoder.encoding === 'ascii' ? -1 : fields.findIndex((field) => field.includes('\ufffd'))
    if (broken >= 0) {
      this.#reject(fields, line, broken, BAD_ENCODING)
      return
    }
    let timezone: string | undefined
    if (timezoneColumn >= 0 && fields[timezoneColumn] !== '') {
      timezone = this.#timezone(fields[timezoneColumn]!.trim()) ?? undefined
      if (timezone === undefined && fields[timezoneColumn]!.trim() !== '') {
        this.#reject(fields, line, timezoneColumn, UNKNOWN_TIMEZONE)
        return
      }
    }
    const variables = variablesText(fields, phoneColumn, this.#slicesToEscape > 0)
    this.#accept({ line, digits, variables, zoneSet: zoneSetOf(digits), timezone, repaired })
  }

  #accept(row: RecipientRow): void {
    this.#rowCount += 1
    if (row.repaired !== undefined) this.#repairedCount += 1
    const before = this.#seen.firstLine(row.digits, row.line)
    if (before === 0) {
      this.#options.onRow(row)
      return
    }
    this.#duplicateCount += 1
    this.#options.onRow({ ...row, duplicateOf: before })
  }

  #timezone(name: string): string | null {
    const known = this.#timezones.get(name)
    if (known !== undefined) return known
    // A fixed offset is no zone: it cannot tell what the clock shows after the next change to summer time.
    const zone = /^[A-Za-z]/.test(name) ? canonicalZone(name) : null
    if (this.#timezones.size < CACHED_TIMEZONES_MAX) this.#timezones.set(name, zone)
    return zone
  }

  #rejectRecord(fields: string[], line: number, misquoted: boolean): void {
    const expected = this.#header!.names.length
    if (!misquoted && fields.every((field) => field.trim() === '')) return
    const count = `The header has ${expected} columns, this row ${fields.length}.`
    if (misquoted) {
      this.#reject(fields, line, -1, {
        reason: 'bad-quote',
        remedy: 'Text follows a closing quote. Double quotes ("") that are part of a value.',
      })
    } else if (fields.length < expected) {
      this.#reject(fields, line, -1, { reason: 'short-row', remedy: `${count} Add the missing values or delimiters.` })
    } else {
      this.#reject(fields, line, -1, {
        reason: 'long-row',
        remedy: `${count} Put values that hold the delimiter in double quotes.`,
      })
    }
  }

  #reject(fields: string[], line: number, column: number, fault: { reason: RowReason; remedy: string }): void {
    this.#rejectedCount += 1
    this.#options.onRejected({
      line,
      column: this.#header!.names[column] ?? null,
      value: (fields[column] ?? '').slice(0, SHOWN_VALUE_LENGTH),
      reason: fault.reason,
      remedy: fault.remedy,
      fields,
    })
  }
}

const BAD_ENCODING = {
  reason: 'bad-encoding',
  remedy: 'A character of this row is damaged. Save the file as CSV in UTF-8.',
} as const
const UNKNOWN_TIMEZONE = {
  reason: 'unknown-timezone',
  remedy: 'Write an IANA time zone such as America/New_York, or leave the value empty.',
} as const

function variablesText(fields: readonly string[], phoneColumn: number, mayNeedEscape: boolean): string {
  let text = '['
  for (let index = 0; index < fields.length; index += 1) {
    if (index === phoneColumn) continue
    const value = fields[index]!
    if (text.length > 1) text += ','
    text += mayNeedEscape && ESCAPED_IN_VALUE.test(value) ? JSON.stringify(value) : `"${value}"`
  }
  return `${text}]`
}

/**
 * Reads a whole file from a stream, letting other work run after every {@link SLICE_BYTES}. Rejects with
 * {@link RecipientFileError}, or with what the stream or a listener throws.
 */
export async function readRecipientFile(
  source: AsyncIterable<Uint8Array>,
  options: RecipientFileOptions,
): Promise<RecipientFileSummary> {
  const reader = new RecipientFileReader(options)
  let sinceTurn = 0
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
      const part = chunk.subarray(from, from + SLICE_BYTES)
      reader.push(part)
      sinceTurn += part.length
      if (sinceTurn >= SLICE_BYTES) {
        sinceTurn = 0
        await nextTurn()
      }
    }
  }
  return reader.end()
}
