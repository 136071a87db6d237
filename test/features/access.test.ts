import { expect, onTestFinished, test } from 'vitest'
import { authenticate, authenticateOperator } from '../../src/commands/authenticate.ts'
import { ensureFirstOrganization, ensureInstallation } from '../../src/commands/bootstrap.ts'
import {
  createCredential,
  importCredential,
  listCredentials,
  revokeCredential,
} from '../../src/commands/credentials.ts'
import {
  actAs,
  createOrganization,
  getOrganization,
  getUsage,
  listOrganizations,
  organizationAnswersTo,
  updateOrganization,
  updateOwnOrganization,
} from '../../src/commands/organizations.ts'
import { createPool } from '../../src/store/database.ts'
import { commandWorld, people } from '../command-world.ts'
import { createTestDatabase } from '../database.ts'
import { FakeClock } from '../fake-clock.ts'

const refused = { code: 'unauthenticated', httpStatus: 401 }

test('the first start makes an organization that can call; later starts make nothing', async () => {
  const world = await commandWorld()
  expect(world.first).toMatchObject({ created: true, number: '+15005550100' })
  expect(world.first.apiKey!.token).toMatch(/^crl_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  const organization = await getOrganization(world.context, world.actor)
  expect(organization).toMatchObject({
    name: 'default',
    liveMax: 50,
    id: world.first.organizationId,
    aliases: ['default'],
  })
  const again = await ensureFirstOrganization(world.context, {})
  expect(again).toMatchObject({ created: false, apiKey: null, operatorKey: null })
  expect((await world.makeBatch(people(1))).status).toBe('running')
})

test('nodes that start at once make one installation and one organization', async () => {
  const database = await createTestDatabase()
  const pool = createPool(database.connectionString)
  onTestFinished(async () => {
    await pool.end()
    await database.drop()
  })
  const clock = new FakeClock()
  const { context } = await commandWorld()
  const secrets = await Promise.all(Array.from({ length: 4 }, () => ensureInstallation(pool, clock)))
  const ids = secrets.map(({ ids }) => ids.encode({ kind: 'recipient', organizationId: 1, batchId: 1, seq: 1, n: 0 }))
  expect(new Set(ids).size).toBe(1)
  const firsts = await Promise.all(
    secrets.map((secret) => ensureFirstOrganization({ ...context, database: pool, secrets: secret }, {})),
  )
  expect(firsts.filter(({ created }) => created)).toHaveLength(1)
  expect(firsts.filter(({ operatorKey }) => operatorKey !== null)).toHaveLength(1)
  const rows = await pool.query(
    'SELECT (SELECT count(*) FROM carillon.organization) AS o, (SELECT count(*) FROM carillon.credential) AS c',
  )
  expect(rows.rows).toEqual([{ o: '1', c: '2' }])
})

test('a key authenticates as a token and as a pair, and neither half alone does', async () => {
  const world = await commandWorld()
  const { token, id, secret } = world.first.apiKey!
  const { context, actor } = world
  expect(await authenticate(context, { id, secret })).toEqual(actor)
  expect(await authenticate(context, { token: `${id}:${secret}` })).toEqual(actor)
  const wrong = [
    { token: id },
    { token: secret },
    { token: `${token}x` },
    { token: '' },
    { id, secret: '' },
    { id, secret: id },
    { id: '', secret },
    { token: 'x'.repeat(100_000) },
  ]
  for (const presented of wrong) await expect(authenticate(context, presented)).rejects.toMatchObject(refused)
  const other = await createCredential(context, actor, { name: 'second' })
  await expect(authenticate(context, { id, secret: other.secret })).rejects.toMatchObject(refused)
})

test('a revoked key is refused, by this node at once', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const made = await createCredential(context, actor, { name: 'for a while' })
  expect(await authenticate(context, { token: made.token })).toEqual({ organizationId: 1, credentialId: made.id })
  const revoked = await revokeCredential(context, actor, made.id)
  await expect(authenticate(context, { token: made.token })).rejects.toMatchObject(refused)
  expect(await revokeCredential(context, actor, made.id)).toEqual(revoked)
  expect((await listCredentials(context, actor)).map(({ name, revokedAt }) => [name, revokedAt !== null])).toEqual([
    ['First key', false],
    ['for a while', true],
  ])
  await expect(revokeCredential(context, { ...actor, organizationId: 2 }, made.id)).rejects.toMatchObject({
    httpStatus: 404,
  })
})

