import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { nextSeed, readRanges, type SavedRange, saveRange, sumRanges } from './ranges.ts'

const range = (firstSeed: number, seeds: number, more: Partial<SavedRange> = {}): SavedRange => ({
  store: 'memory',
  firstSeed,
  seeds,
  violations: 0,
  calls: 10 * seeds,
  steps: 0,
  virtualHours: 1,
  seconds: 2,
  failedSeeds: [],
  trace: '',
  missing: [],
  coverage: { adopted: 3 },
  version: 'one',
  ...more,
})

it('adds ranges up in whatever order they were run, and says which seeds are missing or were run twice', () => {
  const sum = sumRanges([
    range(31, 10, { violations: 1, failedSeeds: [33] }),
    range(1, 10),
    range(11, 10),
    range(36, 10),
  ])
  expect(sum).toMatchObject({ ranges: 4, seeds: 40, firstSeed: 1, lastSeed: 45, gaps: ['21-30'], repeated: ['36-40'] })
  expect(sum).toMatchObject({
    violations: 1,
    failedSeeds: [33],
    calls: 400,
    virtualHours: 4,
    coverage: { adopted: 12 },
  })
  expect(sum.missing).toContain('revived')
  expect(sum.missing).not.toContain('adopted')
})

it('goes on after the last seed of a file, or where it has its first gap', () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'ranges-')), 'ranges.jsonl')
  expect(nextSeed(readRanges(file))).toBe(1)
  saveRange(file, range(11, 10))
  expect(nextSeed(readRanges(file))).toBe(1)
  saveRange(file, range(1, 10))
  saveRange(file, range(41, 10))
  expect(nextSeed(readRanges(file))).toBe(21)
  expect(sumRanges(readRanges(file)).gaps).toEqual(['21-40'])
})
