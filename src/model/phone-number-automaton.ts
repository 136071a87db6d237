import {
  COUNTRY_NAMES,
  ENCODED_NODES,
  NODE_COUNT,
  NUMBER_KINDS,
  OUTCOMES,
  PLANS,
  ROOT_NODE,
} from './phone-number-metadata.generated.ts'

/** One country's numbering plan, or that of a calling code without a country. */
export interface NumberingPlan {
  /** ISO 3166 code; empty for a calling code that belongs to no country. */
  readonly country: string
  readonly callingCode: string
  readonly internationalPrefix: RegExp
  readonly national: RegExp
  /** Null where the country has no national prefix. */
  readonly nationalPrefix: RegExp | null
  readonly transformRule: string
  readonly possibleLengths: readonly number[]
}

/**
 * What the numbering plans say of a number: country * 32 + kind * 2 + 1 if the digits behind the calling code may begin
 * with a national prefix. Country and kind are read with {@link outcomeCountry} and {@link outcomeKind}.
 */
export type NumberOutcome = number

const next = new Uint16Array(NODE_COUNT * 10)
const outcomeOfNode = new Uint16Array(NODE_COUNT)
decodeNodes()

function decodeNodes(): void {
  const bytes = Buffer.from(ENCODED_NODES, 'base64')
  let at = 0
  const take = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  for (let node = 0; node < NODE_COUNT; node += 1) {
    outcomeOfNode[node] = OUTCOMES[take()]!
    for (let digit = 0; digit < 10; ) {
      const run = take()
      const child = node - Math.floor(run / 10)
      for (const end = digit + (run % 10) + 1; digit < end; digit += 1) next[node * 10 + digit] = child
    }
  }
}

const reversed = new Uint8Array(16)

/** Of an E.164 number given as an integer below 1e15, exactly as written. About 30 ns. */
export function outcomeOfDigits(digits: number): NumberOutcome {
  const high = Math.floor(digits / 1e8)
  let count = 0
  let rest = (digits - high * 1e8) | 0
  const lowDigits = high > 0 ? 8 : 0
  while (rest > 0 || count < lowDigits) {
    const shorter = (rest / 10) | 0
    reversed[count++] = rest - shorter * 10
    rest = shorter
  }
  rest = high | 0
  while (rest > 0) {
    const shorter = (rest / 10) | 0
    reversed[count++] = rest - shorter * 10
    rest = shorter
  }
  let node = ROOT_NODE
  for (let index = count - 1; index >= 0; index -= 1) node = next[node * 10 + reversed[index]!]!
  return outcomeOfNode[node]!
}

/** The same for a text that consists of digits only. */
export function outcomeOfText(digits: string): NumberOutcome {
  let node = ROOT_NODE
  for (let index = 0; index < digits.length; index += 1) node = next[node * 10 + digits.charCodeAt(index) - 48]!
  return outcomeOfNode[node]!
}

/**
 * The digits of a text that is `+` and 7 to 15 digits and is a valid number exactly as written; 0 for any other text,
 * which needs a closer look. This is the path nearly all numbers take: no allocation, about 40 ns.
 */
export function plainDigits(text: string): number {
  const length = text.length
  if (length < 8 || length > 16 || text.charCodeAt(0) !== 43) return 0
  let node = ROOT_NODE
  let digits = 0
  for (let index = 1; index < length; index += 1) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return 0
    node = next[node * 10 + digit]!
    digits = digits * 10 + digit
  }
  const outcome = outcomeOfNode[node]!
  return (outcome & 30) !== 0 && (outcome & 1) === 0 ? digits : 0
}

export function outcomeIsValid(outcome: NumberOutcome): boolean {
  return (outcome & 30) !== 0
}

export function outcomeMayHavePrefix(outcome: NumberOutcome): boolean {
  return (outcome & 1) !== 0
}

/** The kind in libphonenumber's sense; `unknown` when the number is not valid. */
export function outcomeKind(outcome: NumberOutcome): (typeof NUMBER_KINDS)[number] {
  return NUMBER_KINDS[(outcome >> 1) & 15]!
}

/** The ISO 3166 code, also of many numbers that are not valid; undefined where no single country can be told. */
export function outcomeCountry(outcome: NumberOutcome): string | undefined {
  return COUNTRY_NAMES[(outcome >> 5) - 1]
}

const planOfCountry = new Map<string, NumberingPlan>()
const mainPlans = new Map<string, NumberingPlan>()
for (const [country, callingCode, international, national, prefix, transformRule, possibleLengths, main] of PLANS) {
  // An expression is compiled by V8 when it is first used, so making all of them costs about a millisecond.
  const plan: NumberingPlan = {
    country,
    callingCode,
    internationalPrefix: new RegExp(international),
    national: new RegExp(`^(?:${national})$`),
    nationalPrefix: prefix === '' ? null : new RegExp(`^(?:${prefix})`),
    transformRule,
    possibleLengths,
  }
  if (country !== '') planOfCountry.set(country, plan)
  if (main || country === '') mainPlans.set(callingCode, plan)
}

/** The plan of an ISO 3166 country, or undefined when it has none. */
export function numberingPlanOf(country: string): NumberingPlan | undefined {
  return planOfCountry.get(country)
}

/** The plan of the main country of the calling code a number begins with (`1` gives that of the United States). */
export function mainPlanOf(digits: string): NumberingPlan | undefined {
  return mainPlans.get(digits.slice(0, 1)) ?? mainPlans.get(digits.slice(0, 2)) ?? mainPlans.get(digits.slice(0, 3))
}

/**
 * Takes a national prefix (and a carrier's code) off a national number, or returns it unchanged when it has none or is
 * better without the change. The rules are libphonenumber's: what was valid must not become invalid by it, and what
 * remains must have a length that numbers of the country have.
 */
export function withoutNationalPrefix(number: string, plan: NumberingPlan): string {
  const match = plan.nationalPrefix?.exec(number)
  if (!match) return number
  const captured = match.length > 1 ? match[match.length - 1] : undefined
  const national =
    plan.transformRule !== '' && captured
      ? number.replace(plan.nationalPrefix!, plan.transformRule)
      : number.slice(match[0].length)
  if (national === number) return number
  if (plan.national.test(number) && !plan.national.test(national)) return number
  const country = outcomeCountry(outcomeOfText(plan.callingCode + national))
  const lengths = (country === undefined ? plan : planOfCountry.get(country)!).possibleLengths
  return national.length > lengths.at(-1)! || lengths.includes(national.length) ? national : number
}
