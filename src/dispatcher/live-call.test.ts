import { expect, it } from 'vitest'
import { claimedCall } from '../../test/live-call.ts'

const CLAIMED_AT = Date.UTC(2025, 0, 6, 9)
const DAY_MS = 86_400_000

it.each([
  ['a year ahead', 366 * DAY_MS, 2 ** 31 - 1],
  ['an hour behind', -3_600_000, 0],
])('keeps times that a column holds when the clock of the carrier is %s', (_, offMs, expected) => {
  const call = claimedCall(CLAIMED_AT)
  call.merge({ ref: 'call', kind: 'accepted', atEpochMs: CLAIMED_AT + offMs, carrierCallId: 'id' })
  call.merge({
    ref: 'call',
    kind: 'ended',
    atEpochMs: CLAIMED_AT + offMs + 1,
    disposition: 'busy',
    cause: 'busy-here',
  })
  expect([call.acceptedMs, call.endedMs]).toEqual([expected, expected])
})

it.each([
  ['that was told', 'busy-here', ['accepted', 'ended']],
  ['that was concluded from silence', 'lookup-missed', ['accepted']],
] as const)('gives an ending %s on as evidence, or not', (_, cause, expected) => {
  const call = claimedCall(CLAIMED_AT)
  call.merge({ ref: 'call', kind: 'accepted', atEpochMs: CLAIMED_AT, carrierCallId: 'id' })
  call.endAs('unknown', cause, CLAIMED_AT)
  expect(call.evidence().map((event) => event.kind)).toEqual(expected)
})
