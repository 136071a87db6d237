import { expect, onTestFinished, test } from 'vitest'
import { runRequests } from '../../verify/requests/run.ts'
import { createTestDatabase } from '../database.ts'
import { DIALECT_NAMES } from '../dialect-facts/registry.ts'
import { startBareServer } from '../requests/bare-server.ts'

/** Another seed each day would find more and could not be told from the change at hand; `npm run verify:requests` does. */
const SEED = 5
/** Each wire format gets its share, so that a new one takes none from the others. */
const COUNT = DIALECT_NAMES.length * 300

test('generated requests to every wire format get no answer of 500 or above, and none that breaks its own schema', async () => {
  const database = await createTestDatabase()
  const faults: string[] = []
  const api = await startBareServer(database.connectionString, { log: (line) => faults.push(line) })
  onTestFinished(async () => {
    await api.close()
    await database.drop()
  })
  const { server, first } = api
  const result = await runRequests({ server, first, seed: SEED, count: COUNT })
  expect(result.failures).toEqual([])
  expect(faults).toEqual([])
  expect(result.answered).toBe(COUNT)
  // They get further than to the first check: most operations have succeeded at least once.
  expect(result.succeeded).toBeGreaterThan(result.operations / 2)
})
