import { RecipientFileError } from './recipient-file-error.ts'

const SPREADSHEET = 'Open it, choose "Save as" and the type "CSV UTF-8", and upload that file.'
const COMPRESSED = 'Unpack it and upload the CSV file itself.'
const NO_TABLE = 'Upload a CSV file: a header row with a phone_number column, then one row per person.'

/** What files begin with that people upload in place of a CSV file. */
const BEGINNINGS: readonly (readonly [beginning: string, kind: string, remedy: string])[] = [
  ['PK\x03\x04', 'an Excel workbook (.xlsx) or a ZIP archive', SPREADSHEET],
  ['PK\x05\x06', 'an empty ZIP archive', SPREADSHEET],
  ['\xd0\xcf\x11\xe0', 'an old Excel workbook (.xls)', SPREADSHEET],
  ['\x1f\x8b', 'a gzip archive', COMPRESSED],
  ['BZh', 'a bzip2 archive', COMPRESSED],
  ['\x28\xb5\x2f\xfd', 'a Zstandard archive', COMPRESSED],
  ['7z\xbc\xaf', 'a 7z archive', COMPRESSED],
  ['\xfd7zXZ', 'an xz archive', COMPRESSED],
  ['Rar!', 'a RAR archive', COMPRESSED],
  ['%PDF', 'a PDF document', NO_TABLE],
  ['\x89PNG', 'a PNG image', NO_TABLE],
  ['\xff\xd8\xff', 'a JPEG image', NO_TABLE],
  ['GIF8', 'a GIF image', NO_TABLE],
  ['{\\rtf', 'an RTF document', NO_TABLE],
  ['PAR1', 'a Parquet file', NO_TABLE],
  ['SQLite format', 'an SQLite database', NO_TABLE],
]

/** Throws `not-a-csv` when the first bytes of a file are those of another well-known kind of file. */
export function refuseOtherContent(start: Buffer): void {
  const bytes = start.toString('latin1', 0, 64)
  const found = BEGINNINGS.find(([beginning]) => bytes.startsWith(beginning))
  if (found) throw new RecipientFileError('not-a-csv', `The file is ${found[1]}, not a CSV file.`, found[2])
  const text = bytes.replace(/^\xef\xbb\xbf/, '').trimStart()
  const markup = /^<(?:!doctype|html|\?xml|table)/i.test(text) ? 'a web page or XML' : undefined
  const other = markup ?? (/^(?:\[\s*\{|\{\s*")/.test(text) ? 'JSON' : undefined)
  if (other) throw new RecipientFileError('not-a-csv', `The file is ${other}, not a CSV file.`, NO_TABLE)
}
