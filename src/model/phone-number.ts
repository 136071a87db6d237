import {
  mainPlanOf,
  type NumberingPlan,
  type NumberOutcome,
  numberingPlanOf,
  outcomeCountry,
  outcomeIsValid,
  outcomeKind,
  outcomeMayHavePrefix,
  outcomeOfDigits,
  outcomeOfText,
  plainDigits,
  withoutNationalPrefix,
} from './phone-number-automaton.ts'
import { type NumberProblem, type NumberReason, problem, readNumberText } from './phone-number-text.ts'
import { beginsWithOne } from './usage-limits.ts'

export type { NumberProblem, NumberReason } from './phone-number-text.ts'

export type NumberKind =
  | 'fixed'
  | 'mobile'
  | 'fixed-or-mobile'
  | 'toll-free'
  | 'premium'
  | 'shared-cost'
  | 'voip'
  | 'satellite'
  | 'personal'
  | 'pager'
  | 'uan'
  | 'voicemail'
  | 'unknown'

/** What had to be understood beyond punctuation, so that a person can be shown how their text was read. */
export type NumberRepair =
  | 'national-number'
  | 'missing-plus'
  | 'international-prefix'
  | 'national-prefix'
  | 'spreadsheet-notation'

export interface PhoneNumber {
  readonly ok: true
  /** The E.164 digits as an integer; at most 15 digits, so it is exact. */
  readonly digits: number
  /** `+` and the digits. */
  readonly e164: string
  /** Absent when the text already was the number, apart from punctuation. */
  readonly repaired?: NumberRepair
}

export type PhoneNumberResult = PhoneNumber | NumberProblem

export interface PhoneNumberOptions {
  /** ISO 3166 code of the country in which numbers without `+` are meant. */
  readonly defaultCountry?: string
  /** Only `+` and 7 to 15 ASCII digits, as a JSON body must write it. */
  readonly strict?: boolean
  /** `shape` accepts any 7 to 15 digits after a `+`, for trunks that ring no real telephone. Default `valid`. */
  readonly check?: 'valid' | 'shape'
}

const STRICT = /^\+[1-9]\d{6,14}$/
const SHAPE = /^[1-9]\d{6,14}$/
const SATELLITE_CODES: ReadonlySet<number> = new Set([870, 881, 882, 883])
const NO_OPTIONS: PhoneNumberOptions = {}

/**
 * Reads a telephone number as people write it: `+1 (415) 555-0123`, `0049 30 …`, `+44 (0)20 …`, a lost `+`, a national
 * number when a default country is given, and what spreadsheets make of a number as long as no digit was lost.
 *
 * A lost `+` is only put back when the digits are a valid international number and cannot be a national one.
 * A number that is valid exactly as written after `+` is never changed. Never throws.
 */
export function parsePhoneNumber(text: string, options: PhoneNumberOptions = NO_OPTIONS): PhoneNumberResult {
  const plain = plainDigits(text)
  if (plain !== 0) return { ok: true, digits: plain, e164: text }
  if (options.strict) {
    if (!STRICT.test(text)) return strictProblem(text)
    return fromInternational(text.slice(1), options)
  }
  const written = readNumberText(text)
  if (!written.ok) return written
  const found = written.international ? fromInternational(written.digits, options) : fromBare(written.digits, options)
  if (!found.ok || written.repaired === undefined || found.repaired !== undefined) return found
  return { ...found, repaired: written.repaired }
}

/**
 * Whether `libphonenumber-js/max` calls `+digits` a valid number. Like it, this accepts digits with a national prefix
 * behind the calling code (`+44 0 20 …`); {@link parsePhoneNumber} gives the number without it.
 */
export function isValidNumber(digits: number): boolean {
  return outcomeIsValid(settledOutcome(digits))
}

/** The kind of a valid number; `unknown` for one that is not valid. Satellite numbers are told by their calling code. */
export function numberKind(digits: number): NumberKind {
  const kind = outcomeKind(settledOutcome(digits))
  return isSatellite(digits) ? 'satellite' : kind
}

function isSatellite(digits: number): boolean {
  let leading = digits
  while (leading >= 1000) leading = Math.floor(leading / 10)
  return SATELLITE_CODES.has(leading)
}

