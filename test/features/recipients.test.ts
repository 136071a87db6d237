import { expect, test } from 'vitest'
import { cancelBatch } from '../../src/commands/cancel-batch.ts'
import { createBatch } from '../../src/commands/create-batch.ts'
import { exportRejectedRows } from '../../src/commands/export-rejected-rows.ts'
import { exportResults } from '../../src/commands/export-results.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { getRecipient } from '../../src/commands/get-recipient.ts'
import { listEvents } from '../../src/commands/list-events.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { retryBatch } from '../../src/commands/retry-batch.ts'
import { updateBatch } from '../../src/commands/update-batch.ts'
import { whyBatchWaits, whyRecipientWaits } from '../../src/commands/why-waiting.ts'
import { defaultRetryPolicy } from '../../src/model/retry-policy.ts'
import { type CommandWorld, commandWorld, fileOf, people } from '../command-world.ts'

/** A batch in which something of everything has happened. */
async function variedBatch(world: CommandWorld) {
  const list = people(10)
  const notBefore = new Date(Date.now() + 3_600_000)
  const batch = await world.makeBatch([...list, list[0]!, { to: '+15559990000', notBefore, metadata: { crm: 17 } }])
  const calls = await world.claim(5)
  await world.answer(calls.slice(0, 2))
  await world.end(calls.slice(0, 1), { disposition: 'answered', keysPressed: '1#', spokenText: 'Hello' })
  await world.end(calls.slice(2, 3), { disposition: 'busy' })
  await world.end(calls.slice(3, 4), { disposition: 'no-answer', retryAfterMs: 60_000 })
  return { batch, calls }
}

test('recipients are read with where they are and what became of them', async () => {
  const world = await commandWorld()
  const { batch } = await variedBatch(world)
  expect(await world.differences()).toEqual([])
  const { items, nextCursor } = await listRecipients(world.context, world.actor, batch.id)
  expect(nextCursor).toBeNull()
  expect(items.map(({ state, outcome }) => outcome ?? state)).toEqual([
    'answered',
    'answered',
    'busy',
    'due',
    'dialing',
    'waiting',
    'waiting',
    'waiting',
    'waiting',
    'waiting',
    'due',
    'duplicate',
  ])
  expect(items[0]).toMatchObject({
    state: 'ended',
    talkSeconds: 2,
    keysPressed: '1#',
    answeredBy: 'human',
    attempts: 1,
  })
  expect(items[0]).toMatchObject({ number: '+15550000000', variables: { n: 0 }, line: 1, seq: 1 })
  expect(items[1]).toMatchObject({ state: 'answered', outcome: null, attempts: 1 })
  expect(items[3]).toMatchObject({ dueReason: 'retry', attempts: 1, outcome: null })
  expect(items[10]).toMatchObject({ dueReason: 'not-before', metadata: { crm: 17 }, line: 12, number: '+15559990000' })
  expect(items[11]).toMatchObject({ cause: 'number-repeated', line: 11, attempts: 0, latestAttemptId: null })
  expect(items[11]!.finishedAt).toBeInstanceOf(Date)
})

test('lists of recipients go page by page, by offset, and by what is asked for', async () => {
  const world = await commandWorld()
  const { batch } = await variedBatch(world)
  const list = (options: Parameters<typeof listRecipients>[3]) =>
    listRecipients(world.context, world.actor, batch.id, options)
  const seqs = async (options: Parameters<typeof listRecipients>[3]) =>
    (await list(options)).items.map(({ seq }) => seq)
  expect(await seqs({ offset: 9, limit: 2 })).toEqual([10, 11])
  expect(await seqs({ states: ['waiting'] })).toEqual([6, 7, 8, 9, 10])
  expect(await seqs({ states: ['waiting'], offset: 1, limit: 2 })).toEqual([7, 8])
  expect(await seqs({ states: ['due', 'dialing'] })).toEqual([4, 5, 11])
  expect(await seqs({ outcomes: ['busy', 'duplicate'] })).toEqual([3, 12])
  expect(await seqs({ states: ['ended'] })).toEqual([1, 3, 12])
  const first = await list({ states: ['waiting', 'ended'], limit: 3 })
  expect(first.items.map(({ seq }) => seq)).toEqual([1, 3, 6])
  expect(await seqs({ states: ['waiting', 'ended'], limit: 3, cursor: first.nextCursor! })).toEqual([7, 8, 9])
  await expect(list({ states: ['due'], cursor: first.nextCursor! })).rejects.toMatchObject({ code: 'invalid-cursor' })
  await expect(list({ limit: 0 })).rejects.toMatchObject({ field: 'limit' })
})

