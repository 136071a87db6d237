import type { Cause } from '../model/cause.ts'
import { codeOfCause } from '../model/cause.ts'
import { codeOfOutcome } from '../model/disposition.ts'
import { DUE_REASONS } from '../model/due-reason.ts'
import { decideRetry } from '../model/retry-policy.ts'
import type { EndedCall } from '../store/end-calls.ts'
import type { LiveCallRow } from '../store/live-calls.ts'
import type { ProgressedCall } from '../store/progress-calls.ts'
import { LiveCall } from './live-call.ts'
import type { OrganizationDesk } from './organization-desk.ts'
import { type BatchMirror, mayRetry } from './organization-mirror.ts'

/** An attempt that could not be sent for a reason that lasts waits this long, so that a list never spins. */
const NOT_SENT_DELAYS_MS: Partial<Record<Cause, number>> = {
  'trunk-unreachable': 1000,
  'voice-not-ready': 1000,
  'no-media-port': 1000,
}

/** The row of a call that ended; nothing follows for its recipient yet. */
export function endedCallRow(call: LiveCall): EndedCall {
  const ending = call.ending!
  return {
    numberHash: call.numberHash,
    place: call.place,
    trunkId: call.trunkId,
    batchId: call.batchId,
    seq: call.seq,
    n: call.n,
    lane: call.lane,
    counted: call.counted,
    successorSeq: call.successorSeq,
    claimedAtEpochMs: call.claimedAtEpochMs,
    savedState: call.savedState,
    dispositionCode: codeOfOutcome(ending.disposition),
    causeCode: codeOfCause(ending.cause),
    answeredByCode: call.answeredByCode,
    sipStatus: ending.sipStatus ?? -1,
    q850Cause: ending.q850Cause ?? -1,
    acceptedMs: call.acceptedMs,
    ringingMs: call.ringingMs,
    answeredMs: call.answeredMs,
    endedMs: call.endedMs,
    carrierCallId: call.unsavedCarrierCallId,
    keysPressed: ending.keysPressed,
    spokenText: ending.spokenText,
    retryAfterMs: -1,
    dueReasonCode: ending.disposition === 'not-sent' ? DUE_REASONS['not-sent'] : DUE_REASONS.retry,
  }
}

/**
 * Decides what follows from an end, by the batch as it is under the gate. `row` is the call's. The row itself may change by that if
 * the call was never sent, and only then.
 */
export function decideWhatFollows(
  row: EndedCall,
  call: LiveCall,
  by: { batch: BatchMirror | undefined; nowEpochMs: number; asksToStop: boolean },
): void {
  const { batch, nowEpochMs, asksToStop } = by
  if (batch && mayRetry(batch, nowEpochMs) && !asksToStop) row.retryAfterMs = retryAfterMs(call, batch, nowEpochMs)
  if (!wasSent(call) && row.retryAfterMs < 0) {
    // An intent that was never sent and will not be tried again was stopped by whoever closed the batch.
    row.dispositionCode = codeOfOutcome('cancelled')
    row.causeCode = codeOfCause('stopped-before-send')
  }
}

/** Whether the call that ended may have reached its carrier. */
export function wasSent(call: LiveCall): boolean {
  return call.ending?.disposition !== 'not-sent'
}

function retryAfterMs(call: LiveCall, batch: BatchMirror, nowEpochMs: number): number {
  const { disposition, cause } = call.ending!
  if (disposition === 'not-sent') return NOT_SENT_DELAYS_MS[cause] ?? 0
  const decision = decideRetry(batch.definition.retryPolicy, {
    disposition,
    counted: call.counted,
    unallocatedNumber: cause === 'unallocated-number',
    nowEpochMs,
    attemptsMax: batch.lanes.get(call.lane)?.attemptsMax ?? null,
  })
  return 'retryAfterSeconds' in decision ? Math.round(decision.retryAfterSeconds * 1000) : -1
}

/** Whether the person pressed the key that puts their number on the suppression list. */
export function pressed(call: LiveCall, key: string | null): boolean {
  return key !== null && (call.ending?.keysPressed?.includes(key) ?? false)
}

/** What is known of a call now; more may come while it is being written. */
export function progressedCallRow(call: LiveCall): ProgressedCall & { readonly call: LiveCall } {
  return {
    call,
    numberHash: call.numberHash,
    place: call.place,
    batchId: call.batchId,
    seq: call.seq,
    n: call.n,
    claimedAtEpochMs: call.claimedAtEpochMs,
    savedState: call.savedState,
    reachedState: call.reachedState,
    acceptedMs: call.acceptedMs,
    ringingMs: call.ringingMs,
    answeredMs: call.answeredMs,
    answeredByCode: call.answeredByCode,
    unsavedCarrierCallId: call.unsavedCarrierCallId,
    unsavedCarrierState: call.unsavedCarrierState,
  }
}

/** A call as its row tells it; the copy knows nothing that the row does not. */
export function callFromRow(ref: string, organizationId: number, row: LiveCallRow): LiveCall {
  const call = new LiveCall({ ...row, ref, organizationId })
  call.savedState = row.state
  call.reachedState = row.state
  call.acceptedMs = row.acceptedMs ?? -1
  call.ringingMs = row.ringingMs ?? -1
  call.answeredMs = row.answeredMs ?? -1
  call.carrierCallId = row.carrierCallId
  call.savedCarrierCallId = row.carrierCallId
  call.carrierState = row.carrierState
  call.savedCarrierState = row.carrierState
  call.hangUpAsked = row.hangUpAsked
  return call
}

/** A call of a dead node, which rings and lasts no longer than its batch says. */
export function adoptedCall(desk: OrganizationDesk, ref: string, row: LiveCallRow): LiveCall {
  const call = callFromRow(ref, desk.organizationId, row)
  call.takenOver = true
  const batch = desk.mirror.batches.get(call.batchId)
  if (batch) call.lastsAtMost(batch.definition)
  return call
}
