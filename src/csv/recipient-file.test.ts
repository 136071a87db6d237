import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ZONE_SETS } from '../model/number-zones.ts'
import { NumberLines } from './number-lines.ts'
import {
  type RecipientFileOptions,
  RecipientFileReader,
  type RecipientFileSummary,
  type RecipientRow,
  type RejectedRow,
  readRecipientFile,
} from './recipient-file.ts'
import { RecipientFileError } from './recipient-file-error.ts'

type Options = Omit<RecipientFileOptions, 'onRow' | 'onRejected'>

interface Read {
  rows: RecipientRow[]
  rejected: RejectedRow[]
  summary: RecipientFileSummary
}

function read(content: string | Buffer, options: Options = {}): Read {
  const rows: RecipientRow[] = []
  const rejected: RejectedRow[] = []
  const reader = new RecipientFileReader({
    ...options,
    onRow: (row) => rows.push(row),
    onRejected: (row) => rejected.push(row),
  })
  reader.push(Buffer.from(content))
  return { rows, rejected, summary: reader.end() }
}

function errorOf(content: string | Buffer, options: Options = {}): RecipientFileError {
  try {
    read(content, options)
  } catch (error) {
    if (error instanceof RecipientFileError) return error
    throw error
  }
  throw new Error('no error was thrown')
}

