import { RecipientFileError } from './recipient-file-error.ts'

/**
 * One record of a file. `line` is the 1-based line on which it begins. `misquoted` says that text followed a closing
 * quote, so that the fields are a guess. The array is made for this record and may be kept.
 */
export type RecordListener = (fields: string[], line: number, misquoted: boolean) => void

export interface CsvReaderOptions {
  readonly onRecord: RecordListener
  /** Is given the first line that is not blank, without its line end; its answer is one character. */
  readonly chooseDelimiter: (firstLine: string) => string
  /** In UTF-16 code units; longer records are refused. Default 65,536. */
  readonly maxRecordLength?: number
}

/** A longer record, in UTF-16 code units, is refused. */
export const RECORD_LENGTH_MAX = 65_536

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const QUOTE = 34
const SPACE = 32

/**
 * Splits text into records (RFC 4180): fields in quotes may hold delimiters, line ends and doubled quotes; lines end
 * with LF, CR LF or CR, also mixed. A quote inside an unquoted field is an ordinary character. Blank lines give no
 * record. Calls are synchronous and memory is bounded by one piece and one record.
 *
 * Throws RecipientFileError `record-too-large` and `unclosed-quote`; what {@link CsvReaderOptions.onRecord} throws
 * passes through.
 */
export class CsvReader {
  readonly #onRecord: RecordListener
  readonly #chooseDelimiter: (firstLine: string) => string
  readonly #maxRecordLength: number
  #delimiter: string | undefined
  #text = ''
  #line = 1
  #skipLineFeed = false

  // What the last quoted field was, so that reading one needs no object.
  #quotedValue = ''
  #quotedLines = 0
  #misquoted = false

  constructor(options: CsvReaderOptions) {
    this.#onRecord = options.onRecord
    this.#chooseDelimiter = options.chooseDelimiter
    this.#maxRecordLength = options.maxRecordLength ?? RECORD_LENGTH_MAX
  }

  /** The delimiter in use; undefined until the first line is complete. */
  get delimiter(): string | undefined {
    return this.#delimiter
  }

