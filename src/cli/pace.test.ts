import { expect, it } from 'vitest'
import { Pace } from './pace.ts'

it('tells nothing before there are two readings some time apart', () => {
  const pace = new Pace()
  expect(pace.read({ total: 10, settled: 0 })).toEqual({ callsPerSecond: null, secondsLeft: null })
  pace.add({ attempts: 0, settled: 0 }, 0)
  pace.add({ attempts: 5, settled: 5 }, 100)
  expect(pace.read({ total: 10, settled: 5 })).toEqual({ callsPerSecond: null, secondsLeft: null })
})

it('measures dials a second and when everybody is through', () => {
  const pace = new Pace()
  pace.add({ attempts: 10, settled: 0 }, 1000)
  pace.add({ attempts: 30, settled: 8 }, 3000)
  expect(pace.read({ total: 100, settled: 8 })).toEqual({ callsPerSecond: 10, secondsLeft: 23 })
})

it('forgets what was long ago', () => {
  const pace = new Pace()
  for (let second = 0; second <= 60; second += 1) {
    const attempts = second < 30 ? second * 100 : 3000 + (second - 30)
    pace.add({ attempts, settled: attempts }, second * 1000)
  }
  expect(pace.read({ total: 3130, settled: 3030 }).callsPerSecond).toBeCloseTo(1)
})

it('cannot tell when a batch that stands still ends', () => {
  const pace = new Pace()
  pace.add({ attempts: 4, settled: 4 }, 0)
  pace.add({ attempts: 4, settled: 4 }, 5000)
  expect(pace.read({ total: 10, settled: 4 })).toEqual({ callsPerSecond: 0, secondsLeft: null })
  expect(pace.read({ total: 4, settled: 4 }).secondsLeft).toBe(0)
})
