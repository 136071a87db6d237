import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { claimedCall } from '../../test/live-call.ts'
import type { Carrier, LookUpAnswer } from '../carriers/carrier.ts'
import type { CallEvent } from '../model/call-event.ts'
import { Reconciler } from './reconcile.ts'
import { TrunkCarriers } from './trunk-carriers.ts'

const MINUTE_MS = 60_000

function world() {
  const clock = new FakeClock()
  const asked: string[] = []
  const reported: CallEvent[] = []
  const carrier: Carrier = {
    traits: { lookUpIsComplete: true, firstLookUpDelayMs: 2000, nextLookUpDelaysMs: [], pollSilentCallAfterMs: 30_000 },
    place: () => undefined,
    hangUp: () => undefined,
    lookUp: async ({ ref }): Promise<LookUpAnswer> => {
      asked.push(ref)
      return { found: false, reason: 'absent' }
    },
    probe: async () => true,
    close: async () => undefined,
  }
  const carriers = new TrunkCarriers(() => carrier)
  carriers.learn(1, [{ trunkId: 1, trunkUuid: 'trunk', carrier: 'loopback', settings: {}, version: 1 }])
  const call = claimedCall(clock.nowEpochMs())
  const reconciler = new Reconciler({
    clock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    carriers,
    calls: () => [call],
    report: (_, event) => {
      reported.push(event)
      call.merge(event)
    },
  })
  reconciler.start()
  return { clock, call, asked, reported }
}

it('asks for no call whose create-call was not sent yet', async () => {
  const { clock, asked, reported } = world()
  await clock.advanceSettling(MINUTE_MS)
  expect({ asked, reported }).toEqual({ asked: [], reported: [] })
})

it('gives up a call that was sent and that its carrier does not know', async () => {
  const { clock, call, asked, reported } = world()
  call.newsAtMonotonicMs = clock.monotonicMs()
  await clock.advanceSettling(MINUTE_MS)
  expect(asked).toEqual(['call'])
  expect(reported).toMatchObject([{ kind: 'ended', disposition: 'unknown', cause: 'lookup-missed' }])
})
