import { expect, it } from 'vitest'
import { minimumWindowSeconds } from './minimum-window.ts'

const NEED = {
  calls: 1_000,
  concurrency: 50,
  callsPerSecond: 20,
  throttleRules: [],
  recentAttempts: 0,
  recentTalkMs: 0,
}

it.each([
  ['a minute a call until calls have been made', {}, 1_200],
  ['still so with too few calls to tell', { recentAttempts: 99, recentTalkMs: 99_000 }, 1_200],
  ['as long as calls last', { recentAttempts: 100, recentTalkMs: 3_000_000 }, 600],
  ['the rate, when calls are short', { recentAttempts: 100, recentTalkMs: 100_000 }, 50],
  ['the rate, when there are lines enough', { concurrency: 100_000, callsPerSecond: 0.5 }, 2_000],
  ['the throttle, when that is slowest', { throttleRules: [{ maxCalls: 10, windowSeconds: 60 }] }, 5_940],
  ['nobody waits', { calls: 0, concurrency: 0 }, 0],
  ['no line at all', { concurrency: 0 }, Number.POSITIVE_INFINITY],
])('%s', (_name, difference, seconds) => {
  expect(minimumWindowSeconds({ ...NEED, ...difference })).toBeCloseTo(seconds, 9)
})
