import { isDeepStrictEqual } from 'node:util'
import { BATCH_STATUS_CODE } from '../../src/model/batch.ts'
import { codeOfCause } from '../../src/model/cause.ts'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import {
  type DispatchStore,
  type DispatchTransaction,
  type RowsAhead,
  StaleCopies,
} from '../../src/store/dispatch-store.ts'
import type { EndedCall } from '../../src/store/end-calls.ts'
import { ProgressColumns, type ProgressedCall } from '../../src/store/progress-calls.ts'
import type { AttemptRow, LiveRow, Tables } from './memory-rows.ts'
import { MemoryServer } from './memory-store.ts'
import { PostgresServer, type SimulatedPostgres } from './postgres-server.ts'
import { Random } from './random.ts'
import { makeScenario } from './scenario.ts'
import type { ServerSide } from './server-side.ts'

const OPERATIONS_MAX = 14
const NODES = 3
const LIVING_NODE = 1
const OTHER_NODE = 2
/** Its lease is over: whatever it claims is an orphan. */
const DEAD_NODE = 3
const DISPOSITIONS = [
  'answered',
  'voicemail',
  'busy',
  'no-answer',
  'rejected',
  'failed',
  'unknown',
  'not-sent',
] as const

const FINAL_DISPOSITIONS = DISPOSITIONS.filter((disposition) => disposition !== 'not-sent')

/** One thing to do to a store; what it returns must be the same on both. */
interface Operation {
  readonly name: string
  run(side: Side): Promise<unknown>
}

interface Side {
  readonly server: ServerSide
  readonly store: DispatchStore
}

export interface Comparison {
  readonly sequences: number
  readonly operations: number
  /** How often each operation was tried. */
  readonly kinds: Readonly<Record<string, number>>
  /** The first difference, in words; null: none. */
  readonly difference: string | null
}

/** Does the same random operations to the store in memory and to PostgreSQL, and compares answers and all rows. */
export async function compareStores(
  database: SimulatedPostgres,
  options: { seed: number; count: number; onProgress?: (done: number) => void },
): Promise<Comparison> {
  const kinds: Record<string, number> = {}
  let operations = 0
  for (let index = 0; index < options.count; index++) {
    const sequence = new Sequence(options.seed + index)
    const difference = await sequence.run(database, (name) => {
      operations++
      kinds[name] = (kinds[name] ?? 0) + 1
    })
    if (difference) return { sequences: index + 1, operations, kinds, difference }
    if (index % 20 === 19) options.onProgress?.(index + 1)
  }
  return { sequences: options.count, operations, kinds, difference: null }
}

