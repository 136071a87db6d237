import type pg from 'pg'
import { type Clock, systemClock } from '../clock.ts'
import { CallWriter } from './call-writer.ts'
import { claimedRecipients, claimRecipients } from './claim-recipients.ts'
import { cutConnection, DatabaseSilent, gatherWrites } from './connection-stream.ts'
import { openHotConnection } from './database.ts'
import { findTrunkByUuid, loadBatchDefinitions, loadBatchesById, loadTrunkDefinitions } from './definitions.ts'
import {
  CommitUnknown,
  type DispatchStore,
  type DispatchTransaction,
  type GateOptions,
  HeldTooLong,
  StaleCopies,
} from './dispatch-store.ts'
import { type Gate, openGate } from './gate.ts'
import { laneStateRows, laneStates, trunkStateRows, trunkStates } from './lane-states.ts'
import { correctUnknown, endedAttempts, reviveUnknown } from './late-evidence.ts'
import { adoptOrphans, liveCallsOfAttempts, liveCallsOfNode, ownCalls, recordCarrierEvents } from './live-calls.ts'
import {
  endDeadNodes,
  endNode,
  NODE_LEASE_SECONDS,
  organizationsWithOpenBatches,
  organizationsWithOrphans,
  registerNode,
  renewLease,
} from './nodes.ts'
import { requireShared } from './shared-commit.ts'
import { type Queryable, run } from './statement.ts'
import { noteThrottledStarts, throttleStates } from './throttle-states.ts'
import { Timelines } from './timeline.ts'
import { setTrunkHealth, suppressRecipients } from './trunk-health.ts'
import { dueBatches, turnBatches } from './turn-batches.ts'

/** What `require_all` of the schema raises. */
const STALE_COPIES = 'CRL01'
/** What `lock_timeout` raises. */
const LOCK_NOT_AVAILABLE = '55P03'
/**
 * Whoever holds rows and waits for a gate waits for so long at most. Shorter than PostgreSQL's `deadlock_timeout` (1 s), so that
 * the holder of a gate that waits for such a row is never the one who is turned away.
 */
const AHEAD_WAITS_MS = 500
/** A node that gets no answer for so long is taken for dead by the others anyway. */
const ANSWER_WITHIN_MS = NODE_LEASE_SECONDS * 1000

/**
 * The dispatcher's store on PostgreSQL: a few connections of its own, each with at most one transaction at a time.
 * Every transaction runs as `carillon_dispatcher`.
 */
export class PostgresDispatchStore implements DispatchStore {
  readonly #connectionString: string
  readonly #idle: pg.Client[] = []
  readonly #broken = new WeakSet<pg.Client>()
  readonly #open = new Set<pg.Client>()
  readonly #timelines = new Timelines()
  readonly #clock: Clock
  #closed = false
  #givenUp = 0

  constructor(connectionString: string, clock: Clock = systemClock) {
    this.#connectionString = connectionString
    this.#clock = clock
  }

  /** Connections that were given up so far, since the server was silent. */
  get givenUp(): number {
    return this.#givenUp
  }

  registerNode(name: string): Promise<number> {
    return this.#alone((client) => registerNode(client, name))
  }

  renewLease(nodeId: number): Promise<boolean> {
    return this.#alone((client) => renewLease(client, nodeId))
  }

  endDeadNodes(): Promise<void> {
    return this.#alone(endDeadNodes)
  }

  endNode(nodeId: number): Promise<void> {
    return this.#alone((client) => endNode(client, nodeId))
  }

  organizationsWithOrphans(which: { readonly always: boolean }): Promise<number[]> {
    return this.#alone((client) => organizationsWithOrphans(client, which))
  }

  ownCalls(nodeId: number) {
    return this.#alone((client) => ownCalls(client, nodeId))
  }

  organizationsWithOpenBatches(): Promise<number[]> {
    return this.#alone(organizationsWithOpenBatches)
  }

  dueBatches() {
    return this.#alone(dueBatches)
  }

