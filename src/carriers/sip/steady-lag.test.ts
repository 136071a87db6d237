import { expect, it } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { SteadyLag } from './steady-lag.ts'

function bench() {
  const clock = new FakeClock()
  const lag = new SteadyLag(clock)
  /** Hands a call over now, which takes so long to prepare; returns how long it waited beside that. */
  const call = (preparedInMs: number): number => {
    const handedOverAtMs = clock.monotonicMs()
    clock.advance(preparedInMs)
    const waited = lag.waitMs(handedOverAtMs)
    clock.advance(waited)
    lag.sent(handedOverAtMs)
    return waited
  }
  return { clock, call }
}

it('a call after a slow one waits as long as that one did', () => {
  const { call } = bench()
  expect(call(300)).toBe(0)
  expect(call(0)).toBeCloseTo(300)
})

it('the common delay becomes shorter slowly, and ends with a pause', () => {
  const { clock, call } = bench()
  call(300)
  clock.advance(500)
  expect(call(0)).toBeCloseTo(290)
  clock.advance(1001)
  expect(call(0)).toBe(0)
})

it('no delay is longer than half a second', () => {
  const { call } = bench()
  call(3000)
  expect(call(0)).toBe(500)
})