class Sequence {
  readonly #seed: number
  readonly #random: Random
  #nowEpochMs = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Random(seed)
  }

  async run(database: SimulatedPostgres, count: (name: string) => void): Promise<string | null> {
    const scenario = makeScenario(this.#seed, this.#random)
    this.#nowEpochMs = scenario.startEpochMs
    const [tables] = scenario.organizations
    await database.empty()
    const postgres = new PostgresServer(database, () => this.#nowEpochMs)
    await postgres.load([tables!])
    const memory = new MemoryServer([tables!], () => this.#nowEpochMs)
    const sideOf = (server: ServerSide): Side => ({ server, store: server.openStore() })
    const sides: [Side, Side] = [sideOf(memory), sideOf(postgres)]
    try {
      await Promise.all(sides.map(prepareNodes))
      return await this.#compare(sides, count)
    } finally {
      await postgres.close()
    }
  }

  async #compare([memory, postgres]: [Side, Side], count: (name: string) => void): Promise<string | null> {
    const organizationId = 1
    const tables = memory.server.peek(organizationId)!
    const log: string[] = []
    for (let step = this.#random.between(4, OPERATIONS_MAX); step > 0; step--) {
      this.#nowEpochMs += this.#random.pick([0, 10, 250, 1_000, 4_000, 20_000])
      const operation = this.#operation(tables)
      count(operation.name)
      const one = await outcomeOf(() => operation.run(memory))
      const other = await outcomeOf(() => operation.run(postgres))
      log.push(operation.name)
      const place = `sequence ${this.#seed}, after ${log.join(', ')}`
      if (!isDeepStrictEqual(plain(one), plain(other))) return `${place}:\n${difference(plain(one), plain(other))}`
    }
    const stored = await postgres.server.readTables(organizationId)
    const place = `sequence ${this.#seed}, after ${log.join(', ')}`
    if (!isDeepStrictEqual(plain(tables), plain(stored)))
      return `${place}:\n${difference(plain(tables), plain(stored))}`
    const wrong = await postgres.server.recount(organizationId)
    return wrong.length > 0 ? `${place}: the recount finds ${wrong.join('; ')}` : null
  }

  #operation(tables: Tables): Operation {
    const kind = this.#random.weighted({
      claim: 6,
      progress: 4,
      end: 6,
      late: 3,
      read: 2,
      chore: 3,
      command: 4,
      mixed: 2,
    })
    if (kind === 'claim') return inTransaction('claim', this.#claim(tables))
    if (kind === 'progress') return inTransaction('progress', this.#progress(tables))
    if (kind === 'end') return inTransaction('end', this.#end(tables))
    if (kind === 'late') return inTransaction('late', this.#late(tables))
    if (kind === 'read') return inTransaction('read', this.#read(tables))
    if (kind === 'chore') return this.#chore(tables)
    if (kind === 'command') return this.#command(tables)
    // What a cycle does: ends first, then the claims, in one transaction.
    const end = this.#end(tables)
    const claim = this.#claim(tables)
    return inTransaction('end and claim', async (transaction, gate) => [
      await end(transaction, gate),
      await claim(transaction, gate),
    ])
  }

  #claim(tables: Tables): Plan {
    const { random } = { random: this.#random }
    const source = random.pick(['cursor', 'cursor', 'due'] as const)
    const nodeId = random.pick([LIVING_NODE, LIVING_NODE, OTHER_NODE, DEAD_NODE])
    const lanes = [...tables.lanes.values()]
      .filter(() => random.chance(0.8))
      .map(({ batchId, lane, trunkId }) => ({
        batchId,
        lane,
        trunkId,
        want: random.between(1, 5),
        sendWithinMs: random.between(1, 5_000),
      }))
    return async (transaction) => {
      const claimed = await transaction.claim(source, { nodeId, lanes })
      const noted = sorted(await transaction.noteThrottledStarts())
      return [claimed.sort((one, other) => one.batchId - other.batchId || one.seq - other.seq), noted]
    }
  }

  /** Some live calls, sometimes not as their rows are. */
  #calls(tables: Tables): LiveRow[] {
    const stale = this.#random.chance(0.1)
    const calls = [...tables.live.values()].filter(() => this.#random.chance(0.6))
    return stale ? calls.map((call) => ({ ...call, state: call.state + 1 })) : calls
  }

  #progress(tables: Tables): Plan {
    const calls = this.#calls(tables).map((row): ProgressedCall => {
      const reached = this.#random.between(row.state, 4)
      return {
        ...this.#steps(row, reached),
        reachedState: reached,
        answeredByCode: this.#random.between(0, 2),
        unsavedCarrierCallId:
          row.carrierCallId === null && this.#random.chance(0.7) ? `C${row.batchId}-${row.seq}-${row.n}` : null,
        unsavedCarrierState: this.#random.chance(0.2) ? `state-${reached}` : null,
      } as ProgressedCall
    })
    const progress = calls.length > 0 ? new ProgressColumns(calls) : null
    const rowsAhead = this.#random.chance(0.5) ? { ended: [], progress } : null
    return Object.assign(
      async (transaction: DispatchTransaction) => {
        if (progress) await transaction.progressCalls(progress)
        await transaction.countCalls()
      },
      { rowsAhead },
    )
  }

  #end(tables: Tables): Plan {
    const calls = this.#calls(tables).map((row): EndedCall => {
      const { status } = tables.batches.get(row.batchId)!
      // Nobody waits for another dial in a batch that is over: the dispatcher sees to that.
      const open = status === BATCH_STATUS_CODE.running || status === BATCH_STATUS_CODE.paused
      return this.#ended(row, this.#random.pick(open ? DISPOSITIONS : FINAL_DISPOSITIONS), open)
    })
    const rowsAhead = this.#random.chance(0.5)
      ? { ended: calls.filter(() => this.#random.chance(0.8)), progress: null }
      : null
    return Object.assign(
      async (transaction: DispatchTransaction) => {
        if (calls.length > 0) await transaction.endCalls(calls)
        await transaction.countCalls()
      },
      { rowsAhead },
    )
  }

  #ended(row: LiveRow | AttemptRow, disposition: (typeof DISPOSITIONS)[number], open = false): EndedCall {
    const random = this.#random
    const state = 'state' in row ? row.state : 1
    const answered = disposition === 'answered' || disposition === 'voicemail'
    // Nothing follows `unknown` by itself.
    const again = open && disposition !== 'unknown' && (disposition === 'not-sent' || random.chance(0.3))
    const steps = this.#steps(
      { ...row, state, numberHash: 'numberHash' in row ? row.numberHash : '0' },
      answered ? 4 : random.between(1, 3),
    )
    return {
      ...steps,
      trunkId: row.trunkId,
      dispositionCode: codeOfOutcome(disposition),
      causeCode: codeOfCause('none'),
      answeredByCode: random.between(0, 2),
      sipStatus: -1,
      q850Cause: -1,
      endedMs: 5_000 + random.between(0, 5_000),
      carrierCallId: random.chance(0.5) ? 'late-id' : null,
      keysPressed: null,
      spokenText: null,
      retryAfterMs: again ? random.pick([0, 1_000, 6_000]) : -1,
      dueReasonCode: disposition === 'not-sent' ? 4 : 1,
      lane: 'lane' in row ? row.lane : 0,
      counted: row.counted,
      successorSeq: 'successorSeq' in row ? row.successorSeq : null,
    }
  }

  #steps(
    row: Pick<LiveRow, 'batchId' | 'seq' | 'n' | 'state' | 'numberHash' | 'claimedAt' | 'answeredMs'>,
    reached: number,
  ) {
    const { batchId, seq, n, numberHash, claimedAt } = row
    const ms = (state: number, at: number) => (reached >= state && this.#random.chance(0.8) ? at : -1)
    return {
      batchId,
      seq,
      n,
      numberHash: BigInt(numberHash),
      place: null,
      claimedAtEpochMs: claimedAt,
      savedState: row.state,
      acceptedMs: ms(2, 100),
      ringingMs: ms(3, 400),
      // A copy knows what its row does.
      answeredMs: row.answeredMs ?? (reached >= 4 ? 900 : -1),
    }
  }

  #late(tables: Tables): Plan {
    const random = this.#random
    const attempts = [...tables.attempts.values()]
    const attempt = attempts.length > 0 ? random.pick(attempts) : null
    if (!attempt) return async (transaction) => transaction.endedAttempts([{ batchId: 1, seq: 1, n: 1 }])
    const call = this.#ended(attempt, random.pick(['answered', 'busy', 'failed', 'no-answer'] as const))
    const revive = random.chance(0.5)
    return async (transaction) => [
      await transaction.endedAttempts([attempt]),
      revive ? await transaction.reviveUnknown(attempt, LIVING_NODE) : await transaction.correctUnknown(call),
    ]
  }

  #read(tables: Tables): Plan {
    const lanes = [...tables.lanes.values()]
    const live = [...tables.live.values()]
    const since = this.#random.pick([0, 1, 2])
    return async (transaction, gate) => [
      gate,
      sorted(await transaction.liveCallsOfNode({ nodeId: LIVING_NODE, hangUpAsked: false })),
      sorted(await transaction.liveCallsOfNode({ nodeId: LIVING_NODE, hangUpAsked: true })),
      sorted(await transaction.liveCallsOfAttempts(live)),
      sorted(await transaction.laneStates(lanes)),
      await transaction.trunkStates(),
      sorted(await transaction.throttleStates([1])),
      await transaction.trunks(),
      sorted(await transaction.batchesSince(since)),
    ]
  }

  #chore(tables: Tables): Operation {
    const random = this.#random
    const kind = random.pick(['adopt', 'turn', 'health', 'suppress-called', 'carrier-events', 'alone'] as const)
    const person = random.pick([...tables.recipients.values()])
    const trunkId = random.pick([...tables.trunks.keys()])
    const blockedForMs = random.pick([null, 500, 8_000])
    if (kind === 'alone') {
      return {
        name: kind,
        run: async ({ store }) => [
          await store.organizationsWithOpenBatches(),
          await store.organizationsWithOrphans({ always: blockedForMs === null }),
          sorted(await store.ownCalls(LIVING_NODE)),
          await store.dueBatches(),
          await store.renewLease(DEAD_NODE),
        ],
      }
    }
    return inTransaction(kind, async (transaction) => {
      if (kind === 'adopt') return sorted(await transaction.adoptOrphans(OTHER_NODE))
      if (kind === 'turn') return transaction.turnBatches()
      if (kind === 'health') return transaction.setTrunkHealth(trunkId, { failuresInRow: 5, blockedForMs })
      if (kind === 'suppress-called') return transaction.suppressRecipients([person], 'asked')
      return transaction.recordCarrierEvents([{ trunkId, eventKey: `e${person.seq}` }])
    })
  }

  #command(tables: Tables): Operation {
    const random = this.#random
    const batchId = random.pick([...tables.batches.keys()])
    const { number, numberHash } = random.pick([...tables.recipients.values()])
    const { status } = tables.batches.get(batchId)!
    const liveMax = random.between(1, 5)
    const kinds = ['pause', 'resume', 'cancel', 'suppress', 'retry', 'limits', 'window', 'unsent', 'hang-up'] as const
    const kind = random.pick(kinds)
    const live = [...tables.live.values()]
    const called = live.length > 0 ? random.pick(live) : { batchId: 1, seq: 1, n: 7 }
    const outcomes = (['busy', 'failed', 'no-answer', 'unknown', 'cancelled', 'suppressed'] as const).map(codeOfOutcome)
    const name = `command ${kind}`
    const running = status === 2
    const paused = status === 3
    return {
      name,
      run: async ({ server: { commands } }) => {
        if (kind === 'pause') return running ? commands.pause(1, batchId) : null
        if (kind === 'resume') return paused ? commands.resume(1, batchId) : null
        if (kind === 'cancel') return running || paused ? commands.cancel(1, batchId) : null
        if (kind === 'suppress') return commands.suppress(1, [number])
        if (kind === 'retry') return status >= 2 ? commands.retry(1, batchId, outcomes) : null
        if (kind === 'window') return commands.setWindow(1, batchId, null)
        if (kind === 'hang-up') return commands.hangUp(1, called)
        if (kind === 'unsent')
          return [
            await commands.countUnsent(1, { batchId }),
            await commands.countUnsent(1, { numberHashes: [numberHash] }),
          ]
        const trunk = { trunkId: [...tables.trunks.keys()][0]!, liveMax }
        return commands.setLimits(1, { liveMax, batch: { batchId, liveMax }, trunk })
      },
    }
  }
}

