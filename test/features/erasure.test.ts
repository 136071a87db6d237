import { expect, test } from 'vitest'
import { createBatch } from '../../src/commands/create-batch.ts'
import { eraseStep, retentionStep } from '../../src/commands/erase-in-steps.ts'
import { erasePerson, getErasure } from '../../src/commands/erase-person.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { beginIdempotent, finishIdempotent } from '../../src/commands/idempotency.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { retryBatch } from '../../src/commands/retry-batch.ts'
import { addSuppressions, listSuppressions, removeSuppressions } from '../../src/commands/suppressions.ts'
import type { BatchView } from '../../src/commands/views.ts'
import { OLDEST_EXPIRED } from '../../src/store/retention.ts'
import { type CommandWorld, commandWorld, fileOf } from '../command-world.ts'

const PERSON = '+14155550123'
const OTHER = '+14155550199'
const list = [
  { to: PERSON, variables: { name: 'Zoë Secret' }, metadata: { customer: 'C-secret' } },
  { to: OTHER, variables: { name: 'Bob' } },
]

/** Everything that is stored of the organization, but for what nobody may change. */
async function everything({ sql }: CommandWorld): Promise<string> {
  const tables = [
    'recipient',
    'attempt',
    'rejected_row',
    'suppression',
    'due',
    'verdict',
    'live_call',
    'event_block',
    'erasure',
    'audit_entry',
    'batch',
  ]
  const texts: unknown[] = []
  for (const table of tables)
    texts.push((await sql(`SELECT string_agg(x::text, ' ') AS text FROM ${table} x`))[0]!.text)
  return texts.join('\n')
}

async function eraseAll({ context }: CommandWorld): Promise<void> {
  while (await eraseStep(context)) {}
}

test('a person is erased from all lists, calls and rejected rows; others, counts and outcomes stay', async () => {
  const world = await commandWorld()
  const { context, actor, first } = world
  const batch = await world.makeBatch(list)
  const [person, other] = await world.claim(2)
  await world.end([person!], { disposition: 'answered', keysPressed: '*47#11', spokenText: 'Hello Zoë Secret' })
  await world.end([other!], { disposition: 'answered', keysPressed: '*47#11', spokenText: 'Hello Bob' })
  const file = `phone_number,name\n${OTHER},Bob\n${PERSON} x,Zoë Secret\n(415) 555-0123 bad,Zoë\n`
  await createBatch(context, actor, { dialect: 'native', agent: first.agentId! }, { file: fileOf(file) })
  const before = await getBatch(context, actor, batch.id)
  expect(await everything(world)).toContain('4155550123')
  const { id } = await erasePerson(context, actor, PERSON)
  expect(await getErasure(context, actor, id)).toMatchObject({ finishedAt: null })
  await eraseAll(world)
  expect(await getErasure(context, actor, id)).toMatchObject({
    recipients: 1,
    attempts: 1,
    finishedAt: expect.any(Date),
  })
  const stored = await everything(world)
  for (const trace of ['4155550123', '555-0123', 'Zoë', 'C-secret']) expect(stored).not.toContain(trace)
  expect(stored).toContain('4155550199')
  expect(stored.match(/\*47#11/g)).toHaveLength(1)
  expect((await getBatch(context, actor, batch.id)).figures).toEqual(before.figures)
  const { items } = await listRecipients(context, actor, batch.id, {})
  expect(items.map(({ number, outcome, variables }) => ({ number, outcome, variables }))).toEqual([
    { number: '', outcome: 'answered', variables: {} },
    { number: OTHER, outcome: 'answered', variables: { name: 'Bob' } },
  ])
  expect(await world.differences()).toEqual([])
  expect((await world.sql(`SELECT action, object_id FROM audit_entry WHERE action = 'person.erased'`))[0]).toEqual({
    action: 'person.erased',
    object_id: id,
  })
})

test('who was erased is never called again, whatever comes: a new list, a retry, the list of suppressions', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(list)
  await world.end(await world.claim(2), { disposition: 'busy' })
  await erasePerson(context, actor, PERSON)
  await eraseAll(world)
  expect((await listSuppressions(context, actor, {})).items).toMatchObject([{ number: '', reason: 'Erased' }])

  const again = await world.makeBatch(list)
  expect((await world.claim(2)).map(({ digits }) => `+${digits}`)).toEqual([OTHER])
  expect((await getBatch(context, actor, again.id)).figures).toMatchObject({ outcomes: { suppressed: 1 } })

  expect((await retryBatch(context, actor, batch.id, { outcomes: ['busy'] })).reopened).toBe(1)
  // Adding the number again changes nothing; taking it off the list is a decision, and the old entry stays erased.
  await addSuppressions(context, actor, { numbers: [PERSON] })
  expect(await removeSuppressions(context, actor, { numbers: [PERSON] })).toBe(2)
  expect((await retryBatch(context, actor, batch.id, { outcomes: ['busy'] })).reopened).toBe(0)
  expect(await world.differences()).toEqual([])
})

test('who waits in a paused list keeps the number until it is over, and the erasure says so', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(list)
  await pauseBatch(context, actor, batch.id)
  const { id } = await erasePerson(context, actor, PERSON)
  await eraseAll(world)
  expect(await getErasure(context, actor, id)).toMatchObject({ finishedAt: null, recipients: 0 })
  expect(await everything(world)).not.toContain('Zoë')
  await resumeBatch(context, actor, batch.id)
  expect(await world.claim(2)).toHaveLength(1)
  await world.sql(`UPDATE erasure SET next_at = carillon_now()`)
  await eraseAll(world)
  expect(await getErasure(context, actor, id)).toMatchObject({ finishedAt: expect.any(Date), recipients: 1 })
  expect(await everything(world)).not.toContain('4155550123')
})

