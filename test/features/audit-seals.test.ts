import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCredential } from '../../src/commands/credentials.ts'
import { eraseStep } from '../../src/commands/erase-in-steps.ts'
import { erasePerson, getErasure } from '../../src/commands/erase-person.ts'
import { sealStep } from '../../src/commands/seal-audit.ts'
import { listAuditSeals, verifyAudit } from '../../src/commands/verify-audit.ts'
import { digestOfSeal } from '../../src/model/audit-seal.ts'
import { canonicalEntries, insertSeal, newestSeal, takeUnsealedEntries } from '../../src/store/audit-seals.ts'
import { createPool, openConnection, transaction } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'
import { createTestDatabase } from '../database.ts'

const MIGRATIONS = path.resolve(import.meta.dirname, '../../migrations')

/** Entries by the number, as if they were written so many minutes ago. */
async function write({ context, actor, sql }: CommandWorld, count: number, minutesAgo: number): Promise<void> {
  for (let n = 0; n < count; n++) await createCredential(context, actor, { name: `key ${n}` })
  await age(sql, minutesAgo)
}

/** What was not aged before. */
async function age(sql: CommandWorld['sql'], minutesAgo: number): Promise<void> {
  await sql(
    `UPDATE audit_unsealed SET at = carillon_now() - $1::int * interval '1 min' WHERE at > carillon_now() - interval '50 s'`,
    [minutesAgo],
  )
}

async function seal({ context }: CommandWorld): Promise<number> {
  let steps = 0
  while (await sealStep(context)) steps++
  return steps
}

const verify = ({ context, actor }: CommandWorld, anchor?: string) => verifyAudit(context, actor, { anchor })
const seals = async ({ context, actor }: CommandWorld) => (await listAuditSeals(context, actor, {})).items

/** Three seals: of entries 1 and 2, of 3 and 4, of 5 and 6. */
async function sealedWorld(): Promise<CommandWorld> {
  const world = await commandWorld()
  for (let n = 0; n < 3; n++) {
    await write(world, 2, 6)
    expect(await seal(world)).toBe(1)
  }
  return world
}

test('entries are sealed some minutes after they were written, in a chain', async () => {
  const world = await commandWorld()
  await write(world, 2, 4)
  expect(await seal(world)).toBe(0)
  expect(await verify(world)).toMatchObject({ seals: 0, entries: 0, unsealedEntries: 2, fault: null, nextCursor: null })
  await write(world, 1, 0)
  await world.sql(`UPDATE audit_unsealed SET at = at - interval '61 s' WHERE entry_id <= 2`)
  expect(await seal(world)).toBe(1)
  const [first] = await seals(world)
  expect(first).toMatchObject({ number: 1, entries: 2, firstEntryId: '1', lastEntryId: '2' })
  expect(await verify(world)).toEqual({
    seals: 1,
    entries: 2,
    lateEntries: 0,
    unsealedEntries: 1,
    fault: null,
    nextCursor: null,
  })
  await age(world.sql, 6)
  expect(await seal(world)).toBe(1)
  expect((await seals(world)).map(({ number, firstEntryId }) => [number, firstEntryId])).toEqual([
    [2, '3'],
    [1, '1'],
  ])
  expect(await verify(world, first!.anchor)).toMatchObject({ seals: 2, entries: 3, unsealedEntries: 0, fault: null })
})

test('a digest is what anybody makes of the table', async () => {
  const world = await sealedWorld()
  const [second] = await world.sql(`
    SELECT encode(s.digest, 'hex') AS kept, encode(sha256(convert_to(
      encode(before.digest, 'hex') || E'\\n'
      || format('[%s,%s,"%s",[%s]]', s.organization_id, s.seal_n, (extract(epoch FROM s.sealed_at) * 1000000)::bigint,
        (SELECT string_agg(format('"%s"', id), ',' ORDER BY id) FROM unnest(s.entry_ids) id)) || E'\\n'
      || (SELECT string_agg(jsonb_build_array(entry_id, (extract(epoch FROM at) * 1000000)::bigint, credential_id, action,
          object_id, detail, address::text, request_id)::text || E'\\n', '' ORDER BY entry_id)
        FROM audit_entry WHERE entry_id = ANY (s.entry_ids)), 'UTF8')), 'hex') AS made
    FROM audit_seal s JOIN audit_seal before ON before.seal_n = s.seal_n - 1 WHERE s.seal_n = 2`)
  expect(second!.made).toBe(second!.kept)
})

const WITHOUT_TRIGGERS = 'SET session_replication_role = replica'

