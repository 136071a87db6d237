import { AppError, type ErrorDetail } from '../errors.ts'
import { standInNumber } from '../model/no-telephone.ts'
import { zonesOf } from '../model/number-zones.ts'
import { parsePhoneNumber } from '../model/phone-number.ts'
import { canonicalZone } from '../model/zone-offsets.ts'
import { problemOfJson } from './checked-input.ts'
import type { JsonObject, JsonValue } from './context.ts'
import type { RecipientDraft, RecipientRoute, RecipientStage } from './recipient-stage.ts'

/** A recipient as it is posted. */
export interface RecipientInput {
  /** E.164 with the plus; of no meaning on a trunk whose calls somebody else places. */
  readonly to: string
  /** May be spoken. */
  readonly variables?: JsonObject | null | undefined
  /** Echoed, never spoken. */
  readonly metadata?: JsonValue | undefined
  /** What the dialect must be able to repeat of this recipient. */
  readonly dialectFields?: JsonObject | undefined
  /** Id in any spelling, or alias, of the agent that speaks, when that is not the batch's. */
  readonly agent?: string | undefined
  /** Dials at most, the first included, when that is fewer than the retry policy says. */
  readonly attemptsMax?: number | undefined
  /** Id or alias of the trunk through which it is called, when that is not the batch's. */
  readonly trunk?: string | undefined
  /** Id, alias or E.164 of the number from which it is called, when that is not the batch's. */
  readonly callerNumber?: string | undefined
  /** Not called before. */
  readonly notBefore?: Date | null | undefined
  /** The IANA zone the person is in; by default the zones the number may be in. */
  readonly timezone?: string | null | undefined
}

/** How a recipient is called: null is the batch's own way. */
export type RecipientRoutes = (recipient: RecipientInput) => RecipientRoute | null

const E164_SHAPE = /^\+[1-9]\d{6,14}$/
const PROBLEMS_MAX = 100
const PROBLEMS_LOOKED_FOR = 1_000

/**
 * Stages a posted list. A number that is no E.164 text, or any other fault of a recipient, refuses the whole list; one
 * that is shaped like a number and none becomes a final recipient.
 *
 * @throws AppError `no-recipients`, `invalid-recipients` with the first 100 faults.
 */
export async function stagePostedRecipients(
  stage: RecipientStage,
  recipients: readonly RecipientInput[],
  options: Pick<Reading, 'path' | 'takesAnyNumber' | 'isJoined' | 'nowEpochMs' | 'routes'>,
): Promise<void> {
  if (recipients.length === 0) throw new AppError('no-recipients', { field: options.path })
  const problems: ErrorDetail[] = []
  const standIn = Math.random()
  for (const [index, recipient] of recipients.entries()) {
    const draft = draftOf(recipient, { ...options, index, standIn, problems })
    if (draft !== null && problems.length === 0) stage.add(draft)
    if (stage.full) await stage.flush()
    if (problems.length >= PROBLEMS_LOOKED_FOR) break
  }
  if (problems.length === 0) return
  const shown = problems.slice(0, PROBLEMS_MAX)
  const count = problems.length >= PROBLEMS_LOOKED_FOR ? `${PROBLEMS_LOOKED_FOR} or more` : problems.length
  throw new AppError('invalid-recipients', { field: shown[0]!.path, args: [count], details: shown })
}

interface Reading {
  readonly path: string
  readonly takesAnyNumber: boolean
  /** Recipients have no number. */
  readonly isJoined: boolean
  /** Decides which numbers stand for those who have none. */
  readonly standIn: number
  readonly nowEpochMs: number
  readonly routes: RecipientRoutes
  readonly index: number
  readonly problems: ErrorDetail[]
}

function draftOf(recipient: RecipientInput, reading: Reading): RecipientDraft | null {
  const { variables, metadata, notBefore, timezone } = recipient
  const route = reading.routes(recipient)
  const { takesAnyNumber, isJoined } = route ?? reading
  const found = isJoined
    ? { digits: standInNumber(reading.standIn, reading.index), invalid: false }
    : numberOf(recipient.to, { ...reading, takesAnyNumber })
  const zone = timezone === null || timezone === undefined ? null : zoneOf(timezone, reading)
  const later = notBefore === null || notBefore === undefined ? null : laterThanNow(notBefore, reading)
  const texts = { variables: textOf(variables, 'variables', reading), metadata: textOf(metadata, 'metadata', reading) }
  const dialectFields = textOf(recipient.dialectFields, 'dialectFields', reading)
  if (found === null) return null
  const zones = zone !== null ? [zone] : isJoined ? [] : zonesOf(found.digits)
  return { line: reading.index + 1, ...found, ...texts, dialectFields, notBefore: later, zones, route }
}

function numberOf(text: string, reading: Reading): { digits: number; invalid: boolean } | null {
  const check = reading.takesAnyNumber ? 'shape' : 'valid'
  const parsed = parsePhoneNumber(text, { strict: true, check })
  if (parsed.ok) return { digits: parsed.digits, invalid: false }
  if (E164_SHAPE.test(text)) return { digits: Number(text.slice(1)), invalid: true }
  fault(reading, 'to', 'is not a telephone number in the form of E.164', parsed.remedy)
  return null
}

/** A fixed offset is no zone: it cannot tell what the clock shows after the next change to summer time. */
function zoneOf(timezone: string, reading: Reading): string | null {
  const zone = /^[A-Za-z]/.test(timezone) ? canonicalZone(timezone) : null
  if (zone === null) fault(reading, 'timezone', 'must be an IANA time zone such as America/New_York')
  return zone
}

function laterThanNow(notBefore: Date, reading: Reading): Date | null {
  const epochMs = notBefore.getTime()
  if (!(epochMs < Date.UTC(2200, 0))) {
    fault(reading, 'notBefore', 'must be an instant of this century')
    return null
  }
  return epochMs > reading.nowEpochMs ? notBefore : null
}

function textOf(value: JsonValue | undefined, field: string, reading: Reading): string | null {
  if (value === null || value === undefined) return null
  const problem = problemOfJson(value)
  if (problem !== null) fault(reading, field, problem)
  return JSON.stringify(value)
}

function fault(reading: Reading, field: string, message: string, remedy?: string): void {
  const path = `${reading.path}[${reading.index}].${field}`
  reading.problems.push(remedy === undefined ? { path, message } : { path, message, remedy })
}
