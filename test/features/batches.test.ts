import { expect, test } from 'vitest'
import { cancelBatch } from '../../src/commands/cancel-batch.ts'
import { createBatch } from '../../src/commands/create-batch.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { listBatches } from '../../src/commands/list-batches.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { startBatch } from '../../src/commands/start-batch.ts'
import { updateBatch } from '../../src/commands/update-batch.ts'
import { commandWorld, fileOf, people } from '../command-world.ts'

test('a posted list becomes a running batch whose figures equal a recount', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(people(12_000), { name: 'Twelve thousand', metadata: { campaign: 'spring' } })
  expect(batch).toMatchObject({ name: 'Twelve thousand', status: 'running', concurrency: 50, ringTimeoutSeconds: 30 })
  expect(batch).toMatchObject({ callerNumber: world.first.number, metadata: { campaign: 'spring' }, columns: null })
  expect(batch.figures).toMatchObject({ total: 12_000, waiting: 12_000, due: 0, live: 0, settled: 0 })
  expect(batch.startedAt).toBeInstanceOf(Date)
  expect(await world.differences()).toEqual([])
  expect(await world.sql('SELECT count(*)::int AS n FROM staged_recipient')).toEqual([{ n: 0 }])
  expect(
    await world.sql('SELECT min(seq), max(seq), count(DISTINCT number_hash)::int AS hashes FROM recipient'),
  ).toEqual([{ min: 1, max: 12_000, hashes: 12_000 }])
  expect(world.woken).toContain(world.actor.organizationId)
})

test('a repeated number ends as a duplicate and is not called', async () => {
  const world = await commandWorld()
  const [first, second] = people(2)
  const batch = await world.makeBatch([first!, second!, first!, first!])
  expect(batch.figures).toMatchObject({ total: 4, waiting: 2, settled: 2 })
  expect(batch.figures.outcomes.duplicate).toBe(2)
  expect(await world.claim(10)).toHaveLength(2)
  expect(await world.differences()).toEqual([])
})

test('with duplicateNumbers call, rows of one number follow one another', async () => {
  const world = await commandWorld()
  const [first, second] = people(2)
  const batch = await world.makeBatch([first!, second!, first!, first!], { duplicateNumbers: 'call' })
  expect(batch.figures).toMatchObject({ total: 4, waiting: 4, settled: 0 })
  const order: number[] = []
  for (let round = 0; round < 3; round++) {
    const calls = [...(await world.claim(10)), ...(await world.claim(10, 'due'))]
    order.push(calls.length)
    expect(await world.differences()).toEqual([])
    await world.end(calls, { disposition: 'busy' })
    expect(await world.differences()).toEqual([])
  }
  expect(order).toEqual([2, 1, 1])
  expect(await getBatch(world.context, world.actor, batch.id)).toMatchObject({
    status: 'completed',
    figures: { total: 4, settled: 4, attempts: 4 },
  })
})

test('cancelling ends who waits in line, behind the same number and in due; live calls finish', async () => {
  const world = await commandWorld()
  const list = people(20)
  const batch = await world.makeBatch([...list, list[0]!, list[19]!], { duplicateNumbers: 'call' })
  const calls = await world.claim(6)
  expect(calls).toHaveLength(6)
  await world.end(calls.slice(0, 2), { disposition: 'busy', retryAfterMs: 60_000 })
  await world.end(calls.slice(2, 3), { disposition: 'not-sent', retryAfterMs: 60_000 })
  await world.answer(calls.slice(3))
  const cancelled = await cancelBatch(world.context, world.actor, batch.id)
  expect(cancelled).toMatchObject({ status: 'cancelled', completedAt: null })
  expect(cancelled.figures).toMatchObject({ total: 22, waiting: 0, due: 0, live: 3, settled: 19 })
  // 14 in line, 2 behind the same number, and 1 whose only call was never sent.
  expect(cancelled.figures.outcomes).toMatchObject({ cancelled: 17, busy: 2 })
  expect(await world.differences()).toEqual([])
  expect(await world.claim(10)).toEqual([])
  await world.end(calls.slice(3), { disposition: 'answered' })
  expect(await world.differences()).toEqual([])
  const over = await cancelBatch(world.context, world.actor, batch.id)
  expect(over).toMatchObject({ status: 'cancelled', figures: { live: 0, settled: 22, outcomes: { answered: 3 } } })
  expect(over.completedAt).toBeInstanceOf(Date)
})

