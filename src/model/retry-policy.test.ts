import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ATTEMPT_DISPOSITIONS, type Disposition } from './disposition.ts'
import {
  decideRetry,
  defaultRetryPolicy,
  NO_RETRIES,
  problemsOfRetryPolicy,
  RETRYABLE_DISPOSITIONS,
  type RetryPolicy,
} from './retry-policy.ts'

function decided(policy: RetryPolicy, disposition: Disposition, counted = 1, unallocatedNumber = false) {
  const decision = decideRetry(policy, { disposition, counted, unallocatedNumber, nowEpochMs: 0 })
  return 'stop' in decision ? decision.stop : decision.retryAfterSeconds
}

describe('after an attempt', () => {
  const policy = defaultRetryPolicy(3, [60, 600])

  it('a person is rung again by default after busy, no answer and failure only', () => {
    expect(
      Object.fromEntries(ATTEMPT_DISPOSITIONS.map((disposition) => [disposition, decided(policy, disposition)])),
    ).toEqual({
      answered: 'outcome-final',
      voicemail: 'outcome-final',
      busy: 60,
      'no-answer': 60,
      rejected: 'outcome-final',
      failed: 60,
      cancelled: 'outcome-final',
      expired: 'outcome-final',
      unknown: 'outcome-final',
      'not-sent': 0,
    })
  })

  it('a number that is not in use is not dialled again', () => {
    expect(decided(policy, 'failed', 1, true)).toBe('outcome-final')
    expect(decided(policy, 'busy', 1, true)).toBe(60)
  })

  it('gap i comes before dial i+2 and the last one is used again', () => {
    const patient = defaultRetryPolicy(5, [60, 600])
    expect([1, 2, 3, 4, 5].map((counted) => decided(patient, 'busy', counted))).toEqual([
      60,
      600,
      600,
      600,
      'attempts-exhausted',
    ])
  })

  it('one cap holds for the person, whatever mix of outcomes used it up', () => {
    const mixed: RetryPolicy = {
      maxAttempts: 3,
      rules: { busy: { gapsSeconds: [0] }, voicemail: { gapsSeconds: [1, 0.5] } },
    }
    expect(decided(mixed, 'busy', 1)).toBe(0)
    expect(decided(mixed, 'voicemail', 2)).toBe(0.5)
    expect(decided(mixed, 'busy', 3)).toBe('attempts-exhausted')
    expect(decided(mixed, 'no-answer', 1)).toBe('outcome-final')
  })

  it('one that was not sent is due at once, even with no retries', () => {
    expect(decided(NO_RETRIES, 'not-sent', 0)).toBe(0)
    expect(decided(NO_RETRIES, 'busy', 1)).toBe('outcome-final')
    expect(decided(defaultRetryPolicy(1), 'busy', 1)).toBe('attempts-exhausted')
  })

  it('an hour passes when nothing else is said', () => {
    expect(decided(defaultRetryPolicy(2), 'busy')).toBe(3_600)
  })

  it('nobody is ever dialled more often than the cap, and never after an unknown outcome', () => {
    const gaps = fc.record({ gapsSeconds: fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 }) })
    const rules = fc.dictionary(fc.constantFrom(...RETRYABLE_DISPOSITIONS), gaps)
    const outcomes = fc.array(fc.constantFrom(...ATTEMPT_DISPOSITIONS), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), rules, outcomes, (maxAttempts, someRules, dispositions) => {
        let counted = 0
        for (const [index, disposition] of dispositions.entries()) {
          if (disposition !== 'not-sent') counted++
          expect(counted).toBeLessThanOrEqual(maxAttempts)
          const decision = decideRetry(
            { maxAttempts, rules: someRules },
            { disposition, counted, unallocatedNumber: false, nowEpochMs: 0 },
          )
          if ('stop' in decision) return
          expect(decision.retryAfterSeconds).toBeGreaterThanOrEqual(0)
          expect([index, disposition]).not.toEqual([index, 'unknown'])
        }
      }),
    )
  })
})

