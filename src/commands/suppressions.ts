import { setImmediate as nextTurn } from 'node:timers/promises'
import { CsvReader } from '../csv/csv-reader.ts'
import { FileDecoder } from '../csv/encoding.ts'
import { refuseOtherContent } from '../csv/file-content.ts'
import { RecipientFileError } from '../csv/recipient-file-error.ts'
import { chooseDelimiter, PHONE_COLUMN_NAMES } from '../csv/recipient-header.ts'
import { AppError, invalidInput } from '../errors.ts'
import { hashNumbers } from '../model/id-cipher.ts'
import { isTelephone } from '../model/no-telephone.ts'
import { parsePhoneNumber } from '../model/phone-number.ts'
import { readDialingRules } from '../store/organizations.ts'
import {
  deleteSuppressions,
  type HashedNumbers,
  insertSuppressions,
  type SuppressionRow,
  selectSuppressions,
} from '../store/suppressions.ts'
import { audit } from './audit.ts'
import { FILE_BYTES_MAX } from './batch-terms.ts'
import { waitForUnsentIntents } from './change-batch.ts'
import { checkedLimit, checkedText } from './checked-input.ts'
import { type Actor, type CommandContext, inOrganization, type Page } from './context.ts'
import { openCursor, sealCursor } from './cursor.ts'
import { underGate } from './under-gate.ts'
import type { SuppressionView } from './views.ts'

export interface RejectedNumber {
  /** Line of the file, or ordinal in the list from 1. */
  readonly line: number
  readonly value: string
  readonly reason: string
  readonly remedy: string
}

export interface SuppressedNumbers {
  /** New on the list. */
  readonly added: number
  readonly alreadyThere: number
  readonly rejectedCount: number
  /** The first 1000 texts that are no numbers. */
  readonly rejected: readonly RejectedNumber[]
}

const REASON_DEFAULT = 'Asked not to be called'
const REASON_CHARS_MAX = 255
const LIST_MAX = 100_000
const REJECTED_MAX = 1_000
const VALUE_CHARS_MAX = 100
/** So many are written under the gate at a time, so that calls under way are not held up for long. */
const AT_ONCE = 10_000
const SLICE_BYTES = 65_536

/** Numbers on their way to the list. */
interface Collected {
  readonly digits: Set<number>
  readonly rejected: RejectedNumber[]
  rejectedCount: number
}

/**
 * Puts numbers on the list of those that are never called. After the answer none of them is dialled any more; a call
 * that is under way goes on. Texts that are no numbers are reported and the rest is added.
 */
export async function addSuppressions(
  context: CommandContext,
  actor: Actor,
  input: { numbers: readonly string[]; reason?: string | undefined },
): Promise<SuppressedNumbers> {
  const collected = await collect(context, actor, input.numbers)
  return suppress(context, actor, collected, input.reason)
}

/**
 * As {@link addSuppressions}, from a file: the column that is named like one of telephone numbers, else the first one.
 * A first line without a digit is taken for a header.
 *
 * @throws AppError `file-too-large`, `unsupported-file`, `file-unreadable`; nothing is added then.
 */
export async function importSuppressions(
  context: CommandContext,
  actor: Actor,
  file: AsyncIterable<Uint8Array>,
  options: { reason?: string | undefined } = {},
): Promise<SuppressedNumbers> {
  const defaultCountry = await defaultCountryOf(context, actor)
  const collected: Collected = { digits: new Set(), rejected: [], rejectedCount: 0 }
  try {
    await collectFile(collected, file, defaultCountry)
  } catch (error) {
    if (!(error instanceof RecipientFileError)) throw error
    const code = error.code === 'not-a-csv' ? 'unsupported-file' : 'file-unreadable'
    throw new AppError(code, { args: [error.message], remedy: error.remedy, field: 'file', cause: error })
  }
  return suppress(context, actor, collected, options.reason)
}

async function collectFile(
  collected: Collected,
  file: AsyncIterable<Uint8Array>,
  defaultCountry: string | undefined,
): Promise<void> {
  let column = -1
  const csv = new CsvReader({
    chooseDelimiter: (line) => chooseDelimiter(line),
    onRecord: (fields, line) => {
      if (column < 0) {
        const named = fields.findIndex(isPhoneColumn)
        column = Math.max(0, named)
        // A first line with digits is a number, if a bad one: it must not go unnoticed that it is not on the list.
        if (named >= 0 || !/\d/.test(fields[column] ?? '')) return
      }
      const text = fields[column] ?? ''
      if (text.trim() !== '') take(collected, { text, line, defaultCountry })
    },
  })
  const decoder = new FileDecoder()
  let started = false
  for await (const slice of slicesOf(file)) {
    if (!started) refuseOtherContent(slice)
    started = true
    csv.push(decoder.decode(slice, false))
    await nextTurn()
  }
  csv.push(decoder.decode(Buffer.alloc(0), true))
  csv.end()
}

