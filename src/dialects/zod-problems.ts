import type { z } from 'zod'
import { AppError, type ErrorDetail } from '../errors.ts'

/** More problems than this are not listed; a person corrects the first few and sends the request again. */
const DETAILS_MAX = 100
const FIELD_LENGTH_MAX = 200

/** What a schema reports, with the value it looked at when it was asked to report it. */
type Issue = z.core.$ZodIssue

/**
 * The issues of a schema as problems that name the field, say what it must be, and how to correct it. Values of the
 * request are not repeated: they hold people's names and numbers.
 */
export function problemsOf(issues: readonly Issue[]): ErrorDetail[] {
  const problems: ErrorDetail[] = []
  for (const issue of issues) {
    if (problems.length >= DETAILS_MAX) break
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push(unknownField([...issue.path, key]))
    } else problems.push(problemOf(issue))
  }
  return problems.slice(0, DETAILS_MAX)
}

/** The refusal of a request with these problems: it speaks of the first and lists all of them. */
export function refusalOf(problems: readonly ErrorDetail[]): AppError {
  const [first] = problems
  if (first === undefined) return new AppError('invalid-input', { args: ['The request cannot be used.'] })
  return new AppError('invalid-input', {
    field: first.path === '' ? undefined : first.path,
    args: [first.message],
    remedy: first.remedy,
    details: problems.length > 1 ? problems : undefined,
  })
}

/** A path as it is written in code: `recipients[3].variables.name`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? String(step) : `.${String(step)}`
  }
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Surrogate}]/gu, '\u{fffd}')
  return clean.length > FIELD_LENGTH_MAX ? `${clean.slice(0, FIELD_LENGTH_MAX)}…` : clean
}

function unknownField(path: readonly PropertyKey[]): ErrorDetail {
  const field = fieldPath(path)
  return {
    path: field,
    message: `${field} is not a field of this request.`,
    remedy: 'Remove it, or compare its spelling with the reference at /docs.',
  }
}

function problemOf(issue: Issue): ErrorDetail {
  const field = fieldPath(issue.path)
  const subject = field === '' ? 'The body' : field
  if (issue.code === 'invalid_type' && isMissing(issue)) {
    return { path: field, message: `${subject} is missing.`, remedy: `Send it as ${nameOfType(issue.expected)}.` }
  }
  const rule = ruleOf(issue)
  return { path: field, message: `${subject} ${rule}.`, remedy: `Send a value that fits: it ${rule}.` }
}

function isMissing(issue: Issue): boolean {
  return !('input' in issue) || issue.input === undefined
}

/** What the field must be, as the end of a sentence. */
function ruleOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nameOfType(issue.expected)}${insteadOf(issue)}`
    case 'too_small':
      return `must ${measure(issue.origin, issue.minimum, issue.inclusive === false ? 'more than' : 'at least')}`
    case 'too_big':
      return `must ${measure(issue.origin, issue.maximum, issue.inclusive === false ? 'less than' : 'at most')}`
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => (value === '' ? '""' : String(value))).join(', ')}`
    case 'invalid_format':
      return formatRule(issue)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'invalid_union':
      return unionRule(issue)
    case 'invalid_key':
      return 'has a name that cannot be used'
    case 'custom':
      return withoutStop(issue.message)
    default:
      return 'cannot be used'
  }
}

function nameOfType(expected: string): string {
  const names: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
    record: 'an object',
    null: 'null',
    date: 'a date',
  }
  return names[expected] ?? expected
}

function insteadOf(issue: Issue): string {
  const input: unknown = 'input' in issue ? issue.input : undefined
  if (input === null) return ', not null'
  if (Array.isArray(input)) return ', not a list'
  if (typeof input === 'object') return ', not an object'
  if (typeof input === 'number' && Number.isInteger(input) === false) return ', not a fraction'
  return input === undefined ? '' : `, not ${nameOfType(typeof input)}`
}

function measure(origin: string, bound: number | bigint, relation: string): string {
  const isOne = Number(bound) === 1
  if (origin === 'string') return `have ${relation} ${bound} ${isOne ? 'character' : 'characters'}`
  if (origin === 'array' || origin === 'set') return `have ${relation} ${bound} ${isOne ? 'entry' : 'entries'}`
  return `be ${relation} ${bound}`
}

const FORMATS: Readonly<Record<string, string>> = {
  guid: 'must be a UUID such as 3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f',
  uuid: 'must be a UUID such as 3f2b8c1e-5d7a-4c9b-8e6f-0a1b2c3d4e5f',
  datetime: 'must be a time in ISO 8601 with its offset, such as 2026-11-22T09:00:00Z',
  url: 'must be an address such as https://example.com/path',
}

function formatRule(issue: Extract<Issue, { code: 'invalid_format' }>): string {
  const known = FORMATS[issue.format]
  if (known !== undefined) return known
  const own = issue.message.startsWith('Invalid ') ? undefined : withoutStop(issue.message)
  return own ?? 'is not written as it must be'
}

/** Of several forms the one that came nearest says most: that with an issue deepest in the value. */
function unionRule(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const rules = issue.errors.flatMap((branch) => branch.slice(0, 1))
  const deepest = rules.reduce<Issue | undefined>(
    (best, next) => (best === undefined || next.path.length > best.path.length ? next : best),
    undefined,
  )
  if (deepest === undefined || deepest.path.length === 0) {
    const words = [
      ...new Set(
        rules.map((rule) =>
          ruleOf(rule)
            .replace(/^must be /, '')
            .replace(/, not .*$/, ''),
        ),
      ),
    ]
    return `must be ${words.join(' or ')}`
  }
  return `cannot be used: ${fieldPath(deepest.path)} ${ruleOf(deepest)}`
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, '')
}