test('a recipient is found by its id and by the reference of a dial, by nobody else', async () => {
  const world = await commandWorld()
  const { batch } = await variedBatch(world)
  const { items } = await listRecipients(world.context, world.actor, batch.id)
  const detail = await getRecipient(world.context, world.actor, items[0]!.id)
  expect(detail.recipient).toEqual(items[0])
  expect(detail.attempts).toMatchObject([
    { n: 1, disposition: 'answered', keysPressed: '1#', spokenText: 'Hello', carrierCallId: 'call-1', state: 'ended' },
  ])
  expect(detail.events.map(({ kind }) => kind)).toEqual([
    'attempt-dialing',
    'attempt-accepted',
    'attempt-ringing',
    'attempt-answered',
    'recipient-finished',
  ])
  const byAttempt = await getRecipient(world.context, world.actor, detail.attempts[0]!.id.replaceAll('-', ''))
  expect(byAttempt.recipient.id).toBe(items[0]!.id)
  const duplicate = await getRecipient(world.context, world.actor, items[11]!.id)
  expect(duplicate.events).toMatchObject([{ kind: 'recipient-finished', outcome: 'duplicate' }])
  const foreign = { ...world.actor, organizationId: 2 }
  await expect(getRecipient(world.context, foreign, items[0]!.id)).rejects.toMatchObject({ httpStatus: 404 })
  const forged = world.context.secrets.ids.encode({
    kind: 'recipient',
    organizationId: 1,
    batchId: 9_999,
    seq: 1,
    n: 0,
  })
  await expect(getRecipient(world.context, world.actor, forged)).rejects.toMatchObject({ code: 'recipient-not-found' })
  await expect(getRecipient(world.context, world.actor, 'x')).rejects.toMatchObject({ code: 'recipient-not-found' })
})

test('it says why somebody waits and when they are tried next', async () => {
  const world = await commandWorld()
  const { batch } = await variedBatch(world)
  const { items } = await listRecipients(world.context, world.actor, batch.id)
  const why = (index: number) => whyRecipientWaits(world.context, world.actor, items[index]!.id)
  expect(await why(0)).toBeNull()
  expect(await why(1)).toBeNull()
  expect(await why(3)).toMatchObject({ reason: 'retry-gap', nextTryAt: items[3]!.dueAt })
  expect(await why(5)).toMatchObject({ reason: 'in-line', position: 0 })
  expect(await why(9)).toMatchObject({ position: 4 })
  expect(await why(10)).toMatchObject({ reason: 'not-before', nextTryAt: items[10]!.dueAt })
  await world.sql('UPDATE gate SET live_max = live')
  expect(await whyBatchWaits(world.context, world.actor, batch.id)).toMatchObject({
    reason: 'organization-limit',
    position: 7,
  })
  await world.forgetUnsent()
  await pauseBatch(world.context, world.actor, batch.id)
  expect(await whyBatchWaits(world.context, world.actor, batch.id)).toMatchObject({
    reason: 'batch-paused',
    nextTryAt: null,
  })
  await cancelBatch(world.context, world.actor, batch.id)
  expect(await whyBatchWaits(world.context, world.actor, batch.id)).toBeNull()
  expect(await why(9)).toBeNull()
})

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

