import { invalidInput } from '../errors.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import { checkedWhole } from './checked-input.ts'

const REQUESTS_MAX = 100_000
const PEOPLE_MAX = 2_000_000_000
const PREFIXES_MAX = 1_000
const PREFIX = /^\+[1-9]\d{0,14}$/

/**
 * The limits as they are stored: nothing that was left out, null for none at all.
 * @throws AppError `invalid-input` with the field.
 */
export function checkedUsageLimits(limits: UsageLimits | null | undefined): UsageLimits | null {
  if (limits === null || limits === undefined) return null
  const { requestsPerSecond, peoplePerDay, allowedPrefixes } = limits
  const checked: UsageLimits = {
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond: checkedRequests(requestsPerSecond) }),
    ...(peoplePerDay === undefined ? {} : { peoplePerDay: checkedPeople(peoplePerDay) }),
    ...(allowedPrefixes === undefined ? {} : { allowedPrefixes: checkedPrefixes(allowedPrefixes) }),
  }
  return Object.keys(checked).length === 0 ? null : checked
}

function checkedRequests(value: number): number {
  if (value > 0 && value <= REQUESTS_MAX) return value
  throw invalidInput('limits.requestsPerSecond', `must be above 0 and at most ${REQUESTS_MAX}`)
}

function checkedPeople(value: number): number {
  return checkedWhole(value, 'limits.peoplePerDay', { min: 0, max: PEOPLE_MAX })
}

function checkedPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length > PREFIXES_MAX)
    throw invalidInput('limits.allowedPrefixes', `may have at most ${PREFIXES_MAX} entries`)
  const wrong = prefixes.findIndex((prefix) => !PREFIX.test(prefix))
  if (wrong >= 0)
    throw invalidInput(`limits.allowedPrefixes[${wrong}]`, 'must be + and the first digits of numbers, such as +1415')
  return [...new Set(prefixes)].sort()
}
