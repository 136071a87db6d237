import { expect, test } from 'vitest'
import { createBatch } from '../../src/commands/create-batch.ts'
import { commandWorld } from '../command-world.ts'

const recipients = [{ to: '+14155552671' }, { to: '+12125552671' }, { to: '+442079460958' }]

async function outcomes(keyPrefixes: readonly string[] | null, organizationPrefixes: readonly string[] | null) {
  const { context, actor, first, sql } = await commandWorld({ strict: true })
  const limits = (allowedPrefixes: readonly string[] | null) => (allowedPrefixes === null ? null : { allowedPrefixes })
  await sql(`UPDATE organization SET allowed_countries = '{US,GB}', limits = $1`, [limits(organizationPrefixes)])
  const input = { dialect: 'native', agent: first.agentId! }
  await createBatch(context, { ...actor, limits: limits(keyPrefixes) }, input, { recipients })
  const [state] = await sql('SELECT not_allowed, total - settled AS waiting FROM batch_state')
  const causes = await sql(`SELECT closed_cause FROM lane WHERE closed_as IS NOT NULL`)
  return { notAllowed: state!.not_allowed, waiting: state!.waiting, causes: causes.map((row) => row.closed_cause) }
}

test('numbers outside of the ranges of a key or of its organization are not called, and the list is taken', async () => {
  expect(await outcomes(null, null)).toEqual({ notAllowed: 0, waiting: 3, causes: [] })
  expect(await outcomes(['+1415', '+44'], null)).toEqual({ notAllowed: 1, waiting: 2, causes: [92] })
  expect(await outcomes(null, ['+1'])).toEqual({ notAllowed: 1, waiting: 2, causes: [92] })
  expect(await outcomes(['+1415', '+44'], ['+1'])).toEqual({ notAllowed: 2, waiting: 1, causes: [92] })
  expect(await outcomes([], null)).toEqual({ notAllowed: 3, waiting: 0, causes: [92] })
})
