import { expect, test } from 'vitest'
import { createBatch } from '../../src/commands/create-batch.ts'
import { eraseStep, retentionStep } from '../../src/commands/erase-in-steps.ts'
import { erasePerson, getErasure } from '../../src/commands/erase-person.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { pauseBatch } from '../../src/commands/pause-batch.ts'
import { resumeBatch } from '../../src/commands/resume-batch.ts'
import { retryBatch } from '../../src/commands/retry-batch.ts'
import { addSuppressions, listSuppressions, removeSuppressions } from '../../src/commands/suppressions.ts'
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
  await world.end([person!], { disposition: 'answered', keysPressed: '4711', spokenText: 'Hello Zoë Secret' })
  await world.end([other!], { disposition: 'answered', keysPressed: '4711', spokenText: 'Hello Bob' })
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
  expect(stored.match(/4711/g)).toHaveLength(1)
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
  await world.end(await world.claim(2), { disposition: 'busy', keysPressed: '4711' })
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
  for (const trace of ['4155550123', '4155550199', 'Zoë', '4711']) expect(stored).not.toContain(trace)
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
