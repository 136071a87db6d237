import { expect, test } from 'vitest'
import { cancelBatch } from '../../src/commands/cancel-batch.ts'
import type { Actor, CommandContext } from '../../src/commands/context.ts'
import { listEvents } from '../../src/commands/list-events.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { commandWorld, people } from '../command-world.ts'

/** All events there are, read in pages, and the cursor behind them. */
async function readAll(context: CommandContext, actor: Actor, options: { limit: number; batchId?: string }) {
  const items = []
  let cursor: string | undefined
  for (;;) {
    const page = await listEvents(context, actor, { ...options, cursor })
    items.push(...page.items)
    cursor = page.nextCursor
    if (!page.hasMore) return { items, cursor }
  }
}

test('the log tells what happened, in the same order whatever the size of the pages', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const list = people(3)
  const batch = await world.makeBatch([...list, list[0]!])
  const calls = await world.claim(10)
  await world.answer(calls.slice(0, 1))
  await world.end(calls.slice(0, 1), { disposition: 'answered' })
  await world.end(calls.slice(1, 2), { disposition: 'busy', retryAfterMs: 60_000 })

  const whole = await readAll(context, actor, { limit: 1_000 })
  expect(await readAll(context, actor, { limit: 2 })).toMatchObject({ items: whole.items })
  expect(new Set(whole.items.map(({ id }) => id)).size).toBe(whole.items.length)
  expect(whole.items.filter(({ recipientId }) => recipientId === null).map(({ kind, range }) => [kind, range])).toEqual(
    [
      ['batch-created', null],
      ['lane-closed', { firstSeq: 4, count: 1 }],
      ['batch-started', null],
    ],
  )
  const { items: recipients } = await listRecipients(context, actor, batch.id)
  const first = recipients.find(({ outcome }) => outcome === 'answered')!
  expect(whole.items.filter(({ recipientId }) => recipientId === first.id)).toMatchObject([
    { kind: 'attempt-dialing', attemptId: first.latestAttemptId, outcome: null },
    { kind: 'attempt-accepted' },
    { kind: 'attempt-ringing' },
    { kind: 'attempt-answered', at: first.answeredAt },
    { kind: 'recipient-finished', outcome: 'answered', at: first.finishedAt, batchId: batch.id },
  ])
  const again = recipients.find(({ state }) => state === 'due')!
  expect(
    whole.items.filter(({ recipientId, kind }) => recipientId === again.id && kind === 'attempt-ended'),
  ).toMatchObject([{ outcome: 'busy', attemptId: again.latestAttemptId }])
})

test('a cursor at the end goes on with what comes later', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(people(2))
  const before = await readAll(context, actor, { limit: 100 })
  expect(await listEvents(context, actor, { cursor: before.cursor })).toEqual({
    items: [],
    nextCursor: before.cursor,
    hasMore: false,
  })
  await cancelBatch(context, actor, batch.id)
  const later = await listEvents(context, actor, { cursor: before.cursor })
  expect(later.items.map(({ kind }) => kind).sort()).toEqual(['batch-cancelled', 'lane-closed'])
  expect(await listEvents(context, actor, { cursor: later.nextCursor })).toMatchObject({ items: [], hasMore: false })
})

test('the id of an event is a cursor: what comes behind it', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  await world.makeBatch(people(3))
  await world.claim(10)
  const { items } = await readAll(context, actor, { limit: 1_000 })
  for (const [index, { id }] of items.entries()) {
    expect((await listEvents(context, actor, { cursor: id, limit: 1_000 })).items).toEqual(items.slice(index + 1))
  }
  const beyond = await listEvents(context, actor, { cursor: '999999999999999.1' })
  expect(beyond).toMatchObject({ items: [], hasMore: false })
  await expect(listEvents(context, actor, { cursor: '1.x' })).rejects.toMatchObject({ code: 'invalid-cursor' })
})

test('the events of one batch; a cursor is good for its list only', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const one = await world.makeBatch(people(1))
  await world.makeBatch(people(3))
  await world.claim(10)
  const { items, cursor } = await readAll(context, actor, { limit: 1, batchId: one.id })
  expect(items.map(({ kind }) => kind)).toEqual(['batch-created', 'batch-started', 'attempt-dialing'])
  await expect(listEvents(context, actor, { cursor })).rejects.toMatchObject({ code: 'invalid-cursor' })
  await expect(listEvents(context, actor, { batchId: 'x' })).rejects.toMatchObject({ code: 'batch-not-found' })
})

test('a batch without events among many blocks is read forward page by page', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(people(1), { draft: true })
  await world.sql(
    `INSERT INTO event_block SELECT organization_id, block_no + i, now(), ARRAY[x.batch_id], '{0}', '{0}', '{21}', '{0}', '{0}'
     FROM gate, generate_series(1, 2500) i, (SELECT min(batch_id) AS batch_id FROM batch) x`,
  )
  await world.sql('UPDATE gate SET block_no = block_no + 2500')
  const other = await world.makeBatch(people(1))
  const sizes: number[] = []
  let page = await listEvents(context, actor, { batchId: other.id })
  while (page.hasMore) {
    sizes.push(page.items.length)
    page = await listEvents(context, actor, { batchId: other.id, cursor: page.nextCursor })
  }
  expect(sizes).toEqual([0, 0])
  expect(page.items.map(({ kind }) => kind)).toEqual(['batch-created', 'batch-started'])
  expect((await readAll(context, actor, { limit: 7, batchId: batch.id })).items).toHaveLength(2_501)
})
