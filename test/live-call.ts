import { LiveCall } from '../src/dispatcher/live-call.ts'

/** A call that was claimed at this instant and is nothing more yet. */
export function claimedCall(claimedAtEpochMs: number, ref = 'call'): LiveCall {
  return new LiveCall({
    ref,
    organizationId: 1,
    batchId: 1,
    seq: 1,
    n: 1,
    counted: 1,
    lane: 0,
    trunkId: 1,
    numberHash: 1n,
    place: null,
    successorSeq: null,
    claimedAtEpochMs,
    sendNotAfterEpochMs: claimedAtEpochMs + 5000,
  })
}
