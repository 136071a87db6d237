import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/fake-clock.ts'
import { loopbackTargets } from '../../../test/loopback-targets.ts'
import { noSound } from '../../../test/no-sound.ts'
import type { CallEvent } from '../../model/call-event.ts'
import type { CallRequest, Carrier } from '../carrier.ts'
import { loopback } from './carrier.ts'

const TEXT = 'Good morning. Your parcel arrives today between two and four. Press 1 if you are at home.'

interface Node {
  readonly carrier: Carrier
  readonly events: CallEvent[]
  readonly durable: (() => void)[]
}

function openOn(clock: FakeClock, settings: Record<string, unknown> = {}): Node {
  const events: CallEvent[] = []
  const durable: (() => void)[] = []
  const carrier = loopback.open(loopback.settings.parse(settings), {
    clock,
    report(event, onDurable) {
      events.push(event)
      if (onDurable !== undefined) durable.push(onDurable)
    },
    log: { info: () => undefined, warn: () => undefined },
    targets: loopbackTargets,
    callbackUrl: 'http://127.0.0.1:1/carriers/t1',
    ...noSound,
  })
  return { carrier, events, durable }
}

function callTo(lastTwo: string, changes: Partial<CallRequest> = {}): CallRequest {
  const times = { ringTimeoutSeconds: 30, maxCallSeconds: 300, sendWithinMs: 5000 }
  const speech = { text: TEXT, waitForKeySeconds: 5 }
  return {
    ref: `${'0'.repeat(30)}${lastTwo}`,
    to: `+155501000${lastTwo}`,
    from: '+15550199000',
    ...times,
    speech,
    ...changes,
  }
}

function outcomeOf(lastTwo: string): string {
  const clock = new FakeClock()
  const { carrier, events } = openOn(clock)
  carrier.place(callTo(lastTwo))
  clock.advance(120_000)
  const end = events.at(-1)
  const kinds = events.map(({ kind }) => kind).join(' ')
  if (end?.kind !== 'ended') return kinds
  return `${kinds}: ${end.disposition} (${end.cause})${end.keysPressed ? ` ${end.keysPressed}` : ''}`
}

