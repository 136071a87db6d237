import { afterEach, describe, expect, it } from 'vitest'
import type { CallEvent } from '../model/call-event.ts'
import type { CallHandle, CallRequest, Carrier, CarrierCallback } from './carrier.ts'

/** What every carrier must do. A subject leaves a case out only with a reason. */
export const CONFORMANCE_CASES = [
  'tells a call in order under our reference',
  'tells nothing before place returns',
  'sends one create-call request',
  'ends a refused call definitely',
  'says nothing when the answer is lost, and finds the call',
  'says nothing when the answer is lost, and sends no second request',
  'finds a call by its id',
  'does not find what was never placed',
  'ends a ringing call on request, also when asked twice',
  'takes the request to end a call it does not know',
  'tells nothing after close',
  'gives a repeated callback the same keys',
  'refuses a callback with a wrong signature',
  'refuses a callback that was signed long ago',
  'proves that nothing was sent when nobody listens',
  'can be reached, or not',
] as const
export type ConformanceCase = (typeof CONFORMANCE_CASES)[number]

/** A carrier with a provider that a test controls. */
export interface CarrierSubject {
  /** Unique; a kind may have several subjects. */
  readonly name: string
  /** The kind in the registry. */
  readonly kind: string
  readonly skips: readonly { readonly reason: string; readonly cases: readonly ConformanceCase[] }[]
  /** A fresh provider and a carrier opened on it. */
  open(): Promise<SubjectBench>
  /** A carrier whose provider refuses connections. Absent only if the case is skipped. */
  openUnreachable?(): Promise<SubjectBench>
}

export interface SubjectBench {
  readonly carrier: Carrier
  /** Everything the carrier has reported, and everything decoded from callbacks, in order of arrival. */
  readonly events: readonly CallEvent[]
  /** Callbacks as they came from the provider. */
  readonly callbacks: readonly CarrierCallback[]
  readonly numbers: {
    readonly answers: string
    readonly ringsOut: string
    readonly refused: string
    /** The provider takes the call and its answer to create-call is lost. */
    readonly answerLost: string
  }
  /** Create-call requests the provider has received under a reference. */
  createRequests(ref: string): Promise<number>
  /** Lets the provider's time pass until the condition holds; rejects when it does not come to hold. */
  until(condition: () => boolean): Promise<void>
  /** Moves the wall clock of the carrier alone. */
  moveWallClock(byMs: number): void
  /** Lets as much of the provider's time pass as any call of these numbers can last. */
  passLongestCall(): Promise<void>
  stop(): Promise<void>
}

const REF = '00112233445566778899aabbccddeeff'

/** Registers the suite for one subject. Call it once for each carrier, from a test file. */
export function describeCarrierConformance(subject: CarrierSubject): void {
  const skipped = new Set(subject.skips.flatMap(({ cases }) => cases))
  let bench: SubjectBench | undefined
  afterEach(async () => {
    await bench?.stop()
    bench = undefined
  })
  describe(`carrier ${subject.name}`, () => {
    const run = (name: ConformanceCase, check: (bench: SubjectBench) => Promise<void>): void => {
      if (skipped.has(name)) return
      it(name, async () => {
        bench = await subject.open()
        await check(bench)
      })
    }
    describeCalls(run)
    describeLookUps(run)
    describeCallbacks(run)
    if (skipped.has('proves that nothing was sent when nobody listens')) return
    it('proves that nothing was sent when nobody listens', async () => {
      bench = await subject.openUnreachable!()
      bench.carrier.place(callTo(bench.numbers.answers))
      await bench.until(() => bench!.events.length > 0)
      expect(bench.events).toMatchObject([{ kind: 'not-sent', ref: REF }])
      expect(await bench.carrier.probe()).toBe(false)
    })
  })
}

type Run = (name: ConformanceCase, check: (bench: SubjectBench) => Promise<void>) => void