/** The ISO 3166 code of the country, also for many numbers that are not valid; undefined where it cannot be told. */
export function countryOf(digits: number): string | undefined {
  return outcomeCountry(settledOutcome(digits))
}

/** A number for logs: calling code, seven stars whatever the length, and the last two digits. */
export function maskNumber(e164: string): string {
  const digits = e164.startsWith('+') ? e164.slice(1) : e164
  if (!SHAPE.test(digits)) return '*******'
  return `+${mainPlanOf(digits)?.callingCode ?? ''}*******${digits.slice(-2)}`
}

export interface CallPolicy {
  /** ISO 3166 codes of the countries that may be called. */
  readonly allowedCountries: ReadonlySet<string> | 'all'
  /** A number must begin with one of each list, beside lying in an allowed country. */
  readonly allowedPrefixes?: readonly (readonly string[])[]
}

export interface CallRefusal {
  readonly ok: false
  readonly reason: 'short-code' | 'premium' | 'shared-cost' | 'satellite' | 'country-not-allowed' | 'range-not-allowed'
  readonly remedy: string
}

const MAY_BE_CALLED = { ok: true } as const
const REFUSED_KINDS: Partial<Record<NumberKind, CallRefusal>> = {
  premium: {
    ok: false,
    reason: 'premium',
    remedy: 'Premium-rate numbers are never called. Give another number of this person.',
  },
  'shared-cost': {
    ok: false,
    reason: 'shared-cost',
    remedy: 'Shared-cost numbers are never called. Give another number of this person.',
  },
  satellite: {
    ok: false,
    reason: 'satellite',
    remedy: 'Satellite and international-network numbers are never called. Give another number of this person.',
  },
}

const RANGE_NOT_ALLOWED: CallRefusal = {
  ok: false,
  reason: 'range-not-allowed',
  remedy: 'Have the range of this number added to the limits of the key or the organization, or leave this number out.',
}

/** Whether policy allows a call to a well-formed number. Emergency numbers and short codes are refused by their length. */
export function mayBeCalled(digits: number, policy: CallPolicy): typeof MAY_BE_CALLED | CallRefusal {
  if (digits < 1_000_000) return { ok: false, reason: 'short-code', remedy: SHORT_CODE_REMEDY }
  const outcome = settledOutcome(digits)
  const kind = isSatellite(digits) ? 'satellite' : outcomeKind(outcome)
  const refused = REFUSED_KINDS[kind]
  if (refused) return refused
  if (policy.allowedPrefixes?.some((prefixes) => !beginsWithOne(digits, prefixes))) return RANGE_NOT_ALLOWED
  if (policy.allowedCountries === 'all') return MAY_BE_CALLED
  const country = outcomeCountry(outcome)
  if (country !== undefined && policy.allowedCountries.has(country)) return MAY_BE_CALLED
  return {
    ok: false,
    reason: 'country-not-allowed',
    remedy: `Add ${country ?? 'the country of this number'} to the organization's allowed countries, or leave this number out.`,
  }
}

const SHORT_CODE_REMEDY =
  'Emergency numbers and short codes are never called. Write a full number, with + and country code.'

function settledOutcome(digits: number): NumberOutcome {
  const outcome = outcomeOfDigits(digits)
  return outcomeMayHavePrefix(outcome) ? outcomeOfText(settle(String(digits))) : outcome
}

/** Digits behind a `+`, without a national prefix between calling code and national number. */
function settle(digits: string): string {
  const plan = mainPlanOf(digits)
  if (!plan) return digits
  return plan.callingCode + withoutNationalPrefix(digits.slice(plan.callingCode.length), plan)
}

function fromInternational(written: string, options: PhoneNumberOptions): PhoneNumberResult {
  if (written.length > 15) return problem('too-long', 'A number has at most 15 digits. Write one number per field.')
  if (written.length < 7) {
    return problem('too-short', 'Write the whole number: + and country code, then area code and number.')
  }
  const settled = outcomeMayHavePrefix(outcomeOfText(written)) ? settle(written) : written
  if (SHAPE.test(settled) && outcomeIsValid(outcomeOfText(settled))) {
    if (settled === written || outcomeIsValid(outcomeOfText(written))) return accepted(written)
    return accepted(settled, 'national-prefix')
  }
  if (options.check === 'shape' && SHAPE.test(written)) return accepted(written)
  return invalid(written)
}