test('cancel answers only when no committed intent can be sent any more', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(people(3))
  const calls = await world.claim(1)
  let answered = false
  const cancelling = cancelBatch(world.context, world.actor, batch.id).then((view) => {
    answered = true
    return view
  })
  // The cancel has committed once the claim finds nothing; its answer is still out.
  while ((await getBatch(world.context, world.actor, batch.id)).status !== 'cancelled') {}
  expect(answered).toBe(false)
  await world.answer(calls)
  expect((await cancelling).figures).toMatchObject({ live: 1, settled: 2 })
})

test('pause stops claims, resume lets them go on, and each may be repeated', async () => {
  const world = await commandWorld()
  const { id } = await world.makeBatch(people(4))
  expect((await pauseBatch(world.context, world.actor, id)).status).toBe('paused')
  expect((await pauseBatch(world.context, world.actor, id)).status).toBe('paused')
  expect(await world.claim(10)).toEqual([])
  expect((await resumeBatch(world.context, world.actor, id)).status).toBe('running')
  expect((await resumeBatch(world.context, world.actor, id)).status).toBe('running')
  expect(await world.claim(10)).toHaveLength(4)
  const kinds = await world.sql('SELECT unnest(kind) AS kind FROM event_block ORDER BY block_no')
  expect(kinds.map(({ kind }) => kind).filter((kind) => Number(kind) >= 20)).toEqual([20, 21, 22, 23])
  await world.dispatch(async () => undefined)
  expect(await world.differences()).toEqual([])
})

test('a batch paused before its scheduled start waits for that start again', async () => {
  const world = await commandWorld()
  const startAt = new Date(Date.now() + 3_600_000)
  const { id, status } = await world.makeBatch(people(1), { startAt })
  expect(status).toBe('scheduled')
  await pauseBatch(world.context, world.actor, id)
  const resumed = await resumeBatch(world.context, world.actor, id)
  expect(resumed).toMatchObject({ status: 'scheduled', startAt, startedAt: null })
  expect(await startBatch(world.context, world.actor, id)).toMatchObject({ status: 'running' })
  expect(await world.claim(10)).toHaveLength(1)
})

test('verbs refuse what makes no sense, and other organizations are told that there is no such batch', async () => {
  const world = await commandWorld()
  const { id } = await world.makeBatch(people(1), { draft: true })
  await expect(pauseBatch(world.context, world.actor, id)).rejects.toMatchObject({ code: 'batch-status-conflict' })
  await expect(getBatch(world.context, { ...world.actor, organizationId: 99 }, id)).rejects.toMatchObject({
    code: 'batch-not-found',
    httpStatus: 404,
  })
  await expect(getBatch(world.context, world.actor, 'nonsense')).rejects.toMatchObject({ code: 'batch-not-found' })
  await cancelBatch(world.context, world.actor, id)
  await expect(startBatch(world.context, world.actor, id)).rejects.toMatchObject({ httpStatus: 409 })
  expect(await world.differences()).toEqual([])
})

test('a file is staged while it arrives; bad rows are kept apart', async () => {
  const world = await commandWorld()
  const rows = Array.from(
    { length: 11_000 },
    (_, index) => `+1${5_550_000_000 + index},"Ann ""A"" ${index}\\","x\ty\nz"`,
  )
  const text = `phone_number,first_name,note\n${rows.join('\n')}\nnonsense,Bob,y\n+15550000001,Again,z\n`
  const { batch, rejectedRows } = await createBatch(
    world.context,
    world.actor,
    { dialect: 'native', agent: 'announcement' },
    { file: fileOf(text, 10_000), fileName: '../../spring list.csv' },
  )
  expect(batch).toMatchObject({
    name: 'spring list.csv',
    rejectedRows: 1,
    columns: ['phone_number', 'first_name', 'note'],
  })
  expect(batch.figures).toMatchObject({ total: 11_001, waiting: 11_000, settled: 1 })
  expect(rejectedRows).toMatchObject([{ line: 22_002, column: 'phone_number', value: 'nonsense' }])
  expect(await world.sql('SELECT line, variables FROM recipient WHERE seq IN (1, 11000) ORDER BY seq')).toEqual([
    { line: 2, variables: '["Ann \\"A\\" 0\\\\","x\\ty\\nz"]' },
    { line: 22_000, variables: '["Ann \\"A\\" 10999\\\\","x\\ty\\nz"]' },
  ])
  expect(await world.differences()).toEqual([])
})

