import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CsvReader } from './csv-reader.ts'
import { RecipientFileError } from './recipient-file-error.ts'

interface Read {
  readonly records: string[][]
  readonly lines: number[]
  readonly misquoted: boolean[]
}

function read(text: string, pieces: readonly number[] = [], delimiter = ','): Read {
  const found: Read = { records: [], lines: [], misquoted: [] }
  const reader = new CsvReader({
    onRecord(fields, line, misquoted) {
      found.records.push(fields)
      found.lines.push(line)
      found.misquoted.push(misquoted)
    },
    chooseDelimiter: () => delimiter,
  })
  let at = 0
  for (const length of pieces) {
    reader.push(text.slice(at, at + length))
    at += length
  }
  reader.push(text.slice(at))
  reader.end()
  return found
}

function errorOf(work: () => unknown): RecipientFileError {
  try {
    work()
  } catch (error) {
    if (error instanceof RecipientFileError) return error
    throw error
  }
  throw new Error('no error was thrown')
}

describe('records', () => {
  it('reads quotes, doubled quotes, delimiters and line ends inside quotes', () => {
    expect(read('a,"b,c","d""e","f\r\ng"\nh,,,"" \n').records).toEqual([
      ['a', 'b,c', 'd"e', 'f\r\ng'],
      ['h', '', '', ''],
    ])
  })

  it('takes LF, CR LF and CR as line ends, also mixed, and counts lines by them', () => {
    const { records, lines } = read('a\r\nb\rc\n\n\r\n"x\r\ny\rz",1\nd')
    expect(records).toEqual([['a'], ['b'], ['c'], ['x\r\ny\rz', '1'], ['d']])
    expect(lines).toEqual([1, 2, 3, 6, 9])
  })

  it('keeps a quote inside an unquoted field and marks text behind a closing quote', () => {
    expect(read('5" pipe,b\n"a"b,c\n"a" ,c\n')).toEqual({
      records: [
        ['5" pipe', 'b'],
        ['ab', 'c'],
        ['a', 'c'],
      ],
      lines: [1, 2, 3],
      misquoted: [false, true, false],
    })
  })

  it('obeys and drops the line with which Excel names the delimiter', () => {
    const { records, lines } = read('\nsep=;\r\na;b\r\n1;2')
    expect(records).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ])
    expect(lines).toEqual([3, 4])
  })

  it.each(['', '\n', '\r\n\r\n'])('gives no record for %j', (text) => {
    expect(read(text).records).toEqual([])
  })

  it('refuses a quote that the file does not close, with its line', () => {
    expect(errorOf(() => read('a,b\nc,d\ne,"f\ng,h\n'))).toMatchObject({
      code: 'unclosed-quote',
      message: expect.stringContaining('line 3'),
    })
  })

  it('refuses records over the limit before it holds more than a piece beyond it', () => {
    const reader = new CsvReader({ onRecord: () => undefined, chooseDelimiter: () => ',', maxRecordLength: 1_000 })
    reader.push('a,b\n')
    reader.push('x'.repeat(600))
    expect(errorOf(() => reader.push('x'.repeat(600)))).toMatchObject({ code: 'record-too-large' })
    const quoted = new CsvReader({ onRecord: () => undefined, chooseDelimiter: () => ',', maxRecordLength: 1_000 })
    quoted.push('a,b\n')
    expect(errorOf(() => quoted.push(`c,"${'x\n'.repeat(600)}`))).toMatchObject({ code: 'unclosed-quote' })
    expect(errorOf(() => read(`${'x'.repeat(70_000)}\n`))).toMatchObject({ code: 'record-too-large' })
    expect(errorOf(() => read('x'.repeat(70_000)))).toMatchObject({ code: 'record-too-large' })
  })
})

describe('against csv-parse', () => {
  const options = {
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    bom: false,
  }
  const cutting = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 })
  const field = fc.string({
    unit: fc.constantFrom('a', 'é', '漢', ' ', ',', '"', '\n', '\r', ';', '1', '+'),
    maxLength: 8,
  })
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`

  it('reads every written table back, whatever the pieces', () => {
    const written = fc.record({
      rows: fc.array(fc.array(fc.tuple(field, fc.boolean()), { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
      lastLineEnd: fc.boolean(),
      pieces: cutting,
    })
    fc.assert(
      fc.property(written, ({ rows, lineEnd, lastLineEnd, pieces }) => {
        const cells = rows.map((row) =>
          row.map(([text, quoted]) => (quoted || /[",\r\n]/.test(text) ? quote(text) : text)),
        )
        const text = cells.map((row) => row.join(',')).join(lineEnd) + (lastLineEnd && rows.length > 0 ? lineEnd : '')
        const { records } = read(text, pieces)
        expect(records).toEqual(parse(text, options).filter((row: string[]) => row.length > 1 || row[0] !== ''))
        expect(records).toEqual(
          rows.map((row) => row.map(([value]) => value)).filter((row) => row.length > 1 || row[0] !== ''),
        )
      }),
      { numRuns: 3_000 },
    )
  })

  it('reads any text the same, wherever csv-parse reads it without an error and nothing is misquoted', () => {
    const soup = fc.string({ unit: fc.constantFrom('a', ' ', ',', ',', '"', '"', '\n', '\r', 'é'), maxLength: 40 })
    let compared = 0
    fc.assert(
      fc.property(soup, cutting, (text, pieces) => {
        let theirs: string[][]
        try {
          theirs = parse(text, { ...options, relax_quotes: false })
        } catch {
          return
        }
        const ours = read(text, pieces)
        compared += 1
        expect(ours.misquoted).not.toContain(true)
        expect(ours.records).toEqual(theirs.filter((row) => row.length > 1 || row[0] !== ''))
      }),
      { numRuns: 20_000 },
    )
    expect(compared).toBeGreaterThan(3_000)
  })

  it('gives the same records and lines however a text is cut', () => {
    const soup = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r'), maxLength: 40 })
    const attempt = (text: string, pieces: readonly number[]): unknown => {
      try {
        return read(text, pieces)
      } catch (error) {
        return (error as RecipientFileError).message
      }
    }
    fc.assert(
      fc.property(soup, cutting, (text, pieces) => {
        expect(attempt(text, pieces)).toEqual(attempt(text, []))
      }),
      { numRuns: 10_000 },
    )
  })
})