function describeCalls(run: Run): void {
  run('tells a call in order under our reference', async ({ carrier, events, numbers, until, passLongestCall }) => {
    carrier.place(callTo(numbers.answers))
    await until(() => hasEnded(events))
    await passLongestCall()
    expect(events.map(({ kind }) => kind)).toEqual(['accepted', 'ringing', 'answered', 'ended'])
    expect(new Set(events.map(({ ref }) => ref))).toEqual(new Set([REF]))
    expect(new Set(events.map(({ carrierCallId }) => carrierCallId)).size).toBe(1)
    expect(events[0]!.carrierCallId).toMatch(/^.{1,128}$/)
    expect(events.at(-1)).toMatchObject({ disposition: 'answered' })
  })

  run('tells nothing before place returns', async ({ carrier, events, numbers }) => {
    carrier.place(callTo(numbers.answers))
    carrier.place(callTo(numbers.refused))
    expect(events).toEqual([])
  })

  run('sends one create-call request', async (bench) => {
    const { carrier, numbers, passLongestCall, createRequests } = bench
    const refs = [numbers.answers, numbers.ringsOut, numbers.refused].map((to, index) => {
      const ref = REF.replace('0011', `100${index}`)
      carrier.place({ ...callTo(to), ref })
      return ref
    })
    await passLongestCall()
    await passLongestCall()
    for (const ref of refs) expect(await createRequests(ref)).toBe(1)
  })

  run('ends a refused call definitely', async ({ carrier, events, numbers, until, passLongestCall }) => {
    carrier.place(callTo(numbers.refused))
    await until(() => hasEnded(events))
    await passLongestCall()
    expect(events).toMatchObject([{ kind: 'ended', ref: REF, disposition: 'failed' }])
  })

  run(
    'ends a ringing call on request, also when asked twice',
    async ({ carrier, events, numbers, until, passLongestCall }) => {
      carrier.place(callTo(numbers.ringsOut))
      await until(() => events.some(({ kind }) => kind === 'ringing'))
      const call = handleOf(events)
      carrier.hangUp(call)
      carrier.hangUp(call)
      await until(() => hasEnded(events))
      await passLongestCall()
      carrier.hangUp(call)
      await passLongestCall()
      expect(events.filter(({ kind }) => kind === 'ended')).toMatchObject([{ ref: REF, disposition: 'cancelled' }])
    },
  )

  run('takes the request to end a call it does not know', async ({ carrier, events, passLongestCall }) => {
    carrier.hangUp({ ref: REF, carrierCallId: null, placedAtEpochMs: 0 })
    carrier.hangUp({ ref: REF, carrierCallId: 'no-such-call', placedAtEpochMs: 0 })
    await passLongestCall()
    expect(events).toEqual([])
  })

  run('tells nothing after close', async ({ carrier, events, numbers, until, passLongestCall }) => {
    carrier.place(callTo(numbers.answers))
    await until(() => events.length > 0)
    await carrier.close()
    const told = events.length
    await passLongestCall()
    // Callbacks go to the node, not to this object, so only what the carrier itself reports may not grow.
    expect(events.slice(told).filter(({ eventKey }) => eventKey === undefined)).toEqual([])
  })
}

