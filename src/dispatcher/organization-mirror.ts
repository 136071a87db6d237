import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { windowState } from '../model/calling-window.ts'
import { callsAllowed, nextStartEpochMs } from '../model/throttle.ts'
import type { LaneRequest } from '../store/claim-recipients.ts'
import type { AgentDefinition, BatchDefinition } from '../store/definitions.ts'
import type { Gate } from '../store/gate.ts'
import type { LaneState, TrunkState } from '../store/lane-states.ts'
import type { ThrottleState } from '../store/throttle-states.ts'

/** One lane as this node last saw it. */
interface LaneMirror {
  readonly lane: number
  readonly trunkId: number
  readonly caller: string | null
  readonly agent: AgentDefinition | null
  readonly attemptsMax: number | null
  readonly zones: readonly string[]
  readonly first: number
  waiting: number
  nextDueEpochMs: number | null
  /** What the window said, and until when that holds. */
  open: boolean
  windowUntilEpochMs: number
}

/** A running, paused or closed batch as this node last saw it. */
export interface BatchMirror {
  definition: BatchDefinition
  status: number
  live: number
  readonly lanes: Map<number, LaneMirror>
}

/** No intent may be older than this when its request is written. */
export const SEND_DEADLINE_MS = 5000
/** More than a node can write to its carriers well within the deadline is never claimed at once. */
const CLAIM_MAX = 4000
/** A batch gets at least this many slots at a time, so that a statement serves more than a few calls of each. */
const QUANTUM = 16
/** Lanes of batches in which nobody is known to wait that are looked at again at a time. */
const IDLE_LANES_MAX = 100

/** Slots that the running transaction frees before it claims. */
export interface Freed {
  readonly total: number
  readonly byBatch: ReadonlyMap<number, number>
  readonly byTrunk: ReadonlyMap<number, number>
}

const NOTHING_FREED: Freed = { total: 0, byBatch: new Map(), byTrunk: new Map() }

export interface Wanted {
  readonly cursor: readonly LaneRequest[]
  readonly due: readonly LaneRequest[]
}

/**
 * A node's copy of what one organization wants to dial: definitions that hold while the gate shows their version, and
 * figures that other nodes may have moved since. The claim checks everything again; a wrong copy costs a wasted
 * question, never a wrong call.
 */
export class OrganizationMirror {
  readonly batches = new Map<number, BatchMirror>()
  readonly trunks = new Map<number, TrunkState>()
  version = 0
  liveMax = 0
  live = 0
  /** Ids of batches that have something left, in the order in which they are asked next. */
  readonly #line = new Map<number, BatchMirror>()
  readonly #tokensAt = new Map<number, number>()
  readonly #throttles = new Map<number, ThrottleState>()
  #freed = NOTHING_FREED

  see(gate: Gate): void {
    this.liveMax = gate.liveMax
    this.live = gate.live
  }

  learn(definitions: readonly BatchDefinition[]): void {
    for (const definition of definitions) {
      const lanes = new Map<number, LaneMirror>()
      for (const lane of definition.lanes) {
        lanes.set(lane.lane, { ...lane, first: lane.waiting, open: false, windowUntilEpochMs: 0 })
      }
      const mirror: BatchMirror = { definition, status: definition.status, live: definition.live, lanes }
      this.batches.set(definition.batchId, mirror)
      this.#line.delete(definition.batchId)
      if (hasWork(mirror)) this.#line.set(definition.batchId, mirror)
    }
  }

  /** Forgets batches that nobody will dial again, unless `keep` says that calls of theirs live here. */
  forget(keep: (batchId: number) => boolean): void {
    for (const [batchId, batch] of this.batches) {
      if (!isOpen(batch) && !keep(batchId)) {
        this.batches.delete(batchId)
        this.#line.delete(batchId)
      }
    }
  }

  learnLanes(states: readonly LaneState[]): void {
    for (const state of states) {
      const batch = this.batches.get(state.batchId)
      const lane = batch?.lanes.get(state.lane)
      if (!batch || !lane) continue
      batch.live = state.batchLive
      batch.status = state.batchStatus
      lane.waiting = state.waiting
      lane.nextDueEpochMs = state.nextDueEpochMs
      this.#requeue(batch)
    }
  }

  /** A bucket that is short of one call is worth asking again when it holds its full depth. */
  learnTrunks(states: readonly TrunkState[], nowEpochMs: number): void {
    for (const trunk of states) {
      this.trunks.set(trunk.trunkId, trunk)
      const depth = Math.max(1, trunk.callsPerSecond * 0.01)
      const missing = trunk.tokens >= 1 - 1e-6 ? 0 : depth - trunk.tokens
      this.#tokensAt.set(trunk.trunkId, nowEpochMs + (missing * 1000) / trunk.callsPerSecond)
    }
  }

  /** Throttles of batches that have something left: to be read under the gate before {@link choose}. */
  throttlesInUse(nowEpochMs: number): number[] {
    const ids = new Set<number>()
    for (const batch of this.#line.values()) {
      const { throttleId } = batch.definition
      if (throttleId !== null && isRunning(batch, nowEpochMs)) ids.add(throttleId)
    }
    return [...ids]
  }