test('nothing is stored when a list cannot be used', async () => {
  const world = await commandWorld()
  const count = async () =>
    (
      await world.sql(
        'SELECT (SELECT count(*)::int FROM batch) + (SELECT count(*)::int FROM recipient) + (SELECT count(*)::int FROM staged_recipient) AS n',
      )
    )[0]
  const bad = [...people(6_000), { to: '0155', variables: null }, { to: '+15550000001', timezone: 'Mars/X' }]
  await expect(world.makeBatch(bad)).rejects.toMatchObject({
    code: 'invalid-recipients',
    details: [{ path: 'recipients[6000].to' }, { path: 'recipients[6001].timezone' }],
  })
  await expect(world.makeBatch([])).rejects.toMatchObject({ code: 'no-recipients' })
  const upload = (text: string) =>
    createBatch(
      world.context,
      world.actor,
      { dialect: 'native', agent: 'announcement', onBadRows: 'reject' },
      { file: fileOf(text) },
    )
  await expect(upload('phone\nx\ny\n')).rejects.toMatchObject({ code: 'no-good-row', details: [{}, {}] })
  await expect(upload('phone\n+15550000001\ny\n')).rejects.toMatchObject({ code: 'bad-rows-refused' })
  await expect(upload('name\nAnn\n')).rejects.toMatchObject({
    code: 'file-unreadable',
    remedy: expect.stringContaining('phone_number'),
  })
  await expect(upload('PK\x03\x04xx')).rejects.toMatchObject({ code: 'unsupported-file', httpStatus: 415 })
  async function* breaking() {
    yield Buffer.from(
      `phone\n${people(9_000)
        .map(({ to }) => to)
        .join('\n')}\n`,
    )
    throw new Error('the client went away')
  }
  await expect(
    createBatch(world.context, world.actor, { dialect: 'native', agent: 'announcement' }, { file: breaking() }),
  ).rejects.toThrow('the client went away')
  await expect(world.makeBatch(people(1), { concurrency: 51 })).rejects.toMatchObject({
    code: 'concurrency-above-limit',
  })
  await expect(world.makeBatch(people(1), { callerNumber: '+15551234567' })).rejects.toMatchObject({
    code: 'caller-not-owned',
  })
  await expect(world.makeBatch(people(1), { agent: 'nobody' })).rejects.toMatchObject({ code: 'agent-not-found' })
  await expect(world.makeBatch(people(1), { startAt: new Date(0) })).rejects.toMatchObject({ httpStatus: 400 })
  await expect(world.makeBatch(people(1), { startAt: new Date(Date.now() - 5_000) })).rejects.toMatchObject({
    code: 'start-in-past',
  })
  expect(await count()).toEqual({ n: 0 })
  expect(await world.differences()).toEqual([])
})

test('where real telephones ring, forbidden and impossible numbers end so, and the request succeeds', async () => {
  const world = await commandWorld({ strict: true })
  const batch = await world.makeBatch([
    { to: '+14155552671' },
    { to: '+19005551234' },
    { to: '+8816123456789' },
    { to: '+442071838750' },
    { to: '+11234567890' },
    { to: '+15005550100' },
  ])
  expect(batch.figures).toMatchObject({ total: 6, waiting: 1, settled: 5 })
  expect(batch.figures.outcomes['not-allowed'] + batch.figures.outcomes['invalid-number']).toBe(5)
  expect(batch.figures.outcomes['invalid-number']).toBeGreaterThan(0)
  expect(await world.differences()).toEqual([])
})

test('a list on which nobody may be called is completed at once', async () => {
  const world = await commandWorld({ strict: true })
  const batch = await world.makeBatch([{ to: '+19005551234' }, { to: '+19005551235' }])
  expect(batch).toMatchObject({ status: 'completed', figures: { total: 2, settled: 2, waiting: 0 } })
  expect(await world.differences()).toEqual([])
})