  push(text: string): void {
    if (text === '') return
    const start = this.#skipLineFeed && text.charCodeAt(0) === LINE_FEED ? 1 : 0
    this.#skipLineFeed = false
    this.#text = this.#text === '' ? text.slice(start) : this.#text + text.slice(start)
    if (this.#ready(false)) this.#readRecords(false)
  }

  end(): void {
    if (this.#ready(true)) this.#readRecords(true)
  }

  /** Skips blank lines at the start and finds the delimiter; false while the first line is not complete. */
  #ready(final: boolean): boolean {
    if (this.#delimiter !== undefined) return true
    const first = firstLineOf(this.#text, final)
    if (first === undefined) {
      this.#refuseLong(0, this.#text.length)
      return false
    }
    const named = /^sep=(.)$/i.exec(first)
    if (named) {
      // Excel's own way to name the delimiter is a line of its own and no record.
      this.#delimiter = named[1]!
      const at = this.#text.indexOf(first)
      this.#line += countLineEnds(this.#text.slice(0, at))
      this.#text = this.#text.slice(at + first.length)
      return true
    }
    this.#delimiter = this.#chooseDelimiter(first)
    return true
  }

  #readRecords(final: boolean): void {
    const text = this.#text
    const length = text.length
    const delimiter = this.#delimiter!.charCodeAt(0)
    let record = 0
    while (record < length) {
      const fields: string[] = []
      let place = record
      let end = record
      let lines = 0
      let misquoted = false
      for (;;) {
        if (text.charCodeAt(place) === QUOTE) {
          end = this.#readQuoted(place, delimiter, final)
          if (end < 0) break
          fields.push(this.#quotedValue)
          lines += this.#quotedLines
          misquoted ||= this.#misquoted
        } else {
          end = place
          while (end < length) {
            const code = text.charCodeAt(end)
            if (code === delimiter || code === LINE_FEED || code === CARRIAGE_RETURN) break
            end += 1
          }
          if (end === length && !final) break
          fields.push(text.slice(place, end))
        }
        if (text.charCodeAt(end) !== delimiter) break
        place = end + 1
      }
      // A record that reaches the end of the piece may go on in the next; a quote there need not be a closing one.
      if (end < 0 || (end === length && !final)) {
        this.#refuseLong(record, length)
        break
      }
      this.#refuseLong(record, end)
      if (fields.length > 1 || fields[0] !== '') this.#onRecord(fields, this.#line, misquoted)
      this.#line += lines + 1
      record = this.#behindLineEnd(end, final)
    }
    this.#text = record >= length ? '' : text.slice(record)
  }

  #behindLineEnd(end: number, final: boolean): number {
    const text = this.#text
    if (text.charCodeAt(end) !== CARRIAGE_RETURN) return end + 1
    if (end + 1 === text.length && !final) this.#skipLineFeed = true
    return text.charCodeAt(end + 1) === LINE_FEED ? end + 2 : end + 1
  }

  /** Where the quoted field at `open` ends (at its delimiter, line end or the end of the text), or -1 to wait for more. */
  #readQuoted(open: number, delimiter: number, final: boolean): number {
    const text = this.#text
    let value = ''
    let from = open + 1
    let close = text.indexOf('"', from)
    while (close >= 0 && text.charCodeAt(close + 1) === QUOTE) {
      value += text.slice(from, close + 1)
      from = close + 2
      close = text.indexOf('"', from)
    }
    if (close < 0 && final) throw unclosedQuote(this.#line)
    if (close < 0) return -1
    value = value === '' ? text.slice(from, close) : value + text.slice(from, close)
    let end = close + 1
    while (text.charCodeAt(end) === SPACE) end += 1
    const after = end
    while (end < text.length) {
      const code = text.charCodeAt(end)
      if (code === delimiter || code === LINE_FEED || code === CARRIAGE_RETURN) break
      end += 1
    }
    this.#misquoted = end > after
    this.#quotedValue = end > after ? value + text.slice(close + 1, end) : value
    this.#quotedLines = countLineEnds(value)
    return end
  }

  #refuseLong(from: number, to: number): void {
    if (to - from <= this.#maxRecordLength) return
    if (/(?:^|[,;|\t])"/.test(this.#text.slice(from, to))) {
      throw new RecipientFileError(
        'unclosed-quote',
        `The record on line ${this.#line} has more than ${this.#maxRecordLength} characters: a quote in it seems not to be closed.`,
        'Close the quote, or double it ("") where it is part of the text.',
      )
    }
    throw new RecipientFileError(
      'record-too-large',
      `The record on line ${this.#line} has more than ${this.#maxRecordLength} characters.`,
      'Check that the file has one row per line, and shorten its texts.',
    )
  }
}

function unclosedQuote(line: number): RecipientFileError {
  return new RecipientFileError(
    'unclosed-quote',
    `A quote in the record on line ${line} is not closed before the file ends.`,
    'Close the quote, or double it ("") where it is part of the text.',
  )
}

/** The first line that is not blank; undefined when it may go on in the next piece. Quotes may hold line ends. */
function firstLineOf(text: string, final: boolean): string | undefined {
  let start = 0
  while (text.charCodeAt(start) === LINE_FEED || text.charCodeAt(start) === CARRIAGE_RETURN) start += 1
  let inQuotes = false
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) inQuotes = !inQuotes
    else if (!inQuotes && (code === LINE_FEED || code === CARRIAGE_RETURN)) return text.slice(start, at)
  }
  return final ? text.slice(start) : undefined
}

function countLineEnds(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === CARRIAGE_RETURN || (code === LINE_FEED && text.charCodeAt(at - 1) !== CARRIAGE_RETURN)) count += 1
  }
  return count
}
