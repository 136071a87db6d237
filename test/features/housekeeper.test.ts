import { expect, test } from 'vitest'
import { erasePerson, getErasure } from '../../src/commands/erase-person.ts'
import { getBatch } from '../../src/commands/get-batch.ts'
import { listRecipients } from '../../src/commands/list-recipients.ts'
import { listAuditSeals } from '../../src/commands/verify-audit.ts'
import { Housekeeper } from '../../src/housekeeper.ts'
import { commandWorld } from '../command-world.ts'
import { FakeClock } from '../fake-clock.ts'

const PERSON = '+14155550123'
const ROUND_MS = 5_000
const HOUR_MS = 3_600_000

async function keptHouse(retentionDays: number | null) {
  const world = await commandWorld()
  const clock = new FakeClock()
  const warned: string[] = []
  const log = { warn: (_fields: object, message: string) => warned.push(message) }
  const housekeeper = new Housekeeper({ commands: world.context, clock, log, retentionDays })
  /** Lets time pass in rounds; between two of them the database answers. */
  const pass = async (ms: number, isEnough: () => Promise<boolean>) => {
    for (let passed = 0; passed < ms && !(await isEnough()); passed += ROUND_MS) {
      clock.advance(ROUND_MS)
      await expect.poll(() => clock.pendingTimers, { interval: 1, timeout: 10_000 }).toBeGreaterThan(0)
    }
  }
  /** What it is at is brought to its end, and the rests in it pass. */
  const stop = async () => {
    let isStopped = false
    const stopping = housekeeper.stop().then(() => {
      isStopped = true
    })
    while (!isStopped) {
      clock.advance(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await stopping
  }
  const batch = await world.makeBatch([{ to: PERSON, variables: { name: 'Zoë' } }])
  await world.end(await world.claim(1), { disposition: 'busy' })
  const numbers = async () =>
    (await listRecipients(world.context, world.actor, batch.id, {})).items.map(({ number }) => number)
  return { ...world, clock, housekeeper, pass, stop, warned, batch, numbers }
}

test('erases who asked for it within seconds, and keeps at it', async () => {
  const { context, actor, housekeeper, pass, stop, clock, numbers } = await keptHouse(null)
  housekeeper.start()
  const erase = async () => (await erasePerson(context, actor, PERSON)).id
  const isDone = async (id: string) => (await getErasure(context, actor, id)).finishedAt !== null
  for (const round of [1, 2]) {
    const id = await erase()
    await pass(10 * ROUND_MS, () => isDone(id))
    expect(await isDone(id), `round ${round}`).toBe(true)
  }
  expect(await numbers()).toEqual([''])
  await stop()
  expect(clock.pendingTimers).toBe(0)
})

test('looks every hour for batches whose people are kept no longer', async () => {
  const { sql, housekeeper, pass, stop, numbers, context, actor, batch } = await keptHouse(30)
  housekeeper.start()
  // The first look comes with the first round, when the batch is young.
  await pass(2 * ROUND_MS, async () => false)
  await sql(`UPDATE batch_state SET completed_at = completed_at - interval '31 days'`)
  await pass(10 * ROUND_MS, async () => false)
  expect(await numbers()).toEqual([PERSON])
  await pass(HOUR_MS, async () => (await numbers())[0] === '')
  expect(await numbers()).toEqual([''])
  expect((await getBatch(context, actor, batch.id)).figures).toMatchObject({ settled: 1, outcomes: { busy: 1 } })
  await stop()
})

test('folds the counts of lists', async () => {
  const { sql, housekeeper, pass, stop } = await keptHouse(null)
  await sql(
    'INSERT INTO listed_batch_count (organization_id, status, batches) SELECT 1, 4, n % 2 * 2 - 1 FROM generate_series(1, 300) n',
  )
  housekeeper.start()
  const rows = async () => Number((await sql('SELECT count(*) AS n FROM listed_batch_count WHERE status = 4'))[0]!.n)
  await pass(3 * ROUND_MS, async () => (await rows()) === 1)
  expect(await rows()).toBe(1)
  expect(await sql('SELECT batches FROM listed_batch_count WHERE status = 4')).toEqual([{ batches: 1 }])
  await stop()
})

test('seals the audit log, also when something else fails', async () => {
  const { sql, context, actor, housekeeper, pass, stop, warned } = await keptHouse(null)
  await sql('ALTER TABLE erasure RENAME TO erasure_away')
  await sql(`UPDATE audit_unsealed SET at = at - interval '6 min'`)
  housekeeper.start()
  const isSealed = async () => (await listAuditSeals(context, actor, {})).items.length > 0
  await pass(3 * ROUND_MS, isSealed)
  expect(await isSealed()).toBe(true)
  expect(warned[0]).toContain('tried again')
  await stop()
})

test('a database that fails is warned of and asked again; the server can stop meanwhile', async () => {
  const { sql, context, actor, housekeeper, pass, stop, warned, numbers } = await keptHouse(null)
  await sql('ALTER TABLE erasure RENAME TO erasure_away')
  housekeeper.start()
  await pass(2 * ROUND_MS, async () => warned.length > 0)
  expect(warned[0]).toContain('tried again')
  await sql('ALTER TABLE erasure_away RENAME TO erasure')
  const { id } = await erasePerson(context, actor, PERSON)
  await pass(5 * ROUND_MS, async () => (await getErasure(context, actor, id)).finishedAt !== null)
  expect(await numbers()).toEqual([''])
  await stop()
  await stop()
})
