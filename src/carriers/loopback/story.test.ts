import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CallPlan, courseHungUpAt, courseOf, type EndHappening, type Happening, storyKindOf } from './story.ts'

const SPEECH = 'Good morning. Your parcel arrives today between two and four.'

function planFor(to: string, changes: Partial<CallPlan> = {}): CallPlan {
  const times = { ringTimeoutSeconds: 30, maxCallSeconds: 600 }
  return { to, ...times, textLength: SPEECH.length, waitForKeySeconds: 0, speed: 1, ...changes }
}

function numberEnding(lastTwo: number, rest = '155501000'): string {
  return `+${rest}${String(lastTwo).padStart(2, '0')}`
}

function endOf(course: readonly Happening[]): EndHappening {
  const end = course.at(-1)
  if (end?.kind !== 'ended') throw new Error('A course ends with its end')
  return end
}

const anyPlan: fc.Arbitrary<CallPlan> = fc.record({
  to: fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 10_000, max: 999_999_999 }))
    .map(([lastTwo, rest]) => {
      return numberEnding(lastTwo, `1${rest}`)
    }),
  ringTimeoutSeconds: fc.integer({ min: 1, max: 80 }),
  maxCallSeconds: fc.integer({ min: 1, max: 3600 }),
  textLength: fc.integer({ min: 0, max: 3000 }),
  waitForKeySeconds: fc.integer({ min: 0, max: 30 }),
  speed: fc.constantFrom(0.5, 1, 10, 1000),
})

describe('the last two digits', () => {
  it.each([
    [0, 'talks'],
    [59, 'talks'],
    [60, 'hangs-up'],
    [69, 'hangs-up'],
    [70, 'busy'],
    [76, 'busy'],
    [77, 'rings-out'],
    [83, 'rings-out'],
    [84, 'voicemail'],
    [88, 'voicemail'],
    [89, 'declines'],
    [92, 'declines'],
    [93, 'unallocated'],
    [94, 'unallocated'],
    [95, 'refused'],
    [96, 'refused'],
    [97, 'answer-lost'],
    [98, 'callbacks-lost'],
    [99, 'rings-late'],
  ])('%i: %s', (lastTwo, kind) => {
    expect(storyKindOf(numberEnding(lastTwo))).toBe(kind)
  })

  it('refuse what is not a number', () => {
    expect(() => storyKindOf('+1555abc')).toThrow(RangeError)
  })
})

