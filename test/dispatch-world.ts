import { randomUUID } from 'node:crypto'
import { agentKind } from '../src/agents/registry.ts'
import type { Carrier, CarrierContext } from '../src/carriers/carrier.ts'
import { loopback } from '../src/carriers/loopback/carrier.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { Dispatcher } from '../src/dispatcher/dispatcher.ts'
import { deriveIdKey, deriveNumberHashKey, hashNumbers, IdCipher } from '../src/model/id-cipher.ts'
import { defaultRetryPolicy, NO_RETRIES, type RetryPolicy } from '../src/model/retry-policy.ts'
import { openConnection } from '../src/store/database.ts'
import type { DispatchStore } from '../src/store/dispatch-store.ts'
import { PostgresDispatchStore } from '../src/store/postgres-dispatch-store.ts'
import { createTestDatabase } from './database.ts'
import { loopbackTargets } from './loopback-targets.ts'
import { noSound } from './no-sound.ts'

const SECRET = Buffer.alloc(32, 7)

export interface BatchOptions {
  readonly numbers: readonly number[]
  readonly concurrency?: number
  readonly retryPolicy?: RetryPolicy
  readonly status?: number
  readonly startInMs?: number
  readonly callingWindow?: object | null
  readonly zones?: readonly string[]
  readonly trunkId?: number
}

/**
 * One database with one organization, written by hand, and as many dispatchers on it as a test wants: the product's
 * own dispatcher and store without the commands and HTTP around them.
 */
export async function dispatchWorld(
  options: { liveMax?: number; trunkLiveMax?: number; callsPerSecond?: number } = {},
) {
  const database = await createTestDatabase()
  const sql = await openConnection(database.connectionString, 'dispatch-world')
  const ask = async (text: string, values: unknown[] = []) => (await sql.query(text, values)).rows
  await ask(`INSERT INTO organization (organization_uuid, name, created_at) VALUES ($1, 'test', now())`, [randomUUID()])
  await ask('INSERT INTO gate (organization_id, live_max) VALUES (1, $1)', [options.liveMax ?? 50])
  await ask(`INSERT INTO trunk VALUES (1, 1, $1, 'loopback', 'loopback', '{"speed":1000}', 1, now())`, [randomUUID()])
  await ask(
    'INSERT INTO trunk_state (organization_id, trunk_id, live_max, calls_per_second, refilled_at) VALUES (1, 1, $1, $2, now())',
    [options.trunkLiveMax ?? 1000, options.callsPerSecond ?? 10_000],
  )
  await ask(`INSERT INTO agent VALUES (1, 1, $1, 'announcer', 'announcement', $2, NULL, now(), NULL)`, [
    randomUUID(),
    { text: 'Hello {name}, this is a test.', waitForKeySeconds: 2, stopKey: '9' },
  ])
  let batchId = 0
  const dispatchers: Dispatcher[] = []

  async function addBatch(batch: BatchOptions): Promise<number> {
    batchId++
    const { numbers } = batch
    // Like every command: a node that looks in between would take the new version for known.
    await ask('BEGIN')
    await ask('UPDATE gate SET version = version + 1 WHERE organization_id = 1')
    await ask(
      `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id, ring_timeout_seconds,
         max_call_seconds, calling_window, retry_policy, duplicate_numbers, columns, phone_column, version, created_at, updated_at)
       VALUES (1, $1, $2, 'batch', 'native', 1, 14155550100, $5, 30, 600, $3, $4, 'skip', '{phone,name}', 0, (SELECT version FROM gate), now(), now())`,
      [batchId, randomUUID(), batch.callingWindow ?? null, batch.retryPolicy ?? NO_RETRIES, batch.trunkId ?? 1],
    )
    await ask(
      `INSERT INTO batch_state (organization_id, batch_id, status, live_max, total, start_at) VALUES (1, $1, $2, $3, $4, now() + $5::float8 * interval '1 ms')`,
      [batchId, batch.status ?? 2, batch.concurrency ?? 1000, numbers.length, batch.startInMs ?? null],
    )
    await ask('INSERT INTO lane VALUES (1, $1, 0, $4, $3, 1, 1, $2, $2)', [
      batchId,
      numbers.length + 1,
      batch.zones ?? [],
      batch.trunkId ?? 1,
    ])
    const hashes = hashNumbers(deriveNumberHashKey(SECRET, 1), Float64Array.from(numbers))
    await ask(
      `INSERT INTO recipient (organization_id, batch_id, seq, line, number, number_hash, variables)
       SELECT 1, $1, row_number() OVER (), row_number() OVER () + 1, n, h, '["Person"]' FROM unnest($2::bigint[], $3::bigint[]) x(n, h)`,
      [batchId, numbers, [...hashes].map(String)],
    )
    await ask('COMMIT')
    for (const dispatcher of dispatchers) dispatcher.wake(1)
    return batchId
  }

  async function addNode(
    overrides: {
      clock?: Clock
      openCarrier?: (context: CarrierContext) => Carrier
      name?: string
      store?: DispatchStore
      dialing?: boolean
    } = {},
  ): Promise<Dispatcher> {
    const clock = overrides.clock ?? systemClock
    const log = { info() {}, warn() {}, error() {} }
    const dispatcher = new Dispatcher({
      store: overrides.store ?? new PostgresDispatchStore(database.connectionString),
      clock,
      ids: new IdCipher(deriveIdKey(SECRET)),
      log,
      nodeName: overrides.name ?? 'node',
      dialing: overrides.dialing ?? true,
      openCarrier: (_organizationId, trunk, report) => {
        const context: CarrierContext = { clock, report, log, targets: loopbackTargets, callbackUrl: '', ...noSound }
        if (overrides.openCarrier) return overrides.openCarrier(context)
        return loopback.open(loopback.settings.parse(trunk.settings), context)
      },
      agentKind,
    })
    await dispatcher.start()
    dispatchers.push(dispatcher)
    return dispatcher
  }

  async function close(): Promise<void> {
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()))
    await sql.end()
    await database.drop()
  }

  return { ask, addBatch, addNode, close, connectionString: database.connectionString, dispatchers }
}

export type DispatchWorld = Awaited<ReturnType<typeof dispatchWorld>>

/** Resolves when `holds` does; asks again and again, letting everything else go on in between. Fails after a minute. */
export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const start = performance.now()
  while (!(await holds())) {
    if (performance.now() - start > 60_000) throw new Error(`never came: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Numbers `+1415…` with the given endings, all different. */
export function numbersEnding(endings: readonly number[]): number[] {
  return endings.map((ending, index) => 14_150_000_000 + index * 100 + ending)
}

export const retryBusy = defaultRetryPolicy(2, [0.01])
