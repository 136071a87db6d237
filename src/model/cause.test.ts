import { describe, expect, it } from 'vitest'
import { ALL_CAUSES, causeFromCode, codeOfCause, isCause, textOfCause } from './cause.ts'

describe('causes', () => {
  it('have one number each that fits a smallint and leads back to them', () => {
    for (const cause of ALL_CAUSES) {
      expect(Number.isInteger(codeOfCause(cause))).toBe(true)
      expect(codeOfCause(cause)).toBeGreaterThanOrEqual(0)
      expect(codeOfCause(cause)).toBeLessThan(32_768)
      expect(causeFromCode(codeOfCause(cause))).toBe(cause)
    }
    expect(new Set(ALL_CAUSES.map(codeOfCause)).size).toBe(ALL_CAUSES.length)
  })

  it('keep the numbers that stand in databases already', () => {
    expect(ALL_CAUSES.map((cause) => `${codeOfCause(cause)} ${cause}`)).toMatchInlineSnapshot(`
      [
        "0 none",
        "1 callee-hung-up",
        "2 agent-hung-up",
        "3 max-duration",
        "4 inactivity",
        "5 agent-unreachable",
        "6 agent-error",
        "7 media-lost",
        "8 hung-up-by-user",
        "9 node-lost",
        "10 shut-down",
        "11 suppressed-by-callee",
        "12 machine-detected",
        "13 answered-too-late",
        "20 ring-timeout",
        "21 busy-here",
        "22 busy-everywhere",
        "23 declined",
        "24 temporarily-unavailable",
        "25 blocked-by-callee",
        "26 unallocated-number",
        "27 number-incomplete",
        "28 number-changed",
        "40 carrier-refused",
        "41 carrier-error",
        "42 carrier-rate-limited",
        "43 carrier-out-of-credit",
        "44 carrier-credentials",
        "45 caller-number-refused",
        "46 destination-refused",
        "47 trunk-unreachable",
        "48 media-not-agreed",
        "49 voice-failed",
        "55 invitation-refused",
        "56 cannot-be-joined",
        "60 no-carrier-answer",
        "61 lookup-missed",
        "62 evidence-missing",
        "70 deadline-missed",
        "71 claim-lost",
        "72 stopped-before-send",
        "73 voice-not-ready",
        "74 no-media-port",
        "80 cancelled-by-user",
        "81 recipient-expired",
        "82 on-suppression-list",
        "83 number-repeated",
        "84 number-malformed",
        "85 number-not-valid",
        "86 country-not-allowed",
        "87 premium-number",
        "88 satellite-number",
        "89 emergency-number",
        "90 short-code",
        "91 own-number",
        "92 number-range-not-allowed",
      ]
    `)
  })

  it('say what happened in words of their own, without a closing full stop', () => {
    const texts = ALL_CAUSES.filter((cause) => cause !== 'none').map(textOfCause)
    for (const text of texts) expect(text).toMatch(/^[A-Z].{5,}[a-z]$/)
    expect(new Set(texts).size).toBe(texts.length)
    expect(textOfCause('none')).toBe('')
    expect(textOfCause('busy-here')).toBe('Number busy')
  })

  it('refuse unknown numbers and names', () => {
    for (const code of [-1, 32_767, 0.5, Number.NaN]) expect(() => causeFromCode(code)).toThrow(RangeError)
    expect(isCause('ring-timeout')).toBe(true)
    for (const text of ['', 'toString', '__proto__', 'RING-TIMEOUT']) expect(isCause(text)).toBe(false)
  })
})
