import {
  CommitUnknown,
  type DispatchStore,
  type DispatchTransaction,
  type GateOptions,
  HeldTooLong,
  StaleCopies,
} from '../../src/store/dispatch-store.ts'
import type { Gate } from '../../src/store/gate.ts'
import type { FaultRates } from './faults.ts'
import type { ServerSide } from './server-side.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** A transaction that is left open this long is ended by the server. */
export const IDLE_TRANSACTION_MS = 10_000
/** A transaction that has written rows before its gate is there is ended after this long. */
const HELD_TOO_LONG_MS = 500

/** The one database that all nodes share: whether it is there, and who holds which gate. */
export class SharedDatabase {
  readonly server: ServerSide
  readonly #world: VirtualWorld
  readonly #waiting = new Map<number, (() => void)[]>()
  /** Grows with every restart; a connection of before is broken. */
  restarts = 0
  #downUntilMs = 0

  constructor(world: VirtualWorld, server: ServerSide) {
    this.#world = world
    this.server = server
  }

  get isDown(): boolean {
    return this.#world.nowMs < this.#downUntilMs
  }

  restart(awayMs: number): void {
    this.restarts++
    this.#downUntilMs = this.#world.nowMs + awayMs
    this.#world.note('database', `restarts and is away for ${awayMs} ms`)
    this.#world.coverage.hit('database-down')
  }

  gateIsTaken(organizationId: number): boolean {
    return this.#waiting.has(organizationId)
  }

  /** Waits in line for the gate. */
  lockGate(organizationId: number): Promise<void> {
    const line = this.#waiting.get(organizationId)
    if (!line) {
      this.#waiting.set(organizationId, [])
      return Promise.resolve()
    }
    return new Promise((resolve) => line.push(resolve))
  }

  unlockGate(organizationId: number): void {
    const next = this.#waiting.get(organizationId)?.shift()
    if (next) this.#world.after(0, next)
    else this.#waiting.delete(organizationId)
  }

  /** Runs a command's transaction: it waits for the gate as every other does, and fails while the database is away. */
  async command<T>(organizationId: number, work: () => Promise<T>): Promise<T> {
    await this.#world.delay(this.#world.random.between(1, 20))
    if (this.isDown) throw new Error('ECONNREFUSED')
    await this.lockGate(organizationId)
    try {
      await this.#world.delay(1)
      return await this.#world.whileReal(work)
    } finally {
      this.unlockGate(organizationId)
    }
  }
}

/** Why the connection broke, as far as the node can tell. */
class ConnectionLost extends Error {
  constructor(when: string) {
    super(`The connection to the database was lost ${when}`)
    this.name = 'ConnectionLost'
  }
}

/** The database as one node sees it: far away, sometimes slow, sometimes gone, and its answers may be lost. */
export class NodeStore implements DispatchStore {
  readonly #world: VirtualWorld
  readonly #node: SimulatedNode
  readonly #database: SharedDatabase
  readonly #store: DispatchStore
  readonly #faults: () => FaultRates
  readonly #inMemory: boolean
  /** Organizations of which a transaction of this node holds the gate, or held it a moment ago. */
  readonly #transacting = new Set<number>()

  constructor(world: VirtualWorld, node: SimulatedNode, database: SharedDatabase, faults: () => FaultRates) {
    this.#world = world
    this.#node = node
    this.#database = database
    this.#store = database.server.openStore()
    this.#inMemory = database.server.kind === 'memory'
    this.#faults = faults
  }

  registerNode(name: string): Promise<number> {
    return this.#alone(() => this.#store.registerNode(name))
  }

  async renewLease(nodeId: number): Promise<boolean> {
    const renewed = await this.#alone(() => this.#store.renewLease(nodeId))
    if (!renewed) this.#world.coverage.hit('lease-lost')
    return renewed
  }

  endDeadNodes(): Promise<void> {
    return this.#alone(() => this.#store.endDeadNodes())
  }

  endNode(nodeId: number): Promise<void> {
    return this.#alone(() => this.#store.endNode(nodeId))
  }

  organizationsWithOrphans(which: { always: boolean }): Promise<number[]> {
    return this.#alone(() => this.#store.organizationsWithOrphans(which))
  }

  ownCalls(nodeId: number) {
    return this.#alone(() => this.#store.ownCalls(nodeId))
  }

  organizationsWithOpenBatches(): Promise<number[]> {
    return this.#alone(() => this.#store.organizationsWithOpenBatches())
  }

  dueBatches() {
    return this.#alone(() => this.#store.dueBatches())
  }

  findTrunk(trunkUuid: string) {
    return this.#alone(() => this.#store.findTrunk(trunkUuid))
  }

  /** The real connections end with the run. */
  async close(): Promise<void> {}

