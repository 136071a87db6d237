import { AppError, type ErrorCode, invalidInput } from '../errors.ts'
import type { ParsedWindow } from '../model/calling-window.ts'
import { type CallingWindow, parseCallingWindow } from '../model/calling-window.ts'
import { problemsOfRetryPolicy, type RetryPolicy } from '../model/retry-policy.ts'
import type { JsonValue } from './context.ts'

/** Checks that every dialect needs, whatever its own schema has checked before. */
export const NAME_CHARS_MAX = 255
const JSON_CHARS_MAX = 65_536
const JSON_DEPTH_MAX = 32
const COUNTRY = /^[A-Z]{2}$/
/** With the flag `u`, Cs matches only halves of characters that stand alone. */
const UNSTORABLE = /\0|\p{Cs}/u

/** A text without NUL, lone surrogates or surrounding spaces, of 1 to `max` characters (code points). */
export function checkedText(value: string, field: string, rule: { max: number }): string {
  const text = value.trim()
  if (text === '') throw invalidInput(field, 'must not be empty')
  if (!isStorable(text)) throw invalidInput(field, 'must not hold NUL or halves of characters')
  if ([...text].length > rule.max) throw invalidInput(field, `must have at most ${rule.max} characters`)
  return text
}

export function checkedWhole(value: number, field: string, rule: { min: number; max: number }): number {
  if (!Number.isInteger(value) || value < rule.min || value > rule.max) {
    throw invalidInput(field, `must be a whole number from ${rule.min} to ${rule.max}`)
  }
  return value
}

/** The limit of a page. */
export function checkedLimit(limit: number | undefined, rule: { max: number; fallback: number }): number {
  return limit === undefined ? rule.fallback : checkedWhole(limit, 'limit', { min: 1, max: rule.max })
}

export function checkedDate(value: Date, field: string): Date {
  const epochMs = value.getTime()
  if (!(epochMs >= Date.UTC(2000, 0) && epochMs < Date.UTC(2200, 0))) {
    throw invalidInput(field, 'must be an instant of this century')
  }
  return value
}

export function checkedCountry(value: string, field: string): string {
  const country = value.toUpperCase()
  if (!COUNTRY.test(country)) throw invalidInput(field, 'must be a country code of two letters, such as GB')
  return country
}

export function checkedWindow(value: unknown): CallingWindow | null {
  const parsed: ParsedWindow = parseCallingWindow(value)
  if (parsed.ok) return parsed.window
  throw policyError('invalid-calling-window', 'callingWindow', parsed.problems)
}

export function checkedRetryPolicy(value: unknown): RetryPolicy {
  const problems = problemsOfRetryPolicy(value)
  if (problems.length > 0) throw policyError('invalid-retry-policy', 'retryPolicy', problems)
  return value as RetryPolicy
}

/** Whether PostgreSQL can store it and hashes of it mean the same on both sides. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text)
}

/**
 * A JSON value as the text it is stored as. Refuses what jsonb cannot hold, what is nested deeper than 32, and more
 * than 64 KiB.
 */
export function checkedJson(value: JsonValue, field: string): string {
  const problem = problemOfJson(value)
  if (problem !== null) throw invalidInput(field, problem)
  return JSON.stringify(value)
}

/** What is wrong with a JSON value, or null. */
export function problemOfJson(value: JsonValue): string | null {
  if (depthOf(value, 0) > JSON_DEPTH_MAX) return `must not be nested deeper than ${JSON_DEPTH_MAX}`
  const text = JSON.stringify(value)
  if (text.length > JSON_CHARS_MAX) return `must have at most ${JSON_CHARS_MAX} characters of JSON`
  // Both can only stand in JSON as an escape; a backslash before the escape is one that was escaped itself.
  if (text.includes('\\u') && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(text)) {
    return 'must not hold NUL or halves of characters'
  }
  return null
}

function depthOf(value: JsonValue, depth: number): number {
  if (typeof value !== 'object' || value === null) return depth
  if (depth > JSON_DEPTH_MAX) return depth
  let deepest = depth
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child as JsonValue, depth + 1))
  return deepest
}

function policyError(code: ErrorCode, field: string, problems: readonly { path: string; message: string }[]): AppError {
  const paths = problems.map(({ path, message }) => ({
    path: path === '' ? field : `${field}${path.startsWith('[') ? '' : '.'}${path}`,
    message,
  }))
  const first = paths[0]!
  return new AppError(code, { field: first.path, args: [`${first.path} ${first.message}`], details: paths })
}
