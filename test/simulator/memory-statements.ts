import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import { STARTS_KEPT } from '../../src/model/throttle.ts'
import type { BatchDefinition, LaneDefinition } from '../../src/store/definitions.ts'
import type { EndedCall } from '../../src/store/end-calls.ts'
import type { LaneState, TrunkState } from '../../src/store/lane-states.ts'
import type { LiveCallRow } from '../../src/store/live-calls.ts'
import type { ThrottleState } from '../../src/store/throttle-states.ts'
import type { BatchRow, EventEntry, Journal, LiveRow, Tables, TrunkRow } from './memory-rows.ts'

/** One transaction of one organization in memory: its rows, its journal, and the gate's time. */
export interface MemoryTransaction {
  readonly tables: Tables
  readonly journal: Journal
  readonly now: number
  /** What was written of calls and is not told yet. */
  uncounted: { readonly entries: EventEntry[]; readonly ended: EndedCall[] }
}

/** The bucket of a trunk, as its column counts. */
export function tokensAt(trunk: TrunkRow, now: number): number {
  const depth = Math.max(1, trunk.callsPerSecond * 0.01)
  return Math.min(depth, trunk.tokens + (trunk.callsPerSecond * (now - trunk.refilledAt)) / 1000)
}

/** Appends one event block unless there is nothing to tell; `liveDelta` is counted only with one. */
export function appendBlock(
  { tables, journal, now }: MemoryTransaction,
  entries: readonly EventEntry[],
  liveDelta: number,
): void {
  if (entries.length === 0) return
  const gate = tables.gate.get(0)!
  const blockNo = gate.blockNo + 1
  journal.update(tables.gate, 0, { live: gate.live + liveDelta, blockNo })
  journal.set(tables.blocks, blockNo, { at: now, entries })
}

export function batchEntry(batchId: number, kind: keyof typeof EVENT_KINDS, code = 0): EventEntry {
  return { batchId, seq: 0, n: 0, kind: EVENT_KINDS[kind], code, atMs: 0 }
}

export function bumpVersion({ tables, journal }: MemoryTransaction): number {
  const version = tables.gate.get(0)!.version + 1
  journal.update(tables.gate, 0, { version })
  return version
}

/** When the earliest of a lane's due recipients may be tried. */
function nextDue(tables: Tables, batchId: number, lane: number): number | null {
  let next: number | null = null
  for (const row of tables.due.values()) {
    if (row.batchId === batchId && row.lane === lane && (next === null || row.dueAt < next)) next = row.dueAt
  }
  return next
}

export function batchDefinition(tables: Tables, batch: BatchRow): BatchDefinition {
  const { batchId } = batch.terms
  const lanes: LaneDefinition[] = []
  for (const lane of tables.lanes.values()) {
    if (lane.batchId !== batchId) continue
    lanes.push({
      lane: lane.lane,
      trunkId: lane.trunkId,
      caller: lane.caller,
      agent: null,
      attemptsMax: lane.attemptsMax,
      zones: lane.zones,
      waiting: lane.closedAs === null ? lane.endSeq - lane.nextSeq : 0,
      nextDueEpochMs: nextDue(tables, batchId, lane.lane),
    })
  }
  lanes.sort((one, other) => one.lane - other.lane)
  const { status, liveMax, live, expiresAt } = batch
  return { ...batch.terms, status, liveMax, live, expiresAtEpochMs: expiresAt, lanes }
}

export function laneState(tables: Tables, batchId: number, laneNumber: number): LaneState | null {
  const lane = tables.lanes.get(`${batchId}/${laneNumber}`)
  const batch = tables.batches.get(batchId)
  if (!lane || !batch) return null
  return {
    batchId,
    lane: laneNumber,
    waiting: lane.closedAs === null ? lane.endSeq - lane.nextSeq : 0,
    batchLive: batch.live,
    batchStatus: batch.status,
    nextDueEpochMs: nextDue(tables, batchId, laneNumber),
  }
}

export function trunkState(trunk: TrunkRow, now: number): TrunkState {
  return {
    trunkId: trunk.definition.trunkId,
    liveMax: trunk.liveMax,
    live: trunk.live,
    callsPerSecond: trunk.callsPerSecond,
    tokens: tokensAt(trunk, now),
    failuresInRow: trunk.failuresInRow,
    blockedUntilEpochMs: trunk.blockedUntil,
  }
}

export function liveCallRow(row: LiveRow): LiveCallRow {
  return {
    batchId: row.batchId,
    seq: row.seq,
    n: row.n,
    counted: row.counted,
    lane: row.lane,
    trunkId: row.trunkId,
    nodeId: row.nodeId,
    numberHash: BigInt(row.numberHash),
    place: null,
    state: row.state,
    claimedAtEpochMs: row.claimedAt,
    sendNotAfterEpochMs: row.sendNotAfter,
    acceptedMs: row.acceptedMs,
    ringingMs: row.ringingMs,
    answeredMs: row.answeredMs,
    carrierCallId: row.carrierCallId,
    carrierState: row.carrierState,
    hangUpAsked: row.hangUpAsked,
    successorSeq: row.successorSeq,
  }
}

/** `throttle-states.ts` in memory. */
export function throttleStatesInMemory({ tables }: MemoryTransaction, throttleIds: readonly number[]): ThrottleState[] {
  return [...tables.throttles]
    .filter(([throttleId]) => throttleIds.includes(throttleId))
    .map(([throttleId, { rules, starts }]) => ({ throttleId, rules, startsEpochMs: starts }))
}

export function noteThrottledStartsInMemory(transaction: MemoryTransaction): ThrottleState[] {
  const { tables, journal, now } = transaction
  const noted = new Set<number>()
  for (const { batchId, claimedAt } of tables.live.values()) {
    const { throttleId } = tables.batches.get(batchId)!.terms
    if (throttleId === null || claimedAt !== now) continue
    const { starts } = tables.throttles.get(throttleId)!
    journal.update(tables.throttles, throttleId, { starts: [now, ...starts].slice(0, STARTS_KEPT) })
    noted.add(throttleId)
  }
  return throttleStatesInMemory(transaction, [...noted])
}

/** Columns of batch_state that count live calls by state. */
export const STATE_COLUMNS = { 1: 'dialing', 2: 'accepted', 3: 'ringing', 4: 'talking' } as const
export type LiveState = keyof typeof STATE_COLUMNS

export const known = (ms: number): number | null => (ms < 0 ? null : ms)