describe('a policy that somebody sent', () => {
  const DAY = 86_400

  function problems(policy: unknown): string[] {
    return problemsOfRetryPolicy(policy).map((problem) => `${problem.path}: ${problem.message}`)
  }

  it('may have fractions, zeros and 30 days in all', () => {
    expect(problems(NO_RETRIES)).toEqual([])
    expect(problems(defaultRetryPolicy(20, [0, 0.5]))).toEqual([])
    expect(problems(defaultRetryPolicy(4, [10 * DAY]))).toEqual([])
    expect(problems({ maxAttempts: 2, rules: { busy: undefined } })).toEqual([])
  })

  it('may not spread over more than 30 days, each gap at its longest', () => {
    const tooLong = ['rules: the gaps of one person must not add up to more than 30 days']
    expect(problems(defaultRetryPolicy(4, [10 * DAY, 10 * DAY, 10 * DAY + 1]))).toEqual(tooLong)
    const each = { busy: { gapsSeconds: [20 * DAY, 0] }, failed: { gapsSeconds: [0, 20 * DAY] } }
    expect(problems({ maxAttempts: 3, rules: each })).toEqual(tooLong)
    expect(problems({ maxAttempts: 2, rules: each })).toEqual([])
  })

  it('is told each fault', () => {
    expect(problems(null)).toEqual([': must be an object with maxAttempts and rules'])
    expect(problems({ maxAttempts: 0 })).toEqual([
      'maxAttempts: must be a whole number from 1 to 20',
      'rules: must be an object',
    ])
    expect(problems({ maxAttempts: 21, rules: {} })).toHaveLength(1)
    expect(problems({ maxAttempts: 1.5, rules: {} })).toHaveLength(1)
    expect(problems({ maxAttempts: 2, rules: { unknown: { gapsSeconds: [1] } } })).toEqual([
      'rules.unknown: no retry follows this; known are busy, no-answer, failed, voicemail, rejected',
    ])
    for (const gapsSeconds of [[], [-1], [Number.NaN], ['1'], [Infinity], Array(21).fill(1), 5]) {
      expect(problems({ maxAttempts: 2, rules: { busy: { gapsSeconds } } })).toEqual([
        'rules.busy.gapsSeconds: must be a list of 1 to 20 numbers of seconds, none below 0',
      ])
    }
  })
})

describe('a rule with a time of day', () => {
  const noon = Date.parse('2030-01-15T12:00:00Z')
  const policy: RetryPolicy = { maxAttempts: 3, rules: { busy: { at: '18:30', zone: 'Europe/Berlin' } } }
  const busy = { disposition: 'busy', counted: 1, unallocatedNumber: false, nowEpochMs: noon } as const

  it('waits until clocks of the zone show it', () => {
    expect(decideRetry(policy, busy)).toEqual({ retryAfterSeconds: 5.5 * 3_600 })
  })

  it('stops earlier for a person who is dialled less often', () => {
    expect(decideRetry(policy, { ...busy, counted: 2 })).toEqual({ retryAfterSeconds: 5.5 * 3_600 })
    expect(decideRetry(policy, { ...busy, counted: 2, attemptsMax: 2 })).toEqual({ stop: 'attempts-exhausted' })
  })

  it.each([
    [{ at: '24:00', zone: 'UTC' }, 'rules.busy.at'],
    [{ at: 930, zone: 'UTC' }, 'rules.busy.at'],
    [{ at: '09:00' }, 'rules.busy.zone'],
    [{ at: '09:00', zone: '+02:00' }, 'rules.busy.zone'],
    [{ at: '09:00', zone: 'Mars/Base' }, 'rules.busy.zone'],
    [{ at: '09:00', zone: 'UTC', gapsSeconds: [1] }, 'rules.busy'],
  ])('refuses %j', (rule, path) => {
    expect(problemsOfRetryPolicy({ maxAttempts: 2, rules: { busy: rule } }).map((problem) => problem.path)).toEqual([
      path,
    ])
  })

  it('is no reason to call somebody for more than 30 days', () => {
    const rules = { busy: { at: '09:00', zone: 'UTC' } }
    expect(problemsOfRetryPolicy({ maxAttempts: 20, rules })).toEqual([])
  })
})