  /** Whether one of these lanes is of a batch under a throttle. */
  isThrottled(lanes: readonly { readonly batchId: number }[]): boolean {
    return lanes.some(({ batchId }) => (this.batches.get(batchId)?.definition.throttleId ?? null) !== null)
  }

  /** As this transaction has read them; one that was asked for and is not among them holds nothing back. */
  learnThrottles(asked: readonly number[], states: readonly ThrottleState[]): void {
    for (const throttleId of asked) this.#throttles.delete(throttleId)
    for (const state of states) this.#throttles.set(state.throttleId, state)
  }

  /** Calls of a batch ended in a transaction of this node. */
  noteEnded(batchId: number, count: number): void {
    const batch = this.batches.get(batchId)
    if (batch) batch.live -= count
  }

  /** A recipient of the lane was put into `due` by this node's own transaction. */
  noteDue(batchId: number, laneNumber: number, dueAtEpochMs: number): void {
    const batch = this.batches.get(batchId)
    const lane = batch?.lanes.get(laneNumber)
    if (!batch || !lane) return
    lane.nextDueEpochMs = Math.min(lane.nextDueEpochMs ?? Number.POSITIVE_INFINITY, dueAtEpochMs)
    this.#requeue(batch)
  }

  /** What to ask for now, given the slots that this transaction frees before it claims. Rotates fairly. */
  choose(nowEpochMs: number, freed: Freed): Wanted {
    this.#freed = freed
    let budget = Math.min(CLAIM_MAX, this.liveMax - this.live + freed.total)
    const throttled = this.#throttleBudgets(nowEpochMs)
    const cursor: LaneRequest[] = []
    const due: LaneRequest[] = []
    const quantum = Math.max(QUANTUM, Math.ceil(budget / Math.max(1, this.#line.size)))
    for (const [batchId, batch] of [...this.#line]) {
      if (budget <= 0) break
      if (!isRunning(batch, nowEpochMs)) continue
      const { throttleId } = batch.definition
      const allowed = throttleId === null ? quantum : (throttled.get(throttleId) ?? quantum)
      const free = batch.definition.liveMax - batch.live + (freed.byBatch.get(batchId) ?? 0)
      let room = Math.min(quantum, budget, allowed, free)
      if (room <= 0) continue
      const before = room
      room = this.#ask(batch, { nowEpochMs, source: 'due', room, into: due })
      room = this.#ask(batch, { nowEpochMs, source: 'cursor', room, into: cursor })
      budget -= before - room
      if (throttleId !== null) throttled.set(throttleId, allowed - (before - room))
      this.#line.delete(batchId)
      this.#line.set(batchId, batch)
    }
    this.#freed = NOTHING_FREED
    return { cursor, due }
  }

  /**
   * Lanes whose figures other nodes may have moved: some of those next in line, and in turn those of open batches in
   * which this copy knows of nobody waiting: a recipient may have become due by what another node wrote.
   */
  lanesToRefresh(max: number): { batchId: number; lane: number }[] {
    const lanes: { batchId: number; lane: number }[] = []
    for (const [batchId, batch] of this.#line) {
      for (const lane of batch.lanes.keys()) lanes.push({ batchId, lane })
      if (lanes.length >= max) break
    }
    const lanesMax = lanes.length + IDLE_LANES_MAX
    for (const [batchId, batch] of [...this.batches]) {
      if (lanes.length >= lanesMax) break
      if (this.#line.has(batchId) || !isOpen(batch)) continue
      for (const lane of batch.lanes.keys()) lanes.push({ batchId, lane })
      this.batches.delete(batchId)
      this.batches.set(batchId, batch)
    }
    return lanes
  }

  /** The instant at which asking again may bring something, by what this copy knows; null: nothing is foreseen. */
  wakeAtEpochMs(nowEpochMs: number): number | null {
    if (this.live >= this.liveMax) return null
    let wakeAt = Number.POSITIVE_INFINITY
    for (const batch of this.#line.values()) {
      if (!isRunning(batch, nowEpochMs) || batch.live >= batch.definition.liveMax) continue
      for (const lane of batch.lanes.values()) {
        wakeAt = Math.min(wakeAt, this.#laneWakesAt(batch, lane, nowEpochMs))
        if (wakeAt <= nowEpochMs) return nowEpochMs
      }
    }
    return Number.isFinite(wakeAt) ? wakeAt : null
  }

  #ask(
    batch: BatchMirror,
    options: { nowEpochMs: number; source: 'cursor' | 'due'; room: number; into: LaneRequest[] },
  ): number {
    let room = options.room
    for (const lane of this.#inFileOrder(batch)) {
      if (room <= 0) break
      const isDue = lane.nextDueEpochMs !== null && lane.nextDueEpochMs <= options.nowEpochMs
      const want = options.source === 'cursor' ? Math.min(room, lane.waiting) : isDue ? room : 0
      if (want <= 0 || this.#trunkReadyAt(lane.trunkId, options.nowEpochMs) > options.nowEpochMs) continue
      const sendWithinMs = sendWindowMs(batch, lane, options.nowEpochMs)
      if (sendWithinMs <= 0) continue
      options.into.push({
        batchId: batch.definition.batchId,
        lane: lane.lane,
        trunkId: lane.trunkId,
        want,
        sendWithinMs,
      })
      room -= want
    }
    return room
  }

  /** The lane that is least far comes first, so that a batch of many zones is dialled about in the order of its file. */
  #inFileOrder(batch: BatchMirror): LaneMirror[] {
    const lanes = [...batch.lanes.values()]
    return lanes.length < 2 ? lanes : lanes.sort((a, b) => b.waiting / (b.first || 1) - a.waiting / (a.first || 1))
  }

  #laneWakesAt(batch: BatchMirror, lane: LaneMirror, nowEpochMs: number): number {
    const workAt = lane.waiting > 0 ? nowEpochMs : (lane.nextDueEpochMs ?? Number.POSITIVE_INFINITY)
    if (!Number.isFinite(workAt)) return workAt
    const throttledUntil = this.#throttleReadyAt(batch, nowEpochMs)
    const opensAt = sendWindowMs(batch, lane, nowEpochMs) > 0 ? nowEpochMs : lane.windowUntilEpochMs
    return Math.max(workAt, opensAt, throttledUntil, this.#trunkReadyAt(lane.trunkId, nowEpochMs))
  }

  /** How many calls may start under each throttle now; batches under one share them. */
  #throttleBudgets(nowEpochMs: number): Map<number, number> {
    const budgets = new Map<number, number>()
    for (const [throttleId, { rules, startsEpochMs }] of this.#throttles) {
      budgets.set(throttleId, callsAllowed(rules, startsEpochMs, nowEpochMs))
    }
    return budgets
  }

  #throttleReadyAt(batch: BatchMirror, nowEpochMs: number): number {
    const { throttleId } = batch.definition
    const throttle = throttleId === null ? undefined : this.#throttles.get(throttleId)
    return throttle === undefined ? nowEpochMs : nextStartEpochMs(throttle.rules, throttle.startsEpochMs, nowEpochMs)
  }

  /** When the trunk may start a call, by its slots, its bucket and its breaker. */
  #trunkReadyAt(trunkId: number, nowEpochMs: number): number {
    const trunk = this.trunks.get(trunkId)
    if (!trunk) return nowEpochMs
    if (trunk.live - (this.#freed.byTrunk.get(trunkId) ?? 0) >= trunk.liveMax) return Number.POSITIVE_INFINITY
    const unblockedAt = trunk.blockedUntilEpochMs ?? nowEpochMs
    return Math.max(nowEpochMs, unblockedAt, this.#tokensAt.get(trunkId) ?? 0)
  }

  #requeue(batch: BatchMirror): void {
    const { batchId } = batch.definition
    if (!hasWork(batch)) this.#line.delete(batchId)
    else if (!this.#line.has(batchId)) this.#line.set(batchId, batch)
  }
}

function isOpen(batch: BatchMirror): boolean {
  return batch.status === BATCH_STATUS_CODE.running || batch.status === BATCH_STATUS_CODE.paused
}

/** Who speaks to the recipients of a lane. */
export function agentOf(batch: BatchMirror, lane: number): AgentDefinition {
  return batch.lanes.get(lane)?.agent ?? batch.definition.agent
}

/** Whether a recipient of the batch may still get another attempt. */
export function mayRetry(batch: BatchMirror, nowEpochMs: number): boolean {
  const { expiresAtEpochMs } = batch.definition
  return isOpen(batch) && (expiresAtEpochMs === null || expiresAtEpochMs > nowEpochMs)
}

function isRunning(batch: BatchMirror, nowEpochMs: number): boolean {
  return batch.status === BATCH_STATUS_CODE.running && mayRetry(batch, nowEpochMs)
}

function hasWork(batch: BatchMirror): boolean {
  if (!isOpen(batch)) return false
  for (const lane of batch.lanes.values()) if (lane.waiting > 0 || lane.nextDueEpochMs !== null) return true
  return false
}

/** How long from now a call of the lane may still be sent; 0: its window is closed. Asks the window once a change. */
function sendWindowMs(batch: BatchMirror, lane: LaneMirror, nowEpochMs: number): number {
  const { callingWindow, ringTimeoutSeconds } = batch.definition
  if (callingWindow === null) return SEND_DEADLINE_MS
  if (nowEpochMs >= lane.windowUntilEpochMs) {
    const state = windowState(callingWindow, lane.zones, new Date(nowEpochMs))
    const next = state.open ? state.until : state.opensAt
    lane.open = state.open
    // A window that never opens is asked again in a day: its zone or its edit may change that.
    lane.windowUntilEpochMs = next?.getTime() ?? nowEpochMs + 86_400_000
  }
  if (!lane.open) return 0
  const ms = Math.min(SEND_DEADLINE_MS, lane.windowUntilEpochMs - nowEpochMs - ringTimeoutSeconds * 1000)
  // The claim takes whole milliseconds; the database's time has fractions. Down, so that nobody is rung too late.
  return Math.max(0, Math.floor(ms))
}