test('results come in the order of the file, with its columns, and no cell is a formula', async () => {
  const world = await commandWorld()
  const numbers = Array.from({ length: 3_000 }, (_, index) =>
    index % 3 === 0
      ? `+44207183${String(8_000 + index).padStart(4, '0')}`
      : index % 3 === 1
        ? `+1415555${String(2_000 + index)}`
        : '+14155550000',
  )
  const rows = numbers.map((number, index) => `=HYPERLINK(${index}),${number},"a, ""b"""`)
  const { batch } = await createBatch(
    world.context,
    world.actor,
    { dialect: 'native', agent: 'announcement', duplicateNumbers: 'call' },
    { file: fileOf(`outcome,phone,note\n${rows.join('\n')}\nx,nonsense,y\nx\n`) },
  )
  expect((await world.sql('SELECT count(*)::int AS n FROM lane'))[0]).toEqual({ n: 2 })
  const calls = await world.claim(3)
  await world.end(calls, { disposition: 'busy' })
  const lines = (await textOf(await exportResults(world.context, world.actor, batch.id, 'csv'))).split('\r\n')
  expect(lines).toHaveLength(3_002)
  expect(lines[0]).toBe(
    'outcome,phone,note,status,result_outcome,answered_by,attempts,cause,talk_seconds,keys_pressed,first_dialed_at,last_ended_at',
  )
  expect(lines.slice(1, 3_001).map((line) => /^'=HYPERLINK\((\d+)\),(\d+),/.exec(line)?.slice(1))).toEqual(
    numbers.map((number, index) => [String(index), number.slice(1)]),
  )
  expect(lines[1]).toMatch(/,"a, ""b""",ended,busy,,1,,0,,\d{4}-.*Z,\d{4}-.*Z$/)
  const json = (await textOf(await exportResults(world.context, world.actor, batch.id, 'json-lines')))
    .trim()
    .split('\n')
  expect(json).toHaveLength(3_000)
  expect(JSON.parse(json[2_999]!)).toMatchObject({ line: 3_001, number: '+14155550000', state: 'waiting' })
  const rejected = await textOf(await exportRejectedRows(world.context, world.actor, batch.id, 'csv'))
  expect(rejected.split('\r\n').slice(0, 3)).toEqual([
    'line,column,value,reason,remedy',
    expect.stringMatching(/^3002,phone,nonsense,/),
    expect.stringMatching(/^3003,,,short-row,/),
  ])
  await expect(exportResults(world.context, world.actor, 'none', 'csv')).rejects.toMatchObject({ httpStatus: 404 })
})

test('the event log has no gaps, tells each end once, and can be read on from any place', async () => {
  const world = await commandWorld()
  const { batch } = await variedBatch(world)
  await world.forgetUnsent()
  await cancelBatch(world.context, world.actor, batch.id)
  const whole = await listEvents(world.context, world.actor, { limit: 1_000 })
  expect(whole.hasMore).toBe(false)
  for (const limit of [1, 3, 7]) {
    const read: unknown[] = []
    let cursor: string | undefined
    for (;;) {
      const page = await listEvents(world.context, world.actor, { limit, ...(cursor === undefined ? {} : { cursor }) })
      read.push(...page.items)
      cursor = page.nextCursor
      if (!page.hasMore) break
    }
    expect(read).toEqual(whole.items)
  }
  const kinds = whole.items.map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'attempt-dialing')).toHaveLength(5)
  expect(whole.items.filter(({ kind }) => kind === 'lane-closed')).toMatchObject([
    { outcome: 'duplicate', range: { firstSeq: 12, count: 1 }, recipientId: null },
    { outcome: 'cancelled', range: { firstSeq: 6, count: 5 } },
  ])
  expect(new Set(whole.items.map(({ id }) => id)).size).toBe(whole.items.length)
  const { items } = await listRecipients(world.context, world.actor, batch.id)
  const dialing = whole.items.find(({ kind }) => kind === 'attempt-dialing')!
  expect(
    items.some(({ id, latestAttemptId }) => id === dialing.recipientId && latestAttemptId === dialing.attemptId),
  ).toBe(true)
  const other = await world.makeBatch(people(1))
  const ofOther = await listEvents(world.context, world.actor, { batchId: other.id })
  expect(ofOther.items.map(({ kind }) => kind)).toEqual(['batch-created', 'batch-started'])
  const again = await listEvents(world.context, world.actor, { batchId: other.id, cursor: ofOther.nextCursor })
  expect(again).toMatchObject({ items: [], hasMore: false })
})

