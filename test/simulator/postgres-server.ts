import type pg from 'pg'
import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { EVENT_KINDS } from '../../src/model/event-kind.ts'
import { touchBatch, writeBatchStatus } from '../../src/store/batches.ts'
import { askToHangUp } from '../../src/store/calls.ts'
import { cancelWaiting } from '../../src/store/close-batches.ts'
import { createDatabaseIfMissing, openHotConnection } from '../../src/store/database.ts'
import type { DispatchStore } from '../../src/store/dispatch-store.ts'
import { appendBatchEvent } from '../../src/store/event-log.ts'
import { bumpVersion, type Gate, openGate } from '../../src/store/gate.ts'
import { countUnsentIntents } from '../../src/store/live-calls.ts'
import { migrate } from '../../src/store/migrate.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { findDifferences } from '../../src/store/recount.ts'
import { openClosedLanes, reopenRecipients } from '../../src/store/reopen-recipients.ts'
import type { Queryable } from '../../src/store/statement.ts'
import { databaseUrl } from '../database-url.ts'
import { startTemporaryServer } from '../postgres-for-tests.ts'
import type { Tables } from './memory-rows.ts'
import { insertTables, readTables } from './postgres-rows.ts'
import type { Commands, ServerSide } from './server-side.ts'
import type { OpenServer } from './simulation.ts'

/** The one time function, moved by the simulator. */
const VIRTUAL_TIME = `CREATE TABLE simulated_time (now timestamptz NOT NULL);
INSERT INTO simulated_time VALUES ('epoch');
GRANT SELECT ON simulated_time TO PUBLIC;
CREATE OR REPLACE FUNCTION carillon_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT now FROM carillon.simulated_time'`

/** A migrated database whose time the simulator moves. */
export class SimulatedPostgres {
  readonly connectionString: string
  readonly client: pg.Client
  #store: PostgresDispatchStore | null = null

  constructor(connectionString: string, client: pg.Client) {
    this.connectionString = connectionString
    this.client = client
  }

  /** Row by row: for a few rows that is ten times faster than TRUNCATE, which makes new files. */
  async empty(): Promise<void> {
    const tables =
      'live_call, due, attempt, verdict, event_block, carrier_event, suppression, recipient, lane, batch_state, batch, ' +
      'listed_batch_count, once_batch_count'
    const owners = 'throttle_state, throttle, trunk_state, trunk, agent, gate, organization, node'
    const deletes = `${tables}, ${owners}`.split(', ').map((table) => `DELETE FROM ${table}`)
    await this.client.query(`${deletes.join('; ')}; SELECT setval('node_node_id_seq', 1, false)`)
  }

  /** One for all runs: its connections keep their plans. */
  get store(): PostgresDispatchStore {
    this.#store ??= new PostgresDispatchStore(this.connectionString)
    return this.#store
  }

  async close(): Promise<void> {
    await this.#store?.close()
    await this.client.end()
  }
}

/** Runs something on a database of its own, on a server that is started for it unless one is given. */
export async function withPostgres<T>(work: (database: SimulatedPostgres) => Promise<T>, given?: string): Promise<T> {
  const server = given === undefined ? await startTemporaryServer() : { connectionString: given, stop: async () => {} }
  try {
    const url = given ?? databaseUrl(server.connectionString, 'simulator')
    if (given === undefined) {
      await createDatabaseIfMissing(url)
      await migrate(url)
    }
    const client = await openHotConnection(url, { applicationName: 'simulator' })
    await client.query(VIRTUAL_TIME)
    const database = new SimulatedPostgres(url, client)
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  } finally {
    await server.stop()
  }
}

/** Each seed runs on the same database, emptied before. */
export function onPostgres(database: SimulatedPostgres): OpenServer {
  return async (scenario, world) => {
    await database.empty()
    const server = new PostgresServer(database, () => world.nowEpochMs)
    await server.load(scenario.organizations)
    return server
  }
}

/** The product's own store and statements on PostgreSQL, told the time before each of them. */
export class PostgresServer implements ServerSide {
  readonly kind = 'postgres'
  readonly #database: SimulatedPostgres
  readonly #store: PostgresDispatchStore
  readonly #nowEpochMs: () => number
  #toldEpochMs = -1

  constructor(database: SimulatedPostgres, nowEpochMs: () => number) {
    this.#database = database
    this.#store = database.store
    this.#nowEpochMs = nowEpochMs
  }