test('people of batches that are over are erased after the days that the organization or the installation says', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const over = await world.makeBatch(list)
  await world.end(await world.claim(2), { disposition: 'busy', keysPressed: '*47#11' })
  const running = await world.makeBatch([{ to: '+14155550177', variables: { name: 'Carol' } }])
  const work = async (days: number | null) => {
    while (await retentionStep(context, days)) {}
  }
  const figures = (await getBatch(context, actor, over.id)).figures
  await work(1)
  expect(await everything(world)).toContain('Zoë')
  await world.sql(`UPDATE batch_state SET completed_at = completed_at - interval '31 days'`)
  await work(null)
  expect(await everything(world)).toContain('Zoë')
  await world.sql('UPDATE organization SET retention_days = 40')
  await work(30)
  expect(await everything(world)).toContain('Zoë')
  await world.sql('UPDATE organization SET retention_days = 30')
  await work(null)
  const stored = await everything(world)
  for (const trace of ['4155550123', '4155550199', 'Zoë', '*47#11']) expect(stored).not.toContain(trace)
  expect(stored).toContain('Carol')
  expect((await getBatch(context, actor, over.id)).figures).toEqual(figures)
  expect(
    (
      await retryBatch(context, actor, over.id, { outcomes: ['voicemail', 'answered', 'busy'] as never }).catch(
        () => null,
      )
    )?.reopened ?? 0,
  ).toBe(0)
  expect((await retryBatch(context, actor, over.id, { outcomes: ['busy'] })).reopened).toBe(0)
  expect((await getBatch(context, actor, running.id)).figures.waiting).toBe(1)
  expect(await world.differences()).toEqual([])
})

/** Asks with a key, so that the answer is kept. */
async function keep(world: CommandWorld, key: string, answer: string, batch?: BatchView) {
  const { context, actor } = world
  const request = { key, requestHash: Buffer.alloc(32, key) }
  expect(await beginIdempotent(context, actor, request)).toEqual({ kind: 'work' })
  const body = Buffer.from(answer)
  await finishIdempotent(context, actor, request, { httpStatus: 201, contentType: 'application/json', body })
  if (batch === undefined) return
  const sql = `UPDATE idempotent_answer SET batch_id = (SELECT batch_id FROM batch WHERE batch_uuid = $2) WHERE idempotency_key = $1`
  await world.sql(sql, [key, batch.id])
}