test('another node refuses a revoked key within five seconds', async () => {
  const clock = new FakeClock(Date.now())
  const world = await commandWorld({ clock })
  const { token, id } = world.first.apiKey!
  await authenticate(world.context, { token })
  await world.sql('UPDATE credential SET revoked_at = created_at WHERE credential_id = $1', [id])
  clock.advance(4_999)
  expect(await authenticate(world.context, { token })).toEqual(world.actor)
  clock.advance(2)
  await expect(authenticate(world.context, { token })).rejects.toMatchObject(refused)
})

test('a key with an end is refused from then on, also while it is remembered, and makes none that lives longer', async () => {
  const clock = new FakeClock(Date.now())
  const world = await commandWorld({ clock })
  const { context, actor } = world
  const inMs = (ms: number) => new Date(clock.nowEpochMs() + ms)
  await expect(createCredential(context, actor, { name: 'past', expiresAt: inMs(0) })).rejects.toMatchObject({
    code: 'invalid-input',
    field: 'expiresAt',
  })
  const made = await createCredential(context, actor, { name: 'for a while', expiresAt: inMs(3_000) })
  const holder = await authenticate(context, { token: made.token })
  expect(holder).toEqual({ organizationId: 1, credentialId: made.id, expiresAt: made.credential.expiresAt })
  for (const expiresAt of [undefined, inMs(60_000)]) {
    const { credential } = await createCredential(context, holder, { name: 'later', expiresAt })
    expect(credential.expiresAt).toEqual(made.credential.expiresAt)
  }
  expect(
    (await createCredential(context, holder, { name: 'sooner', expiresAt: inMs(1) })).credential.expiresAt,
  ).toEqual(inMs(1))
  clock.advance(2_999)
  expect(await authenticate(context, { token: made.token })).toEqual(holder)
  clock.advance(1)
  await expect(authenticate(context, { token: made.token })).rejects.toMatchObject(refused)

  const key = 'sk_other_0123456789abcdef'
  await importCredential(context, actor, { name: 'imported', key, access: 'read', expiresAt: inMs(1_000) })
  expect(await authenticate(context, { token: key })).toMatchObject({ readsOnly: true })
  clock.advance(1_000)
  await expect(authenticate(context, { token: key })).rejects.toMatchObject(refused)
  expect(await importCredential(context, actor, { name: 'imported', key })).toMatchObject({
    access: 'full',
    expiresAt: null,
  })
})

test('keys that clients use elsewhere can be imported, alone or as a pair', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const key = 'sk_other_0123456789abcdef'
  const single = await importCredential(context, actor, { name: 'single', key })
  expect(await authenticate(context, { token: key })).toEqual({ organizationId: 1, credentialId: single.id })
  expect(await importCredential(context, actor, { name: 'single', key })).toMatchObject({ id: single.id })
  const pair = { key: 'pair-key-0123456789abcdef', secret: 'pair-secret-0123456789abc' }
  const imported = await importCredential(context, actor, { name: 'pair', ...pair })
  const expected = { organizationId: 1, credentialId: imported.id }
  expect(await authenticate(context, { id: pair.key, secret: pair.secret })).toEqual(expected)
  expect(await authenticate(context, { token: `${pair.key}:${pair.secret}` })).toEqual(expected)
  await expect(authenticate(context, { token: pair.key })).rejects.toMatchObject(refused)
  await expect(importCredential(context, actor, { name: 'x', key: 'short' })).rejects.toMatchObject({
    code: 'weak-credential',
  })
  await expect(
    importCredential(context, actor, { name: 'x', ...pair, secret: `${pair.secret}!` }),
  ).rejects.toMatchObject({
    code: 'credential-taken',
  })
  const stored = JSON.stringify(await world.sql('SELECT * FROM credential'))
  for (const text of [key, pair.key, pair.secret, world.first.apiKey!.secret]) expect(stored).not.toContain(text)
})

