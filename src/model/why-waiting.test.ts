import { expect, test } from 'vitest'
import { type WaitingFacts, whyWaiting } from './why-waiting.ts'

// A Wednesday.
const now = new Date('2026-03-04T12:00:00Z')
const in1h = new Date('2026-03-04T13:00:00Z')
const officeHours = { zone: 'recipient', ranges: [{ weekdays: [1, 2, 3, 4, 5] as const, from: '09:00', to: '17:00' }] }
const free: WaitingFacts = {
  now,
  batch: { status: 'running', startAt: null, callingWindow: null, live: 0, liveMax: 10 },
  organization: { live: 0, liveMax: 50 },
  trunk: { live: 0, liveMax: 50, callsPerSecond: 2, blockedUntil: null },
  throttledUntil: null,
  zones: ['Europe/London'],
  due: null,
  heldBack: false,
  position: 0,
}
const { batch, trunk } = free

test.each<[reason: string, next: Date | null, facts: Partial<WaitingFacts>]>([
  ['in-line', now, {}],
  ['in-line', new Date(now.getTime() + 500), { position: 1 }],
  ['calls-per-second', new Date(now.getTime() + 4_500), { position: 9 }],
  ['calls-per-second', null, { position: 10 }],
  ['not-started-yet', null, { batch: { ...batch, status: 'draft' } }],
  ['not-started-yet', in1h, { batch: { ...batch, status: 'scheduled', startAt: in1h } }],
  [
    'not-started-yet',
    new Date('2026-03-05T09:00:00Z'),
    { batch: { ...batch, status: 'scheduled', startAt: new Date('2026-03-04T20:00:00Z'), callingWindow: officeHours } },
  ],
  ['batch-paused', null, { batch: { ...batch, status: 'paused' }, organization: { live: 50, liveMax: 50 } }],
  ['same-number-before', null, { heldBack: true, position: null }],
  ['retry-gap', in1h, { due: { at: in1h, reason: 'retry' }, position: null }],
  ['not-before', in1h, { due: { at: in1h, reason: 'not-before' } }],
  [
    'number-in-call',
    new Date(now.getTime() + 5_000),
    { due: { at: new Date(now.getTime() + 5_000), reason: 'number-in-call' } },
  ],
  ['unknown-zone', null, { batch: { ...batch, callingWindow: officeHours }, zones: [] }],
  [
    'outside-calling-window',
    new Date('2026-03-04T14:00:00Z'),
    { batch: { ...batch, callingWindow: officeHours }, zones: ['America/New_York'] },
  ],
  ['trunk-unreachable', in1h, { trunk: { ...trunk, blockedUntil: in1h } }],
  ['organization-limit', null, { organization: { live: 50, liveMax: 50 } }],
  ['batch-limit', null, { batch: { ...batch, live: 10 } }],
  ['trunk-limit', null, { trunk: { ...trunk, live: 51 } }],
  ['throttled', in1h, { throttledUntil: in1h }],
])('%s', (reason, next, facts) => {
  expect(whyWaiting({ ...free, ...facts })).toMatchObject({ reason, nextTryAt: next })
})

test('a retry that falls due at night waits for the morning', () => {
  const at = new Date('2026-03-04T20:00:00Z')
  const facts = { ...free, due: { at, reason: 'retry' as const }, batch: { ...batch, callingWindow: officeHours } }
  expect(whyWaiting(facts)).toMatchObject({ reason: 'retry-gap', nextTryAt: new Date('2026-03-05T09:00:00Z') })
})

test('who is due already is kept only by what keeps everyone', () => {
  const due = { at: new Date(now.getTime() - 1), reason: 'retry' as const }
  expect(whyWaiting({ ...free, due, position: null })).toMatchObject({ reason: 'in-line', nextTryAt: now })
})