function describeLookUps(run: Run): void {
  run('says nothing when the answer is lost, and finds the call', async ({ carrier, events, numbers, until }) => {
    carrier.place(callTo(numbers.answerLost))
    const call = { ref: REF, carrierCallId: null, placedAtEpochMs: 0 }
    let found = await carrier.lookUp(call)
    let asking = false
    await until(() => {
      if (!found.found && !asking) {
        asking = true
        void carrier.lookUp(call).then((answer) => {
          found = answer
          asking = false
        })
      }
      return found.found
    })
    // More may have happened by the time it is found.
    expect(found.found && found.events[0]).toMatchObject({ kind: 'accepted', ref: REF })
    expect(events.filter(({ kind }) => kind === 'accepted' || kind === 'not-sent')).toEqual([])
  })

  run('says nothing when the answer is lost, and sends no second request', async (bench) => {
    const { carrier, events, numbers, passLongestCall, createRequests } = bench
    carrier.place(callTo(numbers.answerLost))
    await passLongestCall()
    await passLongestCall()
    expect(await createRequests(REF)).toBe(1)
    expect(events.filter(({ kind }) => kind === 'accepted' || kind === 'not-sent')).toEqual([])
  })

  run('finds a call by its id', async ({ carrier, events, numbers, until }) => {
    carrier.place(callTo(numbers.answers))
    await until(() => hasEnded(events))
    const answer = await carrier.lookUp(handleOf(events))
    const told = events.map(({ kind, ref, carrierCallId }) => ({ kind, ref, carrierCallId }))
    expect(answer).toMatchObject({ found: true, events: told })
    expect(answer).toMatchObject({ events: [{}, {}, {}, { disposition: 'answered' }] })
  })

  run('does not find what was never placed', async ({ carrier }) => {
    const reason = carrier.traits.lookUpIsComplete ? 'absent' : 'cannot-tell'
    const answer = await carrier.lookUp({ ref: REF, carrierCallId: null, placedAtEpochMs: 0 })
    expect(answer).toEqual({ found: false, reason })
  })

  run('can be reached, or not', async ({ carrier }) => {
    expect(await carrier.probe()).toBe(true)
  })
}

function describeCallbacks(run: Run): void {
  run('gives a repeated callback the same keys', async ({ carrier, callbacks, events, numbers, until }) => {
    carrier.place(callTo(numbers.answers))
    await until(() => hasEnded(events))
    expect(callbacks.length).toBeGreaterThan(0)
    const keys = new Set<string>()
    for (const callback of callbacks) {
      const first = carrier.decodeCallback!(callback)
      const again = carrier.decodeCallback!(callback)
      expect(first.status).toBe(200)
      expect(again).toEqual(first)
      for (const { eventKey, ref } of first.events) {
        expect(ref).toBe(REF)
        expect(eventKey).toMatch(/^.{1,256}$/)
        expect(keys.has(eventKey!)).toBe(false)
        keys.add(eventKey!)
      }
    }
  })

  run('refuses a callback with a wrong signature', async ({ carrier, callbacks, events, numbers, until }) => {
    carrier.place(callTo(numbers.answers))
    await until(() => hasEnded(events))
    const body = Buffer.from(callbacks[0]!.body.toString('utf8').replace(REF, REF.split('').reverse().join('')))
    expect(carrier.decodeCallback!({ ...callbacks[0]!, body })).toEqual({ status: 403, events: [] })
    expect(carrier.decodeCallback!({ ...callbacks[0]!, headers: {} })).toEqual({ status: 403, events: [] })
  })

  run(
    'refuses a callback that was signed long ago',
    async ({ carrier, callbacks, events, numbers, until, moveWallClock }) => {
      carrier.place(callTo(numbers.answers))
      await until(() => hasEnded(events))
      moveWallClock(4 * 60_000)
      expect(carrier.decodeCallback!(callbacks[0]!).status).toBe(200)
      moveWallClock(2 * 60_000)
      expect(carrier.decodeCallback!(callbacks[0]!)).toEqual({ status: 403, events: [] })
    },
  )
}

function callTo(to: string): CallRequest {
  return {
    ref: REF,
    to,
    from: '+15550199000',
    ringTimeoutSeconds: 30,
    maxCallSeconds: 120,
    sendWithinMs: 5000,
    speech: { text: 'Good morning, your parcel arrives today.', waitForKeySeconds: 0 },
  }
}

function handleOf(events: readonly CallEvent[]): CallHandle {
  const carrierCallId = events.find((event) => event.carrierCallId !== undefined)?.carrierCallId ?? null
  return { ref: REF, carrierCallId, placedAtEpochMs: events[0]?.atEpochMs ?? 0 }
}

function hasEnded(events: readonly CallEvent[]): boolean {
  return events.some(({ kind }) => kind === 'ended')
}