  async underGate<T>(
    organizationId: number,
    options: GateOptions,
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
  ): Promise<T | null> {
    const { random, coverage } = this.#world
    const database = this.#database
    await this.#node.running()
    this.#node.pass('before-gate')
    await this.#travel()
    const connection = database.restarts
    this.#requireUp(connection)
    if (options.skipIfTaken && database.gateIsTaken(organizationId)) {
      coverage.hit('gate-taken')
      await this.#travel()
      if (!this.#node.runs) await this.#node.running()
      return null
    }
    if (this.#transacting.has(organizationId)) coverage.hit('lined-up')
    if (options.rowsAhead && database.gateIsTaken(organizationId) && random.chance(this.#faults().heldTooLong)) {
      coverage.hit('held-too-long')
      await this.#world.delay(HELD_TOO_LONG_MS)
      if (!this.#node.runs) await this.#node.running()
      throw new HeldTooLong(new Error('canceling statement due to lock timeout'))
    }
    await database.lockGate(organizationId)
    this.#transacting.add(organizationId)
    const faults = this.#faults()
    const loss = random.chance(faults.commitAnswerLost) ? 'answer' : random.chance(faults.commitLost) ? 'commit' : null
    const transaction = { connection, loss, organizationId, ...options } as const
    try {
      const planned = await this.#transact(transaction, plan)
      this.#node.pass('after-commit')
      await this.#travel()
      if (!this.#node.runs) await this.#node.running()
      if (loss !== 'answer' && connection === database.restarts) return planned
      coverage.hit('commit-unknown-applied')
      throw new CommitUnknown(new ConnectionLost('before the COMMIT was answered'))
    } catch (error) {
      // Whatever the server says, it says it to a process that runs.
      await this.#travel()
      if (!this.#node.runs) await this.#node.running()
      if (error instanceof StaleCopies) coverage.hit('stale-copies')
      throw error
    } finally {
      this.#transacting.delete(organizationId)
    }
  }

  /** From the gate to the commit, as the server sees it. The gate is free again when it settles. */
  async #transact<T>(
    options: {
      connection: number
      loss: 'answer' | 'commit' | null
      organizationId: number
    } & GateOptions,
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
  ): Promise<T> {
    const { connection, loss, organizationId, rowsAhead = null } = options
    const world = this.#world
    let committing = false
    try {
      this.#requireUp(connection)
      const planned = await this.#real(() =>
        this.#store.underGate(organizationId, { skipIfTaken: false, rowsAhead }, (gate, transaction) =>
          this.#virtual(async () => {
            const result = await this.#onNode(() => plan(gate, this.#statements(transaction)))
            committing = true
            this.#node.whenRunning(() => options.whileUnderway?.())
            this.#node.pass('commit-sent')
            await this.#travel()
            this.#requireUp(connection)
            if (loss === 'commit' || world.random.chance(this.#faults().statementFails)) {
              throw new ConnectionLost('on the way to the COMMIT')
            }
            return result
          }),
        ),
      )
      return planned as T
    } catch (error) {
      if (!committing || error instanceof StaleCopies) throw error
      world.coverage.hit('commit-unknown-lost')
      throw new CommitUnknown(error)
    } finally {
      this.#database.unlockGate(organizationId)
    }
  }

  /** The plan runs in the node's process. A node that dies, or stands still for too long, leaves the server alone. */
  async #onNode<T>(plan: () => Promise<T>): Promise<T> {
    const world = this.#world
    await this.#travel()
    this.#node.pass('in-transaction')
    return new Promise<T>((resolve, reject) => {
      let over = false
      const giveUp = () => {
        over = true
        reject(new ConnectionLost('with the transaction open'))
      }
      const forget = this.#node.onDeath(giveUp)
      if (this.#node.behindMs > IDLE_TRANSACTION_MS) world.after(IDLE_TRANSACTION_MS, giveUp)
      this.#node.whenRunning(() => {
        // The server has given the connection up meanwhile.
        if (over) return
        plan().then(
          (planned) => {
            forget()
            resolve(planned)
          },
          (error) => {
            forget()
            reject(error)
          },
        )
      })
    })
  }

  async #alone<T>(ask: () => Promise<T>): Promise<T> {
    await this.#node.running()
    await this.#travel()
    const connection = this.#database.restarts
    this.#requireUp(connection)
    const answer = await this.#real(ask)
    await this.#travel()
    if (!this.#node.runs) await this.#node.running()
    if (connection !== this.#database.restarts) throw new ConnectionLost('before the answer')
    if (this.#world.random.chance(this.#faults().statementFails)) throw new ConnectionLost('before the answer')
    return answer
  }

  /** Rows in memory need no real time, so nothing has to stand still for them. */
  #real<T>(work: () => Promise<T>): Promise<T> {
    return this.#inMemory ? work() : this.#world.whileReal(work)
  }

  #virtual<T>(work: () => Promise<T>): Promise<T> {
    return this.#inMemory ? work() : this.#world.whileVirtual(work)
  }

  #requireUp(connection: number): void {
    if (this.#database.isDown || connection !== this.#database.restarts) throw new ConnectionLost('or refused')
  }

  /** Real statements inside virtual time: the clock stands still while the server works on one. */
  #statements(transaction: DispatchTransaction): DispatchTransaction {
    if (this.#inMemory) return transaction
    const world = this.#world
    return new Proxy(transaction, {
      get: (target, name, receiver) => {
        const statement = Reflect.get(target, name, receiver) as (...args: unknown[]) => Promise<unknown>
        return (...args: unknown[]) => {
          const answer = world.whileReal(() => statement.apply(target, args))
          answer.catch(() => undefined)
          return answer
        }
      },
    })
  }

  #travel(): Promise<void> {
    const { random } = this.#world
    const slow = random.chance(this.#faults().slowDatabase)
    return this.#world.delay(slow ? random.between(100, 7_000) : random.between(1, 8))
  }
}
