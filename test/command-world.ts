import { onTestFinished } from 'vitest'
import { agentKind } from '../src/agents/registry.ts'
import { carrierKind } from '../src/carriers/registry.ts'
import { type Clock, systemClock } from '../src/clock.ts'
import { authenticate } from '../src/commands/authenticate.ts'
import type { BatchInput } from '../src/commands/batch-terms.ts'
import { ensureFirstOrganization, ensureInstallation, type FirstOrganization } from '../src/commands/bootstrap.ts'
import type { Actor, CommandContext } from '../src/commands/context.ts'
import { createBatch } from '../src/commands/create-batch.ts'
import type { RecipientInput } from '../src/commands/posted-recipients.ts'
import { recount } from '../src/commands/recount.ts'
import type { BatchView } from '../src/commands/views.ts'
import { webhookForm } from '../src/dialects/registry.ts'
import { type AttemptDisposition, codeOfOutcome } from '../src/model/disposition.ts'
import type { ClaimedRecipient } from '../src/store/claim-recipients.ts'
import { createPool, openConnection } from '../src/store/database.ts'
import type { DispatchTransaction, RowsAhead } from '../src/store/dispatch-store.ts'
import type { Gate } from '../src/store/gate.ts'
import { PostgresDispatchStore } from '../src/store/postgres-dispatch-store.ts'
import { ProgressColumns } from '../src/store/progress-calls.ts'
import { createTestDatabase } from './database.ts'
import { loopbackTargets } from './loopback-targets.ts'

/** A carrier whose telephones are real, for what loopback trunks do not check. */
const strictCarrier = { ...carrierKind('loopback')!, takesAnyNumber: false }

export interface CommandWorld {
  readonly context: CommandContext
  readonly actor: Actor
  readonly first: FirstOrganization
  readonly connectionString: string
  /** Organizations that were woken, in order. */
  readonly woken: number[]
  readonly sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  readonly makeBatch: (recipients: readonly RecipientInput[], input?: Partial<BatchInput>) => Promise<BatchView>
  /** What a recount finds wrong; nothing, if all is well. */
  readonly differences: () => Promise<readonly string[]>
  /** Claims up to `count` recipients of every open lane, those in line or those that are due; in the order of the list. */
  readonly claim: (count: number, source?: 'cursor' | 'due') => Promise<ClaimedRecipient[]>
  readonly end: (calls: readonly ClaimedRecipient[], how: CallEnd) => Promise<void>
  readonly answer: (calls: readonly ClaimedRecipient[]) => Promise<void>
  /** Lets time pass until no intent can be sent any more, as far as the database can tell. */
  readonly forgetUnsent: () => Promise<void>
  /** Runs one transaction as a dispatcher does. */
  readonly dispatch: <T>(
    plan: (gate: Gate, transaction: DispatchTransaction) => Promise<T>,
    rowsAhead?: RowsAhead,
  ) => Promise<T>
}

export interface CallEnd {
  readonly disposition: AttemptDisposition
  /** Absent: the recipient is final. */
  readonly retryAfterMs?: number
  readonly keysPressed?: string
  readonly spokenText?: string
}

/**
 * The commands on a database of their own, with the organization of the first start, and a dispatcher that a test
 * moves by hand with the statements of the product.
 */