  async load(organizations: readonly Tables[]): Promise<void> {
    await this.#tellTime()
    for (const tables of organizations) await insertTables(this.#database.client, tables)
  }

  peek(): null {
    return null
  }

  readTables(organizationId: number): Promise<Tables> {
    return readTables(this.#database.client, organizationId)
  }

  recount(organizationId: number): Promise<readonly string[]> {
    return findDifferences(this.#database.client, organizationId)
  }

  async close(): Promise<void> {}

  openStore(): DispatchStore {
    const store = this.#store
    const timed = <T>(ask: () => Promise<T>) => this.#tellTime().then(ask)
    return {
      registerNode: (name) => timed(() => store.registerNode(name)),
      renewLease: (nodeId) => timed(() => store.renewLease(nodeId)),
      endDeadNodes: () => timed(() => store.endDeadNodes()),
      endNode: (nodeId) => timed(() => store.endNode(nodeId)),
      organizationsWithOrphans: (which) => timed(() => store.organizationsWithOrphans(which)),
      ownCalls: (nodeId) => timed(() => store.ownCalls(nodeId)),
      organizationsWithOpenBatches: () => timed(() => store.organizationsWithOpenBatches()),
      dueBatches: () => timed(() => store.dueBatches()),
      findTrunk: (trunkUuid) => timed(() => store.findTrunk(trunkUuid)),
      underGate: (organizationId, options, plan) => timed(() => store.underGate(organizationId, options, plan)),
      close: async () => undefined,
    }
  }

  readonly commands: Commands = {
    pause: (id, batchId) => this.#setStatus(id, batchId, { status: 'paused', event: 'batch-paused' }),
    resume: (id, batchId) => this.#setStatus(id, batchId, { status: 'running', event: 'batch-resumed' }),
    cancel: (id, batchId) =>
      this.#underGate(id, async (client, gate) => {
        await cancelWaiting(asQueryable(client), gate, batchId)
        await touchBatch(client, gate, { batchId, version: await bumpVersion(asQueryable(client), id) })
      }),
    suppress: (id, numbers) =>
      this.#underGate(id, async (client, gate) => {
        await client.query(
          `INSERT INTO suppression SELECT DISTINCT $1::int, number_hash, number, 'asked', $2::timestamptz FROM recipient
           WHERE organization_id = $1 AND number = ANY($3::bigint[]) ON CONFLICT DO NOTHING`,
          [id, gate.now, numbers],
        )
      }),
    retry: (id, batchId, outcomeCodes) =>
      this.#underGate(id, async (client, gate) => {
        await openClosedLanes(client, id, batchId)
        const { rows } = await client.query(
          `SELECT (retry_policy->>'maxAttempts')::int AS max FROM batch WHERE organization_id = $1 AND batch_id = $2`,
          [id, batchId],
        )
        const version = await bumpVersion(asQueryable(client), id)
        return reopenRecipients(client, gate, { batchId, version, outcomeCodes, attemptsMax: rows[0].max })
      }),
    setLimits: (id, { liveMax, batch, trunk }) =>
      this.#underGate(id, async (client) => {
        const version = await bumpVersion(asQueryable(client), id)
        const set = (text: string, values: unknown[]) => client.query(text, [id, ...values])
        if (liveMax !== undefined) await set('UPDATE gate SET live_max = $2 WHERE organization_id = $1', [liveMax])
        if (batch) {
          const key = [batch.batchId, batch.liveMax]
          await set('UPDATE batch_state SET live_max = $3 WHERE organization_id = $1 AND batch_id = $2', key)
          await set('UPDATE batch SET version = $3 WHERE organization_id = $1 AND batch_id = $2', [
            batch.batchId,
            version,
          ])
        }
        if (!trunk) return
        const key = [trunk.trunkId, trunk.liveMax]
        await set('UPDATE trunk_state SET live_max = $3 WHERE organization_id = $1 AND trunk_id = $2', key)
      }),
    setWindow: (id, batchId, window) =>
      this.#underGate(id, async (client) => {
        const version = await bumpVersion(asQueryable(client), id)
        await client.query(
          'UPDATE batch SET version = $3, calling_window = $4 WHERE organization_id = $1 AND batch_id = $2',
          [id, batchId, version, window === null ? null : JSON.stringify(window)],
        )
      }),
    hangUp: (id, attempt) =>
      this.#underGate(id, async (client, gate) => {
        const marked = await askToHangUp(client, gate, attempt)
        const version = await bumpVersion(asQueryable(client), id)
        await touchBatch(client, gate, { batchId: attempt.batchId, version })
        return marked > 0
      }),
    countUnsent: async (id, of) => {
      await this.#tellTime()
      return countUnsentIntents(asQueryable(this.#database.client), id, of)
    },
  }

  #setStatus(
    organizationId: number,
    batchId: number,
    to: { status: 'paused' | 'running'; event: 'batch-paused' | 'batch-resumed' },
  ): Promise<void> {
    return this.#underGate(organizationId, async (client, gate) => {
      const key = { batchId, version: await bumpVersion(asQueryable(client), organizationId) }
      const change = { statusCode: BATCH_STATUS_CODE[to.status], started: to.status === 'running' }
      await writeBatchStatus(client, gate, key, change)
      await appendBatchEvent(asQueryable(client), gate, batchId, EVENT_KINDS[to.event])
    })
  }

  /** As the product's commands do: the gate first. */
  async #underGate<T>(organizationId: number, work: (client: pg.Client, gate: Gate) => Promise<T>): Promise<T> {
    await this.#tellTime()
    const { client } = this.#database
    await client.query('BEGIN')
    try {
      const gate = await openGate(asQueryable(client), organizationId)
      const result = await work(client, gate!)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    }
  }

  async #tellTime(): Promise<void> {
    const now = this.#nowEpochMs()
    if (now === this.#toldEpochMs) return
    this.#toldEpochMs = now
    await this.#database.client.query('UPDATE simulated_time SET now = $1', [new Date(now)])
  }
}

function asQueryable(client: pg.Client): Queryable {
  return client as unknown as Queryable
}