describe('rows', () => {
  it('become recipients with their line, digits, variables and zones', () => {
    const { rows, rejected, summary } = read(
      'name,phone_number,city\nAnn,+14155552671,Reno\n\n"Bob ""B"" \\","+44 (0)20 7946 0958","a\nb"\n',
    )
    expect(rejected).toEqual([])
    expect(rows.map(({ line, digits, variables, repaired }) => ({ line, digits, variables, repaired }))).toEqual([
      { line: 2, digits: 14155552671, variables: '["Ann","Reno"]', repaired: undefined },
      { line: 4, digits: 442079460958, variables: '["Bob \\"B\\" \\\\","a\\nb"]', repaired: 'national-prefix' },
    ])
    expect(rows.map((row) => ZONE_SETS[row.zoneSet])).toEqual([['America/Los_Angeles'], ['Europe/London']])
    expect(summary).toEqual({
      columns: ['name', 'city'],
      encoding: 'ascii',
      delimiter: ',',
      rowCount: 2,
      rejectedCount: 0,
      duplicateCount: 0,
      repairedCount: 1,
    })
  })

  it('are rejected one by one, with line, column, value, reason and remedy', () => {
    const { rows, rejected } = read(
      [
        'phone,name,timezone',
        '+14155552671,Ann,US/Eastern',
        '1.41556E+10,Excel,',
        '+14155552672,Bob,Mars/X',
        '+14155552673,Short',
        '+14155552674,Long,,more',
        '+14155552675,"a"b,',
        '911,Emergency,',
        '+15555555555,Wrong,',
        ',,',
        '+14155552676,Offset,+05:30',
        '+14155552677, spaces kept , Europe/Berlin ',
      ].join('\r\n'),
    )
    expect(rejected.map(({ line, column, value, reason }) => [line, column, value, reason])).toEqual([
      [3, 'phone', '1.41556E+10', 'scientific-notation'],
      [4, 'timezone', 'Mars/X', 'unknown-timezone'],
      [5, null, '', 'short-row'],
      [6, null, '', 'long-row'],
      [7, null, '', 'bad-quote'],
      [8, 'phone', '911', 'short-code'],
      [9, 'phone', '+15555555555', 'invalid-for-country'],
      [11, 'timezone', '+05:30', 'unknown-timezone'],
    ])
    for (const { remedy } of rejected) expect(remedy).toMatch(/^[A-Z].+\.$/)
    expect(rows.map(({ line, timezone, variables }) => ({ line, timezone, variables }))).toEqual([
      { line: 2, timezone: 'US/Eastern', variables: '["Ann","US/Eastern"]' },
      { line: 12, timezone: 'Europe/Berlin', variables: '[" spaces kept "," Europe/Berlin "]' },
    ])
  })

  it('say on which line the same number stood before, in whatever notation', () => {
    const { rows, summary } = read('phone\n+14155552671\n+44 20 7946 0958\n(415) 555-2671\n+14155552671\n', {
      defaultCountry: 'US',
    })
    expect(rows.map((row) => row.duplicateOf)).toEqual([undefined, undefined, 2, 2])
    expect(summary.duplicateCount).toBe(2)
  })

  it('need only the shape of a number where no telephone rings', () => {
    expect(read('phone\n+15555555555\n', { check: 'shape' }).rows[0]?.digits).toBe(15555555555)
    expect(read('phone\n+15555\nx\n', { check: 'shape' }).rejected.map((row) => row.reason)).toEqual([
      'too-short',
      'not-a-number',
    ])
  })

  it('with damaged characters are rejected, the others read', () => {
    const content = Buffer.concat([
      Buffer.from('phone,name\n+14155552671,Zoë\n+14155552672,'),
      Buffer.from([0xff, 0x0a]),
    ])
    const { rows, rejected } = read(content)
    expect(rows).toHaveLength(1)
    expect(rejected).toMatchObject([{ line: 3, column: 'name', reason: 'bad-encoding' }])
  })

  it('keep formulas and other text as text', () => {
    const cells = ['=HYPERLINK(1)', '+cmd|', '@SUM', '-1+1', '{{7*7}}', "'; DROP TABLE"]
    const { rows } = read(`phone,${cells.map((_, index) => `v${index}`).join()}\n+14155552671,${cells.join()}\n`)
    expect(JSON.parse(rows[0]!.variables)).toEqual(cells)
  })

  it('escape what JSON must escape, also in a record that reaches over pieces', () => {
    const long = `"${'x\t""'.repeat(9_000)}"`
    const plain = '+14155552671,plain\n'.repeat(6_000)
    const early = `a\\b${'王'.repeat(60_000)}`
    const { rows } = read(`phone,text\n${plain}+14155552673,${early}\n${plain}+14155552672,${long}\n${plain}`)
    for (const row of rows) expect(() => JSON.parse(row.variables)).not.toThrow()
    expect(JSON.parse(rows.find((row) => row.digits === 14155552672)!.variables)).toEqual(['x\t"'.repeat(9_000)])
    expect(JSON.parse(rows.find((row) => row.digits === 14155552673)!.variables)).toEqual([early])
  })

  it.each([
    [';', 'utf8'],
    ['\t', 'utf16le'],
    ['|', 'latin1'],
    [',', 'utf16le'],
  ] as const)('are read with %j between fields, in %s', (delimiter, encoding) => {
    const text = `\ufeffphone|name\n+14155552671|Zoë\n`.replaceAll('|', delimiter)
    const content = Buffer.from(encoding === 'latin1' ? text.slice(1) : text, encoding)
    const { rows, summary } = read(content)
    expect(rows[0]?.variables).toBe('["Zoë"]')
    expect(summary.delimiter).toBe(delimiter)
  })
})

describe('headers', () => {
  it.each(['phone_number', ' Phone ', 'PHONE NUMBER', 'Mobile', 'telephone', 'Number', 'to', 'to_number', '"phone"'])(
    'may call the number %j',
    (name) => {
      expect(read(`first,${name}\nAnn,+14155552671\n`).rows).toHaveLength(1)
    },
  )

  it('prefer phone_number to other names, and name columns without a name', () => {
    const { rows, summary } = read('mobile,phone_number,,\n1,+14155552671,3,4\n')
    expect(rows[0]?.digits).toBe(14155552671)
    expect(summary.columns).toEqual(['mobile', 'column_3', 'column_4'])
  })

  it.each([
    ['', 'empty-file', 'empty'],
    ['\r\n\n', 'empty-file', 'empty'],
    ['phone,name\n', 'empty-file', 'no rows'],
    ['phone,name\n,\n', 'empty-file', 'no rows'],
    ['name,age\nAnn,3\n', 'no-phone-column', '"name", "age"'],
    ['+14155552671,Ann\n', 'no-phone-column', 'no header row'],
    ['phone,name,name\n', 'duplicate-header', '"name"'],
    ['phone,Phone\n', 'duplicate-header', '"phone"'],
    ['phone,__proto__\n', 'bad-header', '__proto__'],
    ['phone,constructor\n', 'bad-header', 'constructor'],
    ['phone,prototype\n', 'bad-header', 'prototype'],
    [`phone,${'n'.repeat(256)}\n`, 'bad-header', '255'],
    [`phone${',x'.repeat(100)}\n`, 'too-many-columns', '101'],
    ['phone,name\n+14155552671,"Ann\n', 'unclosed-quote', 'line 2'],
  ])('%j is refused as %s', (content, code, message) => {
    const error = errorOf(content)
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    expect(error.remedy).toMatch(/\.$/)
  })

  it('may have 100 columns', () => {
    const names = Array.from({ length: 99 }, (_, index) => `v${index}`)
    expect(read(`phone,${names.join()}\n+14155552671,${names.join()}\n`).summary.columns).toHaveLength(99)
  })
})

