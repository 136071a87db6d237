import { expect, test } from 'vitest'
import { getRecipient } from '../../src/commands/get-recipient.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { whyBatchWaits, whyRecipientWaits } from '../../src/commands/why-waiting.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

async function recipientsOf({ context, actor }: CommandWorld, batchId: string) {
  return (await listRecipients(context, actor, batchId)).items
}

test('who is in line knows the place; a batch knows how many wait', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(people(5))
  const [first, second, , fourth] = await recipientsOf(world, batch.id)
  expect(await whyRecipientWaits(context, actor, fourth!.id)).toMatchObject({ position: 3 })
  const calls = await world.claim(2)
  expect(await whyRecipientWaits(context, actor, first!.id)).toBeNull()
  expect(await whyRecipientWaits(context, actor, fourth!.id)).toMatchObject({ reason: 'in-line', position: 1 })
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({ reason: 'in-line', position: 3 })
  await world.end(calls, { disposition: 'busy' })
  expect(await whyRecipientWaits(context, actor, second!.id)).toBeNull()
  await world.end(await world.claim(10), { disposition: 'busy' })
  expect(await whyBatchWaits(context, actor, batch.id)).toBeNull()
})

test('what stops a batch is told for it and for everyone in it', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const startAt = new Date(Date.now() + 3_600_000)
  const batch = await world.makeBatch(people(2), { startAt })
  const [first] = await recipientsOf(world, batch.id)
  const both = async () => {
    const ofBatch = await whyBatchWaits(context, actor, batch.id)
    const ofOne = await whyRecipientWaits(context, actor, first!.id)
    expect(ofOne).toMatchObject({ reason: ofBatch!.reason, nextTryAt: ofBatch!.nextTryAt })
    return ofBatch
  }
  expect(await both()).toMatchObject({ reason: 'not-started-yet', nextTryAt: startAt })
  await pauseBatch(context, actor, batch.id)
  expect(await both()).toMatchObject({ reason: 'batch-paused', nextTryAt: null })
  await world.sql('UPDATE batch_state SET start_at = NULL')
  await resumeBatch(context, actor, batch.id)
  await world.sql('UPDATE gate SET live_max = 0')
  expect(await both()).toMatchObject({ reason: 'organization-limit', nextTryAt: null })
  await world.sql('UPDATE gate SET live_max = 50')
  await world.sql('UPDATE batch_state SET live_max = 0')
  expect(await both()).toMatchObject({ reason: 'batch-limit' })
  await world.sql(`UPDATE trunk_state SET blocked_until = carillon_now() + interval '8 s'`)
  expect(await both()).toMatchObject({ reason: 'trunk-unreachable', nextTryAt: expect.any(Date) })
})

test('who is to be tried at an instant knows it and why', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const notBefore = new Date(Date.now() + 7_200_000)
  const list = people(2)
  const batch = await world.makeBatch([list[0]!, { ...list[1]!, notBefore }])
  const later = (await recipientsOf(world, batch.id)).find(({ state }) => state === 'due')!
  expect(later).toMatchObject({ dueAt: notBefore, dueReason: 'not-before' })
  expect(await whyRecipientWaits(context, actor, later.id)).toMatchObject({
    reason: 'not-before',
    nextTryAt: notBefore,
    position: null,
  })
  // Somebody else is in line, so the batch does not wait for that.
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({ reason: 'in-line', position: 2 })
  await world.end(await world.claim(1), { disposition: 'busy', retryAfterMs: 60_000 })
  const waiting = await whyBatchWaits(context, actor, batch.id)
  expect(waiting).toMatchObject({ reason: 'retry-gap', position: 2 })
  expect(waiting!.nextTryAt!.getTime()).toBeLessThan(Date.now() + 61_000)
  const detail = await getRecipient(context, actor, later.id)
  expect(detail.waiting).toMatchObject({ reason: 'not-before' })
})

test('of a line that waits for a free slot and of somebody who is due later, the line is what the batch waits for', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const [one, two, three] = people(3)
  const notBefore = new Date(Date.now() + 7_200_000)
  const batch = await world.makeBatch([one!, two!, { ...three!, notBefore }], { concurrency: 1 })
  await world.claim(1)
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({ reason: 'batch-limit', position: 2 })
})

test('a window that is closed, and a zone that nobody knows', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  // Open for one minute a week, which is not now.
  const soon = new Date(Date.now() + 3 * 86_400_000)
  const weekday = ((soon.getUTCDay() + 6) % 7) + 1
  const ranges = [{ weekdays: [weekday as 1], from: '12:00', to: '12:01' }]
  const batch = await world.makeBatch(people(1), { callingWindow: { zone: 'UTC', ranges } })
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({
    reason: 'outside-calling-window',
    nextTryAt: new Date(`${soon.toISOString().slice(0, 10)}T12:00:00Z`),
  })
  const placeless = await world.makeBatch([{ to: '+999123456789' }], { callingWindow: { zone: 'recipient', ranges } })
  expect(await whyBatchWaits(context, actor, placeless.id)).toMatchObject({ reason: 'unknown-zone', nextTryAt: null })
})

test('who stands behind the same number', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const [one] = people(1)
  const batch = await world.makeBatch([one!, one!], { duplicateNumbers: 'call' })
  const second = (await recipientsOf(world, batch.id))[1]!
  expect(second.state).toBe('waiting')
  expect(await whyRecipientWaits(context, actor, second.id)).toMatchObject({ reason: 'same-number-before' })
  const calls = await world.claim(1)
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({ reason: 'same-number-before', position: 1 })
  await world.end(calls, { disposition: 'busy' })
  expect(await whyBatchWaits(context, actor, batch.id)).toMatchObject({ reason: 'in-line' })
})

test('an id of another organization is none', async () => {
  const { context, actor } = await commandWorld()
  const { ids } = context.secrets
  const foreign = ids.encode({ kind: 'recipient', organizationId: 99, batchId: 1, seq: 1, n: 0 })
  for (const id of [foreign, 'x', ids.encode({ kind: 'recipient', organizationId: 1, batchId: 99, seq: 1, n: 0 })]) {
    await expect(whyRecipientWaits(context, actor, id)).rejects.toMatchObject({ code: 'recipient-not-found' })
  }
})
