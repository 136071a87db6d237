import { expect, onTestFinished, test, vi } from 'vitest'
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
import { makeCredential } from '../../src/model/credential-text.ts'
import { noteCredentialUse } from '../../src/store/credentials.ts'
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
  expect(await revokeCredential(context, actor, made.id)).toMatchObject({ revokedAt: revoked.revokedAt })
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

test('a key for some addresses opens nothing from others, also while it is remembered', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const allowedAddresses = ['203.0.113.7', ' 198.51.100.0/24', '::FFFF:192.0.2.0/120', '2001:DB8:0::/48', '203.0.113.7']
  const made = await createCredential(context, actor, { name: 'for some', allowedAddresses })
  const stored = ['203.0.113.7', '198.51.100.0/24', '192.0.2.0/24', '2001:db8::/48']
  expect(made.credential.allowedAddresses).toEqual(stored)
  expect((await listCredentials(context, actor)).map((key) => key.allowedAddresses)).toEqual([null, stored])
  for (const address of [
    '203.0.113.7',
    '::ffff:203.0.113.7',
    '::ffff:cb00:7107',
    '198.51.100.255',
    '192.0.2.1',
    '2001:db8:0:ffff::1',
    '2001:db8::1%eth0',
  ]) {
    expect(await authenticate(context, made, address), address).toMatchObject({ credentialId: made.id })
    for (const other of ['203.0.113.8', '198.51.101.0', '192.0.3.1', '2001:db8:1::1', '::1', 'unknown', '', null]) {
      await expect(authenticate(context, made, other), `${other}`).rejects.toMatchObject(refused)
    }
  }
  await expect(authenticate(context, made)).rejects.toMatchObject(refused)

  // The time would tell that the key is good: the database is asked as often as for a wrong one.
  const connect = vi.spyOn(context.database, 'connect')
  const asked = async (presented: { token: string }) => {
    connect.mockClear()
    await expect(authenticate(context, presented, '203.0.113.8')).rejects.toMatchObject(refused)
    return connect.mock.calls.length
  }
  const wrong = makeCredential().token
  expect(await asked({ token: made.token })).toBe(await asked({ token: wrong }))

  const key = 'sk_other_0123456789abcdef'
  await importCredential(context, actor, { name: 'imported', key, allowedAddresses: ['203.0.113.7'] })
  await expect(authenticate(context, { token: key }, '203.0.113.8')).rejects.toMatchObject(refused)
  expect(await importCredential(context, actor, { name: 'imported', key })).toMatchObject({ allowedAddresses: null })
  expect(await authenticate(context, { token: key }, '203.0.113.8')).toMatchObject({ organizationId: 1 })
})

test.each([
  [['203.0.113.256'], 'allowedAddresses[0]', /such as 203\.0\.113\.7/],
  [['127.1'], 'allowedAddresses[0]', /such as/],
  [['0x7f000001'], 'allowedAddresses[0]', /such as/],
  [['203.0.113.7', 'example.com'], 'allowedAddresses[1]', /such as/],
  [['203.0.113.0/33'], 'allowedAddresses[0]', /such as/],
  [['203.0.113.0/'], 'allowedAddresses[0]', /such as/],
  [['203.0.113.0/24/24'], 'allowedAddresses[0]', /such as/],
  [['203.0.113.0/-1'], 'allowedAddresses[0]', /such as/],
  [['2001:db8::/129'], 'allowedAddresses[0]', /such as/],
  [['fe80::1%eth0'], 'allowedAddresses[0]', /such as/],
  [['203.0.113.7/24'], 'allowedAddresses[0]', /write 203\.0\.113\.0\/24/],
  [['2001:db8::1/32'], 'allowedAddresses[0]', /write 2001:db8::\/32/],
  [[], 'allowedAddresses', /leave it out/],
  [Array.from({ length: 21 }, (_, n) => `203.0.113.${n}`), 'allowedAddresses', /1 to 20/],
])(
  'addresses that are none are refused with the entry and what to write: %j',
  async (allowedAddresses, field, message) => {
    const { context, actor } = await commandWorld()
    const refusal = { code: 'invalid-input', field, message: expect.stringMatching(message) }
    await expect(createCredential(context, actor, { name: 'x', allowedAddresses })).rejects.toMatchObject(refusal)
  },
)

