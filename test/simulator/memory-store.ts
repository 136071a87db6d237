import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import type { DispatchStore, DispatchTransaction, DueBatches } from '../../src/store/dispatch-store.ts'
import type { Gate } from '../../src/store/gate.ts'
import type { LiveCallRow, OwnCall, OwnCalls } from '../../src/store/live-calls.ts'
import { ENDED_LATELY_SECONDS, NODE_LEASE_SECONDS } from '../../src/store/nodes.ts'
import { claimInMemory } from './memory-claim.ts'
import {
  cancelInMemory,
  countUnsentInMemory,
  reopenInMemory,
  setStatusInMemory,
  turnBatchesInMemory,
} from './memory-commands.ts'
import { countCallsInMemory, endCallsInMemory, progressCallsInMemory } from './memory-ends.ts'
import { correctUnknownInMemory, endedAttemptsInMemory, reviveUnknownInMemory } from './memory-late.ts'
import { attemptKey, Journal, type NodeRow, personKey, type Tables } from './memory-rows.ts'
import {
  batchDefinition,
  bumpVersion,
  laneState,
  liveCallRow,
  type MemoryTransaction,
  noteThrottledStartsInMemory,
  throttleStatesInMemory,
  trunkState,
} from './memory-statements.ts'
import type { Commands, ServerSide } from './server-side.ts'

const { scheduled, running, paused } = BATCH_STATUS_CODE

/**
 * The dispatcher's store in memory, held equal to PostgreSQL by the differential test. A transaction is applied at one
 * instant; whoever wants two of them at once, or faults, puts those in front.
 */
export class MemoryServer implements ServerSide {
  readonly kind = 'memory'
  readonly #organizations: ReadonlyMap<number, Tables>
  readonly #nodes = new Map<number, NodeRow>()
  readonly #nowEpochMs: () => number
  /** Called before each commit with what was changed; throws nothing. */
  onCommit: (tables: Tables) => void = () => undefined

  constructor(organizations: readonly Tables[], nowEpochMs: () => number) {
    this.#organizations = new Map(organizations.map((tables) => [tables.organizationId, tables]))
    this.#nowEpochMs = nowEpochMs
  }

  peek(organizationId: number): Tables {
    return this.#organizations.get(organizationId)!
  }

  async readTables(organizationId: number): Promise<Tables> {
    return this.peek(organizationId)
  }

  async recount(): Promise<readonly string[]> {
    return []
  }

  async close(): Promise<void> {}

  openStore(): DispatchStore {
    return {
      registerNode: async () => this.#registerNode(),
      renewLease: async (nodeId) => this.#renewLease(nodeId),
      endDeadNodes: async () => this.#endDeadNodes(),
      endNode: async (nodeId) => this.#endNode(nodeId),
      organizationsWithOrphans: async (which) => this.#organizationsWithOrphans(which),
      ownCalls: async (nodeId) => this.#ownCalls(nodeId),
      organizationsWithOpenBatches: async () =>
        this.#organizationsWhere((tables) => [...tables.batches.values()].some(isOpen)),
      dueBatches: async () => this.#dueBatches(),
      findTrunk: async (trunkUuid) => this.#findTrunk(trunkUuid),
      underGate: (organizationId, options, plan) => this.#underGate(organizationId, options, plan),
      close: async () => undefined,
    }
  }

