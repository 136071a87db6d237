import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { Coverage, type RarePath } from './coverage.ts'

/** Seeds of one line in a file of ranges. */
export const RANGE_SEEDS = 10_000

/** What a run of seeds, one after another from `firstSeed`, has shown. */
export interface RunSummary {
  readonly store: string
  readonly firstSeed: number
  readonly seeds: number
  readonly violations: number
  readonly calls: number
  readonly steps: number
  readonly virtualHours: number
  readonly seconds: number
  /** The first 20 of them. */
  readonly failedSeeds: readonly number[]
  /** Sum of the seeds' trace hashes, which does not depend on their order. */
  readonly trace: string
  readonly missing: readonly RarePath[]
  readonly coverage: Readonly<Partial<Record<RarePath, number>>>
}

/** A line of a file of ranges: a run, and what was run. */
export interface SavedRange extends RunSummary {
  /** The commit of the working tree, with `+` when it held changes. */
  readonly version: string
}

/** Several ranges together. */
export interface RangeSum {
  readonly ranges: number
  readonly seeds: number
  readonly firstSeed: number | null
  readonly lastSeed: number | null
  /** Seeds between the first and the last that stand in no range, as `from-to`. */
  readonly gaps: readonly string[]
  /** Seeds that stand in more than one range, which counts them twice. */
  readonly repeated: readonly string[]
  readonly violations: number
  readonly failedSeeds: readonly number[]
  readonly calls: number
  readonly virtualHours: number
  /** Of one process after another. */
  readonly seconds: number
  readonly versions: readonly string[]
  /** Rare paths that no range took. */
  readonly missing: readonly RarePath[]
  readonly coverage: Readonly<Partial<Record<RarePath, number>>>
}

/** What is run now; `file`, which ranges are saved in, may have changed. Outside of a working tree of git: `unknown`. */
export function currentVersion(file: string): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ':/', `:(exclude)${file}`).trim() !== ''
    return git('rev-parse', '--short=12', 'HEAD').trim() + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

/** One line, written at once, so that a run that is ended leaves whole ranges behind. */
export function saveRange(file: string, range: SavedRange): void {
  fs.appendFileSync(file, `${JSON.stringify(range)}\n`)
}

/** No ranges when there is no such file. @throws SyntaxError for a line that is no JSON. */
export function readRanges(file: string): SavedRange[] {
  if (!fs.existsSync(file)) return []
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as SavedRange)
}

/** The first seed from 1 on that stands in none of the ranges. */
export function nextSeed(ranges: readonly Pick<SavedRange, 'firstSeed' | 'seeds'>[]): number {
  let next = 1
  for (const { firstSeed, seeds } of inOrder(ranges)) if (firstSeed <= next) next = Math.max(next, firstSeed + seeds)
  return next
}

/** Adds ranges up and says where they leave gaps. */
export function sumRanges(ranges: readonly SavedRange[]): RangeSum {
  const sorted = inOrder(ranges)
  const total = (of: (range: SavedRange) => number) => sorted.reduce((sum, range) => sum + of(range), 0)
  const coverage = new Coverage()
  const gaps: string[] = []
  const repeated: string[] = []
  let next = sorted[0]?.firstSeed ?? 1
  for (const { firstSeed, seeds, coverage: hits } of sorted) {
    if (firstSeed > next) gaps.push(`${next}-${firstSeed - 1}`)
    if (firstSeed < next) repeated.push(`${firstSeed}-${Math.min(next, firstSeed + seeds) - 1}`)
    next = Math.max(next, firstSeed + seeds)
    coverage.add(Object.entries(hits) as [RarePath, number][])
  }
  return {
    ranges: sorted.length,
    seeds: total(({ seeds }) => seeds),
    firstSeed: sorted[0]?.firstSeed ?? null,
    lastSeed: sorted.length > 0 ? next - 1 : null,
    gaps,
    repeated,
    violations: total(({ violations }) => violations),
    failedSeeds: sorted.flatMap(({ failedSeeds }) => failedSeeds),
    calls: total(({ calls }) => calls),
    virtualHours: total(({ virtualHours }) => virtualHours),
    seconds: Math.round(total(({ seconds }) => seconds)),
    versions: [...new Set(sorted.map(({ version }) => version))],
    missing: coverage.missing,
    coverage: Object.fromEntries(coverage.counts),
  }
}

function inOrder<Range extends { readonly firstSeed: number }>(ranges: readonly Range[]): Range[] {
  return [...ranges].sort((one, other) => one.firstSeed - other.firstSeed)
}