export async function commandWorld(options: { clock?: Clock; strict?: boolean } = {}): Promise<CommandWorld> {
  const database = await createTestDatabase()
  const pool = createPool(database.connectionString)
  const connection = await openConnection(database.connectionString)
  const store = new PostgresDispatchStore(database.connectionString)
  onTestFinished(async () => {
    await store.close()
    await connection.end()
    await pool.end()
    await database.drop()
  })
  const clock = options.clock ?? systemClock
  const woken: number[] = []
  const context: CommandContext = {
    database: pool,
    clock,
    secrets: await ensureInstallation(pool, clock),
    signals: { wake: (organizationId) => woken.push(organizationId) },
    carrierKind: options.strict === true ? (name) => (name === 'loopback' ? strictCarrier : undefined) : carrierKind,
    agentKind,
    webhookForm,
    targets: loopbackTargets,
  }
  const first = await ensureFirstOrganization({ ...context, carrierKind }, {})
  const actor = await authenticate(context, { token: first.apiKey!.token })
  const sql = async (text: string, values: unknown[] = []) => (await connection.query(text, values)).rows
  const nodeId = await store.registerNode('test')
  const dispatch: CommandWorld['dispatch'] = async (plan, rowsAhead) => {
    return (await store.underGate(actor.organizationId, { skipIfTaken: false, rowsAhead: rowsAhead ?? null }, plan))!
  }

  return {
    context,
    actor,
    first,
    connectionString: database.connectionString,
    woken,
    sql,
    dispatch,
    differences: () => recount(context, actor.organizationId),
    async makeBatch(recipients, input = {}) {
      const made = await createBatch(
        context,
        actor,
        { dialect: 'native', agent: first.agentId!, ...input },
        { recipients },
      )
      return made.batch
    },
    async claim(count, source = 'cursor') {
      await sql('UPDATE trunk_state SET tokens = 1000, calls_per_second = 100000')
      const lanes = await sql(
        'SELECT batch_id, lane, trunk_id FROM lane WHERE closed_as IS NULL ORDER BY batch_id, lane',
      )
      const requests = lanes.map((lane) => ({
        batchId: lane.batch_id as number,
        lane: lane.lane as number,
        trunkId: lane.trunk_id as number,
        want: count,
        sendWithinMs: 5_000,
      }))
      const claimed = await dispatch((_gate, transaction) => transaction.claim(source, { nodeId, lanes: requests }))
      return claimed.sort((one, other) => one.batchId - other.batchId || one.seq - other.seq)
    },
    async forgetUnsent() {
      await sql('UPDATE live_call SET send_not_after = claimed_at')
    },
    async answer(calls) {
      await dispatch(async (_gate, transaction) => {
        const rows = await transaction.liveCallsOfAttempts(calls)
        const answered = rows.map((row) => ({
          ...row,
          savedState: row.state,
          reachedState: 4,
          acceptedMs: 10,
          ringingMs: 20,
          answeredMs: 100,
          answeredByCode: 1,
          unsavedCarrierCallId: `call-${row.seq}`,
          unsavedCarrierState: null,
        }))
        await transaction.progressCalls(new ProgressColumns(answered))
        await transaction.countCalls()
      })
    },
    async end(calls, how) {
      await dispatch(async (_gate, transaction) => {
        const rows = await transaction.liveCallsOfAttempts(calls)
        await transaction.endCalls(rows.map((row) => ({ ...row, savedState: row.state, ...endOf(how) })))
        await transaction.countCalls()
      })
    },
  }
}

function endOf(how: CallEnd) {
  const answered = how.disposition === 'answered'
  return {
    dispositionCode: codeOfOutcome(how.disposition),
    causeCode: 0,
    answeredByCode: 0,
    sipStatus: -1,
    q850Cause: -1,
    acceptedMs: 10,
    ringingMs: 20,
    answeredMs: answered ? 100 : -1,
    endedMs: answered ? 2_100 : 150,
    carrierCallId: null,
    keysPressed: how.keysPressed ?? null,
    spokenText: how.spokenText ?? null,
    retryAfterMs: how.retryAfterMs ?? -1,
    dueReasonCode: 1,
  }
}

/** `count` different numbers that no real person has. */
export function people(count: number): RecipientInput[] {
  return Array.from({ length: count }, (_, index) => ({ to: `+1${5_550_000_000 + index}`, variables: { n: index } }))
}

/** A file as it arrives, in pieces. */
export async function* fileOf(text: string, pieceBytes = 65_536): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes)
}
