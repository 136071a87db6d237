import { setImmediate as nextTurn } from 'node:timers/promises'
import { RecipientFileReader, type RecipientRow, type RejectedRow, SLICE_BYTES } from '../csv/recipient-file.ts'
import { RecipientFileError, type RecipientFileErrorCode } from '../csv/recipient-file-error.ts'
import type { RecipientHeader } from '../csv/recipient-header.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { ZONE_SETS } from '../model/number-zones.ts'
import type { RejectedRowValues } from '../store/insert-batch.ts'
import type { RecipientDraft, RecipientStage } from './recipient-stage.ts'

/** So many bad rows are kept with their reasons; all are counted. */
export const REJECTED_ROWS_KEPT = 100_000
/** So many are told in an error or an answer. */
export const REJECTED_ROWS_SHOWN = 100

/** What a file turned out to hold. */
export interface StagedFile {
  readonly header: RecipientHeader
  readonly rowCount: number
  readonly rejectedCount: number
  readonly rejected: readonly RejectedRowValues[]
  readonly repairedCount: number
}

export interface FileOptions {
  readonly takesAnyNumber: boolean
  readonly defaultCountry: string | undefined
  readonly phoneColumn: string | undefined
  readonly maxBytes: number
  readonly onBadRows: 'accept' | 'reject'
}

const ERROR_OF_FILE = {
  'empty-file': 'no-recipients',
  'no-phone-column': 'file-unreadable',
  'duplicate-header': 'file-unreadable',
  'too-many-columns': 'file-unreadable',
  'bad-header': 'file-unreadable',
  'not-a-csv': 'unsupported-file',
  'unclosed-quote': 'file-unreadable',
  'record-too-large': 'file-unreadable',
} as const satisfies Record<RecipientFileErrorCode, ErrorCode>

/**
 * Stages a file while it arrives. Bad rows are collected, not staged.
 *
 * @throws AppError `file-unreadable`, `unsupported-file`, `file-too-large`, `no-recipients`, `no-good-row`,
 * `bad-rows-refused`.
 */
export async function stageFile(
  stage: RecipientStage,
  file: AsyncIterable<Uint8Array>,
  options: FileOptions,
): Promise<StagedFile> {
  const found: { header?: RecipientHeader; rejected: RejectedRowValues[] } = { rejected: [] }
  const reader = new RecipientFileReader({
    ...(options.defaultCountry === undefined ? {} : { defaultCountry: options.defaultCountry }),
    ...(options.phoneColumn === undefined ? {} : { phoneColumnNames: [options.phoneColumn.trim().toLowerCase()] }),
    check: options.takesAnyNumber ? 'shape' : 'valid',
    onHeader: (header) => {
      found.header = header
    },
    onRow: (row) => stage.add(draftOf(row)),
    onRejected: (row) => {
      if (found.rejected.length < REJECTED_ROWS_KEPT) found.rejected.push(rejectedValues(row))
    },
  })
  const summary = await told(async () => {
    await pushAll(reader, stage, file, options.maxBytes)
    return reader.end()
  })
  const { rowCount, rejectedCount, repairedCount } = summary
  if (rowCount === 0) throw refusal('no-good-row', rejectedCount, found.rejected)
  if (rejectedCount > 0 && options.onBadRows === 'reject') {
    throw refusal('bad-rows-refused', rejectedCount, found.rejected)
  }
  return { header: found.header!, rowCount, rejectedCount, rejected: found.rejected, repairedCount }
}

/**
 * Reads in pieces that take a millisecond or two each and lets other work run after every one of them: waiting for the
 * slice before is no such turn, since that may have arrived long ago.
 */
async function pushAll(
  reader: RecipientFileReader,
  stage: RecipientStage,
  file: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<void> {
  let bytes = 0
  for await (const chunk of file) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new AppError('file-too-large', { args: [maxBytes], field: 'file' })
    for (let from = 0; from < chunk.length; from += SLICE_BYTES) {
      reader.push(chunk.subarray(from, from + SLICE_BYTES))
      if (stage.full) await stage.flush()
      await nextTurn()
    }
  }
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RecipientFileError)) throw error
    throw new AppError(ERROR_OF_FILE[error.code], {
      args: [error.message],
      remedy: error.remedy,
      field: 'file',
      cause: error,
    })
  }
}

function draftOf(row: RecipientRow): RecipientDraft {
  return {
    line: row.line,
    digits: row.digits,
    variables: row.variables,
    metadata: null,
    notBefore: null,
    zones: row.timezone === undefined ? ZONE_SETS[row.zoneSet]! : zoneAlone(row.timezone),
    invalid: false,
    repeated: row.duplicateOf !== undefined,
    dialectFields: null,
    route: null,
  }
}

/** The same array for the same zone: lanes are looked up by it. There are a few hundred zones. */
const zonesAlone = new Map<string, readonly string[]>()

function zoneAlone(timezone: string): readonly string[] {
  const known = zonesAlone.get(timezone)
  if (known !== undefined) return known
  const zones = [timezone]
  zonesAlone.set(timezone, zones)
  return zones
}

function rejectedValues(row: RejectedRow): RejectedRowValues {
  return {
    line: row.line,
    column: row.column ?? '',
    value: row.value.replace(/\0|\p{Cs}/gu, '\ufffd'),
    reason: row.reason,
    remedy: row.remedy,
  }
}

function refusal(code: ErrorCode, count: number, rejected: readonly RejectedRowValues[]): AppError {
  return new AppError(code, {
    field: 'file',
    args: [count],
    details: rejected.slice(0, REJECTED_ROWS_SHOWN).map((row) => ({
      path: row.column === '' ? `line ${row.line}` : `line ${row.line}, column ${row.column}`,
      message: row.value === '' ? row.reason : `${row.reason}: ${row.value}`,
      remedy: row.remedy,
    })),
  })
}