describe('other files', () => {
  it.each([
    ['Excel', Buffer.from('PK\x03\x04\x14\0\x06\0', 'latin1')],
    ['PDF', Buffer.from('%PDF-1.7\n')],
    ['PNG', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['gzip', gzipSync('phone\n+14155552671\n')],
    ['JSON', Buffer.from('[{"phone": "+14155552671"}]')],
    ['web page', Buffer.from('<!DOCTYPE html><table>')],
  ])('are called by their name: %s', (kind, content) => {
    const error = errorOf(content)
    expect(error.code).toBe('not-a-csv')
    expect(error.message).toContain(kind)
  })
})

describe('large files', () => {
  it('end early and with flat memory when a quote is never closed', () => {
    const reader = new RecipientFileReader({ onRow: () => undefined, onRejected: () => undefined })
    reader.push(Buffer.from('phone,name\n+14155552671,"'))
    const piece = Buffer.alloc(65_536, 'x,y\n')
    expect(() => {
      for (let index = 0; index < 320; index += 1) reader.push(piece)
    }).toThrow(RecipientFileError)
  })

  it('are read the same in pieces of any size', () => {
    const lines = Array.from({ length: 3_000 }, (_, index) => `+1415555${2_000 + (index % 2_500)},Zoë ${index}`)
    const content = Buffer.from(`phone,name\r\n${lines.join('\r\n')}`)
    const whole = read(content)
    for (const size of [1, 7, 4_096, 65_536, 70_000]) {
      const rows: RecipientRow[] = []
      const reader = new RecipientFileReader({ onRow: (row) => rows.push(row), onRejected: () => undefined })
      for (let at = 0; at < content.length; at += size) reader.push(content.subarray(at, at + size))
      expect(reader.end()).toEqual(whole.summary)
      expect(rows).toEqual(whole.rows)
    }
    expect(whole.summary).toMatchObject({ rowCount: 3_000, duplicateCount: 500 })
  })

  it('let other work run while they are read', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    const piece = Buffer.from('+14155552671,some name\n'.repeat(20_000))
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('phone,name\n')
      for (let index = 0; index < 8; index += 1) yield piece
    }
    const summary = await readRecipientFile(source(), { onRow: () => undefined, onRejected: () => undefined })
    clearInterval(timer)
    expect(summary.rowCount).toBe(160_000)
    expect(turns).toBeGreaterThan(10)
  })
})

describe('lines of numbers', () => {
  it('agree with a Map over many numbers, also of 15 digits', () => {
    const ours = new NumberLines()
    const theirs = new Map<number, number>()
    const wrong: number[] = []
    let seed = 1
    for (let line = 1; line < 100_000; line += 1) {
      seed = (seed * 48_271) % 2_147_483_647
      const digits = (seed % 30_000) * (line % 3 === 0 ? 33_333_333_333 : 1) + 1_000_000
      if (ours.firstLine(digits, line) !== (theirs.get(digits) ?? 0)) wrong.push(digits)
      if (!theirs.has(digits)) theirs.set(digits, line)
    }
    expect(wrong).toEqual([])
    expect(ours.size).toBe(theirs.size)
  })
})
