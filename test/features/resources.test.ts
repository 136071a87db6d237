import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { archiveAgent, createAgent, getAgent, listAgents, updateAgent } from '../../src/commands/agents.ts'
import { addAlias, removeAlias } from '../../src/commands/aliases.ts'
import { abandonIdempotent, beginIdempotent, finishIdempotent } from '../../src/commands/idempotency.ts'
import { addNumber, getNumber, listNumbers, removeNumber } from '../../src/commands/numbers.ts'
import { updateOwnOrganization } from '../../src/commands/organizations.ts'
import {
  addSuppressions,
  importSuppressions,
  listSuppressions,
  removeSuppressions,
} from '../../src/commands/suppressions.ts'
import { createTrunk, getTrunk, listTrunks, updateTrunk } from '../../src/commands/trunks.ts'
import { commandWorld, fileOf, people } from '../command-world.ts'

test('a trunk has settings that its carrier accepts, and limits that count at once', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const input = { name: 'Lab', carrier: 'loopback', settings: { speed: 10 }, liveMax: 5, callsPerSecond: 2.5 }
  const trunk = await createTrunk(context, actor, input)
  expect(trunk).toMatchObject({ ...input, live: 0, blockedUntil: null })
  await expect(createTrunk(context, actor, { ...input, carrier: 'tin-can' })).rejects.toMatchObject({
    code: 'unknown-carrier',
  })
  await expect(createTrunk(context, actor, { ...input, settings: { speed: -1 } })).rejects.toMatchObject({
    code: 'invalid-settings',
    field: 'settings.speed',
  })
  await expect(createTrunk(context, actor, { ...input, callsPerSecond: 0 })).rejects.toMatchObject({
    field: 'callsPerSecond',
  })
  expect((await listTrunks(context, actor)).map(({ name }) => name)).toEqual(['Simulated telephone network', 'Lab'])
  const before = await world.sql('SELECT version FROM trunk ORDER BY trunk_id')
  expect(await updateTrunk(context, actor, trunk.id, { liveMax: 0, settings: {} })).toMatchObject({
    liveMax: 0,
    callsPerSecond: 2.5,
  })
  const after = await world.sql('SELECT t.version, g.version AS gate FROM trunk t, gate g ORDER BY trunk_id')
  expect(after[0]!.version).toBe(before[0]!.version)
  expect(after[1]!.version).toBe(after[1]!.gate)
  await expect(getTrunk(context, { ...actor, organizationId: 2 }, trunk.id)).rejects.toMatchObject({
    code: 'trunk-not-found',
  })
  const trunkId = (await listTrunks(context, actor))[0]!.id
  await world.makeBatch(people(9))
  await updateTrunk(context, actor, trunkId, { liveMax: 4 })
  expect(await world.claim(9)).toHaveLength(4)
})

test('a number belongs to a trunk and cannot go while it is somebody’s default', async () => {
  const world = await commandWorld({ strict: true })
  const { context, actor } = world
  const trunkId = world.first.trunkId!
  const number = await addNumber(context, actor, { number: '+442071838750', trunkId, aliases: ['pn_london'] })
  expect(number).toMatchObject({ number: '+442071838750', trunkId, aliases: ['pn_london'] })
  for (const reference of [number.id, number.number, 'pn_london', number.id.replaceAll('-', '')]) {
    expect(await getNumber(context, actor, reference)).toEqual(number)
  }
  await expect(addNumber(context, actor, { number: '+442071838750', trunkId })).rejects.toMatchObject({
    code: 'number-taken',
  })
  await expect(addNumber(context, actor, { number: '+11234567890', trunkId })).rejects.toMatchObject({
    code: 'invalid-number',
  })
  await expect(addNumber(context, actor, { number: '020 7183 8750', trunkId })).rejects.toMatchObject({
    code: 'invalid-number',
  })
  await updateOwnOrganization(context, actor, { defaultNumber: 'pn_london' })
  await expect(removeNumber(context, actor, number.id)).rejects.toMatchObject({ code: 'number-in-use' })
  await updateOwnOrganization(context, actor, { defaultNumber: null })
  await removeNumber(context, actor, number.id)
  await expect(getNumber(context, actor, 'pn_london')).rejects.toMatchObject({ code: 'number-not-found' })
  const page = await listNumbers(context, actor, {})
  expect(page.items.map((item) => item.number)).toEqual(['+15005550100'])
})

