import { expect, it } from 'vitest'
import { claimedCall } from '../../test/live-call.ts'
import type { Cause } from '../model/cause.ts'
import type { DispatchTransaction } from '../store/dispatch-store.ts'
import type { LiveCallRow } from '../store/live-calls.ts'
import { OrganizationDesk } from './organization-desk.ts'
import { resolveStrays } from './stray-evidence.ts'

const NODE = 7
const CLAIMED_AT = 1_800_000_000_000

function liveRow(row: Partial<LiveCallRow>): LiveCallRow {
  return {
    batchId: 1,
    seq: 1,
    n: 1,
    counted: 1,
    lane: 0,
    trunkId: 1,
    nodeId: NODE,
    numberHash: 1n,
    place: null,
    state: 1,
    claimedAtEpochMs: CLAIMED_AT,
    sendNotAfterEpochMs: CLAIMED_AT + 5000,
    acceptedMs: null,
    ringingMs: null,
    answeredMs: null,
    carrierCallId: null,
    carrierState: null,
    hangUpAsked: false,
    successorSeq: null,
    ...row,
  }
}

/** Dispositions with which the row is ended when this node says that a claim was not sent. */
async function endings(row: LiveCallRow, said: { cause: Cause; atEpochMs: number }) {
  const desk = new OrganizationDesk(1)
  const transaction: Pick<DispatchTransaction, 'liveCallsOfAttempts' | 'endedAttempts'> = {
    liveCallsOfAttempts: async () => [row],
    endedAttempts: async () => [],
  }
  const { calls } = await resolveStrays(desk, {
    strays: [{ event: { ref: 'call', kind: 'not-sent', ...said }, batchId: 1, seq: 1, n: 1 }],
    transaction: transaction as DispatchTransaction,
    nodeId: NODE,
  })
  return calls.map((call) => call.ending?.disposition)
}

it('hands on what is said of a call that this node holds by now', async () => {
  const desk = new OrganizationDesk(1)
  const held = claimedCall(CLAIMED_AT)
  desk.hold(held)
  const transaction: Pick<DispatchTransaction, 'liveCallsOfAttempts'> = {
    liveCallsOfAttempts: async () => [liveRow({})],
  }
  const about = { batchId: 1, seq: 1, n: 1 }
  const told = { ref: held.ref, atEpochMs: CLAIMED_AT + 1000 }
  const ringing = { event: { ...told, kind: 'ringing' }, ...about } as const
  const disowned = { event: { ...told, kind: 'not-sent', cause: 'claim-lost' }, ...about } as const
  const { handedOn } = await resolveStrays(desk, {
    strays: [ringing, disowned],
    transaction: transaction as DispatchTransaction,
    nodeId: NODE,
  })
  expect(handedOn).toEqual([ringing])
  // It would be in memory alone if this transaction fails, and be acknowledged by it if it does not.
  expect([held.unsaved, held.ending, desk.hasMail]).toEqual([false, null, false])
})

it('ends the row of a claim of ours whose commit was in doubt', async () => {
  expect(await endings(liveRow({}), { cause: 'claim-lost', atEpochMs: CLAIMED_AT })).toEqual(['not-sent'])
})

// The promoted server does not know of the claim that was lost with the old one, and has given the attempt away again.
it.each([
  ['of another node', { nodeId: NODE + 1 }],
  ['that is younger', { claimedAtEpochMs: CLAIMED_AT + 1500 }],
])('takes a lost claim for no evidence about a claim %s', async (_, row) => {
  expect(await endings(liveRow(row), { cause: 'claim-lost', atEpochMs: CLAIMED_AT })).toEqual([])
})

it.each([
  ['of this claim, which another node has taken over', { nodeId: NODE + 1 }, ['not-sent']],
  ['of its own, told by the carrier', { claimedAtEpochMs: CLAIMED_AT - 40 }, ['not-sent']],
  ['of another claim of another node', { nodeId: NODE + 1, claimedAtEpochMs: CLAIMED_AT + 1500 }, []],
] as const)('judges a request that was not written by the row %s', async (_, row, expected) => {
  expect(await endings(liveRow(row), { cause: 'deadline-missed', atEpochMs: CLAIMED_AT })).toEqual(expected)
})
