import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { UnansweredCalls } from './unanswered-calls.ts'

it('gives each place away once, to whoever waits longest, and refuses whose time is up', async () => {
  const clock = new FakeClock()
  const places = new UnansweredCalls(clock, 2)
  const told: string[] = []
  const take = (name: string, withinMs: number) =>
    void places.take(withinMs).then((taken) => told.push(`${name} ${taken ? 'in' : 'refused'}`))
  take('a', 0)
  take('b', 0)
  take('c', 100)
  take('d', 500)
  take('e', 500)
  take('f', 0)
  await clock.advanceSettling(200)
  expect(told).toEqual(['a in', 'b in', 'f refused', 'c refused'])
  places.leave()
  await clock.advanceSettling(100)
  expect(told.slice(4)).toEqual(['d in'])
  await clock.advanceSettling(500)
  expect(told.slice(5)).toEqual(['e refused'])
  places.leave()
  take('g', 0)
  await clock.advanceSettling(0)
  expect(told.slice(6)).toEqual(['g in'])
  expect(clock.pendingTimers).toBe(0)
})