describe('a course', () => {
  it('comes in order, is answered within the ring timeout and ends within the maximum length', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const course = courseOf(plan)
        expect(course.length === 0).toBe(storyKindOf(plan.to) === 'refused')
        if (course.length === 0) return
        const times = course.map(({ afterMs }) => afterMs)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        const heldMs = storyKindOf(plan.to) === 'rings-late' ? 20_000 : 0
        const ringEndsMs = (heldMs + plan.ringTimeoutSeconds * 1000) / plan.speed
        const answered = course.find(({ kind }) => kind === 'answered')
        const end = endOf(course)
        if (answered === undefined) expect(end.afterMs).toBeLessThanOrEqual(ringEndsMs)
        else {
          expect(answered.afterMs).toBeLessThan(ringEndsMs)
          expect(end.afterMs - answered.afterMs).toBeLessThanOrEqual((plan.maxCallSeconds * 1000) / plan.speed + 1e-6)
        }
        expect(end.spokenCharacters).toBeLessThanOrEqual(plan.textLength)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same for the same plan, whatever the speed, but for the time', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const slow = courseOf({ ...plan, speed: 1 })
        const fast = courseOf({ ...plan, speed: 50 })
        expect(fast.map(({ afterMs, ...rest }) => rest)).toEqual(slow.map(({ afterMs, ...rest }) => rest))
        for (const [at, { afterMs }] of slow.entries()) expect(fast[at]!.afterMs).toBeCloseTo(afterMs / 50, 6)
      }),
    )
  })

  it('does not last the same for neighbouring numbers', () => {
    const lengths = Array.from({ length: 60 }, (_, lastTwo) => endOf(courseOf(planFor(numberEnding(lastTwo)))).afterMs)
    expect(new Set(lengths.map(Math.round)).size).toBeGreaterThan(50)
  })

  it('talks as long as the text needs at fifteen characters a second', () => {
    const short = endOf(courseOf(planFor(numberEnding(7), { textLength: 150 })))
    const long = endOf(courseOf(planFor(numberEnding(7), { textLength: 450 })))
    expect(long.afterMs - short.afterMs).toBeCloseTo(20_000, 6)
    expect(long).toMatchObject({ ending: 'agent-finished', spokenCharacters: 450, answeredBy: 'human' })
  })

  it('presses a key only when the speech waits for one', () => {
    const waiting = { waitForKeySeconds: 10 }
    expect(endOf(courseOf(planFor(numberEnding(52), waiting))).keysPressed).toBe('1')
    expect(endOf(courseOf(planFor(numberEnding(57), waiting))).keysPressed).toBe('9')
    expect(endOf(courseOf(planFor(numberEnding(57)))).keysPressed).toBe('')
    expect(endOf(courseOf(planFor(numberEnding(49), waiting))).keysPressed).toBe('')
    const [silent, pressed] = [49, 52].map((lastTwo) => {
      const to = numberEnding(lastTwo)
      return endOf(courseOf(planFor(to, waiting))).afterMs - endOf(courseOf(planFor(to))).afterMs
    })
    expect(silent).toBeCloseTo(10_000, 6)
    expect(pressed).toBeLessThan(7001)
  })

  it('ends at the maximum length with what was said by then', () => {
    const course = courseOf(planFor(numberEnding(55), { textLength: 600, waitForKeySeconds: 5, maxCallSeconds: 10 }))
    const answered = course.find(({ kind }) => kind === 'answered')!
    const end = endOf(course)
    expect(end).toMatchObject({ ending: 'max-duration', keysPressed: '' })
    expect(end.afterMs - answered.afterMs).toBeCloseTo(10_000, 6)
    expect(end.spokenCharacters).toBeGreaterThan(100)
    expect(end.spokenCharacters).toBeLessThan(150)
  })

  it('rings out exactly at the ring timeout, and rings twenty seconds late at 99', () => {
    expect(endOf(courseOf(planFor(numberEnding(80), { ringTimeoutSeconds: 25 }))).afterMs).toBe(25_000)
    const late = courseOf(planFor(numberEnding(99))).find(({ kind }) => kind === 'ringing')
    expect(late!.afterMs).toBeGreaterThan(20_000)
    expect(late!.afterMs).toBeLessThan(21_501)
  })
})

describe('a call that we hang up', () => {
  it('ends then, cancelled before the answer and with what was said after it', () => {
    const plan = planFor(numberEnding(7), { textLength: 1500 })
    const course = courseOf(plan)
    const answeredAfterMs = course.find(({ kind }) => kind === 'answered')!.afterMs
    const unanswered = courseHungUpAt(plan, course, answeredAfterMs - 1)
    expect(unanswered.map(({ kind }) => kind)).toEqual(['accepted', 'ringing', 'ended'])
    expect(endOf(unanswered)).toMatchObject({ ending: 'hung-up-unanswered', afterMs: answeredAfterMs - 1 })
    const talking = endOf(courseHungUpAt(plan, course, answeredAfterMs + 12_000))
    expect(talking).toMatchObject({ ending: 'hung-up-in-talk', answeredBy: 'human' })
    expect(talking.spokenCharacters).toBeGreaterThan(150)
    expect(talking.spokenCharacters).toBeLessThan(180)
  })

  it('stays as it was when it is over', () => {
    const plan = planFor(numberEnding(70))
    const course = courseOf(plan)
    expect(courseHungUpAt(plan, course, endOf(course).afterMs)).toBe(course)
  })
})