  findTrunk(trunkUuid: string) {
    return this.#alone((client) => findTrunkByUuid(client, trunkUuid))
  }

  async underGate<T>(
    organizationId: number,
    options: GateOptions,
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
  ): Promise<T | null> {
    const client = await this.#take()
    const started: Promise<unknown>[] = []
    let committing = false
    try {
      gatherWrites(client)
      const rowsAhead = options.rowsAhead ?? null
      const patience = rowsAhead ? `; SET LOCAL lock_timeout = ${AHEAD_WAITS_MS}` : ''
      const begun = client.query(`BEGIN; SET LOCAL ROLE carillon_dispatcher${patience}`)
      begun.catch(ignore)
      const gathered = gathering(client)
      const track = tracking(started)
      const calls = new CallWriter(gathered, organizationId, track)
      if (rowsAhead) calls.writeAhead(rowsAhead)
      const gate = await openGate(client as Queryable, organizationId, options)
      await begun
      if (!gate) {
        await client.query('ROLLBACK')
        return null
      }
      const planned = await plan(gate, transactionOf(gathered, { gate, track, calls }))
      if (calls.isUncounted) throw new Error('Calls were written, and what follows from them was not')
      committing = true
      gatherWrites(client)
      const commit = client.query('COMMIT')
      commit.catch(ignore)
      // After the socket has taken what was written to it.
      if (options.whileUnderway) setImmediate(options.whileUnderway)
      // A statement that failed has failed the transaction: its error says why, the COMMIT's tag only that.
      await Promise.all(started)
      const answer = await commit
      if (answer.command !== 'COMMIT') throw new Error(`The transaction ended with ${answer.command}`)
      this.#requireKept(client)
      return planned
    } catch (error) {
      throw await this.#failed(client, await firstFailure(started, error), committing)
    } finally {
      this.#giveBack(client)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#idle.splice(0).map((client) => client.end().catch(ignore)))
  }

  /** Rolls back; the error to throw says whether the transaction may exist after all. */
  async #failed(client: pg.Client, error: unknown, committing: boolean): Promise<unknown> {
    const sqlState = (error as { code?: unknown }).code
    // An error of the server about a statement leaves the connection usable; everything else does not.
    const fromServer =
      typeof sqlState === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(sqlState) && !/^(08|57P|25006)/.test(sqlState)
    if (!fromServer) {
      this.#drop(client)
      return committing ? new CommitUnknown(error) : error
    }
    await client.query('ROLLBACK').catch(() => this.#broken.add(client))
    if (sqlState === STALE_COPIES) return new StaleCopies(error)
    return sqlState === LOCK_NOT_AVAILABLE ? new HeldTooLong(error) : error
  }

  async #alone<T>(ask: (client: Queryable) => Promise<T>): Promise<T> {
    const client = await this.#take()
    // A machine that vanished answers nothing, and its connections would stay for a quarter of an hour. If a question that
    // takes no time gets no answer, nor will whatever else is asked over connections of the same time.
    const suspects = [...this.#open]
    const timer = this.#clock.setTimer(ANSWER_WITHIN_MS, () => {
      for (const suspect of suspects) this.#giveUp(suspect)
    })
    try {
      const answer = await ask(client as Queryable)
      this.#requireKept(client)
      return answer
    } catch (error) {
      throw await this.#failed(client, error, false)
    } finally {
      timer.cancel()
      this.#giveBack(client)
    }
  }

  async #take(): Promise<pg.Client> {
    if (this.#closed) throw new Error('The store is closed')
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (this.#broken.has(idle)) continue
      if (this.#timelines.isLatest(idle)) return idle
      this.#drop(idle)
    }
    const client: pg.Client = await openHotConnection(this.#connectionString, {
      onBroken: () => this.#broken.add(client),
    })
    this.#open.add(client)
    client.once('end', () => this.#open.delete(client))
    try {
      await this.#timelines.learn(client)
    } catch (error) {
      this.#drop(client)
      throw error
    }
    return client
  }

  #drop(client: pg.Client): void {
    this.#broken.add(client)
    this.#open.delete(client)
    client.end().catch(ignore)
  }

  #giveUp(client: pg.Client): void {
    this.#givenUp += 1
    this.#broken.add(client)
    cutConnection(client, new DatabaseSilent())
  }

  /**
   * To be asked after each commit: one that a fail-over may undo, or has undone, is not to be dialled on.
   *
   * @throws with a code of broken connections when the commit is not shared with the standby, or is one of a server that
   *   was replaced.
   */
  #requireKept(client: pg.Client): void {
    requireShared(client)
    this.#timelines.requireLatest(client)
  }

  #giveBack(client: pg.Client): void {
    if (this.#closed) client.end().catch(ignore)
    else if (!this.#broken.has(client)) this.#idle.push(client)
  }
}

