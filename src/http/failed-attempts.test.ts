import { expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { FailedAttempts } from './failed-attempts.ts'

function clockAt(start: number): Clock & { nowMs: number } {
  return {
    nowMs: start,
    nowEpochMs() {
      return this.nowMs
    },
    monotonicMs() {
      return this.nowMs
    },
    setTimer: () => ({ cancel: () => undefined }),
  }
}

test('an address may fail a few times, then waits, and others do not', () => {
  const clock = clockAt(0)
  const failed = new FailedAttempts(clock, { burst: 3, perSecond: 2 })
  for (let i = 0; i < 3; i++) {
    expect(failed.waitSeconds('a')).toBe(0)
    failed.note('a')
  }
  expect(failed.waitSeconds('a')).toBe(1)
  expect(failed.waitSeconds('b')).toBe(0)
  clock.nowMs = 500
  expect(failed.waitSeconds('a')).toBe(0)
  failed.note('a')
  expect(failed.waitSeconds('a')).toBe(1)
})

test('silence is forgiven up to the burst and no further', () => {
  const clock = clockAt(0)
  const failed = new FailedAttempts(clock, { burst: 2, perSecond: 1 })
  failed.note('a')
  clock.nowMs = 1_000_000
  failed.note('a')
  failed.note('a')
  expect(failed.waitSeconds('a')).toBe(1)
})

test('the longest silent address is forgotten first', () => {
  const failed = new FailedAttempts(clockAt(0), { burst: 1, perSecond: 1 })
  for (let i = 0; i <= 10_000; i++) failed.note(`address ${i}`)
  expect(failed.waitSeconds('address 0')).toBe(0)
  expect(failed.waitSeconds('address 1')).toBe(1)
})
