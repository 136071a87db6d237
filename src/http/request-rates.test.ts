import { expect, test } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { RequestRates } from './request-rates.ts'

test('a burst at once, then as many as the rate lets through, each key for itself', () => {
  const clock = new FakeClock()
  const rates = new RequestRates(clock)
  const take = (key: string) => rates.take(key, { perSecond: 2, burst: 3 })
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 1])
  expect(take('b')).toBe(0)
  clock.advance(500)
  expect([take('a'), take('a')]).toEqual([0, 1])
  clock.advance(60_000)
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 1])
})

test('one request in ten seconds is told to wait that long', () => {
  const rates = new RequestRates(new FakeClock())
  const slow = { perSecond: 0.1, burst: 1 }
  expect([rates.take('a', slow), rates.take('a', slow)]).toEqual([0, 10])
})

test('keys that were silent longest are forgotten, so that memory does not grow', () => {
  const rates = new RequestRates(new FakeClock())
  const once = { perSecond: 1, burst: 1 }
  for (let key = 0; key <= 10_000; key++) rates.take(`key ${key}`, once)
  expect(rates.take('key 10000', once)).toBe(1)
  expect(rates.take('key 0', once)).toBe(0)
})
