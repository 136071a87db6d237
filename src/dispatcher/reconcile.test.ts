import { expect, it } from 'vitest'
import { FakeClock } from '../../test/fake-clock.ts'
import { claimedCall } from '../../test/live-call.ts'
import type { Carrier, LookUpAnswer } from '../carriers/carrier.ts'
import type { CallEvent } from '../model/call-event.ts'
import type { LiveCall } from './live-call.ts'
import { Reconciler } from './reconcile.ts'
import { TrunkCarriers } from './trunk-carriers.ts'

const MINUTE_MS = 60_000

function world(onAsked: (calls: Map<string, LiveCall>) => void = () => undefined) {
  const clock = new FakeClock()
  const calls = new Map<string, LiveCall>()
  const asked: string[] = []
  const reported: CallEvent[] = []
  const carrier: Carrier = {
    traits: { lookUpIsComplete: true, firstLookUpDelayMs: 2000, nextLookUpDelaysMs: [], pollSilentCallAfterMs: 30_000 },
    place: () => undefined,
    hangUp: () => undefined,
    lookUp: async ({ ref }): Promise<LookUpAnswer> => {
      asked.push(ref)
      onAsked(calls)
      return { found: false, reason: 'absent' }
    },
    probe: async () => true,
    close: async () => undefined,
  }
  const carriers = new TrunkCarriers(() => carrier)
  carriers.learn(1, [{ trunkId: 1, trunkUuid: 'trunk', carrier: 'loopback', settings: {}, version: 1 }])
  const call = claimedCall(clock.nowEpochMs())
  calls.set(call.ref, call)
  const reconciler = new Reconciler({
    clock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    carriers,
    calls: () => calls.values(),
    holds: (held) => calls.get(held.ref) === held,
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

it('gives up no call that was taken from its node while the carrier was asked', async () => {
  const { clock, call, asked, reported } = world((calls) => calls.clear())
  call.newsAtMonotonicMs = clock.monotonicMs()
  await clock.advanceSettling(MINUTE_MS)
  expect({ asked, reported }).toEqual({ asked: ['call'], reported: [] })
})
