import type { Disposition } from './disposition.ts'
import { nextTimeOfDay, TIME_OF_DAY } from './time-of-day.ts'
import { canonicalZone } from './zone-offsets.ts'

/** The dispositions a policy may name. Nobody is rung again after `unknown` unless a human asks for it. */
export const RETRYABLE_DISPOSITIONS = ['busy', 'no-answer', 'failed', 'voicemail', 'rejected'] as const
export type RetryableDisposition = (typeof RETRYABLE_DISPOSITIONS)[number]

/**
 * When a person is rung again. `maxAttempts` caps the dials of one person, the first included, whatever their
 * outcomes. A disposition without a rule is final.
 */
export interface RetryPolicy {
  readonly maxAttempts: number
  readonly rules: Readonly<Partial<Record<RetryableDisposition, RetryRule>>>
}

export type RetryRule = GapRule | TimeOfDayRule

/**
 * Gap number i (from 0) is the time from the end of dial i+1 to dial i+2 in seconds, fractions and zero included; the
 * last gap is used again when there are too few.
 */
export interface GapRule {
  readonly gapsSeconds: readonly number[]
}

/** When clocks of the zone next show this time, `HH:MM`; see {@link nextTimeOfDay} for days on which they are changed. */
export interface TimeOfDayRule {
  readonly at: string
  /** IANA name. */
  readonly zone: string
}

/** What is wrong with a policy somebody sent: where in it, and what to send instead. */
export interface PolicyProblem {
  readonly path: string
  readonly message: string
}

export type RetryDecision =
  | { readonly retryAfterSeconds: number }
  | { readonly stop: 'outcome-final' | 'attempts-exhausted' }

export const ATTEMPTS_MAX = 20
/** Used where a request asks for retries and does not say when. */
export const DEFAULT_GAP_SECONDS = 3_600
/** The longest wait for a time of day: on the day on which clocks are set back. */
const DAY_SECONDS_MAX = 25 * 3_600
/** All gaps of one person together, at their longest. */
export const TOTAL_GAP_SECONDS_MAX = 30 * 86_400

/** Everyone is dialled once. */
export const NO_RETRIES: RetryPolicy = { maxAttempts: 1, rules: {} }

const DEFAULT_DISPOSITIONS = ['busy', 'no-answer', 'failed'] as const

/**
 * The policy of whoever gives only a number of dials and the gaps between them: again after `busy`, `no-answer` and
 * `failed`; not after `voicemail`, `rejected` or `unknown`. Without gaps each one is {@link DEFAULT_GAP_SECONDS}.
 */
export function defaultRetryPolicy(maxAttempts: number, gapsSeconds: readonly number[] = []): RetryPolicy {
  const rule = { gapsSeconds: gapsSeconds.length > 0 ? [...gapsSeconds] : [DEFAULT_GAP_SECONDS] }
  return { maxAttempts, rules: Object.fromEntries(DEFAULT_DISPOSITIONS.map((disposition) => [disposition, rule])) }
}

/** Everything that is wrong with a policy, or an empty list. Takes what a client sent, of any shape. */
export function problemsOfRetryPolicy(policy: unknown): PolicyProblem[] {
  if (!isRecord(policy)) return [{ path: '', message: 'must be an object with maxAttempts and rules' }]
  const problems: PolicyProblem[] = []
  const { maxAttempts, rules } = policy
  const attempts = typeof maxAttempts === 'number' && Number.isInteger(maxAttempts) ? maxAttempts : 0
  if (attempts < 1 || attempts > ATTEMPTS_MAX) {
    problems.push({ path: 'maxAttempts', message: `must be a whole number from 1 to ${ATTEMPTS_MAX}` })
  }
  if (!isRecord(rules)) return [...problems, { path: 'rules', message: 'must be an object' }]
  const gapLists: number[][] = []
  for (const [disposition, rule] of Object.entries(rules)) {
    const path = `rules.${disposition}`
    if (!(RETRYABLE_DISPOSITIONS as readonly string[]).includes(disposition)) {
      problems.push({ path, message: `no retry follows this; known are ${RETRYABLE_DISPOSITIONS.join(', ')}` })
    } else if (isRecord(rule) && 'at' in rule) {
      problems.push(...problemsOfTimeOfDay(rule, path))
      gapLists.push([DAY_SECONDS_MAX])
    } else if (rule !== undefined) {
      const gaps = gapsOf(rule)
      if (gaps === null) {
        const message = `must be a list of 1 to ${ATTEMPTS_MAX} numbers of seconds, none below 0`
        problems.push({ path: `${path}.gapsSeconds`, message })
      } else gapLists.push(gaps)
    }
  }
  if (problems.length === 0 && longestTotalSeconds(attempts, gapLists) > TOTAL_GAP_SECONDS_MAX) {
    problems.push({ path: 'rules', message: 'the gaps of one person must not add up to more than 30 days' })
  }
  return problems
}

