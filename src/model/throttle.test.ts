import fc from 'fast-check'
import { expect, it } from 'vitest'
import { callsAllowed, nextStartEpochMs, secondsForCalls, type ThrottleRule } from './throttle.ts'

const RULES: readonly ThrottleRule[] = [
  { maxCalls: 2, windowSeconds: 1 },
  { maxCalls: 3, windowSeconds: 10 },
]

it('allows what the strictest rule leaves', () => {
  expect(callsAllowed(RULES, [], 100_000)).toBe(2)
  expect(callsAllowed(RULES, [99_900], 100_000)).toBe(1)
  expect(callsAllowed(RULES, [99_900, 99_800], 100_000)).toBe(0)
  expect(callsAllowed(RULES, [95_000, 94_000], 100_000)).toBe(1)
  expect(callsAllowed(RULES, [95_000, 94_000, 93_000], 100_000)).toBe(0)
  expect(callsAllowed([], [99_900], 100_000)).toBe(100)
})

it('a start leaves the window at its end, to the millisecond', () => {
  const rules = [{ maxCalls: 1, windowSeconds: 1 }]
  expect(callsAllowed(rules, [99_001], 100_000)).toBe(0)
  expect(callsAllowed(rules, [99_000], 100_000)).toBe(1)
  expect(nextStartEpochMs(rules, [99_001], 100_000)).toBe(100_001)
})

it('never lets more calls start in any window than a rule allows, and waits no longer than it must', () => {
  const rule = fc.record({ maxCalls: fc.integer({ min: 1, max: 100 }), windowSeconds: fc.integer({ min: 1, max: 60 }) })
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 0, max: 3_000 })),
      (rules, pauses) => {
        let now = 0
        let kept: number[] = []
        const all: number[] = []
        for (const pause of pauses) {
          now += pause
          const allowed = callsAllowed(rules, kept, now)
          const next = nextStartEpochMs(rules, kept, now)
          // It foretells exactly: nothing before, something then.
          expect(allowed > 0).toBe(next === now)
          expect(callsAllowed(rules, kept, next)).toBeGreaterThan(0)
          if (next > now) expect(callsAllowed(rules, kept, next - 1)).toBe(0)
          const starts = Array.from({ length: allowed }, () => now)
          all.push(...starts)
          kept = [...starts, ...kept].slice(0, 100)
        }
        for (const { maxCalls, windowSeconds } of rules) {
          for (const [index, start] of all.entries()) {
            const inWindow = all.slice(index).filter((other) => other < start + windowSeconds * 1_000)
            expect(inWindow.length).toBeLessThanOrEqual(maxCalls)
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})

it('knows how long a list takes', () => {
  expect(secondsForCalls(RULES, 0)).toBe(0)
  expect(secondsForCalls(RULES, 3)).toBe(1)
  expect(secondsForCalls(RULES, 4)).toBe(10)
  expect(secondsForCalls(RULES, 30)).toBe(90)
  expect(secondsForCalls([], 30)).toBe(0)
})
