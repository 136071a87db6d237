import { expect, test } from 'vitest'
import type { ClaimedRecipient } from '../../src/store/claim-recipients.ts'
import { openConnection } from '../../src/store/database.ts'
import { StaleCopies } from '../../src/store/dispatch-store.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
import { pageOf, placeOnPage, type RowPlace } from '../../src/store/row-place.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

const BUSY = {
  dispositionCode: 3,
  causeCode: 0,
  answeredByCode: 0,
  sipStatus: -1,
  q850Cause: -1,
  acceptedMs: -1,
  ringingMs: -1,
  answeredMs: -1,
  endedMs: 5,
  carrierCallId: null,
  keysPressed: null,
  spokenText: null,
  retryAfterMs: -1,
  dueReasonCode: 1,
}

/** The step behind the row's, as a node writes it that knows where the rows lie. */
function step(calls: readonly ClaimedRecipient[], savedState: number, places: readonly (RowPlace | null)[]) {
  return new ProgressColumns(
    calls.map((call, index) => ({
      ...call,
      place: places[index] ?? null,
      claimedAtEpochMs: 0,
      savedState,
      reachedState: savedState + 1,
      acceptedMs: 1,
      ringingMs: savedState >= 2 ? 2 : -1,
      answeredMs: savedState >= 3 ? 3 : -1,
      answeredByCode: 0,
      unsavedCarrierCallId: savedState === 1 ? `call-${call.seq}` : null,
      unsavedCarrierState: null,
    })),
  )
}

function write(world: CommandWorld, progress: ProgressColumns): Promise<readonly RowPlace[]> {
  return world.dispatch((_gate, transaction) => {
    const places = transaction.progressCalls(progress)
    transaction.countCalls()
    return places
  })
}

const placesInTable = (world: CommandWorld) =>
  world.sql('SELECT seq, ctid::text, state FROM live_call ORDER BY number_hash')

test('each statement tells where it has left the rows, in the order of the calls', async () => {
  const world = await commandWorld()
  await world.makeBatch(people(300))
  const calls = await world.claim(300)
  let places: readonly (RowPlace | null)[] = calls.map(({ place }) => place)
  for (const savedState of [1, 2, 3]) {
    places = await write(world, step(calls, savedState, places))
    const told = places.map((place) => `(${pageOf(place!)},${placeOnPage(place!)})`)
    const bySeq = new Map((await placesInTable(world)).map(({ seq, ctid }) => [seq, ctid]))
    expect(told).toEqual(calls.map(({ seq }) => bySeq.get(seq)))
  }
  expect(await world.sql('SELECT DISTINCT state FROM live_call')).toEqual([{ state: 4 }])
  expect(await world.differences()).toEqual([])
})

test('a call whose row has moved fails the statement, and is found by its key', async () => {
  const world = await commandWorld()
  await world.makeBatch(people(3))
  const calls = await world.claim(3)
  const places = calls.map(({ place }) => place)
  await world.sql('UPDATE live_call SET hang_up_asked = true WHERE seq = $1', [calls[1]!.seq])
  const before = await placesInTable(world)
  await expect(write(world, step(calls, 1, places))).rejects.toBeInstanceOf(StaleCopies)
  expect(await placesInTable(world)).toEqual(before)
  await write(world, step(calls, 1, []))
  expect(await world.sql('SELECT DISTINCT state FROM live_call')).toEqual([{ state: 2 }])
})

test('the place of another call is not taken for the own one', async () => {
  const world = await commandWorld()
  await world.makeBatch(people(2))
  const calls = await world.claim(2)
  const swapped = [calls[1]!.place, calls[0]!.place]
  await expect(write(world, step(calls, 1, swapped))).rejects.toBeInstanceOf(StaleCopies)
})

test('a place at which no row ever lay fails the statement', async () => {
  const world = await commandWorld()
  await world.makeBatch(people(1))
  const calls = await world.claim(1)
  await expect(write(world, step(calls, 1, [4_000_000_000 * 65_536 + 7]))).rejects.toBeInstanceOf(StaleCopies)
})

/** Runs the statement while somebody else moves the row of the last call, who is done only when the statement waits for that. */
async function whileMoved(world: CommandWorld, seq: number, statement: () => Promise<unknown>): Promise<unknown> {
  const other = await openConnection(world.connectionString)
  try {
    await other.query('BEGIN')
    await other.query('UPDATE live_call SET hang_up_asked = true WHERE seq = $1', [seq])
    const outcome = statement().catch((error: unknown) => error)
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    while ((await world.sql(waiting)).length === 0) {}
    await other.query('COMMIT')
    return await outcome
  } finally {
    await other.end()
  }
}

/** Gives the places of rows that are gone away. Not before whoever may still see them is done: an ANALYZE of the server's own. */
async function freePlaces(world: CommandWorld): Promise<void> {
  const dead = `SELECT n_dead_tup::int AS rows FROM pg_stat_all_tables WHERE relid = 'live_call'::regclass`
  do await world.sql('VACUUM live_call')
  while ((await world.sql(dead))[0]!.rows !== 0)
}

test.each(['steps', 'ends'])(
  '%s of a call whose row moves under the statement, before all others, fail it',
  async (what) => {
    const world = await commandWorld()
    await world.makeBatch(people(3))
    const [first, ...calls] = (await world.claim(3)).sort((one, other) => one.place! - other.place!)
    await world.end([first!], { disposition: 'busy' })
    await freePlaces(world)
    const rows = calls.map((call) => ({ ...call, savedState: 1, claimedAtEpochMs: 0 }))
    const failed = await whileMoved(world, calls[1]!.seq, () =>
      what === 'steps'
        ? write(
            world,
            step(
              calls,
              1,
              calls.map(({ place }) => place),
            ),
          )
        : world.dispatch((_gate, transaction) => {
            transaction.endCalls(rows.map((row) => ({ ...row, ...BUSY })))
            return transaction.countCalls()
          }),
    )
    expect(failed).toBeInstanceOf(StaleCopies)
    const [moved] = await world.sql('SELECT ctid < $1::tid AS before FROM live_call WHERE seq = $2', [
      `(${pageOf(calls[0]!.place!)},${placeOnPage(calls[0]!.place!)})`,
      calls[1]!.seq,
    ])
    expect(moved).toEqual({ before: true })
  },
)