/**
 * What follows an attempt that has ended. `counted` is the number of dials of this person that count, the one that
 * ended included; `attemptsMax` is lower than the policy's for a person who is dialled less often. An attempt that was `not-sent` never rang anyone: it does not count and is due again at once.
 */
export function decideRetry(
  policy: RetryPolicy,
  ended: {
    disposition: Disposition
    counted: number
    unallocatedNumber: boolean
    nowEpochMs: number
    attemptsMax?: number | null
  },
): RetryDecision {
  if (ended.disposition === 'not-sent') return { retryAfterSeconds: 0 }
  const rule = isRetryable(ended.disposition) ? policy.rules[ended.disposition] : undefined
  const hopeless = ended.disposition === 'failed' && ended.unallocatedNumber
  if (rule === undefined || hopeless) return { stop: 'outcome-final' }
  if (ended.counted >= (ended.attemptsMax ?? policy.maxAttempts)) return { stop: 'attempts-exhausted' }
  if ('at' in rule) return { retryAfterSeconds: (nextTimeOfDay(rule, ended.nowEpochMs) - ended.nowEpochMs) / 1_000 }
  return { retryAfterSeconds: gapAfter(rule.gapsSeconds, ended.counted) }
}

function gapAfter(gapsSeconds: readonly number[], counted: number): number {
  return gapsSeconds[Math.min(Math.max(counted, 1), gapsSeconds.length) - 1] ?? DEFAULT_GAP_SECONDS
}

function longestTotalSeconds(attempts: number, gapLists: readonly number[][]): number {
  let total = 0
  for (let counted = 1; counted < attempts; counted++) {
    total += Math.max(0, ...gapLists.map((gaps) => gapAfter(gaps, counted)))
  }
  return total
}

function problemsOfTimeOfDay(rule: Record<string, unknown>, path: string): PolicyProblem[] {
  const problems: PolicyProblem[] = []
  if (typeof rule.at !== 'string' || !TIME_OF_DAY.test(rule.at)) {
    problems.push({ path: `${path}.at`, message: 'must be a time from "00:00" to "23:59"' })
  }
  if (typeof rule.zone !== 'string' || !/^[A-Za-z]/.test(rule.zone) || canonicalZone(rule.zone) === null) {
    problems.push({ path: `${path}.zone`, message: 'must be an IANA time zone such as "Europe/London"' })
  }
  if ('gapsSeconds' in rule) problems.push({ path, message: 'must have either gapsSeconds or at with zone, not both' })
  return problems
}

function gapsOf(rule: unknown): number[] | null {
  if (!isRecord(rule) || !Array.isArray(rule.gapsSeconds)) return null
  const gaps: unknown[] = rule.gapsSeconds
  if (gaps.length < 1 || gaps.length > ATTEMPTS_MAX) return null
  return gaps.every((gap) => typeof gap === 'number' && Number.isFinite(gap) && gap >= 0) ? (gaps as number[]) : null
}

function isRetryable(disposition: Disposition): disposition is RetryableDisposition {
  return (RETRYABLE_DISPOSITIONS as readonly string[]).includes(disposition)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
