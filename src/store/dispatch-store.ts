import type { AttemptKey } from '../model/attempt-key.ts'
import type { ClaimedRecipient, LaneRequest } from './claim-recipients.ts'
import type { BatchDefinition, TrunkDefinition } from './definitions.ts'
import type { EndedCall } from './end-calls.ts'
import type { Gate } from './gate.ts'
import type { LaneState, TrunkState } from './lane-states.ts'
import type { LateAttempt } from './late-evidence.ts'
import type { LiveCallRow, OwnCall, OwnCalls } from './live-calls.ts'
import type { ProgressColumns } from './progress-calls.ts'
import type { RowPlace } from './row-place.ts'
import type { ThrottleState } from './throttle-states.ts'

/**
 * Everything the dispatcher asks of the store, and nothing else. PostgreSQL stands behind it in the product
 * (`postgres-dispatch-store.ts`); the simulator puts a store in memory here, held equal by a differential test.
 */
export interface DispatchStore {
  registerNode(name: string): Promise<number>
  renewLease(nodeId: number): Promise<boolean>
  /** Ends incarnations whose lease has run out. */
  endDeadNodes(): Promise<void>
  endNode(nodeId: number): Promise<void>
  /** Unless `always`, none are looked for while no node has ended lately. */
  organizationsWithOrphans(which: { readonly always: boolean }): Promise<number[]>
  /** Live calls of one node in all organizations, without any gate; the youngest may be missing. */
  ownCalls(nodeId: number): Promise<OwnCall[]>
  organizationsWithOpenBatches(): Promise<number[]>
  /** Organizations with a batch whose start or expiry has come, and the instant of the next one. */
  dueBatches(): Promise<DueBatches>
  /** The trunk of that id, whatever its organization; null: there is none. */
  findTrunk(trunkUuid: string): Promise<{ organizationId: number; definition: TrunkDefinition } | null>
  /**
   * Runs one transaction of one organization: opens its gate, hands it to `plan`, commits.
   *
   * `plan` resolves to what it wants to read after the commit; the promises of statements it started may stand in it
   * unawaited, so that everything after the gate travels to the server in one go, COMMIT included.
   * Resolves only after the commit was acknowledged as a commit; null when the gate was taken and `skipIfTaken` is set.
   * `rowsAhead` is for transactions that will wait for their gate: that much of their work is done meanwhile. `plan` must
   * write all of these calls.
   * `whileUnderway` runs once when everything is on its way: the processor is free until the server answers.
   *
   * @throws {HeldTooLong} when the transaction had written rows ahead and waited too long then; it does not exist.
   * @throws {StaleCopies} when calls were not as the caller believed; the transaction does not exist.
   * @throws {CommitUnknown} when the connection broke after COMMIT was sent: the transaction may or may not exist.
   * @throws any other error when the transaction certainly does not exist.
   */
  underGate<T>(
    organizationId: number,
    options: GateOptions,
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
  ): Promise<T | null>
  close(): Promise<void>
}

export interface GateOptions {
  readonly skipIfTaken: boolean
  readonly rowsAhead?: RowsAhead | null
  readonly whileUnderway?: () => void
}

/** Calls whose rows are written before the gate is there; what follows for figures and people is written under it. */
export interface RowsAhead {
  readonly ended: readonly EndedCall[]
  readonly progress: ProgressColumns | null
}

export interface DueBatches {
  readonly organizationIds: readonly number[]
  /** In milliseconds from now; null: nothing is scheduled. */
  readonly nextInMs: number | null
}

/** The statements of one transaction under one organization's gate. */
export interface DispatchTransaction {
  batchesSince(version: number): Promise<BatchDefinition[]>
  batchesById(batchIds: readonly number[]): Promise<BatchDefinition[]>
  trunks(): Promise<TrunkDefinition[]>
  /** Starts what is scheduled for now or earlier and closes what has expired; returns how many batches changed. */
  turnBatches(): Promise<number>
  adoptOrphans(nodeId: number): Promise<LiveCallRow[]>
  liveCallsOfNode(which: OwnCalls): Promise<LiveCallRow[]>
  liveCallsOfAttempts(attempts: readonly AttemptKey[]): Promise<LiveCallRow[]>
  /**
   * Writes the rows of calls that are over; `countCalls` does the rest.
   *
   * All of them or none: unless every row is there and in its `savedState`, the transaction fails with
   * {@link StaleCopies}. Under the gate, rows that this very transaction has read are never stale.
   */
  endCalls(calls: readonly EndedCall[]): Promise<void>
  /**
   * Writes what is new to the rows of live calls; `countCalls` does the rest. All of them or none, like `endCalls`.
   *
   * Returns where their rows lie now, as far as that is known.
   */
  progressCalls(progress: ProgressColumns): Promise<readonly RowPlace[]>
  /**
   * What follows from the calls written so far: figures, free slots, retries, successors, events. To be asked for before a claim
   * that uses the slots; a transaction that leaves it out fails.
   */
  countCalls(): Promise<void>
  claim(
    source: 'cursor' | 'due',
    options: { nodeId: number; lanes: readonly LaneRequest[] },
  ): Promise<ClaimedRecipient[]>
  laneStates(lanes: readonly { batchId: number; lane: number }[]): Promise<LaneState[]>
  trunkStates(): Promise<TrunkState[]>
  throttleStates(throttleIds: readonly number[]): Promise<ThrottleState[]>
  /** Notes the calls that this transaction has claimed with their throttles, and returns those throttles. */
  noteThrottledStarts(): Promise<ThrottleState[]>
  setTrunkHealth(trunkId: number, health: { failuresInRow: number; blockedForMs: number | null }): Promise<void>
  suppressRecipients(recipients: readonly { batchId: number; seq: number }[], reason: string): Promise<void>
  recordCarrierEvents(events: readonly { trunkId: number; eventKey: string }[]): Promise<void>
  endedAttempts(attempts: readonly AttemptKey[]): Promise<LateAttempt[]>
  /** Replaces the outcome of an attempt that ended `unknown`; false: it is no longer `unknown`. */
  correctUnknown(call: EndedCall): Promise<boolean>
  /** Puts the live row of an attempt that ended `unknown` back; null: its number is in another call. */
  reviveUnknown(attempt: AttemptKey, nodeId: number): Promise<LiveCallRow | null>
}

/** COMMIT was sent and its answer is lost. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('The connection broke before COMMIT was answered', { cause })
    this.name = 'CommitUnknown'
  }
}

/**
 * Rows that were written before the gate was there, and the gate or another row did not become free in time. Somebody may have
 * the gate and wait for these rows: whoever has it goes first.
 */
export class HeldTooLong extends Error {
  constructor(cause: unknown) {
    super('A transaction that had written rows before its gate waited too long', { cause })
    this.name = 'HeldTooLong'
  }
}

/** Calls to be written had gone further than the caller knew, or were over. Nothing was written; read their rows. */
export class StaleCopies extends Error {
  constructor(cause: unknown) {
    super('Live calls are not what this node believes', { cause })
    this.name = 'StaleCopies'
  }
}
