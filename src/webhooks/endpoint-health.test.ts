import { expect, test } from 'vitest'
import { healthAfter, type TryOutcome } from './endpoint-health.ts'

const NOW = new Date('2026-03-02T09:00:00Z')
const well = { failuresInRow: 0, failingSince: null, blockedUntil: null }
const failed: TryOutcome = { taken: false, gone: false, restMs: 0, givenUp: false, error: 'It answered 500' }
const taken: TryOutcome = { ...failed, taken: true, error: null }
const later = (ms: number) => new Date(NOW.getTime() + ms)

test('some failures change nothing but the count', () => {
  expect(healthAfter(well, [failed, failed], NOW)).toEqual({
    failuresInRow: 2,
    failingSince: NOW,
    deliveredAt: null,
    lastError: 'It answered 500',
    blockedUntil: null,
    pausedReason: null,
  })
})

test.each([
  [4, 5_000],
  [5, 10_000],
  [6, 20_000],
  [50, 60_000],
])('after %i failures in row one more makes it rest for %i ms', (failuresInRow, restMs) => {
  expect(healthAfter({ ...well, failuresInRow }, [failed], NOW).blockedUntil).toEqual(later(restMs))
})

test('without a new failure a failing endpoint is not blocked again', () => {
  expect(healthAfter({ ...well, failuresInRow: 9 }, [], NOW).blockedUntil).toBeNull()
})

test('one that is taken makes it well again', () => {
  const ill = { failuresInRow: 9, failingSince: later(-1_000), blockedUntil: later(-1) }
  expect(healthAfter(ill, [failed, taken], NOW)).toMatchObject({
    failuresInRow: 0,
    failingSince: null,
    deliveredAt: NOW,
    blockedUntil: null,
    lastError: null,
  })
})

test('giving up pauses only when nothing was taken for ten tries', () => {
  const givenUp = { ...failed, givenUp: true }
  expect(healthAfter({ ...well, failuresInRow: 8 }, [givenUp], NOW).pausedReason).toBeNull()
  expect(healthAfter({ ...well, failuresInRow: 9 }, [givenUp], NOW).pausedReason).toContain('last 10 tries')
  expect(healthAfter({ ...well, failuresInRow: 9 }, [taken, givenUp], NOW).pausedReason).toBeNull()
  expect(healthAfter(well, [{ ...failed, gone: true }], NOW).pausedReason).toContain('410')
})
