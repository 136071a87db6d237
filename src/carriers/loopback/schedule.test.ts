import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { Schedule } from './schedule.ts'

describe('a schedule', () => {
  it('runs items in the order of their instants, never early, on one timer', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }), (delaysMs) => {
        const clock = new FakeClock()
        const startMs = clock.monotonicMs()
        const ran: { dueMs: number; atMs: number }[] = []
        const schedule = new Schedule<number>(clock, (dueMs) =>
          ran.push({ dueMs, atMs: clock.monotonicMs() - startMs }),
        )
        for (const delayMs of delaysMs) {
          schedule.add(startMs + delayMs, delayMs)
          expect(clock.pendingTimers).toBe(1)
        }
        clock.advance(500)
        expect(ran.map(({ dueMs }) => dueMs)).toEqual([...delaysMs].sort((a, b) => a - b))
        expect(ran.every(({ dueMs, atMs }) => atMs === dueMs)).toBe(true)
        expect(clock.pendingTimers).toBe(0)
      }),
    )
  })

  it('runs an item that is added while it runs another, and goes on after one that throws', () => {
    const clock = new FakeClock()
    const ran: string[] = []
    const schedule = new Schedule<string>(clock, (item) => {
      ran.push(item)
      if (item === 'first') schedule.add(clock.monotonicMs() + 5, 'added')
      if (item === 'bad') throw new Error('bad item')
    })
    schedule.add(clock.monotonicMs() + 10, 'bad')
    schedule.add(clock.monotonicMs() + 1, 'first')
    schedule.add(clock.monotonicMs() + 20, 'last')
    expect(() => clock.advance(100)).toThrow('bad item')
    clock.advance(100)
    expect(ran).toEqual(['first', 'added', 'bad', 'last'])
  })

  it('runs nothing after it is closed', () => {
    const clock = new FakeClock()
    const schedule = new Schedule<string>(clock, () => expect.unreachable())
    schedule.add(clock.monotonicMs() + 10, 'item')
    schedule.close()
    schedule.add(clock.monotonicMs() + 10, 'later')
    clock.advance(100)
    expect(clock.pendingTimers).toBe(0)
  })

  it('runs many items that are due at once', () => {
    const clock = new FakeClock()
    let runs = 0
    const schedule = new Schedule<number>(clock, () => runs++)
    for (let item = 0; item < 10_000; item++) schedule.add(clock.monotonicMs() + 50, item)
    clock.advance(50)
    expect(runs).toBe(10_000)
  })
})