  readonly commands: Commands = {
    pause: async (id, batchId) => this.#change(id, (change) => setStatusInMemory(change, batchId, 'paused')),
    resume: async (id, batchId) => this.#change(id, (change) => setStatusInMemory(change, batchId, 'running')),
    cancel: async (id, batchId) => this.#change(id, (change) => cancelInMemory(change, batchId)),
    suppress: async (id, numbers) =>
      this.#change(id, ({ tables, journal }) => {
        for (const { number, numberHash } of tables.recipients.values()) {
          if (numbers.includes(number)) journal.set(tables.suppressions, `${numberHash}:${number}`, true)
        }
      }),
    retry: async (id, batchId, outcomes) => this.#change(id, (change) => reopenInMemory(change, batchId, outcomes)),
    setLimits: async (id, { liveMax, batch, trunk }) =>
      this.#change(id, (change) => {
        const { tables, journal } = change
        const version = bumpVersion(change)
        if (liveMax !== undefined) journal.update(tables.gate, 0, { liveMax })
        if (batch) journal.update(tables.batches, batch.batchId, { liveMax: batch.liveMax, version })
        if (trunk) journal.update(tables.trunks, trunk.trunkId, { liveMax: trunk.liveMax })
      }),
    setWindow: async (id, batchId, callingWindow) =>
      this.#change(id, (change) => {
        const version = bumpVersion(change)
        const { terms } = change.tables.batches.get(batchId)!
        change.journal.update(change.tables.batches, batchId, { version, terms: { ...terms, callingWindow } })
      }),
    hangUp: async (id, { batchId, seq, n }) =>
      this.#change(id, (change) => {
        const { tables, journal } = change
        const { numberHash } = tables.recipients.get(personKey(batchId, seq))!
        const row = tables.live.get(numberHash)
        const lives = row?.batchId === batchId && row.seq === seq && row.n === n
        if (lives) journal.update(tables.live, numberHash, { hangUpAsked: true })
        journal.update(tables.batches, batchId, { version: bumpVersion(change) })
        return lives
      }),
    countUnsent: async (id, of) => countUnsentInMemory(this.peek(id), this.#nowEpochMs(), of),
  }

  #change<T>(organizationId: number, work: (change: MemoryTransaction) => T): T {
    const tables = this.peek(organizationId)
    const result = work(memoryTransaction(tables, this.#nowEpochMs()))
    this.onCommit(tables)
    return result
  }

  async #underGate<T>(
    organizationId: number,
    options: { whileUnderway?: () => void },
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
  ): Promise<T | null> {
    const tables = this.peek(organizationId)
    const { liveMax, live, version } = tables.gate.get(0)!
    const nowEpochMs = this.#nowEpochMs()
    // Statements in memory go by `nowEpochMs`.
    const gate: Gate = { organizationId, now: '', nowEpochMs, liveMax, live, version }
    const change = memoryTransaction(tables, nowEpochMs)
    const failures: unknown[] = []
    try {
      const planned = await plan(gate, this.#statements(change, failures))
      options.whileUnderway?.()
      if (failures.length > 0) throw failures[0]
      if (change.journal.changed) this.onCommit(tables)
      return planned
    } catch (error) {
      change.journal.rollBack()
      throw error
    }
  }

  /** A statement that fails fails all that follow it, as in a pipeline, and the transaction with them. */
  #statements(change: MemoryTransaction, failures: unknown[]): DispatchTransaction {
    const { tables, journal, now } = change
    const statement = <T>(work: () => T): Promise<T> => {
      if (failures.length === 0) {
        try {
          return Promise.resolve(work())
        } catch (error) {
          failures.push(error)
        }
      }
      const failed = Promise.reject<T>(failures[0])
      failed.catch(() => undefined)
      return failed
    }
    const definitions = (wanted: (batch: { version: number; status: number; batchId: number }) => boolean) =>
      [...tables.batches.values()]
        .filter(({ version, status, terms }) => wanted({ version, status, batchId: terms.batchId }))
        .map((batch) => batchDefinition(tables, batch))
    return {
      batchesSince: (since) =>
        statement(() => definitions((batch) => (since === 0 ? isOpen(batch) : batch.version > since))),
      batchesById: (ids) => statement(() => definitions(({ batchId }) => ids.includes(batchId))),
      trunks: () => statement(() => [...tables.trunks.values()].map(({ definition }) => definition)),
      turnBatches: () => statement(() => turnBatchesInMemory(change)),
      adoptOrphans: (nodeId) => statement(() => this.#adopt(change, nodeId)),
      liveCallsOfNode: (which) => statement(() => liveCallsOfNode(tables, which)),
      liveCallsOfAttempts: (attempts) =>
        statement(() => attempts.flatMap((attempt) => liveCallOf(tables, attempt) ?? [])),
      endCalls: (calls) => statement(() => endCallsInMemory(change, calls)),
      progressCalls: ({ calls }) =>
        statement(() => {
          progressCallsInMemory(change, calls)
          return []
        }),
      countCalls: () => statement(() => countCallsInMemory(change)),
      claim: (source, options) => statement(() => claimInMemory(change, source, options)),
      laneStates: (lanes) =>
        statement(() => lanes.flatMap(({ batchId, lane }) => laneState(tables, batchId, lane) ?? [])),
      trunkStates: () => statement(() => [...tables.trunks.values()].map((trunk) => trunkState(trunk, now))),
      throttleStates: (ids) => statement(() => throttleStatesInMemory(change, ids)),
      noteThrottledStarts: () => statement(() => noteThrottledStartsInMemory(change)),
      setTrunkHealth: (trunkId, { failuresInRow, blockedForMs }) =>
        statement(() => {
          const blockedUntil = blockedForMs === null ? null : now + blockedForMs
          journal.update(tables.trunks, trunkId, { failuresInRow, blockedUntil })
        }),
      suppressRecipients: (recipients) =>
        statement(() => {
          for (const { batchId, seq } of recipients) {
            const { numberHash, number } = tables.recipients.get(personKey(batchId, seq))!
            journal.set(tables.suppressions, `${numberHash}:${number}`, true)
          }
        }),
      recordCarrierEvents: (events) =>
        statement(() => {
          for (const { trunkId, eventKey } of events) journal.set(tables.carrierEvents, `${trunkId}:${eventKey}`, true)
        }),
      endedAttempts: (attempts) => statement(() => endedAttemptsInMemory(tables, attempts)),
      correctUnknown: (call) => statement(() => correctUnknownInMemory(change, call)),
      reviveUnknown: (attempt, nodeId) => statement(() => reviveUnknownInMemory(change, attempt, nodeId)),
    }
  }

  #adopt({ tables, journal }: MemoryTransaction, nodeId: number): LiveCallRow[] {
    return this.#orphans(tables).flatMap((row) => {
      if (row.nodeId === nodeId) return []
      journal.update(tables.live, row.numberHash, { nodeId })
      return [liveCallRow(tables.live.get(row.numberHash)!)]
    })
  }

  #organizationsWithOrphans({ always }: { always: boolean }): number[] {
    const lately = this.#nowEpochMs() - ENDED_LATELY_SECONDS * 1000
    const search = always || [...this.#nodes.values()].some(({ endedAt }) => endedAt !== null && endedAt > lately)
    return search ? this.#organizationsWhere((tables) => this.#orphans(tables).length > 0) : []
  }

  #orphans(tables: Tables) {
    return [...tables.live.values()].filter((row) => this.#nodes.get(row.nodeId)?.endedAt !== null)
  }

  #ownCalls(nodeId: number): OwnCall[] {
    const claimedBefore = this.#nowEpochMs() - 2000
    return [...this.#organizations.values()].flatMap(({ organizationId, live }) =>
      [...live.values()]
        .filter((row) => row.nodeId === nodeId && (row.hangUpAsked || row.claimedAt < claimedBefore))
        .map(({ batchId, seq, n, hangUpAsked, carrierState }) => {
          return { organizationId, batchId, seq, n, hangUpAsked, canBeEnded: carrierState !== null }
        }),
    )
  }

  #organizationsWhere(holds: (tables: Tables) => boolean): number[] {
    return [...this.#organizations.values()].filter(holds).map((tables) => tables.organizationId)
  }

  #dueBatches(): DueBatches {
    const now = this.#nowEpochMs()
    let nextInMs: number | null = null
    const organizationIds = this.#organizationsWhere((tables) => {
      let due = false
      for (const { status, startAt, expiresAt } of tables.batches.values()) {
        if (status === scheduled && startAt !== null) {
          if (startAt <= now) due = true
          else nextInMs = Math.min(nextInMs ?? Number.POSITIVE_INFINITY, startAt - now)
        }
        const open = status === scheduled || status === running || status === paused
        if (open && expiresAt !== null && expiresAt <= now) due = true
      }
      return due
    })
    return { organizationIds, nextInMs }
  }

  #findTrunk(trunkUuid: string) {
    for (const { organizationId, trunks } of this.#organizations.values()) {
      for (const { definition } of trunks.values()) {
        if (definition.trunkUuid === trunkUuid) return { organizationId, definition }
      }
    }
    return null
  }

  #registerNode(): number {
    const nodeId = this.#nodes.size + 1
    this.#nodes.set(nodeId, { nodeId, leaseUntil: this.#nowEpochMs() + NODE_LEASE_SECONDS * 1000, endedAt: null })
    return nodeId
  }

  #renewLease(nodeId: number): boolean {
    const node = this.#nodes.get(nodeId)
    if (!node || node.endedAt !== null) return false
    this.#nodes.set(nodeId, { ...node, leaseUntil: this.#nowEpochMs() + NODE_LEASE_SECONDS * 1000 })
    return true
  }

  #endDeadNodes(): void {
    for (const node of this.#nodes.values()) if (node.leaseUntil < this.#nowEpochMs()) this.#endNode(node.nodeId)
  }

  #endNode(nodeId: number): void {
    const node = this.#nodes.get(nodeId)
    if (node && node.endedAt === null) this.#nodes.set(nodeId, { ...node, endedAt: this.#nowEpochMs() })
  }
}

function memoryTransaction(tables: Tables, now: number): MemoryTransaction {
  return { tables, journal: new Journal(), now, uncounted: { entries: [], ended: [] } }
}

function isOpen({ status }: { status: number }): boolean {
  return status === running || status === paused
}

function liveCallsOfNode(tables: Tables, { nodeId, hangUpAsked }: OwnCalls): LiveCallRow[] {
  const rows = [...tables.live.values()].filter((row) => row.nodeId === nodeId && (row.hangUpAsked || !hangUpAsked))
  return rows.map(liveCallRow)
}

function liveCallOf(tables: Tables, { batchId, seq, n }: { batchId: number; seq: number; n: number }) {
  const recipient = tables.recipients.get(personKey(batchId, seq))
  const row = recipient && tables.live.get(recipient.numberHash)
  if (!row || attemptKey(row.batchId, row.seq, row.n) !== attemptKey(batchId, seq, n)) return null
  return liveCallRow(row)
}