/** The content and its encoding are told from the first bytes, so the first piece must not be a few of them. */
async function* slicesOf(file: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let bytes = 0
  for await (const chunk of file) {
    bytes += chunk.length
    if (bytes > FILE_BYTES_MAX) throw new AppError('file-too-large', { args: [FILE_BYTES_MAX], field: 'file' })
    pending.push(chunk)
    pendingBytes += chunk.length
    if (pendingBytes < SLICE_BYTES) continue
    const whole = Buffer.concat(pending)
    for (let from = 0; from < whole.length; from += SLICE_BYTES) yield whole.subarray(from, from + SLICE_BYTES)
    pending = []
    pendingBytes = 0
  }
  if (pendingBytes > 0) yield Buffer.concat(pending)
}

/** Newest first. */
export async function listSuppressions(
  context: CommandContext,
  actor: Actor,
  options: { cursor?: string | undefined; limit?: number | undefined } = {},
): Promise<Page<SuppressionView>> {
  const limit = checkedLimit(options.limit, { max: 1_000, fallback: 100 })
  const [beforeUs = AFTER_ALL_US, beforeNumber = '0'] =
    options.cursor === undefined ? [] : openCursor(context, actor, 'suppressions', options.cursor).map(String)
  const rows = await inOrganization(context, actor, (client) =>
    selectSuppressions(client, actor.organizationId, { beforeUs, beforeNumber, limit: limit + 1 }),
  )
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items: items.map(suppressionView),
    nextCursor: last === undefined ? null : sealCursor(context, actor, 'suppressions', [last.created_us, last.number]),
  }
}

/** In the year 3000. */
const AFTER_ALL_US = '32503680000000000'

/** They may be called again. Returns how many were on the list. @throws AppError `invalid-number` for the first bad one. */
export async function removeSuppressions(
  context: CommandContext,
  actor: Actor,
  input: { numbers: readonly string[] },
): Promise<number> {
  const { digits, rejected } = await collect(context, actor, input.numbers)
  const bad = rejected[0]
  if (bad !== undefined) {
    throw new AppError('invalid-number', { args: [bad.value], field: `numbers[${bad.line - 1}]`, remedy: bad.remedy })
  }
  const numbers = hashed(context, actor, [...digits])
  return underGate(context, actor, async (client) => {
    const removed = await deleteSuppressions(client, actor.organizationId, numbers)
    await audit(client, actor, 'suppressions.removed', { detail: { numbers: removed } })
    return removed
  })
}

async function collect(context: CommandContext, actor: Actor, numbers: readonly string[]): Promise<Collected> {
  if (numbers.length === 0) throw invalidInput('numbers', 'must not be empty')
  if (numbers.length > LIST_MAX) throw invalidInput('numbers', `must hold at most ${LIST_MAX} numbers`)
  const defaultCountry = await defaultCountryOf(context, actor)
  const collected: Collected = { digits: new Set(), rejected: [], rejectedCount: 0 }
  for (const [index, text] of numbers.entries()) take(collected, { text, line: index + 1, defaultCountry })
  return collected
}

async function suppress(
  context: CommandContext,
  actor: Actor,
  collected: Collected,
  reason: string | undefined,
): Promise<SuppressedNumbers> {
  const why = reason === undefined ? REASON_DEFAULT : checkedText(reason, 'reason', { max: REASON_CHARS_MAX })
  const digits = [...collected.digits]
  let added = 0
  for (let from = 0; from < digits.length; from += AT_ONCE) {
    const numbers = hashed(context, actor, digits.slice(from, from + AT_ONCE))
    added += await underGate(context, actor, async (client, gate) => {
      const inserted = await insertSuppressions(client, gate, numbers, why)
      await audit(client, actor, 'suppressions.added', { detail: { numbers: inserted } })
      return inserted
    })
    await waitForUnsentIntents(context, actor, { numberHashes: Array.from(numbers.hashes, String) })
  }
  const { rejected, rejectedCount } = collected
  return { added, alreadyThere: digits.length - added, rejected, rejectedCount }
}

function take(
  collected: Collected,
  { text, line, defaultCountry }: { text: string; line: number; defaultCountry: string | undefined },
): void {
  const parsed = parse(text, defaultCountry)
  if (parsed.ok) {
    collected.digits.add(parsed.digits)
    return
  }
  collected.rejectedCount += 1
  if (collected.rejected.length >= REJECTED_MAX) return
  const { reason, remedy } = parsed
  collected.rejected.push({ line, value: text.slice(0, VALUE_CHARS_MAX), reason, remedy })
}

/** Only the shape is checked: a number that cannot exist does no harm here, one that was left out does. */
function parse(text: string, defaultCountry: string | undefined) {
  return parsePhoneNumber(text, { check: 'shape', ...(defaultCountry === undefined ? {} : { defaultCountry }) })
}

function isPhoneColumn(name: string): boolean {
  return (PHONE_COLUMN_NAMES as readonly string[]).includes(name.trim().toLowerCase())
}

async function defaultCountryOf(context: CommandContext, actor: Actor): Promise<string | undefined> {
  const rules = await inOrganization(context, actor, (client) => readDialingRules(client, actor.organizationId))
  return rules.default_country ?? undefined
}

function hashed(context: CommandContext, actor: Actor, digits: readonly number[]): HashedNumbers {
  return { digits, hashes: hashNumbers(context.secrets.numberHashKey(actor.organizationId), digits) }
}

function suppressionView(row: SuppressionRow): SuppressionView {
  return {
    number: isTelephone(Number(row.number)) ? `+${row.number}` : '',
    reason: row.reason,
    createdAt: row.created_at,
  }
}
