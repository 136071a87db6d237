import type pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import type { ClaimedRecipient } from '../../src/store/claim-recipients.ts'
import { openConnection } from '../../src/store/database.ts'
import { HeldTooLong, StaleCopies } from '../../src/store/dispatch-store.ts'
import type { EndedCall } from '../../src/store/end-calls.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

const NOTHING_KNOWN = { acceptedMs: -1, ringingMs: -1, answeredMs: -1, answeredByCode: 0 }

function accepted(call: ClaimedRecipient) {
  return {
    ...call,
    ...NOTHING_KNOWN,
    claimedAtEpochMs: 0,
    savedState: 1,
    reachedState: 2,
    acceptedMs: 1,
    unsavedCarrierCallId: `call-${call.seq}`,
    unsavedCarrierState: null,
  }
}

function busy(call: ClaimedRecipient, retryAfterMs = -1): EndedCall {
  return {
    ...call,
    ...NOTHING_KNOWN,
    claimedAtEpochMs: 0,
    savedState: 1,
    dispositionCode: 3,
    causeCode: 0,
    sipStatus: -1,
    q850Cause: -1,
    endedMs: 5,
    carrierCallId: null,
    keysPressed: null,
    spokenText: null,
    retryAfterMs,
    dueReasonCode: 1,
  }
}

/** What a node has to write of these calls: the first two are over, the others were accepted. */
function newsOf(calls: readonly ClaimedRecipient[]) {
  const ended = [busy(calls[0]!), busy(calls[1]!, 60_000)]
  return { ended, progress: new ProgressColumns(calls.slice(2).map(accepted)) }
}

type News = ReturnType<typeof newsOf>

function write(world: CommandWorld, { ended, progress }: News, rowsAhead: News | undefined) {
  return world.dispatch(async (_gate, transaction) => {
    await transaction.progressCalls(progress)
    await transaction.endCalls(ended)
    await transaction.countCalls()
  }, rowsAhead)
}

/** Somebody else who has the gate, and an organization that waits for it with its rows written. */
async function behindTheGate(world: CommandWorld, news: News) {
  const holder = await openConnection(world.connectionString)
  onTestFinished(() => holder.end())
  await holder.query('BEGIN; SELECT FROM gate FOR UPDATE')
  const written = write(world, news, news).catch((error: unknown) => error)
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'FROM gate'`
  while ((await world.sql(waiting)).length === 0) {}
  return { holder, written }
}

const states = (world: CommandWorld) => world.sql('SELECT seq, state FROM live_call ORDER BY seq')
const untouched = (client: Pick<pg.Client, 'query'>) =>
  client.query('SELECT seq FROM live_call ORDER BY seq FOR UPDATE SKIP LOCKED').then(({ rows }) => rows)

async function worldWithCalls() {
  const world = await commandWorld()
  await world.makeBatch(people(5))
  return { world, calls: await world.claim(5) }
}

test('rows are written while somebody else has the gate, and seen when all of it is committed', async () => {
  const { world, calls } = await worldWithCalls()
  const { holder, written } = await behindTheGate(world, newsOf(calls))
  const before = calls.map(({ seq }) => ({ seq, state: 1 }))
  expect(await states(world)).toEqual(before)
  expect(await untouched(holder)).toEqual([])
  await holder.query('COMMIT')
  expect(await written).toBeUndefined()
  expect(await states(world)).toEqual(calls.slice(2).map(({ seq }) => ({ seq, state: 2 })))
  expect(await world.sql('SELECT seq, disposition FROM attempt ORDER BY seq')).toEqual([
    { seq: calls[0]!.seq, disposition: 3 },
    { seq: calls[1]!.seq, disposition: 3 },
  ])
  expect(await world.sql('SELECT seq, n FROM due')).toEqual([{ seq: calls[1]!.seq, n: 2 }])
  expect(await world.differences()).toEqual([])
})

test('whoever has the gate goes first, also where it needs a row that was written ahead', async () => {
  const { world, calls } = await worldWithCalls()
  const news = newsOf(calls)
  const { holder, written } = await behindTheGate(world, news)
  await holder.query('UPDATE live_call SET hang_up_asked = true WHERE seq = $1', [calls[2]!.seq])
  await holder.query('COMMIT')
  expect(await written).toBeInstanceOf(HeldTooLong)
  expect(await states(world)).toEqual(calls.map(({ seq }) => ({ seq, state: 1 })))
  expect(await world.sql('SELECT FROM attempt')).toEqual([])
  expect(await world.differences()).toEqual([])

  const again = newsOf(calls.map((call) => ({ ...call, place: null })))
  await write(world, again, undefined)
  expect(await world.sql('SELECT seq FROM live_call WHERE hang_up_asked AND state = 2')).toEqual([
    { seq: calls[2]!.seq },
  ])
  expect(await world.differences()).toEqual([])
})

test('a row that is not as it was believed fails all of it before the gate is there', async () => {
  const { world, calls } = await worldWithCalls()
  await world.end([calls[4]!], { disposition: 'answered' })
  const news = newsOf(calls)
  await expect(write(world, news, news)).rejects.toBeInstanceOf(StaleCopies)
  expect(await states(world)).toEqual(calls.slice(0, 4).map(({ seq }) => ({ seq, state: 1 })))
  expect(await world.differences()).toEqual([])
})

test.each(['ended', 'progress'] as const)(
  'a transaction that leaves out what follows from %s ahead fails',
  async (what) => {
    const { world, calls } = await worldWithCalls()
    const news = newsOf(calls)
    const rowsAhead = { ended: [], progress: null, [what]: news[what] }
    await expect(world.dispatch(async () => undefined, rowsAhead)).rejects.toThrow('what follows from them was not')
    expect(await states(world)).toEqual(calls.map(({ seq }) => ({ seq, state: 1 })))
    expect(await world.differences()).toEqual([])
  },
)
