import type { ThrottleRule } from '../../src/model/throttle.ts'
import type { BatchDefinition, TrunkDefinition } from '../../src/store/definitions.ts'
import type { OutcomeColumn } from '../../src/store/outcome-columns.ts'

/** The rows of one organization, named as the columns are. Rows are never changed, they are replaced. */
export interface Tables {
  readonly organizationId: number
  readonly gate: Map<0, GateRow>
  readonly trunks: Map<number, TrunkRow>
  readonly throttles: Map<number, ThrottleRow>
  readonly batches: Map<number, BatchRow>
  readonly lanes: Map<string, LaneRow>
  readonly recipients: Map<string, RecipientRow>
  readonly due: Map<string, DueRow>
  /** By number hash. */
  readonly live: Map<string, LiveRow>
  readonly attempts: Map<string, AttemptRow>
  readonly verdicts: Map<string, VerdictRow>
  /** By hash and number. */
  readonly suppressions: Map<string, true>
  readonly carrierEvents: Map<string, true>
  readonly blocks: Map<number, EventBlock>
}

export interface GateRow {
  readonly liveMax: number
  readonly live: number
  readonly blockNo: number
  readonly version: number
}

export interface TrunkRow {
  readonly definition: TrunkDefinition
  readonly liveMax: number
  readonly live: number
  readonly callsPerSecond: number
  readonly tokens: number
  readonly refilledAt: number
  readonly failuresInRow: number
  readonly blockedUntil: number | null
}

export interface ThrottleRow {
  readonly rules: readonly ThrottleRule[]
  /** Of the latest 100 calls, the newest first. */
  readonly starts: readonly number[]
}

/** What a batch is, beside what changes. */
export type BatchTerms = Omit<BatchDefinition, 'status' | 'liveMax' | 'live' | 'expiresAtEpochMs' | 'lanes'>

export type Figures = Readonly<Record<OutcomeColumn, number>>

export interface BatchRow {
  readonly terms: BatchTerms
  readonly version: number
  readonly status: number
  readonly paused: boolean
  readonly liveMax: number
  readonly live: number
  readonly total: number
  readonly due: number
  readonly settled: number
  readonly dialing: number
  readonly accepted: number
  readonly ringing: number
  readonly talking: number
  readonly attempts: number
  readonly talkMs: number
  readonly figures: Figures
  readonly startAt: number | null
  readonly expiresAt: number | null
  readonly startedAt: number | null
  readonly completedAt: number | null
}

export interface LaneRow {
  readonly batchId: number
  readonly lane: number
  readonly trunkId: number
  /** E.164 with the plus; null: that of the batch. */
  readonly caller: string | null
  readonly attemptsMax: number | null
  readonly zones: readonly string[]
  readonly firstSeq: number
  readonly nextSeq: number
  readonly endSeq: number
  readonly lastSeq: number
  readonly closedAs: number | null
  readonly closedAt: number | null
}

export interface RecipientRow {
  readonly batchId: number
  readonly seq: number
  readonly number: number
  readonly numberHash: string
  readonly successorSeq: number | null
}

export interface DueRow {
  readonly batchId: number
  readonly seq: number
  readonly lane: number
  readonly dueAt: number
  readonly n: number
  readonly counted: number
  readonly reason: number
}

export interface LiveRow {
  readonly numberHash: string
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly lane: number
  readonly trunkId: number
  readonly nodeId: number
  readonly state: number
  readonly answeredBy: number
  readonly successorSeq: number | null
  readonly claimedAt: number
  readonly sendNotAfter: number
  readonly acceptedMs: number | null
  readonly ringingMs: number | null
  readonly answeredMs: number | null
  readonly carrierCallId: string | null
  readonly carrierState: string | null
  readonly hangUpAsked: boolean
}

export interface AttemptRow {
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly counted: number
  readonly trunkId: number
  readonly nodeId: number
  readonly disposition: number
  readonly cause: number
  readonly answeredBy: number
  readonly claimedAt: number
  readonly acceptedMs: number | null
  readonly ringingMs: number | null
  readonly answeredMs: number | null
  readonly endedMs: number
  readonly carrierCallId: string | null
  readonly hangUpAsked: boolean
}

export interface VerdictRow {
  readonly batchId: number
  readonly seq: number
  readonly outcome: number
  readonly at: number
}

export interface EventEntry {
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly kind: number
  readonly code: number
  readonly atMs: number
}

export interface EventBlock {
  readonly at: number
  readonly entries: readonly EventEntry[]
}

export interface NodeRow {
  readonly nodeId: number
  readonly leaseUntil: number
  readonly endedAt: number | null
}

export function emptyTables(organizationId: number, liveMax: number): Tables {
  return {
    organizationId,
    gate: new Map([[0, { liveMax, live: 0, blockNo: 0, version: 1 }]]),
    trunks: new Map(),
    throttles: new Map(),
    batches: new Map(),
    lanes: new Map(),
    recipients: new Map(),
    due: new Map(),
    live: new Map(),
    attempts: new Map(),
    verdicts: new Map(),
    suppressions: new Map(),
    carrierEvents: new Map(),
    blocks: new Map(),
  }
}

export const personKey = (batchId: number, seq: number): string => `${batchId}:${seq}`
export const attemptKey = (batchId: number, seq: number, n: number): string => `${batchId}:${seq}:${n}`
export const laneKey = (batchId: number, lane: number): string => `${batchId}/${lane}`

/** The lane that a recipient stands in. */
export function laneOf(tables: Tables, batchId: number, seq: number): LaneRow {
  for (const lane of tables.lanes.values()) {
    if (lane.batchId === batchId && seq >= lane.firstSeq && seq < lane.lastSeq) return lane
  }
  throw new Error(`No lane holds recipient ${seq} of batch ${batchId}`)
}

/** Changes rows so that all of them can be taken back. */
export class Journal {
  readonly #undo: (() => void)[] = []

  get changed(): boolean {
    return this.#undo.length > 0
  }

  set<Key, Row>(table: Map<Key, Row>, key: Key, row: Row): void {
    const before = table.get(key)
    this.#undo.push(before === undefined ? () => table.delete(key) : () => table.set(key, before))
    table.set(key, row)
  }

  /** Replaces some columns of a row that is there. */
  update<Key, Row extends object>(table: Map<Key, Row>, key: Key, columns: Partial<Row>): void {
    this.set(table, key, { ...table.get(key)!, ...columns })
  }

  delete<Key, Row>(table: Map<Key, Row>, key: Key): void {
    const before = table.get(key)
    if (before === undefined) return
    this.#undo.push(() => table.set(key, before))
    table.delete(key)
  }

  rollBack(): void {
    for (const undo of this.#undo.reverse()) undo()
    this.#undo.length = 0
  }
}
