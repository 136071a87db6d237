import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import type { Clock } from '../clock.ts'
import { CallPace } from './call-pace.ts'

const socketsRead = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** Asks for that many turns at once; `begun` and `refused` hold the instants at which they were told. */
function offer(pace: CallPace, clock: Clock, { calls, withinMs }: { calls: number; withinMs: number }) {
  const startMs = clock.monotonicMs()
  const told = { begun: [] as number[], refused: [] as number[] }
  for (let call = 0; call < calls; call++) {
    void pace.turn(withinMs).then((begins) => {
      const list = begins ? told.begun : told.refused
      list.push(clock.monotonicMs() - startMs)
    })
  }
  return told
}

describe('the pace of calls', () => {
  it('is even, and what would come too late is refused when its time is up', async () => {
    const clock = new FakeClock()
    const told = offer(new CallPace(clock, 100), clock, { calls: 10, withinMs: 45 })
    await clock.advanceSettling(100)
    expect(told.begun).toEqual([0, 10, 20, 30, 40])
    expect(told.refused).toEqual([45, 45, 45, 45, 45])
  })

  it('does not save up while nobody calls', async () => {
    const clock = new FakeClock()
    const pace = new CallPace(clock, 100)
    offer(pace, clock, { calls: 1, withinMs: 1000 })
    await clock.advanceSettling(10_000)
    const told = offer(pace, clock, { calls: 3, withinMs: 1000 })
    await clock.advanceSettling(100)
    expect(told.begun).toEqual([0, 10, 20])
  })

  it('makes up for a busy moment, and not for a long one', async () => {
    const clock = new FakeClock()
    let stalledMs = 0
    const stalling: Clock = {
      nowEpochMs: () => clock.nowEpochMs(),
      monotonicMs: () => clock.monotonicMs() + stalledMs,
      setTimer: (delayMs, run) => clock.setTimer(delayMs, run),
    }
    const told = offer(new CallPace(stalling, 100), stalling, { calls: 100, withinMs: 60_000 })
    await clock.advanceSettling(5)
    stalledMs = 2000
    await clock.advanceSettling(5)
    for (let turn = 0; turn < 20; turn++) await socketsRead()
    // One at the start; then the one that was due, and what was due in the last 250 of 2,000 ms.
    expect(told.begun).toEqual([0, ...Array(26).fill(2010)])
    await clock.advanceSettling(100)
    expect(told.begun).toHaveLength(27 + 10)
  })

  it('lets no more begin in a turn of the event loop than are heard in it, whatever the rate', async () => {
    const clock = new FakeClock()
    const told = offer(new CallPace(clock, Number.POSITIVE_INFINITY), clock, { calls: 10, withinMs: 1000 })
    await Promise.resolve()
    expect(told.begun).toHaveLength(4)
    await socketsRead()
    expect(told.begun).toHaveLength(8)
    await socketsRead()
    expect(told.begun).toHaveLength(10)
  })
})