test('the caller is the batch’s number, else the agent’s, else the organization’s', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const trunkId = world.first.trunkId!
  await addNumber(context, actor, { number: '+15005550101', trunkId })
  await addNumber(context, actor, { number: '+15005550102', trunkId })
  const agent = await createAgent(context, actor, {
    name: 'Ann',
    kind: 'announcement',
    settings: { text: 'Hi' },
    defaultNumber: '+15005550101',
    aliases: ['agent_1'],
  })
  expect((await world.makeBatch(people(1), { agent: 'agent_1' })).callerNumber).toBe('+15005550101')
  expect((await world.makeBatch(people(1), { agent: 'agent_1', callerNumber: '+15005550102' })).callerNumber).toBe(
    '+15005550102',
  )
  await updateAgent(context, actor, agent.id, { defaultNumber: null })
  expect((await world.makeBatch(people(1), { agent: 'agent_1' })).callerNumber).toBe('+15005550100')
  await updateAgent(context, actor, world.first.agentId!, { defaultNumber: null })
  await updateOwnOrganization(context, actor, { defaultNumber: null })
  await expect(world.makeBatch(people(1), { agent: 'agent_1' })).rejects.toMatchObject({
    code: 'no-caller-number',
    httpStatus: 400,
  })
})

test('agents are edited, archived and found by aliases; nodes read their batches again', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const agent = await createAgent(context, actor, {
    name: 'Ann',
    kind: 'announcement',
    settings: { text: 'Hi {name}' },
  })
  await expect(createAgent(context, actor, { name: 'x', kind: 'robot', settings: {} })).rejects.toMatchObject({
    code: 'unknown-agent-kind',
  })
  await expect(
    createAgent(context, actor, { name: 'x', kind: 'announcement', settings: { text: '' } }),
  ).rejects.toMatchObject({
    code: 'invalid-settings',
  })
  await addAlias(context, actor, { kind: 'agent', id: agent.id, alias: 'agent_abc' })
  await addAlias(context, actor, { kind: 'agent', id: agent.id, alias: 'agent_abc' })
  await expect(
    addAlias(context, actor, { kind: 'agent', id: world.first.agentId!, alias: 'agent_abc' }),
  ).rejects.toMatchObject({
    code: 'alias-taken',
  })
  await world.makeBatch(people(1), { agent: 'agent_abc' })
  await updateAgent(context, actor, 'agent_abc', { settings: { text: 'Hello' }, name: 'Anna' })
  const [row] = await world.sql('SELECT b.version, g.version AS gate FROM batch b, gate g')
  expect(row!.version).toBe(row!.gate)
  expect(await getAgent(context, actor, agent.id)).toMatchObject({
    name: 'Anna',
    aliases: ['agent_abc'],
    settings: { text: 'Hello' },
  })
  const archived = await archiveAgent(context, actor, agent.id)
  expect(archived.archivedAt).toBeInstanceOf(Date)
  expect(await archiveAgent(context, actor, agent.id)).toEqual(archived)
  await expect(world.makeBatch(people(1), { agent: agent.id })).rejects.toMatchObject({ code: 'agent-not-found' })
  expect((await listAgents(context, actor, {})).items.map(({ name }) => name)).toEqual(['Announcement'])
  expect((await listAgents(context, actor, { archived: true })).items).toHaveLength(2)
  await removeAlias(context, actor, { kind: 'agent', alias: 'agent_abc' })
  await expect(getAgent(context, actor, 'agent_abc')).rejects.toMatchObject({ code: 'agent-not-found' })
})

test('suppressed numbers are not called, and the answer waits for what may still be sent', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const list = people(4)
  await world.makeBatch(list)
  const [call] = await world.claim(1)
  const number = `+${call!.digits}`
  let answered = false
  const adding = addSuppressions(context, actor, { numbers: [number, list[3]!.to, 'nonsense', list[3]!.to] }).then(
    (result) => {
      answered = true
      return result
    },
  )
  while ((await world.sql('SELECT 1 FROM suppression')).length === 0) {}
  expect(answered).toBe(false)
  await world.answer([call!])
  expect(await adding).toMatchObject({
    added: 2,
    alreadyThere: 0,
    rejectedCount: 1,
    rejected: [{ line: 3, value: 'nonsense' }],
  })
  expect(await world.claim(9)).toHaveLength(2)
  expect(await world.differences()).toEqual([])
  await world.forgetUnsent()
  expect(await addSuppressions(context, actor, { numbers: [number], reason: 'Again' })).toMatchObject({
    added: 0,
    alreadyThere: 1,
  })
  const page = await listSuppressions(context, actor, { limit: 1 })
  const rest = await listSuppressions(context, actor, { limit: 1, cursor: page.nextCursor! })
  expect([...page.items, ...rest.items].map((item) => item.number).sort()).toEqual([number, list[3]!.to].sort())
  expect(rest.nextCursor).toBeNull()
  expect(await removeSuppressions(context, actor, { numbers: [number, '+15559999999'] })).toBe(1)
  await expect(removeSuppressions(context, actor, { numbers: ['x'] })).rejects.toMatchObject({ field: 'numbers[0]' })
})

