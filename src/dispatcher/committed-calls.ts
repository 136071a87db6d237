import type { CycleResult } from './cycle.ts'
import type { DispatcherCounters } from './dispatcher-counters.ts'
import type { LiveCall } from './live-call.ts'
import type { OrganizationDesk } from './organization-desk.ts'

/** Calls whose rows have become attempts: their slots are free and their retries wait. */
export function noteEnded(desk: OrganizationDesk, result: CycleResult, counters: DispatcherCounters): void {
  counters.ended += result.ended.length
  result.ended.forEach((call, index) => {
    const row = result.endedRows[index]!
    if (row.retryAfterMs >= 0) desk.mirror.noteDue(call.batchId, call.lane, result.gate.nowEpochMs + row.retryAfterMs)
    desk.mirror.noteEnded(call.batchId, 1)
    call.endingSaved = true
    if (call.ending?.disposition === 'not-sent') counters.notSent++
    if (call.ending?.disposition === 'unknown') counters.unknown++
  })
}

/** Calls whose rows went further. Returns those of which more has arrived since their rows were written. */
export function noteProgressed(result: CycleResult): LiveCall[] {
  const further: LiveCall[] = []
  result.progressed.forEach((row, index) => {
    const { call } = row
    call.place = result.places[index] ?? null
    call.savedState = Math.max(call.savedState, row.reachedState)
    call.savedCarrierCallId ??= row.unsavedCarrierCallId
    call.savedCarrierState = row.unsavedCarrierState ?? call.savedCarrierState
    if (call.unsaved) further.push(call)
  })
  return further
}
