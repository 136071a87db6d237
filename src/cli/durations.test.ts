import { expect, it } from 'vitest'
import { clockText, countText, durationText } from './durations.ts'

it.each([
  [0, '0:00'],
  [7.4, '0:07'],
  [59.6, '1:00'],
  [754, '12:34'],
  [10_809, '3:00:09'],
  [-3, '0:00'],
])('writes %s seconds as the clock %s', (seconds, text) => {
  expect(clockText(seconds)).toBe(text)
})

it.each([
  [8, '8 s'],
  [59.7, '1 min'],
  [125, '2 min 5 s'],
  [12_000, '3 h 20 min'],
  [86_400, '1 day'],
  [187_200, '2 days 4 h'],
])('writes %s seconds as %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text)
})

it('groups digits', () => {
  expect([0, 999, 1000, 1_234_567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567'])
})
