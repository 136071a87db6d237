import { expect, inject, it } from 'vitest'
import { createTestDatabase } from '../database.ts'
import { Coverage } from './coverage.ts'
import { compareStores } from './differential.ts'
import { MISTAKES } from './mistakes.mjs'
import { planted } from './plant-mistake-text.mjs'
import { onPostgres, withPostgres } from './postgres-server.ts'
import { inProcesses } from './processes.ts'
import { reportOf } from './report.ts'
import { runSeed } from './simulation.ts'

const SEEDS = 200
const POSTGRES_SEEDS = 3
const SEQUENCES = 60
/** Each takes some seconds on a machine of its own; on a busy one, minutes. */
const WITHIN_MS = 600_000

it(
  'calls everyone once and loses nobody, whatever goes wrong',
  async () => {
    const coverage = new Coverage()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await runSeed(seed)
      expect(result.violations, reportOf(result)).toEqual([])
      coverage.add(result.coverage)
    }
    // The rarest take thousands of seeds: the run of the build server asks for all of them.
    expect(coverage.missing.length).toBeLessThan(8)
  },
  WITHIN_MS,
)

it('lets a node that was taken for dead conclude nothing from the silence it heard before', async () => {
  const result = await runSeed(306001)
  expect(result.violations, reportOf(result)).toEqual([])
  expect(result.coverage.get('lease-lost')).toBeGreaterThan(0)
})

it('ends a call without sound whose first node tells how only after it was taken over', async () => {
  const result = await runSeed(3612)
  expect(result.violations, reportOf(result)).toEqual([])
  expect(result.coverage.get('hung-up')).toBeGreaterThan(0)
})

it('gives the same trace for the same seed', async () => {
  for (const seed of [3, 1171, 4711]) {
    const [one, other] = [await runSeed(seed), await runSeed(seed)]
    expect(one.history.length).toBeGreaterThan(20)
    expect(other.traceHash).toBe(one.traceHash)
  }
  expect((await runSeed(4)).traceHash).not.toBe((await runSeed(3)).traceHash)
})

it(
  'holds on PostgreSQL with the statements of the product, and gives the same trace there',
  async () => {
    const { connectionString } = await createTestDatabase()
    await withPostgres(async (database) => {
      for (let seed = 1; seed <= POSTGRES_SEEDS; seed++) {
        const result = await runSeed(seed, onPostgres(database))
        expect(result.violations, reportOf(result)).toEqual([])
        if (seed === 1) expect((await runSeed(seed, onPostgres(database))).traceHash).toBe(result.traceHash)
      }
    }, connectionString)
  },
  WITHIN_MS,
)

it(
  'has a store in memory that does what PostgreSQL does',
  async () => {
    expect(inject('templateDatabase')).toBeTruthy()
    const { connectionString } = await createTestDatabase()
    const result = await withPostgres(
      (database) => compareStores(database, { seed: 1, count: SEQUENCES }),
      connectionString,
    )
    expect(result.difference).toBeNull()
    expect(Object.keys(result.kinds).length).toBeGreaterThan(15)
  },
  WITHIN_MS,
)

it('plants each mistake in a text that is there once', () => {
  expect(MISTAKES.length).toBeGreaterThanOrEqual(14)
  for (const mistake of MISTAKES) {
    for (const { file } of mistake.changes) {
      const text = planted(new URL(`../../${file}`, import.meta.url).href, mistake)
      expect(text.length, mistake.name).toBeGreaterThan(0)
    }
  }
})

it('sees a planted mistake', async () => {
  const invariants: string[] = []
  await inProcesses({
    seed: 1,
    count: 100,
    jobs: 1,
    store: 'memory',
    mistake: 'redial-on-take-over',
    take: ({ failures }) => invariants.push(...failures.map(({ invariant }) => invariant)),
  })
  expect(invariants).toContain('I1')
})
