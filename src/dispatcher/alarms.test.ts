import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { Alarms } from './alarms.ts'

function world() {
  const clock = new FakeClock()
  const rung: { organizationId: number; afterMs: number }[] = []
  const startedAtMs = clock.monotonicMs()
  const alarms = new Alarms(clock, (organizationId) => {
    rung.push({ organizationId, afterMs: clock.monotonicMs() - startedAtMs })
  })
  return { clock, rung, alarms }
}

it('rings at the sooner of two instants, whichever was set first, and once', async () => {
  const { clock, rung, alarms } = world()
  alarms.within(1, 10)
  alarms.within(1, 500)
  alarms.within(2, 500)
  alarms.within(2, 20)
  await clock.advanceSettling(1000)
  expect(rung).toEqual([
    { organizationId: 1, afterMs: 10 },
    { organizationId: 2, afterMs: 20 },
  ])
})

it('can be set again after it rang, and rings no more after it was cancelled', async () => {
  const { clock, rung, alarms } = world()
  alarms.within(1, 10)
  await clock.advanceSettling(10)
  alarms.within(1, 10)
  alarms.within(2, 10)
  alarms.cancel(2)
  await clock.advanceSettling(10)
  alarms.within(1, 10)
  alarms.cancelAll()
  await clock.advanceSettling(1000)
  expect(rung).toEqual([
    { organizationId: 1, afterMs: 10 },
    { organizationId: 1, afterMs: 20 },
  ])
})
