import { describe, expect, it } from 'vitest'
import {
  ATTEMPT_DISPOSITIONS,
  codeOfOutcome,
  dispositionFromCode,
  isAttemptDisposition,
  isOutcome,
  OUTCOMES,
  outcomeFromCode,
  UNDIALLED_OUTCOMES,
} from './disposition.ts'

describe('outcomes', () => {
  it('keep the numbers that stand in databases already', () => {
    expect(OUTCOMES.map((outcome) => [outcome, codeOfOutcome(outcome)])).toEqual([
      ['answered', 1],
      ['voicemail', 2],
      ['busy', 3],
      ['no-answer', 4],
      ['rejected', 5],
      ['failed', 6],
      ['cancelled', 7],
      ['expired', 8],
      ['unknown', 9],
      ['not-sent', 10],
      ['suppressed', 11],
      ['duplicate', 12],
      ['invalid-number', 13],
      ['not-allowed', 14],
    ])
  })

  it('come back from their numbers', () => {
    for (const outcome of OUTCOMES) expect(outcomeFromCode(codeOfOutcome(outcome))).toBe(outcome)
    for (const disposition of ATTEMPT_DISPOSITIONS) {
      expect(dispositionFromCode(codeOfOutcome(disposition))).toBe(disposition)
    }
  })

  it('refuse numbers that were never written', () => {
    for (const code of [0, 15, -1, 1.5, Number.NaN]) expect(() => outcomeFromCode(code)).toThrow(RangeError)
    for (const outcome of UNDIALLED_OUTCOMES) {
      expect(isAttemptDisposition(outcome)).toBe(false)
      expect(() => dispositionFromCode(codeOfOutcome(outcome))).toThrow(RangeError)
    }
  })

  it('are told from other texts', () => {
    expect(isOutcome('no-answer')).toBe(true)
    for (const text of ['canceled', 'no_answer', 'toString', '__proto__', '']) expect(isOutcome(text)).toBe(false)
  })
})
