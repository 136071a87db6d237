import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import type { ThrottleRule } from '../../src/model/throttle.ts'
import { dispatchWorld, numbersEnding, until } from '../dispatch-world.ts'

async function worldWith(rules: readonly ThrottleRule[]) {
  const world = await dispatchWorld()
  onTestFinished(world.close)
  await world.ask('INSERT INTO throttle VALUES (1, 7, $1, $2, $3, now())', [
    randomUUID(),
    'slow',
    JSON.stringify(rules),
  ])
  await world.ask('INSERT INTO throttle_state (organization_id, throttle_id) VALUES (1, 7)')
  const addBatch = async (numbers: number[], options: object = {}) => {
    const batchId = await world.addBatch({ numbers, ...options, status: 3 })
    await world.ask('UPDATE batch SET throttle_id = 7, version = (SELECT version + 1 FROM gate) WHERE batch_id = $1', [
      batchId,
    ])
    await world.ask('UPDATE batch_state SET status = 2 WHERE batch_id = $1', [batchId])
    await world.ask('UPDATE gate SET version = version + 1')
    for (const dispatcher of world.dispatchers) dispatcher.wake(1)
    return batchId
  }
  const claimedAt = async () =>
    (
      await world.ask(
        'SELECT round(extract(epoch FROM claimed_at) * 1000000)::float8 / 1000 AS ms FROM attempt ORDER BY claimed_at',
      )
    ).map(({ ms }) => ms as number)
  const completed = (batches: number) => async () => {
    const [row] = await world.ask('SELECT count(*)::int AS n FROM batch_state WHERE status = 4')
    return row.n === batches
  }
  return { ...world, addBatch, claimedAt, completed }
}

/** The most starts that lie in any window of this length. */
function mostIn(windowMs: number, starts: readonly number[]): number {
  return Math.max(
    ...starts.map(
      (start) => starts.filter((at) => at >= start && Math.round((at - start) * 1_000) < windowMs * 1_000).length,
    ),
  )
}

it('no window holds more calls than a rule allows, over two nodes and two batches, and none is wasted', async () => {
  const rules = [
    { maxCalls: 4, windowSeconds: 1 },
    { maxCalls: 6, windowSeconds: 2 },
  ]
  const world = await worldWith(rules)
  await world.addNode({ name: 'one' })
  await world.addNode({ name: 'two' })
  const endings = Array.from({ length: 7 }, () => 10)
  await world.addBatch(numbersEnding(endings))
  await world.addBatch(numbersEnding(endings).map((number) => number + 1_000_000))
  await until(world.completed(2), 'the end of both batches')
  const starts = await world.claimedAt()
  expect(starts).toHaveLength(14)
  for (const { maxCalls, windowSeconds } of rules) expect(mostIn(windowSeconds * 1_000, starts)).toBe(maxCalls)
  // 4, 2, 4, 2 and 2 calls, a second apart: as fast as the rules let them.
  const seconds = (starts.at(-1)! - starts[0]!) / 1_000
  expect(seconds).toBeGreaterThanOrEqual(4)
  expect(seconds).toBeLessThan(6)
})

it('a retry is a call like any other, and a batch without the throttle is not held back by it', async () => {
  const world = await worldWith([{ maxCalls: 1, windowSeconds: 1 }])
  await world.addNode()
  const retryPolicy = { maxAttempts: 2, rules: { busy: { gapsSeconds: [0.01] } } }
  const slow = await world.addBatch(numbersEnding([70]), { retryPolicy })
  const free = await world.addBatch(numbersEnding([11]))
  await world.ask('UPDATE batch SET throttle_id = NULL, version = (SELECT version + 1 FROM gate) WHERE batch_id = $1', [
    free,
  ])
  await world.ask('UPDATE gate SET version = version + 1')
  world.dispatchers[0]!.wake(1)
  await until(world.completed(2), 'the end of both batches')
  const dials = await world.ask(
    'SELECT batch_id, round(extract(epoch FROM claimed_at) * 1000000)::float8 / 1000 AS ms FROM attempt ORDER BY claimed_at',
  )
  const times = dials.filter(({ batch_id }) => batch_id === slow).map(({ ms }) => ms)
  expect(times).toHaveLength(2)
  // Whole microseconds: their difference in fractions of milliseconds is not exact.
  expect(Math.round((times[1] - times[0]) * 1_000)).toBeGreaterThanOrEqual(1_000_000)
})

it('starts outlive the node that made them', async () => {
  const world = await worldWith([{ maxCalls: 2, windowSeconds: 86_400 }])
  const node = await world.addNode({ name: 'one' })
  await world.addBatch(numbersEnding([10, 11]))
  await until(world.completed(1), 'the first batch')
  await node.stop()
  await world.addNode({ name: 'two' })
  const waiting = await world.addBatch(numbersEnding([12]))
  const other = await world.addBatch(numbersEnding([13]))
  await world.ask('UPDATE batch SET throttle_id = NULL, version = (SELECT version + 1 FROM gate) WHERE batch_id = $1', [
    other,
  ])
  await world.ask('UPDATE gate SET version = version + 1')
  for (const dispatcher of world.dispatchers.slice(1)) dispatcher.wake(1)
  await until(world.completed(2), 'the batch that is under no throttle')
  const [row] = await world.ask('SELECT attempts FROM batch_state WHERE batch_id = $1', [waiting])
  expect(row.attempts).toBe(0)
})