/** Hashes of numbers are bigint, which JSON does not know. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part))
}

interface Plan {
  (transaction: DispatchTransaction, gate: unknown): Promise<unknown>
  /** What it writes that is written before the gate is there. */
  readonly rowsAhead?: RowsAhead | null
}

function inTransaction(name: string, plan: Plan): Operation {
  return {
    name,
    run: ({ store }) =>
      store.underGate(
        1,
        { skipIfTaken: false, rowsAhead: plan.rowsAhead ?? null },
        async ({ now: _now, ...gate }, transaction) => plan(transaction, gate),
      ),
  }
}

async function prepareNodes({ store }: Side): Promise<void> {
  for (let node = 1; node <= NODES; node++) await store.registerNode('node')
  await store.endNode(DEAD_NODE)
}

async function outcomeOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answer: await run() }
  } catch (error) {
    if (error instanceof StaleCopies) return 'stale copies'
    throw error
  }
}

function sorted<Row>(rows: readonly Row[]): Row[] {
  return rows
    .map((row) => [textOf(row), row] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, row]) => row)
}

/** Without what has no order and without places, which a memory has none of, and with numbers of the bucket as exact as they are kept. */
function plain(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value * 1e4) / 1e4
  if (Array.isArray(value)) {
    const parts = value.map(plain)
    return parts.some((part) => typeof part === 'object' && part !== null && 'kind' in part) ? sorted(parts) : parts
  }
  if (value instanceof Map) return sorted([...value].map(([key, row]) => ({ key, row: plain(row) })))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, part]) => key !== 'place' && part !== undefined)
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, part]) => [key, plain(part)]),
  )
}

/** The first place in which two plain values differ. */
function difference(memory: unknown, postgres: unknown, place = ''): string {
  if (typeof memory === 'object' && typeof postgres === 'object' && memory !== null && postgres !== null) {
    for (const key of new Set([...Object.keys(memory), ...Object.keys(postgres)])) {
      const one = (memory as Record<string, unknown>)[key]
      const other = (postgres as Record<string, unknown>)[key]
      if (!isDeepStrictEqual(one, other)) return difference(one, other, `${place}.${key}`)
    }
  }
  return `${place}: memory has ${textOf(memory)}, PostgreSQL ${textOf(postgres)}`
}
