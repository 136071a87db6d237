import { expect, it } from 'vitest'
import { claimedCall } from '../../test/live-call.ts'
import { OrganizationDesk } from './organization-desk.ts'

const GROUP = 3

/** A desk with calls of which each has news. */
function deskWith(...kinds: ('ringing' | 'ended')[]): OrganizationDesk {
  const desk = new OrganizationDesk(1)
  for (const kind of kinds) {
    const call = claimedCall(0)
    const event = { ref: call.ref, atEpochMs: 1000 }
    const ended = { ...event, kind: 'ended', disposition: 'answered', cause: 'callee-hung-up' } as const
    if (call.merge(kind === 'ended' ? ended : { ...event, kind: 'ringing' })) desk.touch(call)
  }
  return desk
}

it('waits for nothing when nothing has arrived', () => {
  expect(deskWith().mailWithinMs(GROUP)).toBeNull()
})

it('lets the progress of a few calls wait a moment, and of a group not at all', () => {
  expect(deskWith('ringing', 'ringing').mailWithinMs(GROUP)).toBeGreaterThan(0)
  expect(deskWith('ringing', 'ringing', 'ringing').mailWithinMs(GROUP)).toBe(0)
})

it('lets no end of a call wait, which frees a slot', () => {
  expect(deskWith('ringing', 'ended').mailWithinMs(GROUP)).toBe(0)
})

it('lets nothing else wait', () => {
  const asked = new OrganizationDesk(1)
  asked.askFor({ turn: true })
  expect(asked.mailWithinMs(GROUP)).toBe(0)
  const corrected = deskWith('ringing')
  corrected.addCarrierEvent(1, 'event')
  expect(corrected.mailWithinMs(GROUP)).toBe(0)
})

/** Calls that were taken over from a dead node before anything was known by which to end them. */
function orphans(desk: OrganizationDesk, ...refs: string[]) {
  return refs.map((ref) => {
    const call = Object.assign(claimedCall(0, ref), { takenOver: true })
    desk.hold(call)
    return call
  })
}

/** As its row is read again, with what ends it. */
const readAgain = (ref: string) => Object.assign(claimedCall(0, ref), { carrierState: 'how it is ended' })

it('takes each orphan back that it let go, also when it held nothing else', () => {
  const desk = new OrganizationDesk(1)
  for (const call of orphans(desk, 'one', 'other')) desk.drop(call)
  expect(['one', 'other', 'stranger'].map((ref) => desk.takeBackOrphan(readAgain(ref)))).toEqual([true, true, false])
})

it('forgets orphans that none of its rows is', () => {
  const desk = new OrganizationDesk(1)
  for (const call of orphans(desk, 'one', 'other')) desk.drop(call)
  desk.forgetOrphansBut(() => ['other'])
  expect(['one', 'other'].map((ref) => desk.takeBackOrphan(readAgain(ref)))).toEqual([false, true])
})

it('acknowledges nothing of what came back before all of it is written', () => {
  const desk = new OrganizationDesk(1)
  const calls = Array.from({ length: 4_000 }, (_, index) => claimedCall(0, String(index)))
  for (const call of calls) {
    desk.touch(call)
    desk.addOnDurable(call, () => undefined)
  }
  const groups = [desk.takeInbox({ linesUp: false }), desk.takeInbox({ linesUp: true })]
  for (const group of groups) desk.restore(group)
  const again = desk.takeInbox({ linesUp: true })
  expect([again.calls.length, again.onDurable.length]).toEqual([4_000, 4_000])
})