async function replayed({ context, actor }: CommandWorld, key: string) {
  const verdict = await beginIdempotent(context, actor, { key, requestHash: Buffer.alloc(32, key) })
  return verdict.kind === 'replay' ? [verdict.answer.httpStatus, verdict.answer.body.toString()] : verdict.kind
}

/** As if a webhook had told of everybody on the list, and of the batch itself. */
async function answeredDeliveries({ sql }: CommandWorld, batch: BatchView): Promise<void> {
  await sql(
    `INSERT INTO webhook_delivery (organization_id, endpoint_id, block_no, entry, at, batch_id, seq, n, kind, code, at_ms, status, created_at, answer)
     SELECT 1, 1, b.batch_id, s, now(), b.batch_id, s, 1, 6, 1, 0, 2, now(), 'thanks for ' || s
     FROM batch b, generate_series(0, 2) s WHERE b.batch_uuid = $1`,
    [batch.id],
  )
}
const answersOf = async ({ sql }: CommandWorld) =>
  (await sql('SELECT answer FROM webhook_delivery ORDER BY batch_id, seq')).map(({ answer }) => answer)

test('answers that are kept for a repetition, and those of webhook receivers, are erased with a person', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(list)
  const apart = await world.makeBatch([{ to: '+14155550177' }, { to: '+14155550178' }])
  await world.end(await world.claim(4), { disposition: 'busy' })
  for (const each of [batch, apart]) await answeredDeliveries(world, each)
  await keep(world, 'the-list', '{"name":"Zoë"}', batch)
  await keep(world, 'another-list', '{"name":"other"}', apart)
  await keep(world, 'a-call', '{"to":"+1 (415) 555-0123"}')
  await keep(world, 'another-call', '{"to":"+14155550199"}')
  for (let nth = 0; nth < 250; nth++) await keep(world, `b-${nth}`, '{}')
  await keep(world, 'zz-last', `{"value":"415.555.0123"}`)

  await erasePerson(world.context, world.actor, PERSON)
  let steps = 0
  while (await eraseStep(world.context)) steps++
  // Two until the lists are at their end, one for rejected rows, and one for each page of answers: no transaction reads all
  // that is kept.
  expect(steps).toBe(5)
  expect(await answersOf(world)).toEqual([
    'thanks for 0',
    null,
    'thanks for 2',
    ...[0, 1, 2].map((n) => `thanks for ${n}`),
  ])
  // Whoever repeats the request learns that it was done, and nothing is done again.
  for (const key of ['the-list', 'a-call', 'zz-last']) expect(await replayed(world, key), key).toEqual([201, ''])
  expect(await replayed(world, 'another-list')).toEqual([201, '{"name":"other"}'])
  expect(await replayed(world, 'another-call')).toEqual([201, '{"to":"+14155550199"}'])
})

/** A list of a file of which many rows were rejected, all with this value. */
async function manyRejectedRows({ sql }: CommandWorld, batch: BatchView, value: string, rows: number): Promise<void> {
  await sql(
    `INSERT INTO rejected_row (organization_id, batch_id, line, column_name, value, reason, remedy)
     SELECT organization_id, batch_id, 2 * n, 'phone_number', $2, 'bad', 'mend it' FROM batch, generate_series(1, $3::int) n WHERE batch_uuid = $1`,
    [batch.id, value, rows],
  )
}

/** How many rejected rows each of these steps empties. */
async function emptiedBy({ sql }: CommandWorld, step: () => Promise<boolean>): Promise<number[]> {
  const emptied: number[] = []
  const empty = async () => Number((await sql(`SELECT count(*) AS n FROM rejected_row WHERE value = ''`))[0]!.n)
  for (let before = await empty(); await step(); ) {
    const after = await empty()
    emptied.push(after - before)
    before = after
  }
  return emptied
}