function fromBare(digits: string, options: PhoneNumberOptions): PhoneNumberResult {
  if (digits.length < 7) return problem('short-code', SHORT_CODE_REMEDY)
  const plan = options.defaultCountry === undefined ? undefined : numberingPlanOf(options.defaultCountry)
  const national = plan && nationalReading(digits, plan)
  if (national !== undefined && isValidText(national.digits)) return accepted(national.digits, national.repaired)
  const prefix = /^(?:011|00)(?=[1-9])/.exec(digits)
  if (prefix) {
    const behind = fromInternational(digits.slice(prefix[0].length), options)
    return behind.ok ? { ...behind, repaired: 'international-prefix' } : behind
  }
  if (digits.length <= 15 && isValidText(settle(digits)) && (plan || !couldBeNorthAmerican(digits))) {
    return accepted(settle(digits), 'missing-plus')
  }
  if (national === undefined) {
    return problem('no-country', 'Write the number with + and country code, for example +14155550123.')
  }
  if (options.check === 'shape' && SHAPE.test(national.digits)) return accepted(national.digits, national.repaired)
  if (digits.length > 15) return problem('too-long', 'A number has at most 15 digits. Write one number per field.')
  return invalid(national.digits)
}

/** Ten digits such as 4155550123 are far more often an American number without country than a Swiss one without `+`. */
function couldBeNorthAmerican(digits: string): boolean {
  return digits.length === 10 && isValidText(`1${digits}`)
}

/** How the digits read when dialled in a country; not necessarily a valid number. */
function nationalReading(digits: string, plan: NumberingPlan): { digits: string; repaired: NumberRepair } | undefined {
  const international = plan.internationalPrefix.exec(digits)
  if (international?.index === 0) {
    const behind = digits.slice(international[0].length)
    if (behind !== '' && !behind.startsWith('0')) return { digits: settle(behind), repaired: 'international-prefix' }
  }
  const national = withoutNationalPrefix(digits, plan)
  if (digits.startsWith(plan.callingCode)) {
    const shorter = digits.slice(plan.callingCode.length)
    const tooLong = national.length > plan.possibleLengths.at(-1)! && !plan.possibleLengths.includes(national.length)
    const better = !plan.national.test(national) && plan.national.test(withoutNationalPrefix(shorter, plan))
    if (better || tooLong) return { digits: settle(digits), repaired: 'missing-plus' }
  }
  return { digits: plan.callingCode + national, repaired: 'national-number' }
}

function isValidText(digits: string): boolean {
  return SHAPE.test(digits) && outcomeIsValid(outcomeOfText(digits))
}

function accepted(digits: string, repaired?: NumberRepair): PhoneNumber {
  const number = { ok: true as const, digits: Number(digits), e164: `+${digits}` }
  return repaired === undefined ? number : { ...number, repaired }
}

function invalid(digits: string): NumberProblem {
  const plan = mainPlanOf(digits)
  if (!plan)
    return problem('unknown-calling-code', `No country has a calling code that +${digits.slice(0, 3)} begins with.`)
  const outcome = outcomeOfText(digits)
  const country = outcomeCountry(outcome)
  const { possibleLengths: lengths } = (country === undefined ? undefined : numberingPlanOf(country)) ?? plan
  const length = digits.length - plan.callingCode.length
  const where = country ?? `+${plan.callingCode}`
  if (lengths.includes(length)) {
    return problem('invalid-for-country', `No number of ${where} begins like this. Compare it with the original.`)
  }
  const reason: NumberReason =
    length < lengths[0]! ? 'too-short' : length > lengths.at(-1)! ? 'too-long' : 'invalid-for-country'
  return problem(
    reason,
    `Numbers of ${where} have ${lengths.join(', ')} digits after +${plan.callingCode}; this has ${length}.`,
  )
}

function strictProblem(text: string): NumberProblem {
  const remedy = 'Write the number as + and 7 to 15 digits without spaces, for example +14155550123.'
  if (text === '') return problem('empty', remedy)
  if (/^\+?\d{1,6}$/.test(text)) return problem('too-short', remedy)
  if (/^\+?\d{16,}$/.test(text)) return problem('too-long', remedy)
  return problem(/^\d+$/.test(text) ? 'no-country' : 'not-a-number', remedy)
}
