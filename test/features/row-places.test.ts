import { expect, test } from 'vitest'
import type { ClaimedRecipient } from '../../src/store/claim-recipients.ts'
import { StaleCopies } from '../../src/store/dispatch-store.ts'
import { ProgressColumns } from '../../src/store/progress-calls.ts'
import { pageOf, placeOnPage, type RowPlace } from '../../src/store/row-place.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

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
  return world.dispatch((_gate, transaction) => transaction.progressCalls(progress))
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
