import { expect, onTestFinished, test } from 'vitest'
import { agentKind } from '../../src/agents/registry.ts'
import type { CarrierContext } from '../../src/carriers/carrier.ts'
import { loopback } from '../../src/carriers/loopback/carrier.ts'
import { systemClock } from '../../src/clock.ts'
import { cancelBatch } from '../../src/commands/cancel-batch.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { retryBatch } from '../../src/commands/retry-batch.ts'
import { addSuppressions } from '../../src/commands/suppressions.ts'
import { updateTrunk } from '../../src/commands/trunks.ts'
import { Dispatcher } from '../../src/dispatcher/dispatcher.ts'
import { defaultRetryPolicy } from '../../src/model/retry-policy.ts'
import { PostgresDispatchStore } from '../../src/store/postgres-dispatch-store.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'
import { loopbackTargets } from '../loopback-targets.ts'
import { noSound } from '../no-sound.ts'

/** A dispatcher of the product on the world's database; the world wakes it. */
async function dialling(world: CommandWorld): Promise<CommandWorld['context']> {
  const log = { info() {}, warn() {}, error() {} }
  const dispatcher = new Dispatcher({
    store: new PostgresDispatchStore(world.connectionString),
    clock: systemClock,
    ids: world.context.secrets.ids,
    log,
    nodeName: 'node',
    openCarrier: (_organizationId, trunk, report) => {
      const context: CarrierContext = {
        clock: systemClock,
        report,
        log,
        targets: loopbackTargets,
        callbackUrl: '',
        ...noSound,
      }
      return loopback.open(loopback.settings.parse(trunk.settings), context)
    },
    agentKind,
  })
  await dispatcher.start()
  onTestFinished(() => dispatcher.stop())
  const settings = { speed: 500 }
  await updateTrunk(world.context, world.actor, world.first.trunkId!, { settings, callsPerSecond: 2_000, liveMax: 200 })
  return { ...world.context, signals: { wake: (organizationId) => dispatcher.wake(organizationId) } }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const start = performance.now()
  while (!(await holds())) if (performance.now() - start > 60_000) throw new Error('it never came')
}

test('figures stay exact while a batch is paused, resumed, cancelled and asked again under a dispatcher', async () => {
  const world = await commandWorld()
  const context = await dialling(world)
  const { actor } = world
  const list = people(1_500)
  const retryPolicy = defaultRetryPolicy(2, [0.05])
  const batch = await world.makeBatch(list, { retryPolicy, concurrency: 40 })
  context.signals.wake(actor.organizationId)
  const dials = async () => (await getBatch(context, actor, batch.id)).figures.attempts
  for (let round = 1; round <= 3; round++) {
    await until(async () => (await dials()) > round * 50)
    const paused = await pauseBatch(context, actor, batch.id)
    expect(paused.status).toBe('paused')
    await addSuppressions(context, actor, { numbers: list.slice(-10 * round).map(({ to }) => to) })
    await until(async () => (await getBatch(context, actor, batch.id)).figures.live === 0)
    // What was claimed before the answer and dropped as not sent is no dial; nothing was dialled after it.
    expect(await dials()).toBeLessThanOrEqual(paused.figures.attempts)
    expect(await world.differences()).toEqual([])
    await resumeBatch(context, actor, batch.id)
  }
  await until(async () => (await dials()) > 400)
  const cancelled = await cancelBatch(context, actor, batch.id)
  expect(cancelled.status).toBe('cancelled')
  expect(await world.differences()).toEqual([])
  await until(async () => (await getBatch(context, actor, batch.id)).figures.live === 0)
  const over = await getBatch(context, actor, batch.id)
  expect(over.figures.settled).toBe(1_500)
  expect(over.figures.attempts).toBeLessThanOrEqual(cancelled.figures.attempts)
  const { reopened } = await retryBatch(context, actor, batch.id, { outcomes: ['cancelled', 'busy', 'no-answer'] })
  expect(reopened).toBeGreaterThan(500)
  await until(async () => (await getBatch(context, actor, batch.id)).status === 'completed')
  const end = await getBatch(context, actor, batch.id)
  expect(end.figures.outcomes.cancelled).toBe(0)
  expect(end.figures.outcomes.suppressed).toBeGreaterThan(0)
  expect(await world.differences()).toEqual([])
})
