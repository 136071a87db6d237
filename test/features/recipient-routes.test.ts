import { expect, it } from 'vitest'
import { addAlias } from '../../src/commands/aliases.ts'
import { addNumber } from '../../src/commands/numbers.ts'
import { createTrunk } from '../../src/commands/trunks.ts'
import { defaultRetryPolicy } from '../../src/model/retry-policy.ts'
import { type CommandWorld, commandWorld, people } from '../command-world.ts'

/** A second trunk with two numbers, beside that of the first organization with its one. */
async function worldWithTwoTrunks() {
  const world = await commandWorld()
  const { context, actor } = world
  const settings = { carrier: 'loopback', settings: {}, liveMax: 10, callsPerSecond: 10 }
  const trunk = await createTrunk(context, actor, { name: 'second', ...settings })
  for (const number of ['+15005550201', '+15005550202']) await addNumber(context, actor, { number, trunkId: trunk.id })
  await addAlias(context, actor, { kind: 'trunk', id: trunk.id, alias: 'second' })
  return { ...world, trunk }
}

const lanesOf = (world: Pick<CommandWorld, 'sql'>) =>
  world.sql('SELECT trunk_id, caller_number::text, last_seq - first_seq AS count FROM lane ORDER BY lane')

it('recipients may name the trunk and the number by which they are called', async () => {
  const world = await worldWithTwoTrunks()
  const [one, two, three, four, five] = people(5)
  await world.makeBatch([
    one!,
    { ...two!, trunk: 'second' },
    { ...three!, callerNumber: '+15005550202' },
    { ...four!, trunk: world.trunk.id, callerNumber: '+15005550202' },
    { ...five!, trunk: 'second' },
  ])
  const lanes = await lanesOf(world)
  const [first, second] = await world.sql('SELECT trunk_id FROM trunk ORDER BY trunk_id')
  // A trunk alone calls from its oldest number, a number alone through its trunk.
  expect(lanes).toEqual([
    { trunk_id: first!.trunk_id, caller_number: null, count: 1 },
    { trunk_id: second!.trunk_id, caller_number: '15005550201', count: 2 },
    { trunk_id: second!.trunk_id, caller_number: '15005550202', count: 2 },
  ])
  expect(await world.differences()).toEqual([])
})

it.each([
  ['a trunk that is not there', { trunk: 'third' }, 'trunk-not-found', 'recipients[1].trunk'],
  ['a number that is not there', { callerNumber: '+15005550999' }, 'caller-not-owned', 'recipients[1].callerNumber'],
  [
    'a number of another trunk',
    { trunk: 'second', callerNumber: '+15005550100' },
    'caller-not-owned',
    'recipients[1].callerNumber',
  ],
])('%s is refused with its place, and nothing is stored', async (_name, way, code, field) => {
  const world = await worldWithTwoTrunks()
  const [one, two] = people(2)
  await expect(world.makeBatch([one!, { ...two!, ...way }])).rejects.toMatchObject({ code, field })
  expect(await world.sql('SELECT 1 FROM batch')).toEqual([])
})

it('nobody is called from their own number, whichever that is', async () => {
  const world = await worldWithTwoTrunks()
  const batch = await world.makeBatch([
    { to: '+15005550202', callerNumber: '+15005550202' },
    { to: '+15005550202', callerNumber: '+15005550201' },
  ])
  expect(batch.figures).toMatchObject({ waiting: 1, outcomes: { 'not-allowed': 1 } })
})

it('a batch calls in at most 1000 ways', async () => {
  const world = await worldWithTwoTrunks()
  const { context, actor, trunk } = world
  const numbers = Array.from({ length: 60 }, (_, at) => `+1500556${1_000 + at}`)
  for (const number of numbers) await addNumber(context, actor, { number, trunkId: trunk.id })
  const list = people(1_001).map((person, at) => ({
    ...person,
    callerNumber: numbers[at % 60]!,
    attemptsMax: 1 + Math.floor(at / 60),
  }))
  const retryPolicy = defaultRetryPolicy(20, [60])
  await expect(world.makeBatch(list, { retryPolicy })).rejects.toMatchObject({
    code: 'invalid-input',
    field: 'recipients',
  })
  await world.makeBatch(list.slice(0, 1_000), { retryPolicy })
  expect(await lanesOf(world)).toHaveLength(1_000)
})
