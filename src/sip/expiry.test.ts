import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { Expiry } from './expiry.ts'

it('lets each thing go after its time, in order, whenever it came', () => {
  const clock = new FakeClock()
  const gone: [number, number][] = []
  const startMs = clock.monotonicMs()
  const expiry = new Expiry<number>(clock, {
    afterMs: 1000,
    letGo: (thing) => void gone.push([thing, clock.monotonicMs() - startMs]),
  })
  for (let thing = 0; thing < 100; thing++) {
    expiry.add(thing)
    clock.advance(70)
  }
  clock.advance(5000)
  expiry.add(100)
  clock.advance(999)
  expect(gone).toHaveLength(100)
  clock.advance(2)
  expect(gone.map(([thing]) => thing)).toEqual(Array.from({ length: 101 }, (_, index) => index))
  for (const [thing, atMs] of gone.slice(0, 100)) {
    expect(atMs).toBeGreaterThanOrEqual(thing * 70 + 1000)
    expect(atMs).toBeLessThanOrEqual(thing * 70 + 1000 + 70)
  }
})

it('may be given more while it lets go', () => {
  const clock = new FakeClock()
  let left = 3
  const expiry: Expiry<string> = new Expiry(clock, {
    afterMs: 10,
    letGo: (thing) => {
      if (--left > 0) expiry.add(thing)
    },
  })
  expiry.add('again')
  for (let step = 0; step < 10; step++) clock.advance(10)
  expect(left).toBe(0)
})