test('recipients with a not-before of their own stand in due', async () => {
  const world = await commandWorld()
  const [one, two, three] = people(3)
  const notBefore = new Date(Date.now() + 60_000)
  const batch = await world.makeBatch([{ ...one!, notBefore }, two!, { ...three!, notBefore: new Date(0) }])
  expect(batch.figures).toMatchObject({ total: 3, waiting: 2, due: 1 })
  expect(await world.claim(10)).toHaveLength(2)
  expect(await world.claim(10, 'due')).toEqual([])
  await world.sql(`UPDATE due SET due_at = due_at - interval '2 min'`)
  expect(await world.claim(10, 'due')).toHaveLength(1)
  expect(await world.differences()).toEqual([])
})

test('numbers in several zones lie in lanes of their own', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch([
    { to: '+442071838750' },
    { to: '+14155552671' },
    { to: '+442071838751' },
    { to: '+14155552672', timezone: 'asia/kolkata' },
  ])
  expect(await world.sql('SELECT zones, first_seq, end_seq, last_seq FROM lane ORDER BY lane')).toEqual([
    { zones: ['Europe/London'], first_seq: 1, end_seq: 3, last_seq: 3 },
    { zones: ['America/Los_Angeles'], first_seq: 3, end_seq: 4, last_seq: 4 },
    { zones: ['Asia/Kolkata'], first_seq: 4, end_seq: 5, last_seq: 5 },
  ])
  expect(batch.figures.waiting).toBe(4)
  expect(await world.differences()).toEqual([])
})

test('what has expired ends, also while it is paused; live calls end it later', async () => {
  const world = await commandWorld()
  const expiresAt = new Date(Date.now() + 60_000)
  const running = await world.makeBatch(people(5), { expiresAt })
  const calls = await world.claim(2)
  const paused = await world.makeBatch(people(3), { expiresAt })
  await world.sql(`UPDATE live_call SET state = 2; UPDATE batch_state SET dialing = 0, accepted = live`)
  await pauseBatch(world.context, world.actor, paused.id)
  await world.sql(`UPDATE batch_state SET expires_at = expires_at - interval '2 min'`)
  expect(await world.dispatch((_gate, transaction) => transaction.turnBatches())).toBe(2)
  expect(await world.dispatch((_gate, transaction) => transaction.turnBatches())).toBe(0)
  expect(await getBatch(world.context, world.actor, paused.id)).toMatchObject({
    status: 'completed',
    figures: { settled: 3 },
  })
  expect(await getBatch(world.context, world.actor, running.id)).toMatchObject({
    status: 'running',
    figures: { live: 2, waiting: 0, settled: 3, outcomes: { expired: 3 } },
  })
  expect(await world.differences()).toEqual([])
  await world.end(calls, { disposition: 'no-answer' })
  expect((await getBatch(world.context, world.actor, running.id)).status).toBe('completed')
  expect(await world.differences()).toEqual([])
})

test('limits, window and expiry can be changed while it runs', async () => {
  const world = await commandWorld()
  const { id, updatedAt } = await world.makeBatch(people(9), { metadata: { a: 1 } })
  const expiresAt = new Date(Date.now() + 3_600_000)
  const callingWindow = {
    zone: 'recipient',
    ranges: [{ weekdays: [1, 2, 3, 4, 5] as const, from: '09:00', to: '18:00' }],
  }
  const changed = await updateBatch(world.context, world.actor, id, { concurrency: 2, expiresAt, callingWindow })
  expect(changed).toMatchObject({ concurrency: 2, expiresAt, callingWindow, metadata: { a: 1 }, status: 'running' })
  expect(changed.updatedAt.getTime()).toBeGreaterThan(updatedAt.getTime())
  expect(await world.claim(10)).toHaveLength(2)
  await expect(updateBatch(world.context, world.actor, id, { concurrency: 0 })).rejects.toMatchObject({
    field: 'concurrency',
  })
  await expect(updateBatch(world.context, world.actor, id, { expiresAt: new Date(1e12) })).rejects.toMatchObject({
    code: 'expiry-before-start',
  })
  await expect(updateBatch(world.context, world.actor, id, { startAt: expiresAt })).rejects.toMatchObject({
    httpStatus: 409,
  })
})