describe('the network inside the node', () => {
  it.each([
    ['00', 'accepted ringing answered ended: answered (agent-hung-up)'],
    ['50', 'accepted ringing answered ended: answered (agent-hung-up) 1'],
    ['59', 'accepted ringing answered ended: answered (agent-hung-up) 9'],
    ['60', 'accepted ringing answered ended: answered (callee-hung-up)'],
    ['70', 'accepted ended: busy (busy-here)'],
    ['77', 'accepted ringing ended: no-answer (ring-timeout)'],
    ['84', 'accepted ringing answered ended: voicemail (machine-detected)'],
    ['89', 'accepted ringing ended: rejected (declined)'],
    ['93', 'accepted ended: failed (unallocated-number)'],
    ['95', 'ended: failed (carrier-refused)'],
    ['97', 'ringing answered ended: answered (agent-hung-up)'],
    ['98', 'accepted'],
    ['99', 'ringing answered ended: answered (agent-hung-up)'],
  ])('%s: %s', (lastTwo, told) => {
    expect(outcomeOf(lastTwo)).toBe(told)
  })

  it('tells what was said and who answered', () => {
    const clock = new FakeClock()
    const { carrier, events } = openOn(clock)
    carrier.place(callTo('55'))
    clock.advance(120_000)
    expect(events.at(-1)).toMatchObject({ spokenText: TEXT, keysPressed: '9', answeredBy: 'human' })
    expect(events.every(({ eventKey }) => eventKey === undefined)).toBe(true)
    expect(new Set(events.map(({ carrierCallId }) => carrierCallId?.length))).toEqual(new Set([34]))
  })

  it('knows a call by its id when the node that placed it is gone, and tells the same of it', async () => {
    for (const lastTwo of ['00', '55', '60', '70', '77', '84', '89', '93', '98']) {
      const clock = new FakeClock()
      const died = openOn(clock, { speed: 3 })
      died.carrier.place(callTo(lastTwo))
      clock.advance(100)
      const call = { ref: callTo(lastTwo).ref, carrierCallId: died.events[0]!.carrierCallId!, placedAtEpochMs: 0 }
      const survivor = openOn(clock)
      for (let passedMs = 0; passedMs < 30_000; passedMs += 700) {
        const answer = await survivor.carrier.lookUp(call)
        const truth = await died.carrier.lookUp(call)
        expect(withoutWords(answer)).toEqual(withoutWords(truth))
        clock.advance(700)
      }
      const truth = await died.carrier.lookUp(call)
      expect(truth).toMatchObject({ found: true })
      if (truth.found) expect(truth.events.at(-1)!.kind).toBe('ended')
      if (truth.found && lastTwo !== '98') expect(truth.events).toEqual(died.events)
      expect(survivor.events).toEqual([])
    }
  })

  it('finds a call whose answer was lost as long as its node lives, and not on another node', async () => {
    const clock = new FakeClock()
    const node = openOn(clock)
    node.carrier.place(callTo('99'))
    clock.advance(7000)
    const call = { ref: callTo('99').ref, carrierCallId: null, placedAtEpochMs: 0 }
    expect(await node.carrier.lookUp(call)).toMatchObject({ found: true, events: [{ kind: 'accepted' }] })
    expect(await openOn(clock).carrier.lookUp(call)).toEqual({ found: false, reason: 'absent' })
    expect(node.events).toEqual([])
    clock.advance(14_600)
    expect(node.events).toMatchObject([{ kind: 'ringing' }])
  })

  it('hangs up a call that another node placed', async () => {
    const clock = new FakeClock()
    const died = openOn(clock)
    died.carrier.place(callTo('77'))
    clock.advance(5000)
    await died.carrier.close()
    const survivor = openOn(clock)
    const call = { ref: callTo('77').ref, carrierCallId: died.events[0]!.carrierCallId!, placedAtEpochMs: 0 }
    survivor.carrier.hangUp(call)
    survivor.carrier.hangUp(call)
    clock.advance(100)
    expect(survivor.events).toMatchObject([{ kind: 'ended', disposition: 'cancelled', cause: 'cancelled-by-user' }])
    clock.advance(60_000)
    const answer = await survivor.carrier.lookUp(call)
    expect(answer.found && answer.events.map(({ kind }) => kind)).toEqual(['accepted', 'ringing', 'ended'])
  })

  it('hangs up by our reference while the id is not known', () => {
    const clock = new FakeClock()
    const { carrier, events } = openOn(clock)
    carrier.place(callTo('99'))
    clock.advance(10_000)
    carrier.hangUp({ ref: callTo('99').ref, carrierCallId: null, placedAtEpochMs: 0 })
    clock.advance(60_000)
    expect(events).toMatchObject([{ kind: 'ended', disposition: 'cancelled' }])
  })

  it('honours the ring timeout, the maximum length and the speed', () => {
    const clock = new FakeClock()
    const { carrier, events } = openOn(clock, { speed: 10 })
    const placedAtEpochMs = clock.nowEpochMs()
    carrier.place(callTo('80', { ringTimeoutSeconds: 20 }))
    clock.advance(1999)
    expect(events.at(-1)!.kind).toBe('ringing')
    clock.advance(1)
    expect(events.at(-1)).toMatchObject({ kind: 'ended', atEpochMs: placedAtEpochMs + 2000 })
    carrier.place(callTo('03', { maxCallSeconds: 2 }))
    clock.advance(10_000)
    expect(events.at(-1)).toMatchObject({ cause: 'max-duration', disposition: 'answered' })
  })

  it('forgets a call when its end is durable, and in time when it never is', async () => {
    const clock = new FakeClock()
    const { carrier, durable } = openOn(clock)
    const call = { ref: callTo('97').ref, carrierCallId: null, placedAtEpochMs: 0 }
    carrier.place(callTo('97'))
    clock.advance(120_000)
    expect((await carrier.lookUp(call)).found).toBe(true)
    for (const onDurable of durable) onDurable()
    expect((await carrier.lookUp(call)).found).toBe(false)
    carrier.place(callTo('97'))
    clock.advance(60_000)
    expect((await carrier.lookUp(call)).found).toBe(true)
    clock.advance(11 * 60_000)
    carrier.place(callTo('00'))
    expect((await carrier.lookUp(call)).found).toBe(false)
  })

  it('carries ten thousand calls on one timer', () => {
    const clock = new FakeClock()
    const { carrier, events, durable } = openOn(clock)
    for (let index = 0; index < 10_000; index++) {
      const ref = index.toString(16).padStart(32, '0')
      carrier.place(callTo('00', { ref, to: `+1555${String(index).padStart(7, '0')}` }))
    }
    // Each hundred holds two refused numbers, which have no call: a timer each.
    expect(clock.pendingTimers).toBe(201)
    clock.advance(120_000)
    expect(clock.pendingTimers).toBe(0)
    for (const onDurable of durable) onDurable()
    const ends = events.filter(({ kind }) => kind === 'ended')
    expect(ends.length).toBe(9900)
    expect(new Set(ends.map(({ ref }) => ref)).size).toBe(9900)
  })
})

/** The words are in the memory of the node that placed the call; the id holds all else. */
function withoutWords(answer: Awaited<ReturnType<Carrier['lookUp']>>): unknown {
  return JSON.parse(JSON.stringify(answer, (key, value) => (key === 'spokenText' ? undefined : value)))
}