test.each([
  [
    'another action',
    `UPDATE audit_entry SET action = 'key.revoked' WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another key',
    `UPDATE audit_entry SET credential_id = 'crl_x' WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'a microsecond',
    `UPDATE audit_entry SET at = at + interval '1 us' WHERE entry_id = 4`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another object',
    `UPDATE audit_entry SET object_id = NULL WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another detail',
    `UPDATE audit_entry SET detail = '{"people": 1}' WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another address',
    `UPDATE audit_entry SET address = '127.0.0.2' WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another request',
    `UPDATE audit_entry SET request_id = 'x' WHERE entry_id = 3`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  ['an entry gone', 'DELETE FROM audit_entry WHERE entry_id = 4', { kind: 'entry-missing', seal: 2, entryId: '4' }],
  [
    'an entry gone from its seal too',
    `DELETE FROM audit_entry WHERE entry_id = 4; UPDATE audit_seal SET entry_ids = '{3}' WHERE seal_n = 2`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another instant of sealing',
    `UPDATE audit_seal SET sealed_at = sealed_at - interval '1 us' WHERE seal_n = 2`,
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'another digest',
    `UPDATE audit_seal SET digest = sha256('x') WHERE seal_n = 1`,
    { kind: 'seal-differs', seal: 1, entryId: null },
  ],
  ['the first seal gone', 'DELETE FROM audit_seal WHERE seal_n = 1', { kind: 'seal-missing', seal: 1, entryId: null }],
  ['a seal gone', 'DELETE FROM audit_seal WHERE seal_n = 2', { kind: 'seal-missing', seal: 2, entryId: null }],
  [
    'a seal gone and the others moved',
    'DELETE FROM audit_seal WHERE seal_n = 2; UPDATE audit_seal SET seal_n = 2 WHERE seal_n = 3',
    { kind: 'seal-differs', seal: 2, entryId: null },
  ],
  [
    'the newest seal gone',
    'DELETE FROM audit_seal WHERE seal_n = 3',
    { kind: 'entry-uncovered', seal: null, entryId: '5' },
  ],
  [
    'an entry added in between',
    `${WITHOUT_TRIGGERS}; DELETE FROM audit_entry WHERE entry_id = 2; UPDATE audit_seal SET entry_ids = '{1,2}' WHERE seal_n = 1;
     INSERT INTO audit_entry (organization_id, entry_id, at, credential_id, action) OVERRIDING SYSTEM VALUE VALUES (1, 2, carillon_now(), 'x', 'key.created')`,
    { kind: 'seal-differs', seal: 1, entryId: null },
  ],
  [
    'an entry added where there was none',
    `${WITHOUT_TRIGGERS}; INSERT INTO audit_entry (organization_id, entry_id, at, credential_id, action) OVERRIDING SYSTEM VALUE VALUES (1, 0, carillon_now(), 'x', 'key.created')`,
    { kind: 'entry-uncovered', seal: null, entryId: '0' },
  ],
  [
    'an entry gone before it is sealed',
    'DELETE FROM audit_entry WHERE entry_id = 7',
    { kind: 'entry-missing', seal: 4, entryId: '7' },
  ],
] as const)('it shows: %s', async (_what, tampering, expected) => {
  const world = await sealedWorld()
  await write(world, 1, 6)
  const { connectionString } = world
  expect((await verify(world)).fault).toBeNull()
  const owner = await openConnection(connectionString)
  await owner.query(tampering)
  await owner.end()
  await seal(world)
  const { fault, unsealedEntries } = await verify(world)
  expect(fault).toEqual(expected)
  expect(unsealedEntries).toBe(expected.kind === 'entry-uncovered' ? 0 : null)
})
test('whoever rewrites the log and all its seals is shown by an anchor that was kept elsewhere, and by nothing else', async () => {
  const world = await sealedWorld()
  const [newest, , oldest] = await seals(world)
  await world.sql(`UPDATE audit_entry SET action = 'key.revoked' WHERE entry_id = 3`)
  await world.sql('INSERT INTO audit_unsealed SELECT organization_id, entry_id, at FROM audit_entry WHERE entry_id > 2')
  await world.sql('DELETE FROM audit_seal WHERE seal_n > 1')
  await world.sql(`UPDATE audit_unsealed SET at = at - interval '10 min'`)
  await seal(world)
  expect((await verify(world)).fault).toBeNull()
  expect((await verify(world, oldest!.anchor)).fault).toBeNull()
  expect((await verify(world, newest!.anchor)).fault).toEqual({ kind: 'anchor-missing', seal: 3, entryId: null })
  await write(world, 2, 6)
  await seal(world)
  expect((await verify(world, newest!.anchor)).fault).toEqual({ kind: 'anchor-differs', seal: 3, entryId: null })
  await expect(verify(world, 'x')).rejects.toMatchObject({ code: 'invalid-input', field: 'anchor' })
})

test('an entry that commits late is sealed later and left out by nobody', async () => {
  const world = await commandWorld()
  const slow = await openConnection(world.connectionString)
  await slow.query('BEGIN')
  await slow.query(
    `INSERT INTO audit_entry (organization_id, at, credential_id, action) VALUES (1, carillon_now(), 'x', 'key.created')`,
  )
  await write(world, 2, 6)
  expect(await seal(world)).toBe(1)
  await slow.query('COMMIT')
  await slow.end()
  expect(await verify(world)).toMatchObject({ entries: 2, lateEntries: 0, unsealedEntries: 1, fault: null })
  await age(world.sql, 6)
  expect(await seal(world)).toBe(1)
  expect((await seals(world)).map(({ firstEntryId, lastEntryId }) => [firstEntryId, lastEntryId])).toEqual([
    ['1', '1'],
    ['2', '3'],
  ])
  expect(await verify(world)).toMatchObject({ entries: 3, lateEntries: 1, unsealedEntries: 0, fault: null })
})

async function manyEntries(world: CommandWorld, count: number): Promise<void> {
  await world.sql(
    `INSERT INTO audit_entry (organization_id, at, credential_id, action, object_id, detail, address)
     SELECT 1, carillon_now() - interval '6 min', 'x', 'batch.created', 'o' || n, jsonb_build_object('people', n), '203.0.113.7'
     FROM generate_series(1, $1::int) n`,
    [count],
  )
}

test('nodes that seal at once make one chain, in which every entry stands once', async () => {
  const world = await commandWorld()
  await manyEntries(world, 4_500)
  await Promise.all(Array.from({ length: 6 }, () => seal(world)))
  expect(await verify(world)).toMatchObject({ seals: 5, entries: 4_500, unsealedEntries: 0, fault: null })
  const [covered] = await world.sql(
    'SELECT count(*)::int AS n, count(DISTINCT id)::int AS different FROM audit_seal, unnest(entry_ids) id',
  )
  expect(covered).toEqual({ n: 4_500, different: 4_500 })
})

test('a node that takes a late entry beside another one follows its seal', async () => {
  const world = await commandWorld()
  const { context, sql } = world
  const slow = await openConnection(world.connectionString)
  await slow.query('BEGIN')
  await slow.query(
    `INSERT INTO audit_entry (organization_id, at, credential_id, action) VALUES (1, carillon_now(), 'x', 'key.created')`,
  )
  await write(world, 2, 6)
  const first = await openConnection(world.connectionString)
  await first.query('BEGIN')
  const entryIds = await takeUnsealedEntries(first, 1)
  const { now, digest: previous } = await newestSeal(first, 1)
  const entries = [...(await canonicalEntries(first, 1, entryIds)).values()]
  const seal = { organizationId: 1, sealN: 1, entryIds }
  const digest = digestOfSeal(previous, { ...seal, sealedAtMicroseconds: `${now.getTime()}000`, entries })
  await insertSeal(first, { ...seal, sealedAt: now, digest })

  await slow.query('COMMIT')
  await age(sql, 6)
  const second = sealStep(context)
  const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
  await expect.poll(async () => (await sql(waiting))[0]!.n).toBe(1)
  await first.query('COMMIT')
  expect(await second).toBe(true)
  for (const connection of [slow, first]) await connection.end()
  expect((await seals(world)).map(({ number, firstEntryId, entries: n }) => [number, firstEntryId, n])).toEqual([
    [2, '1', 1],
    [1, '2', 2],
  ])
  expect(await verify(world)).toMatchObject({ entries: 3, unsealedEntries: 0, fault: null })
})

test('a long log is compared part by part', async () => {
  const world = await commandWorld()
  await manyEntries(world, 25_000)
  await seal(world)
  const parts: number[] = []
  let cursor: string | undefined
  do {
    const part = await verifyAudit(world.context, world.actor, { cursor })
    expect(part.fault).toBeNull()
    expect(part.unsealedEntries).toBe(part.nextCursor === null ? 0 : null)
    parts.push(part.entries)
    cursor = part.nextCursor ?? undefined
  } while (cursor !== undefined)
  expect(parts).toEqual([10_000, 10_000, 5_000])
  await world.sql(`UPDATE audit_entry SET detail = '{}' WHERE entry_id = 24000`)
  const { nextCursor } = await verifyAudit(world.context, world.actor, {})
  const second = await verifyAudit(world.context, world.actor, { cursor: nextCursor! })
  const third = await verifyAudit(world.context, world.actor, { cursor: second.nextCursor! })
  expect(third.fault).toEqual({ kind: 'seal-differs', seal: 24, entryId: null })
})

test('what is undone waits for no seal, and what is erased leaves the log as it was', async () => {
  const world = await commandWorld()
  const { context, actor, sql } = world
  await world.makeBatch(people(3))
  const person = people(1)[0]!.to!
  const [broken] = await Promise.allSettled([
    transaction(context.database, { role: 'carillon_api', organizationId: 1 }, async (client) => {
      await client.query(
        `INSERT INTO audit_entry (organization_id, at, credential_id, action) VALUES (1, carillon_now(), 'x', 'key.created')`,
      )
      throw new Error('undone')
    }),
  ])
  expect(broken!.status).toBe('rejected')
  const erasure = await erasePerson(context, actor, person)
  const log = async () => JSON.stringify(await sql('SELECT * FROM audit_entry ORDER BY entry_id'))
  const before = await log()
  await age(sql, 6)
  await seal(world)
  await world.end(await world.claim(3), { disposition: 'busy' })
  while ((await getErasure(context, actor, erasure.id)).finishedAt === null) {
    await sql('UPDATE erasure SET next_at = carillon_now()')
    await eraseStep(context)
  }
  expect(await log()).toBe(before)
  expect(before).not.toContain(person.slice(-8))
  expect(await verify(world)).toMatchObject({ entries: 2, unsealedEntries: 0, fault: null })
})

test('entries from before there were seals are sealed too', async () => {
  const database = await createTestDatabase({ empty: true })
  onTestFinished(database.drop)
  const files = fs.readdirSync(MIGRATIONS).filter((name) => name < '0014')
  const before = fs.mkdtempSync(path.join(os.tmpdir(), 'carillon-migrations-'))
  onTestFinished(() => fs.rmSync(before, { recursive: true }))
  for (const name of files) fs.copyFileSync(path.join(MIGRATIONS, name), path.join(before, name))
  await migrate(database.connectionString, { folder: before })
  const pool = createPool(database.connectionString)
  onTestFinished(() => pool.end())
  await pool.query(`INSERT INTO organization (organization_uuid, name, created_at)
    SELECT gen_random_uuid(), 'o', carillon_now() FROM generate_series(1, 2)`)
  await pool.query(`INSERT INTO audit_entry (organization_id, at, credential_id, action)
    SELECT n % 2 + 1, carillon_now() - interval '1 day', 'x', 'key.created' FROM generate_series(1, 10) n`)
  await pool.query(`INSERT INTO credential (credential_id, organization_id, name, secret_hmac, created_at)
    VALUES ('crl_x', 1, 'old', '\\x00', carillon_now())`)
  expect((await migrate(database.connectionString))[0]).toBe('0014_key_addresses_and_audit_seals')
  expect(await sealStep({ database: pool })).toBe(true)
  expect(await sealStep({ database: pool })).toBe(true)
  expect(await sealStep({ database: pool })).toBe(false)
  const { rows } = await pool.query(
    'SELECT organization_id, seal_n, entry_ids FROM audit_seal ORDER BY organization_id',
  )
  expect(rows).toEqual([
    { organization_id: 1, seal_n: 1, entry_ids: ['2', '4', '6', '8', '10'] },
    { organization_id: 2, seal_n: 1, entry_ids: ['1', '3', '5', '7', '9'] },
  ])
  const kept = await pool.query('SELECT allowed_addresses, last_used_at FROM credential')
  expect(kept.rows).toEqual([{ allowed_addresses: null, last_used_at: null }])
})

test('the roles of the server change and remove nothing of it, and see what is theirs', async () => {
  const { context } = await sealedWorld()
  const refused = {
    carillon_api: [
      'INSERT INTO audit_seal SELECT * FROM audit_seal',
      'INSERT INTO audit_unsealed VALUES (1, 1, carillon_now())',
      'DELETE FROM audit_unsealed',
    ],
    carillon_dispatcher: ['INSERT INTO audit_unsealed VALUES (1, 1, carillon_now())'],
  } as const
  for (const [role, more] of Object.entries(refused)) {
    const tables = ['audit_entry', 'audit_seal']
    const changes = tables.flatMap((table) => [
      `UPDATE ${table} SET organization_id = organization_id`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
    ])
    for (const statement of [...changes, ...more]) {
      const scope = { role: role as keyof typeof refused, organizationId: 1 }
      const done = transaction(context.database, scope, (client) => client.query(statement))
      await expect(done, `${role}: ${statement}`).rejects.toThrow(/permission denied/)
    }
  }
  for (const [organizationId, expected] of [
    [1, 3],
    [2, 0],
  ] as const) {
    const { rows } = await transaction(context.database, { role: 'carillon_api', organizationId }, (client) =>
      client.query('SELECT 1 FROM audit_seal'),
    )
    expect(rows).toHaveLength(expected)
  }
})
