import { afterEach, expect, it } from 'vitest'
import { codeOfOutcome } from '../../src/model/disposition.ts'
import { type DispatchWorld, dispatchWorld, numbersEnding, retryBusy, until } from '../dispatch-world.ts'

let world: DispatchWorld

afterEach(() => world.close())

async function figures(batchId: number) {
  return (await world.ask('SELECT * FROM batch_state WHERE batch_id = $1', [batchId]))[0]
}

async function untilCompleted(batchId: number) {
  await until(async () => (await figures(batchId)).status === 4, 'the batch is completed')
}

/** Everything that is counted, recounted from the rows. */
async function recount(batchId: number) {
  const [row] = await world.ask(
    `SELECT (SELECT count(*)::int FROM live_call) AS live, (SELECT live FROM gate) AS gate_live, (SELECT sum(live)::int FROM trunk_state) AS trunk_live,
      (SELECT count(*)::int FROM due) AS due, (SELECT count(*)::int FROM attempt WHERE batch_id = $1 AND disposition <> $2) AS attempts,
      (SELECT count(DISTINCT seq)::int FROM attempt WHERE batch_id = $1 AND disposition <> $2) AS called`,
    [batchId, codeOfOutcome('not-sent')],
  )
  return row
}

it('calls everyone once, with the outcome that the digits say, and counts what it did', async () => {
  world = await dispatchWorld()
  const endings = [0, 10, 55, 65, 70, 78, 85, 90, 93, 95]
  await world.addNode()
  const batchId = await world.addBatch({ numbers: numbersEnding(endings) })
  await untilCompleted(batchId)
  expect(await figures(batchId)).toMatchObject({
    total: 10,
    settled: 10,
    live: 0,
    due: 0,
    dialing: 0,
    accepted: 0,
    ringing: 0,
    talking: 0,
    attempts: 10,
    answered: 4,
    busy: 1,
    no_answer: 1,
    voicemail: 1,
    rejected: 1,
    failed: 2,
    unknown: 0,
  })
  expect(await recount(batchId)).toEqual({ live: 0, gate_live: 0, trunk_live: 0, due: 0, attempts: 10, called: 10 })
  const spoken = await world.ask('SELECT spoken_text, keys_pressed FROM attempt WHERE seq = 3')
  expect(spoken[0]).toEqual({ spoken_text: 'Hello Person, this is a test.', keys_pressed: '9' })
  expect(await world.ask('SELECT number FROM suppression')).toEqual([{ number: '14150000255' }])
})

it('a node that is told to begin no call leaves them to others', async () => {
  world = await dispatchWorld()
  const silent = await world.addNode({ dialing: false })
  const batchId = await world.addBatch({ numbers: numbersEnding([0, 0, 0]) })
  silent.wake(1)
  await until(async () => silent.counters.cycles > 0, 'a look at the batch')
  expect(await figures(batchId)).toMatchObject({ attempts: 0, live: 0 })
  const other = await world.addNode()
  await untilCompleted(batchId)
  expect(await world.ask('SELECT DISTINCT node_id FROM attempt')).toEqual([{ node_id: other.nodeId }])
})

it('tries the busy again up to the cap, and never more than the concurrency allows', async () => {
  world = await dispatchWorld({ liveMax: 5 })
  await world.addNode()
  const numbers = numbersEnding(Array.from({ length: 300 }, (_, index) => [0, 72, 61][index % 3]!))
  const batchId = await world.addBatch({ numbers, concurrency: 3, retryPolicy: retryBusy })
  let most = 0
  await until(async () => {
    const [row] = await world.ask(
      'SELECT (SELECT count(*)::int FROM live_call) AS live, live AS counted FROM batch_state',
    )
    most = Math.max(most, row.live)
    expect(row.counted).toBe(row.live)
    return (await figures(batchId)).status === 4
  }, 'the batch is completed')
  expect(most).toBeLessThanOrEqual(3)
  expect(await figures(batchId)).toMatchObject({ answered: 200, busy: 100, attempts: 400, settled: 300 })
  expect(await recount(batchId)).toMatchObject({ attempts: 400, called: 300, due: 0, live: 0 })
})

it('finishes the calls that a stopped node leaves behind', async () => {
  world = await dispatchWorld({ liveMax: 20 })
  await world.addNode({ name: 'a' })
  const other = await world.addNode({ name: 'b' })
  const batchId = await world.addBatch({
    numbers: numbersEnding(Array.from({ length: 500 }, (_, index) => index % 60)),
  })
  await until(async () => (await figures(batchId)).settled > 100, 'a fifth is done')
  await other.stop()
  world.dispatchers.splice(1, 1)
  await world.ask(`UPDATE node SET lease_until = now() - interval '1 s' WHERE name = 'b' AND ended_at IS NULL`)
  await untilCompleted(batchId)
  expect(await figures(batchId)).toMatchObject({ answered: 500, attempts: 500 })
  expect(await recount(batchId)).toMatchObject({ attempts: 500, called: 500, live: 0, gate_live: 0 })
})