test('the first key and the operator key can be given', async () => {
  const database = await createTestDatabase()
  const pool = createPool(database.connectionString)
  onTestFinished(async () => {
    await pool.end()
    await database.drop()
  })
  const { context: other } = await commandWorld()
  const context = { ...other, database: pool, secrets: await ensureInstallation(pool, other.clock) }
  const given = {
    bootstrapApiKey: 'bootstrap-key-0123456789',
    bootstrapApiSecret: 'bootstrap-secret-0123456',
    operatorApiKey: 'operator-key-0123456789ab',
  }
  expect(await ensureFirstOrganization(context, given)).toMatchObject({ apiKey: null, operatorKey: null })
  const pair = { id: given.bootstrapApiKey, secret: given.bootstrapApiSecret }
  expect(await authenticate(context, pair)).toMatchObject({ organizationId: 1 })
  expect(await authenticateOperator(context, { token: given.operatorApiKey })).toMatchObject({ operator: true })
  await ensureFirstOrganization(context, { operatorApiKey: 'operator-key-changed-0123' })
  expect(await authenticateOperator(context, { token: 'operator-key-changed-0123' })).toMatchObject({ operator: true })
  const later = { ...context, clock: { ...context.clock, monotonicMs: () => performance.now() + 6_000 } }
  await expect(authenticateOperator(later, { token: given.operatorApiKey })).rejects.toMatchObject(refused)
})

test('the operator makes organizations, which see nothing of each other', async () => {
  const world = await commandWorld()
  const { context } = world
  const operator = await authenticateOperator(context, { token: world.first.operatorKey! })
  await expect(authenticateOperator(context, { token: world.first.apiKey!.token })).rejects.toMatchObject({
    code: 'forbidden',
  })
  await expect(authenticate(context, { token: world.first.operatorKey! })).rejects.toMatchObject(refused)
  const made = await createOrganization(context, operator, { name: 'Second', liveMax: 3, aliases: ['ws_2'] })
  const second = await actAs(context, operator, made.id)
  expect(await getOrganization(context, second)).toEqual(made)
  expect(await organizationAnswersTo(context, second, made.id.replaceAll('-', ''))).toBe(true)
  expect(await organizationAnswersTo(context, second, 'ws_2')).toBe(true)
  expect(await organizationAnswersTo(context, world.actor, 'ws_2')).toBe(false)
  expect(await organizationAnswersTo(context, world.actor, made.id)).toBe(false)
  const page = await listOrganizations(context, operator, { limit: 1 })
  expect(page.items.map(({ name }) => name)).toEqual(['default'])
  expect((await listOrganizations(context, operator, { cursor: page.nextCursor! })).items).toEqual([made])
  await expect(actAs(context, operator, 'x')).rejects.toMatchObject({ code: 'organization-not-found' })
})

test('limits and defaults of an organization can be changed', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const operator = await authenticateOperator(context, { token: world.first.operatorKey! })
  const id = world.first.organizationId!
  const changed = await updateOrganization(context, operator, id, { liveMax: 2, allowedCountries: ['gb', 'DE', 'GB'] })
  expect(changed).toMatchObject({ liveMax: 2, allowedCountries: ['DE', 'GB'], name: 'default', defaultCountry: 'US' })
  await expect(updateOrganization(context, operator, id, { allowedCountries: ['Germany'] })).rejects.toMatchObject({
    httpStatus: 400,
  })
  await expect(updateOrganization(context, operator, id, { liveMax: -1 })).rejects.toMatchObject({
    field: 'concurrency',
  })
  await world.makeBatch(people(5))
  expect(await world.claim(10)).toHaveLength(2)
  expect(await getUsage(context, actor)).toEqual({
    liveMax: 2,
    live: 2,
    openBatches: 1,
    batches: 1,
    attempts: 2,
    talkSeconds: 0,
  })
  expect(await updateOwnOrganization(context, actor, { defaultNumber: null, name: 'Acme' })).toMatchObject({
    defaultNumberId: null,
    name: 'Acme',
    liveMax: 2,
  })
  await expect(updateOwnOrganization(context, actor, { defaultNumber: '+15551230000' })).rejects.toMatchObject({
    code: 'number-not-found',
  })
})
