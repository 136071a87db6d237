import { expect, test } from 'vitest'
import { createAgent } from '../../src/commands/agents.ts'
import { browseBatches } from '../../src/commands/browse-batches.ts'
import { cancelBatch } from '../../src/commands/cancel-batch.ts'
import { deleteBatch } from '../../src/commands/delete-batch.ts'
import { foldStep } from '../../src/commands/fold-counts.ts'
import { listOnceBatches } from '../../src/commands/list-batches.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { replaceBatch } from '../../src/commands/replace-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { retryBatch } from '../../src/commands/retry-batch.ts'
import { startBatch } from '../../src/commands/start-batch.ts'
import { updateBatch } from '../../src/commands/update-batch.ts'
import { BATCH_STATUSES } from '../../src/model/batch.ts'
import { NO_RETRIES } from '../../src/model/retry-policy.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

const ONCE = NO_RETRIES
const TWICE = { ...NO_RETRIES, maxAttempts: 2 }
const sorting = { order: 'created', descending: true, offset: 0, limit: 1 } as const

/** Totals as lists tell them: of all, of each status, of the first agent's batches that dial nobody twice. */
async function lengths({ context, actor, first }: CommandWorld) {
  const browse = (selection: object) => browseBatches(context, actor, { withCaller: true, ...selection }, sorting)
  const byStatus: Record<string, number> = {}
  for (const status of BATCH_STATUSES) {
    const { total } = await browse({ statuses: [status] })
    if (total > 0) byStatus[status] = total
  }
  const once = await listOnceBatches(context, actor, { agent: first.agentId!, limit: 1 })
  return { all: (await browse({})).total, byStatus, once: once.total }
}

test('what lists say of their length is true after everything that can happen to a batch', async () => {
  const world = await commandWorld()
  const { context, actor, first } = world
  const check = async (expected: Awaited<ReturnType<typeof lengths>>) => {
    expect(await lengths(world)).toEqual(expected)
    expect(await world.differences()).toEqual([])
  }
  await check({ all: 0, byStatus: {}, once: 0 })
  const draft = await world.makeBatch(people(1), { draft: true, retryPolicy: ONCE })
  const running = await world.makeBatch(people(3).slice(1), { retryPolicy: TWICE })
  await check({ all: 2, byStatus: { draft: 1, running: 1 }, once: 1 })
  await startBatch(context, actor, draft.id)
  await pauseBatch(context, actor, running.id)
  await check({ all: 2, byStatus: { running: 1, paused: 1 }, once: 1 })
  await resumeBatch(context, actor, running.id)

  await world.end(await world.claim(10), { disposition: 'busy' })
  await check({ all: 2, byStatus: { completed: 2 }, once: 1 })
  await retryBatch(context, actor, running.id, { outcomes: ['busy'] })
  await check({ all: 2, byStatus: { running: 1, completed: 1 }, once: 1 })
  await cancelBatch(context, actor, running.id)
  await check({ all: 2, byStatus: { cancelled: 1, completed: 1 }, once: 1 })

  // Another agent, and more than one dial: both leave the list of the first agent.
  const other = await createAgent(context, actor, { name: 'other', kind: 'announcement', settings: { text: 'Hi' } })
  const scheduled = { startAt: new Date(Date.now() + 3_600_000), retryPolicy: ONCE }
  const [one, two] = [await world.makeBatch(people(1), scheduled), await world.makeBatch(people(1), scheduled)]
  await check({ all: 4, byStatus: { scheduled: 2, cancelled: 1, completed: 1 }, once: 3 })
  await updateBatch(context, actor, one.id, { agent: other.id })
  await updateBatch(context, actor, two.id, { retryPolicy: TWICE })
  await check({ all: 4, byStatus: { scheduled: 2, cancelled: 1, completed: 1 }, once: 1 })
  await world.sql(`UPDATE batch_state SET start_at = carillon_now() - interval '1 s' WHERE status = 1`)
  await world.dispatch((_gate, transaction) => transaction.turnBatches())
  await check({ all: 4, byStatus: { running: 2, cancelled: 1, completed: 1 }, once: 1 })

  await deleteBatch(context, actor, one.id)
  await deleteBatch(context, actor, draft.id)
  await check({ all: 2, byStatus: { running: 1, cancelled: 1 }, once: 0 })

  const replaced = await world.makeBatch(people(1), { draft: true, retryPolicy: ONCE })
  const input = { dialect: 'native', agent: first.agentId!, draft: true, retryPolicy: ONCE }
  await replaceBatch(context, actor, replaced.id, { input, source: { recipients: people(2) } })
  await check({ all: 3, byStatus: { draft: 1, running: 1, cancelled: 1 }, once: 1 })
})

test('a batch whose only people are final from the start, and what was undone, are counted right', async () => {
  const world = await commandWorld({ strict: true })
  await world.makeBatch([{ to: '+14155550110' }, { to: '+14155550110' }])
  await world.sql('ALTER TABLE event_block ADD CONSTRAINT no_more CHECK (false) NOT VALID')
  await expect(world.makeBatch(people(1))).rejects.toThrow()
  expect((await lengths(world)).all).toBe(1)
  expect(await world.differences()).toEqual([])
})

test('rows of a count are folded into one, and nobody sees it', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(people(1), { retryPolicy: ONCE })
  await world.makeBatch(people(1), { draft: true })
  for (let round = 0; round < 60; round++) {
    await pauseBatch(context, actor, batch.id)
    await resumeBatch(context, actor, batch.id)
  }
  const before = await lengths(world)
  const rows = async () => (await world.sql('SELECT count(*)::int AS n FROM listed_batch_count'))[0]!.n
  expect(await rows()).toBeGreaterThan(200)
  // Nodes that fold at once, beside changes, get in nobody's way.
  const folded = [foldStep(context), foldStep(context), pauseBatch(context, actor, batch.id), foldStep(context)]
  await Promise.all(folded)
  while (await foldStep(context)) {}
  expect(await rows()).toBeLessThan(10)
  expect(before).toMatchObject({ all: 2, byStatus: { draft: 1, running: 1 } })
  expect(await lengths(world)).toMatchObject({ all: 2, byStatus: { draft: 1, paused: 1 }, once: before.once })
  expect(await world.differences()).toEqual([])
})

test('a page is the same from whichever end its place is looked for, also when the list has grown or shrunk since', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const names = Array.from({ length: 9 }, (_, at) => `batch ${at}`)
  const made = new Map<string, string>()
  for (const name of names) made.set(name, (await world.makeBatch(people(1), { name, draft: true })).id)
  const read = async (offset: number, descending: boolean) => {
    const page = { order: 'name', descending, offset, limit: 2 } as const
    const { items, total } = await browseBatches(context, actor, { withCaller: true }, page)
    return { names: items.map(({ name }) => name), total }
  }
  const everyPage = async (expected: readonly string[]) => {
    for (const descending of [false, true]) {
      const order = descending ? [...expected].reverse() : expected
      for (const offset of [...Array(12).keys()]) {
        const page = { names: order.slice(offset, offset + 2), total: expected.length }
        expect(await read(offset, descending), `${offset} ${descending}`).toEqual(page)
      }
    }
  }
  await everyPage(names)
  // Read last from the end of nine; the hint is stale now.
  for (const name of names.splice(3, 5)) await deleteBatch(context, actor, made.get(name)!)
  await everyPage(names)
  for (const name of ['c', 'd', 'e', 'f', 'g', 'h']) await world.makeBatch(people(1), { name, draft: true })
  await everyPage([...names, 'c', 'd', 'e', 'f', 'g', 'h'])
})