function ignore(): void {}

function gathering(client: pg.Client): Queryable {
  return {
    query(config) {
      gatherWrites(client)
      return (client as Queryable).query(config)
    },
  }
}

/** A statement that failed has failed all that were sent after it: the first says why, the others only that. */
async function firstFailure(started: readonly Promise<unknown>[], otherwise: unknown): Promise<unknown> {
  const outcomes = await Promise.allSettled(started)
  return outcomes.find((outcome) => outcome.status === 'rejected')?.reason ?? otherwise
}

type Track = <T>(answer: Promise<T>) => Promise<T>

/** Keeps answers in `started`, so that none of them rejects unseen. */
function tracking(started: Promise<unknown>[]): Track {
  return (answer) => {
    answer.catch(ignore)
    started.push(answer)
    return answer
  }
}

function transactionOf(
  client: Queryable,
  { gate, track, calls }: { gate: Gate; track: Track; calls: CallWriter },
): DispatchTransaction {
  const { organizationId, now } = gate
  return {
    batchesSince: (version) => track(loadBatchDefinitions(client, organizationId, version)),
    batchesById: (batchIds) => track(loadBatchesById(client, organizationId, batchIds)),
    trunks: () => track(loadTrunkDefinitions(client, organizationId)),
    turnBatches: () => track(turnBatches(client, gate)),
    adoptOrphans: (nodeId) => track(adoptOrphans(client, organizationId, nodeId)),
    liveCallsOfNode: (which) => track(liveCallsOfNode(client, organizationId, which)),
    liveCallsOfAttempts: (attempts) => track(liveCallsOfAttempts(client, organizationId, attempts)),
    endCalls: (ended) => track(calls.end(ended)),
    progressCalls: (progress) => track(calls.progress(progress)),
    countCalls: () => track(calls.count(gate)),
    claim: (source, { nodeId, lanes }) =>
      track(
        run(client, claimRecipients(source, { organizationId, now, nodeId, lanes })).then((rows) =>
          claimedRecipients(rows, lanes),
        ),
      ),
    laneStates: (lanes) => track(run(client, laneStates(organizationId, lanes)).then(laneStateRows)),
    trunkStates: () => track(run(client, trunkStates(organizationId, now)).then(trunkStateRows)),
    throttleStates: (throttleIds) => track(throttleStates(client, organizationId, throttleIds)),
    noteThrottledStarts: () => track(noteThrottledStarts(client, gate)),
    setTrunkHealth: (trunkId, health) => track(setTrunkHealth(client, { organizationId, now, trunkId, ...health })),
    suppressRecipients: (recipients, reason) =>
      track(suppressRecipients(client, { organizationId, now, recipients, reason })),
    recordCarrierEvents: (events) => track(recordCarrierEvents(client, organizationId, now, events)),
    endedAttempts: (attempts) => track(endedAttempts(client, organizationId, attempts)),
    correctUnknown: (call) => track(correctUnknown(client, { organizationId, now, call })),
    reviveUnknown: (attempt, nodeId) =>
      track(
        reviveUnknown(client, { organizationId, now, attempt, nodeId }).then(async (revived) =>
          revived ? ((await liveCallsOfAttempts(client, organizationId, [attempt]))[0] ?? null) : null,
        ),
      ),
  }
}