test('a suppression list is imported from a file, with or without a header', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const file = 'name;phone\r\nAnn;+15550000001\r\nBob;(415) 555-2671\r\nEve;none\r\n\r\n'
  expect(await importSuppressions(context, actor, fileOf(file, 7))).toMatchObject({
    added: 2,
    rejectedCount: 1,
    rejected: [{ line: 4, value: 'none' }],
  })
  expect(await importSuppressions(context, actor, fileOf('+15550000001\n+15550000002'))).toMatchObject({
    added: 1,
    alreadyThere: 1,
  })
  const page = await listSuppressions(context, actor)
  expect(page.items.map(({ number }) => number).sort()).toEqual(['+14155552671', '+15550000001', '+15550000002'])
})

test('a request with an idempotency key is done once and answered again', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const hash = (text: string) => createHash('sha256').update(text).digest()
  const request = { key: 'k-1', requestHash: hash('a') }
  expect(await beginIdempotent(context, actor, request)).toEqual({ kind: 'work' })
  await expect(beginIdempotent(context, actor, request)).rejects.toMatchObject({
    code: 'request-in-progress',
    httpStatus: 409,
    retryable: true,
  })
  await expect(beginIdempotent(context, actor, { ...request, requestHash: hash('b') })).rejects.toMatchObject({
    httpStatus: 422,
  })
  const answer = { httpStatus: 201, contentType: 'application/json', body: Buffer.from('{"id":1}') }
  await finishIdempotent(context, actor, request, answer)
  expect(await beginIdempotent(context, actor, request)).toEqual({ kind: 'replay', answer })
  await expect(beginIdempotent(context, actor, { ...request, requestHash: hash('b') })).rejects.toMatchObject({
    code: 'idempotency-key-reused',
  })
  expect(await beginIdempotent(context, { ...actor, organizationId: 1 }, { ...request, key: 'k-2' })).toEqual({
    kind: 'work',
  })
  await abandonIdempotent(context, actor, { ...request, key: 'k-2' })
  expect(await beginIdempotent(context, actor, { ...request, key: 'k-2' })).toEqual({ kind: 'work' })
  await world.sql(`UPDATE idempotent_answer SET lease_until = lease_until - interval '2 min'`)
  expect(await beginIdempotent(context, actor, { ...request, key: 'k-2' })).toEqual({ kind: 'work' })
  await expect(beginIdempotent(context, actor, { ...request, key: 'k-2' })).rejects.toMatchObject({
    code: 'request-in-progress',
  })
  await expect(beginIdempotent(context, actor, { ...request, key: '' })).rejects.toMatchObject({ httpStatus: 400 })
  const many = await Promise.allSettled(
    Array.from({ length: 20 }, () => beginIdempotent(context, actor, { ...request, key: 'k-3' })),
  )
  expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('a request that died after it had made a batch gets that batch when it is taken over', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const idempotent = { key: 'batch-1', requestHash: createHash('sha256').update('list').digest() }
  await beginIdempotent(context, actor, idempotent)
  const batch = await world.makeBatch(people(3), { idempotent })
  await world.sql(`UPDATE idempotent_answer SET lease_until = lease_until - interval '2 min'`)
  expect(await beginIdempotent(context, actor, { ...idempotent })).toEqual({ kind: 'work' })
  expect(await world.makeBatch(people(3), { idempotent })).toEqual(batch)
  // The handler failed behind the command: the next one may take over at once, and still makes no second batch.
  await abandonIdempotent(context, actor, idempotent)
  expect(await beginIdempotent(context, actor, idempotent)).toEqual({ kind: 'work' })
  const racing = { key: 'batch-2', requestHash: idempotent.requestHash }
  await beginIdempotent(context, actor, racing)
  const both = await Promise.all([1, 2, 3].map(() => world.makeBatch(people(2_000), { idempotent: racing })))
  expect(new Set(both.map(({ id }) => id)).size).toBe(1)
  expect(await world.sql('SELECT count(*)::int AS n FROM batch')).toEqual([{ n: 2 }])
  expect(await world.sql('SELECT count(*)::int AS n FROM recipient')).toEqual([{ n: 2_003 }])
  expect(await world.differences()).toEqual([])
  await finishIdempotent(context, actor, racing, { httpStatus: 201, contentType: 'text/plain', body: Buffer.from('x') })
})
