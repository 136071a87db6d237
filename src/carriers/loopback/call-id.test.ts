import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCallId, encodeCallId, planThatFits } from './call-id.ts'

const anyPlan = fc.record({
  to: fc.bigInt({ min: 10n, max: 999_999_999_999_999n }).map((number) => `+${number}`),
  ringTimeoutSeconds: fc.double({ min: 0.1, max: 10_000, noNaN: true }),
  maxCallSeconds: fc.double({ min: 0.1, max: 1_000_000, noNaN: true }),
  textLength: fc.integer({ min: 0, max: 1_000_000 }),
  waitForKeySeconds: fc.double({ min: 0, max: 10_000, noNaN: true }),
  speed: fc.double({ min: 0.001, max: 1_000_000, noNaN: true }),
})

describe('the id of a simulated call', () => {
  it('gives back all that decides the call, in 34 letters and digits', () => {
    const instant = fc.integer({ min: 0, max: 62 ** 7 - 1 })
    fc.assert(
      fc.property(anyPlan, instant, fc.nat(62 ** 2 - 1), (wished, placedAtEpochMs, tie) => {
        const plan = planThatFits(wished)
        const id = encodeCallId({ placedAtEpochMs, plan, tie })
        expect(id).toMatch(/^LB[0-9A-Za-z]{32}$/)
        expect(decodeCallId(id)).toEqual({ placedAtEpochMs, plan, tie })
      }),
      { numRuns: 2000 },
    )
  })

  it('keeps a usual plan as it is', () => {
    const times = { ringTimeoutSeconds: 30, maxCallSeconds: 600, waitForKeySeconds: 8 }
    const plan = { to: '+15550100042', ...times, textLength: 480, speed: 2.5 }
    expect(planThatFits(plan)).toEqual(plan)
  })

  it('is not read out of anything else', () => {
    const plan = { ringTimeoutSeconds: 30, maxCallSeconds: 600, waitForKeySeconds: 8, textLength: 480, speed: 2.5 }
    const id = encodeCallId({ placedAtEpochMs: 1, plan: { ...plan, to: '+15550100042' }, tie: 0 })
    for (const other of [
      '',
      id.slice(1),
      `${id}0`,
      id.replace('LB', 'CA'),
      `${id.slice(0, -1)}-`,
      `LB${'0'.repeat(32)}`,
    ]) {
      expect(decodeCallId(other)).toBeNull()
    }
  })
})