test('a retry dials each person once more, whatever became of the batch', async () => {
  const world = await commandWorld()
  const retryPolicy = defaultRetryPolicy(3, [60])
  const batch = await world.makeBatch(people(8), { retryPolicy })
  const calls = await world.claim(4)
  await world.end(calls.slice(0, 1), { disposition: 'unknown' })
  await world.end(calls.slice(1, 2), { disposition: 'busy' })
  await world.end(calls.slice(2, 3), { disposition: 'answered' })
  await world.forgetUnsent()
  await cancelBatch(world.context, world.actor, batch.id)
  await world.end(calls.slice(3), { disposition: 'no-answer' })
  expect(await world.differences()).toEqual([])
  const { batch: running, reopened } = await retryBatch(world.context, world.actor, batch.id, {
    outcomes: ['unknown', 'busy', 'cancelled'],
  })
  expect(reopened).toBe(6)
  expect(running).toMatchObject({ status: 'running', completedAt: null, figures: { due: 6, settled: 2, waiting: 0 } })
  expect(await world.differences()).toEqual([])
  const again = await world.claim(10, 'due')
  expect(again.map(({ seq, n, counted }) => [seq, n, counted]).sort((a, b) => a[0]! - b[0]!)).toEqual([
    [1, 2, 3],
    [2, 2, 3],
    [5, 1, 3],
    [6, 1, 3],
    [7, 1, 3],
    [8, 1, 3],
  ])
  await world.end(again, { disposition: 'answered' })
  expect(await world.differences()).toEqual([])
  const { items } = await listRecipients(world.context, world.actor, batch.id)
  expect(items.map(({ outcome }) => outcome)).toEqual([
    'answered',
    'answered',
    'answered',
    'no-answer',
    ...['answered', 'answered', 'answered', 'answered'],
  ])
  expect((await getBatch(world.context, world.actor, batch.id)).status).toBe('completed')
})

test('a retry of part of a cancelled line leaves the others cancelled, and both can be cancelled again', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(people(6))
  const calls = await world.claim(2)
  await world.end(calls, { disposition: 'busy' })
  await cancelBatch(world.context, world.actor, batch.id)
  await retryBatch(world.context, world.actor, batch.id, { outcomes: ['busy'] })
  expect(await world.differences()).toEqual([])
  expect(await world.claim(10)).toEqual([])
  const cancelled = await cancelBatch(world.context, world.actor, batch.id)
  expect(cancelled).toMatchObject({ status: 'cancelled', figures: { settled: 6, outcomes: { busy: 2, cancelled: 4 } } })
  expect(await world.differences()).toEqual([])
  const json = await textOf(await exportResults(world.context, world.actor, batch.id, 'json-lines'))
  expect(
    json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).outcome),
  ).toEqual(['busy', 'busy', ...Array(4).fill('cancelled')])
})

test('a retry refuses who was reached, who can never be called, and a batch whose time is over', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(people(2), { expiresAt: new Date(Date.now() + 60_000) })
  const retry = (outcomes: Parameters<typeof retryBatch>[3]['outcomes']) =>
    retryBatch(world.context, world.actor, batch.id, { outcomes })
  await expect(retry(['answered'])).rejects.toMatchObject({ code: 'outcome-not-retryable' })
  await expect(retry(['duplicate'])).rejects.toMatchObject({ code: 'outcome-not-retryable' })
  await expect(retry([])).rejects.toMatchObject({ field: 'outcomes' })
  await world.sql(`UPDATE batch_state SET expires_at = expires_at - interval '2 min'`)
  await world.dispatch((_gate, transaction) => transaction.turnBatches())
  await expect(retry(['expired'])).rejects.toMatchObject({ code: 'batch-expired' })
  await updateBatch(world.context, world.actor, batch.id, { expiresAt: null })
  expect((await retry(['expired'])).reopened).toBe(2)
  expect(await world.claim(10, 'due')).toHaveLength(2)
  expect(await world.differences()).toEqual([])
})
