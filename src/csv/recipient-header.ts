import { RecipientFileError } from './recipient-file-error.ts'

/** Names of the column with the telephone number, in the order in which they win when a file has several. */
export const PHONE_COLUMN_NAMES = [
  'phone_number',
  'phone',
  'phone number',
  'mobile',
  'telephone',
  'number',
  'to',
  'to_number',
] as const
/** Names of the column with the recipient's own time zone. */
export const TIMEZONE_COLUMN_NAMES = ['timezone', 'time_zone', 'time zone'] as const

const MAX_COLUMNS = 100
const MAX_NAME_LENGTH = 255
const REFUSED_NAMES = new Set(['__proto__', 'constructor', 'prototype'])
/** In the order in which they win when two split the header equally well. */
const DELIMITERS = [',', ';', '\t', '|'] as const

/** The columns of a file of recipients. */
export interface RecipientHeader {
  /** All names, trimmed; a column without one is called `column_<position>`. */
  readonly names: readonly string[]
  readonly phoneColumn: number
  /** -1 when the file has none. */
  readonly timezoneColumn: number
}

export interface HeaderOptions {
  readonly phoneColumnNames?: readonly string[]
}

/**
 * Checks the first record of a file. Throws RecipientFileError: `too-many-columns`, `bad-header`, `duplicate-header`,
 * `no-phone-column`, each naming the columns concerned.
 */
export function readHeader(cells: readonly string[], options: HeaderOptions = {}): RecipientHeader {
  if (cells.length > MAX_COLUMNS) {
    throw new RecipientFileError(
      'too-many-columns',
      `The file has ${cells.length} columns; at most ${MAX_COLUMNS} are read.`,
      'Remove the columns that the agent does not need.',
    )
  }
  const names = cells.map((cell, index) => cell.trim() || `column_${index + 1}`)
  for (const name of names) refuseName(name)
  refuseDuplicates(names)
  const lower = names.map((name) => name.toLowerCase())
  const phoneColumn = findColumn(lower, options.phoneColumnNames ?? PHONE_COLUMN_NAMES)
  if (phoneColumn < 0) throw noPhoneColumn(names)
  return { names, phoneColumn, timezoneColumn: findColumn(lower, TIMEZONE_COLUMN_NAMES) }
}

/** The delimiter of a file by its header line: the one that shows a phone column, else the most frequent one. */
export function chooseDelimiter(line: string, options: HeaderOptions = {}): string {
  const accepted = new Set<string>(options.phoneColumnNames ?? PHONE_COLUMN_NAMES)
  const unquoted = line.replace(/"(?:[^"]|"")*"/g, (quoted) => quoted.replace(/[,;\t|]/g, ' '))
  let best: string = ','
  let bestScore = 0
  for (const delimiter of DELIMITERS) {
    const cells = unquoted.split(delimiter)
    if (cells.length === 1) continue
    const named = cells.some((cell) => accepted.has(cell.trim().replace(/^"|"$/g, '').trim().toLowerCase()))
    const score = cells.length + (named ? 1e6 : 0)
    if (score > bestScore) {
      best = delimiter
      bestScore = score
    }
  }
  return best
}

function findColumn(names: readonly string[], accepted: readonly string[]): number {
  for (const name of accepted) {
    const found = names.indexOf(name)
    if (found < 0) continue
    if (names.indexOf(name, found + 1) >= 0) throw duplicate([name])
    return found
  }
  return -1
}

function refuseName(name: string): void {
  if (REFUSED_NAMES.has(name)) {
    throw new RecipientFileError(
      'bad-header',
      `A column must not be called "${name}".`,
      'Give the column another name.',
    )
  }
  if (name.length > MAX_NAME_LENGTH || /[\p{Cc}\ufffd]/u.test(name)) {
    const shown = name.slice(0, 40).replace(/\p{Cc}/gu, ' ')
    throw new RecipientFileError(
      'bad-header',
      `The column name that begins with "${shown}" is longer than ${MAX_NAME_LENGTH} characters or holds control characters.`,
      'Give the column a short name on one line.',
    )
  }
}

function refuseDuplicates(names: readonly string[]): void {
  const repeated = names.filter((name, index) => names.indexOf(name) !== index)
  if (repeated.length > 0) throw duplicate([...new Set(repeated)])
}

function duplicate(names: readonly string[]): RecipientFileError {
  const list = names.map((name) => `"${name}"`).join(', ')
  return new RecipientFileError(
    'duplicate-header',
    `More than one column is called ${list}.`,
    'Give each column a name of its own.',
  )
}

function noPhoneColumn(names: readonly string[]): RecipientFileError {
  const looksLikeData = names.some((name) => /^\+?[\d\s().-]{7,20}$/.test(name))
  const shown = names.slice(0, 20).map((name) => `"${name.slice(0, 40)}"`)
  return new RecipientFileError(
    'no-phone-column',
    looksLikeData
      ? 'The first row holds a telephone number, so the file seems to have no header row.'
      : `No column is called phone_number. The columns are ${shown.join(', ')}${names.length > 20 ? ' and others' : ''}.`,
    looksLikeData
      ? 'Add a first row with the column names, one of them phone_number.'
      : 'Rename the column with the telephone numbers to phone_number.',
  )
}
