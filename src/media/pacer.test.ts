import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { Pacer } from './pacer.ts'

function paced(clock: FakeClock) {
  const dueMs: number[] = []
  let skipped = 0
  const start = clock.monotonicMs()
  return {
    dueMs,
    skipped: () => skipped,
    onFrame: (due: number) => void dueMs.push(due - start),
    onSkipped: (frames: number) => {
      skipped += frames
    },
  }
}

it('calls everyone every 20 ms, counted from the first instant', () => {
  const clock = new FakeClock()
  const pacer = new Pacer(clock)
  const sessions = Array.from({ length: 8 }, () => paced(clock))
  for (const session of sessions) pacer.add(session)
  for (let step = 0; step < 1000; step++) clock.advance(7)
  for (const { dueMs } of sessions) {
    expect(dueMs.length).toBeGreaterThanOrEqual(349)
    for (const [at, due] of dueMs.entries()) expect(due).toBeCloseTo(dueMs[0]! + at * 20, 6)
  }
  // Spread over the frame: two of eight in each phase.
  expect(new Set(sessions.map(({ dueMs }) => dueMs[0])).size).toBe(4)
})

it('ends its timer with the last session', () => {
  const clock = new FakeClock()
  const pacer = new Pacer(clock)
  const session = paced(clock)
  pacer.add(session)
  clock.advance(100)
  pacer.remove(session)
  const before = session.dueMs.length
  clock.advance(100)
  expect(session.dueMs).toHaveLength(before)
})

it('lets all of a phase send before anybody hears what was received', () => {
  const clock = new FakeClock()
  const seen: string[] = []
  const pacer = new Pacer(clock, () => void seen.push('receive'))
  const session = (name: string) => ({
    onFrame: () => void seen.push(`${name} sends`),
    onReceived: () => void seen.push(`${name} hears`),
    onSkipped: () => undefined,
  })
  // The first and the fifth share a phase.
  for (const name of ['a', 'b', 'c', 'd', 'e']) pacer.add(session(name))
  clock.advance(20)
  const first = seen.indexOf('a sends')
  expect(seen.slice(first, first + 5)).toEqual(['a sends', 'e sends', 'receive', 'a hears', 'e hears'])
})