test('a key for some addresses makes and imports none for others', async () => {
  const { context, actor } = await commandWorld()
  const allowedAddresses = ['203.0.113.0/24', '2001:db8::/32']
  const made = await createCredential(context, actor, { name: 'for some', allowedAddresses })
  const holder = await authenticate(context, made, '203.0.113.7')
  for (const wanted of [undefined, null]) {
    const { credential } = await createCredential(context, holder, { name: 'same', allowedAddresses: wanted })
    expect(credential.allowedAddresses).toEqual(allowedAddresses)
  }
  const key = 'sk_other_0123456789abcdef'
  expect(await importCredential(context, holder, { name: 'same', key })).toMatchObject({ allowedAddresses })
  const within = ['203.0.113.128/25', '203.0.113.7', '2001:db8::1']
  const { credential } = await createCredential(context, holder, { name: 'fewer', allowedAddresses: within })
  expect(credential.allowedAddresses).toEqual(within)
  for (const other of ['203.0.112.0/23', '0.0.0.0/0', '::/0', '198.51.100.7']) {
    const input = { name: 'more', allowedAddresses: ['203.0.113.7', other] }
    const refusal = { code: 'invalid-input', field: 'allowedAddresses[1]' }
    await expect(createCredential(context, holder, input), other).rejects.toMatchObject(refusal)
    await expect(importCredential(context, holder, { ...input, key }), other).rejects.toMatchObject(refusal)
  }
})

test('a use is noted once a minute and never moves backwards', async () => {
  const clock = new FakeClock(Date.now())
  const world = await commandWorld({ clock })
  const { context, actor, sql } = world
  const made = await createCredential(context, actor, { name: 'used' })
  expect(made.credential.lastUsedAt).toBeNull()
  await sql(`CREATE TABLE note AS SELECT last_used_at AS at FROM credential WHERE false;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO note VALUES (NEW.last_used_at); RETURN NULL; END';
    CREATE TRIGGER note AFTER UPDATE OF last_used_at ON credential FOR EACH ROW
      WHEN (NEW.credential_id = '${made.id}') EXECUTE FUNCTION note()`)
  const lastUse = async () =>
    (await listCredentials(context, actor)).find(({ id }) => id === made.id)!.lastUsedAt?.getTime()
  const uses: number[] = []
  for (const round of [0, 1]) {
    uses.push(clock.nowEpochMs())
    await authenticate(context, made)
    await expect.poll(lastUse).toBe(uses[round])
    // From memory, and after a look-up.
    for (const waitMs of [0, 4_999, 55_000]) {
      clock.advance(waitMs)
      await authenticate(context, made)
    }
    clock.advance(1)
  }
  await authenticate(context, made)
  await expect.poll(lastUse).toBe(clock.nowEpochMs())
  uses.push(clock.nowEpochMs())
  expect((await sql('SELECT at FROM note')).map(({ at }) => (at as Date).getTime())).toEqual(uses)

  const earlier = new Date(uses[2]! - 1)
  expect(await noteCredentialUse(context.database, made.id, earlier)).toBe(false)
  expect(await lastUse()).toBe(uses[2])
  expect(await noteCredentialUse(context.database, 'crl_nobody', earlier)).toBe(false)
})

test('no request waits for the note of a use or fails with it', async () => {
  const world = await commandWorld({ clock: new FakeClock(Date.now()) })
  const { context, actor, sql } = world
  const made = await createCredential(context, actor, { name: 'locked' })
  await sql('BEGIN')
  await sql('SELECT FROM credential WHERE credential_id = $1 FOR UPDATE', [made.id])
  expect(await authenticate(context, made)).toMatchObject({ credentialId: made.id })
  await sql('COMMIT')
  const isNoted = async ({ id }: { id: string }) =>
    (await listCredentials(context, actor)).some((key) => key.id === id && key.lastUsedAt !== null)
  await expect.poll(() => isNoted(made)).toBe(true)

  await sql('ALTER TABLE credential ADD CONSTRAINT no_more CHECK (last_used_at IS NULL) NOT VALID')
  const other = await createCredential(context, actor, { name: 'cannot be noted' })
  expect(await authenticate(context, other)).toMatchObject({ credentialId: other.id })
  expect(await isNoted(other)).toBe(false)
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