test('rejected rows are gone through some at a time, however many there are', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const batch = await world.makeBatch(list)
  const next = await world.makeBatch([{ to: '+14155550177' }])
  await world.end(await world.claim(3), { disposition: 'busy' })
  await manyRejectedRows(world, batch, '(415) 555-0123 bad', 25_000)
  await manyRejectedRows(world, next, '(415) 555-0123 bad', 5_000)
  const { id } = await erasePerson(context, actor, PERSON)
  const emptied = await emptiedBy(world, () => eraseStep(context))
  expect(emptied.filter((rows) => rows > 0)).toEqual([20_000, 10_000])
  expect(await getErasure(context, actor, id)).toMatchObject({ rejectedRows: 30_000, finishedAt: expect.any(Date) })
})

test('after the retention too, and a batch is done when its last line is', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(list)
  await world.end(await world.claim(2), { disposition: 'busy' })
  await manyRejectedRows(world, batch, 'Zoë', 2_500)
  await world.sql(`UPDATE batch_state SET completed_at = completed_at - interval '31 days'`)
  expect(await emptiedBy(world, () => retentionStep(world.context, 30))).toEqual([1_000, 1_000, 500])
  expect(await everything(world)).not.toContain('Zoë')
})

test('answers about a batch go with its people after the retention', async () => {
  const world = await commandWorld()
  const batch = await world.makeBatch(list)
  const young = await world.makeBatch([{ to: '+14155550177' }, { to: '+14155550178' }])
  await world.end(await world.claim(4), { disposition: 'busy' })
  for (const each of [batch, young]) {
    await answeredDeliveries(world, each)
    await keep(world, each.id, '{"name":"Zoë"}', each)
  }
  const old = `UPDATE batch_state SET completed_at = completed_at - interval '31 days'
    WHERE batch_id = (SELECT batch_id FROM batch WHERE batch_uuid = $1)`
  await world.sql(old, [batch.id])
  while (await retentionStep(world.context, 30)) {}
  expect(await answersOf(world)).toEqual([null, null, null, 'thanks for 0', 'thanks for 1', 'thanks for 2'])
  expect(await replayed(world, batch.id)).toEqual([201, ''])
  expect(await replayed(world, young.id)).toEqual([201, '{"name":"Zoë"}'])
})

test('the next batch to erase is found at once among very many that are over', async () => {
  const world = await commandWorld()
  const { sql } = world
  await world.makeBatch(list)
  await sql('ALTER TABLE batch_state DISABLE TRIGGER USER')
  await sql('ALTER TABLE batch DISABLE TRIGGER USER')
  // All of them over: most are erased, some are to be kept for longer.
  await sql(`INSERT INTO batch SELECT made.* FROM batch b, generate_series(1001, 5000) n,
    LATERAL jsonb_populate_record(b, jsonb_build_object('batch_id', n, 'batch_uuid', gen_random_uuid())) made`)
  await sql(`INSERT INTO batch_state SELECT made.* FROM batch_state s, generate_series(1001, 5000) n,
    LATERAL jsonb_populate_record(s, jsonb_build_object('batch_id', n, 'status', 4, 'people_erased', n <= 4000,
      'completed_at', now() - CASE WHEN n <= 4001 THEN interval '40 days' ELSE interval '1 day' END)) made`)
  await sql('ANALYZE batch')
  await sql('ANALYZE batch_state')
  const plan = await sql(`EXPLAIN (ANALYZE, FORMAT JSON) ${OLDEST_EXPIRED.replaceAll('$1', '30')}`)
  const passed: number[] = []
  JSON.stringify(plan, (key, value) => {
    if (key === 'Actual Rows' || key === 'Rows Removed by Filter') passed.push(value)
    return value
  })
  expect(Math.max(...passed), JSON.stringify(plan)).toBeLessThanOrEqual(1)
  expect(JSON.stringify(plan)).toContain('batch_state_over')
  expect(await retentionStep(world.context, 30)).toBe(true)
  expect(await sql('SELECT batch_id FROM batch WHERE erased_at IS NOT NULL')).toEqual([{ batch_id: 4001 }])
  expect(await retentionStep(world.context, 30)).toBe(false)
})