test('a batch without a limit of its own makes as many calls at once as the organization may, also when that rises', async () => {
  const world = await commandWorld()
  const { context, actor, sql } = world
  const following = await world.makeBatch(people(70))
  const own = await world.makeBatch(people(70), { concurrency: 20 })
  const shown = async ({ id }: { id: string }) => (await getBatch(context, actor, id)).concurrency
  expect([await shown(following), await shown(own)]).toEqual([50, 20])
  await sql('UPDATE trunk_state SET live_max = 200, tokens = 200, calls_per_second = 20000')
  await sql('UPDATE gate SET live_max = 60')
  expect([await shown(following), await shown(own)]).toEqual([60, 20])
  expect(await world.claim(70)).toHaveLength(60)
  expect((await getBatch(context, actor, following.id)).figures.live).toBe(60)
  // A change of something else leaves it so, and one of the limit gives it its own.
  await updateBatch(context, actor, following.id, { expiresAt: new Date(Date.now() + 3_600_000) })
  await sql('UPDATE gate SET live_max = 40')
  expect(await shown(following)).toBe(40)
  await updateBatch(context, actor, following.id, { concurrency: 7 })
  await sql('UPDATE gate SET live_max = 50')
  expect(await shown(following)).toBe(7)
  expect(await world.differences()).toEqual([])
})

test('batches are listed newest first, page by page', async () => {
  const world = await commandWorld()
  for (const name of ['a', 'b', 'c', 'd', 'e']) await world.makeBatch(people(1), { name, draft: name < 'c' })
  const first = await listBatches(world.context, world.actor, { limit: 2 })
  const second = await listBatches(world.context, world.actor, { limit: 2, cursor: first.nextCursor! })
  const third = await listBatches(world.context, world.actor, { limit: 2, cursor: second.nextCursor! })
  expect([first, second, third].map(({ items }) => items.map(({ name }) => name))).toEqual([
    ['e', 'd'],
    ['c', 'b'],
    ['a'],
  ])
  expect(third.nextCursor).toBeNull()
  const drafts = await listBatches(world.context, world.actor, { statuses: ['draft'] })
  expect(drafts.items.map(({ name }) => name)).toEqual(['b', 'a'])
  const foreign = { ...world.actor, organizationId: 7 }
  await expect(listBatches(world.context, foreign, { cursor: first.nextCursor! })).rejects.toMatchObject({
    code: 'invalid-cursor',
  })
  expect((await listBatches(world.context, foreign)).items).toEqual([])
})

test('a recount finds every figure and limit that is wrong', async () => {
  const world = await commandWorld()
  await world.makeBatch(people(5))
  await world.end(await world.claim(2), { disposition: 'busy' })
  expect(await world.differences()).toEqual([])
  const wrong = [
    'UPDATE batch_state SET busy = busy + 1, failed = failed - 1',
    'UPDATE batch_state SET attempts = attempts + 1',
    'UPDATE batch_state SET talk_ms = 1',
    'UPDATE gate SET live = live + 1',
    'UPDATE trunk_state SET live = live + 1',
    'UPDATE lane SET next_seq = next_seq + 1',
    'DELETE FROM event_block WHERE block_no = (SELECT max(block_no) FROM event_block)',
  ]
  let found = 0
  for (const statement of wrong) {
    await world.sql(statement)
    const { length } = await world.differences()
    expect(length).toBeGreaterThan(found)
    found = length
  }
})

test('what an upload of a dead node has left is swept up by the next upload, that of a living one is not', async () => {
  const world = await commandWorld()
  const stage = (epochMs: number) =>
    world.sql(
      'INSERT INTO staged_recipient (organization_id, upload_id, lane, position, line, number, number_hash) VALUES (1, $1, 0, 0, 1, 1, 1)',
      [epochMs * 4096],
    )
  await stage(Date.now() - 25 * 3_600_000)
  await stage(Date.now() - 3_600_000)
  await world.makeBatch(people(2))
  expect(await world.sql('SELECT count(*)::int AS n FROM staged_recipient')).toEqual([{ n: 1 }])
})
