// Runs the dispatcher on a virtual clock, with faults, and judges what happened. See docs/reference/reliability.md, and --help.
import os from 'node:os'
import { readCommandLine } from '../command-line.ts'
import { Coverage, RARE_PATHS, type RarePath } from './coverage.ts'
import { MISTAKES } from './mistakes.mjs'
import { inProcesses, type Slice } from './processes.ts'
import { currentVersion, nextSeed, RANGE_SEEDS, type RunSummary, readRanges, saveRange, sumRanges } from './ranges.ts'

const values = readCommandLine(
  {
    name: 'npm run simulate --',
    does: 'Runs the dispatcher on a virtual clock, with faults, and judges what happened. Ends with a line of JSON.',
    examples: [
      '--seed 1 --count 10000',
      '--seed 1 --count 500 --store postgres',
      '--save ranges.jsonl --count 1000000',
      '--sum ranges.jsonl',
      '--seed 4711 --count 1 --history',
      '--mistakes --only redial',
      '--differential 10000',
    ],
  },
  {
    seed: { type: 'string', value: 'N', means: 'the first seed (1)' },
    count: {
      type: 'string',
      value: 'N',
      means: 'how many seeds (1000; with --save 10000, with --mistakes at most 5000)',
    },
    store: { type: 'string', value: 'memory|postgres', default: 'memory', means: 'where the rows are (memory)' },
    jobs: {
      type: 'string',
      value: 'N',
      default: String(Math.max(1, os.availableParallelism())),
      means: 'processes at once (one for each core)',
    },
    mistakes: { type: 'boolean', default: false, means: 'take each safeguard away once: some seed must show it' },
    only: { type: 'string', value: 'NAME', means: 'with --mistakes: this one alone' },
    differential: { type: 'string', value: 'N', means: 'compare the store in memory with PostgreSQL, N sequences' },
    save: {
      type: 'string',
      value: 'FILE',
      means: 'append a line for each 10,000 seeds, from the first one that the file lacks',
    },
    sum: { type: 'string', value: 'FILE', means: 'add such lines up, and name seeds that are missing' },
    history: { type: 'boolean', default: false, means: 'print everything that happens' },
  },
)
/** A run of fewer seeds may miss a rare path by chance. */
const FULL_RUN = 5_000
const LINE_EVERY_MS = 10_000
let nextLineAtMs = performance.now() + LINE_EVERY_MS
const jobs = Number(values.jobs)
const seed = Number(values.seed ?? 1)
process.exitCode = await run()

function run(): Promise<number> | number {
  if (values.mistakes) return runMistakes(Number(values.count ?? 5_000))
  if (values.differential !== undefined) return runDifferential(Number(values.differential))
  if (values.sum !== undefined) return printSum(values.sum)
  if (values.save !== undefined) return saveRanges(values.save, Number(values.count ?? RANGE_SEEDS))
  return runAndPrint(Number(values.count ?? 1_000))
}

async function runAndPrint(count: number): Promise<number> {
  const summary = await runSeeds(seed, count)
  console.log(JSON.stringify(summary))
  return summary.violations > 0 || summary.missing.length > 0 ? 1 : 0
}

/** Range by range: whoever ends it loses the one that runs. Without `--seed` it goes on where the file ends. */
async function saveRanges(file: string, count: number): Promise<number> {
  const version = currentVersion(file)
  let next = values.seed === undefined ? nextSeed(readRanges(file)) : seed
  const end = next + count
  let violations = 0
  while (next < end) {
    const summary = await runSeeds(next, Math.min(RANGE_SEEDS, end - next))
    saveRange(file, { ...summary, version })
    violations += summary.violations
    next += summary.seeds
  }
  return violations > 0 ? 1 : 0
}

function printSum(file: string): number {
  const sum = sumRanges(readRanges(file))
  console.log(JSON.stringify(sum))
  return sum.violations > 0 || sum.gaps.length > 0 || sum.repeated.length > 0 ? 1 : 0
}

async function runSeeds(firstSeed: number, count: number): Promise<RunSummary> {
  const startedAt = performance.now()
  const coverage = new Coverage()
  const totals = { seeds: 0, violations: 0, calls: 0, steps: 0, virtualHours: 0 }
  let traces = 0n
  const failed: number[] = []
  const take = (slice: Slice): void => {
    totals.seeds += slice.seeds
    totals.calls += slice.calls
    totals.steps += slice.steps
    totals.virtualHours += slice.virtualMs / 3_600_000
    traces = BigInt.asUintN(64, traces + BigInt(`0x${slice.traces}`))
    coverage.add(slice.coverage)
    for (const { seed: bad, report } of slice.failures) {
      failed.push(bad)
      if (failed.length <= 5) console.error(report)
    }
    totals.violations = failed.length
    progress(`${totals.seeds} of ${count} seeds, ${failed.length} with a violation`)
  }
  await inProcesses({ seed: firstSeed, count, jobs, store: values.store, history: values.history, take })
  const missing = count >= FULL_RUN && values.store === 'memory' ? coverage.missing : []
  for (const path of missing) console.error(`never happened: ${path} (${RARE_PATHS[path]})`)
  return {
    store: values.store,
    firstSeed,
    ...totals,
    virtualHours: Math.round(totals.virtualHours),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    failedSeeds: failed.sort((one, other) => one - other).slice(0, 20),
    trace: traces.toString(16).padStart(16, '0'),
    missing,
    coverage: Object.fromEntries(
      (Object.keys(RARE_PATHS) as RarePath[]).map((path) => [path, coverage.counts.get(path) ?? 0]),
    ),
  }
}

/** Each mistake runs until a seed shows it. */
async function runMistakes(count: number): Promise<number> {
  const startedAt = performance.now()
  const survivors: string[] = []
  const rows: { mistake: string; seeds: number | null; invariant: string | null }[] = []
  const wanted = MISTAKES.filter(({ name }) => values.only === undefined || name === values.only)
  if (wanted.length === 0) {
    console.error(`--only is one of:\n${MISTAKES.map(({ name, what }) => `  ${name}: ${what}`).join('\n')}`)
    return 2
  }
  const width = Math.max(...MISTAKES.map(({ name }) => name.length))
  for (const { name, what } of wanted) {
    let found: { seed: number; invariant: string } | null = null
    await inProcesses({
      seed,
      count,
      jobs,
      store: values.store,
      mistake: name,
      take: ({ failures }) => {
        for (const failure of failures) {
          if (found === null || failure.seed < found.seed) found = { seed: failure.seed, invariant: failure.invariant }
        }
      },
      enough: () => found !== null,
    })
    const caught = found as { seed: number; invariant: string } | null
    const seeds = caught && caught.seed - seed + 1
    rows.push({ mistake: name, seeds, invariant: caught?.invariant ?? null })
    if (!caught) survivors.push(name)
    const verdict = caught ? `${String(seeds).padStart(5)} seeds  ${caught.invariant.padEnd(4)}` : 'NOT CAUGHT       '
    console.log(`${name.padEnd(width)}  ${verdict}  ${what}`)
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(
    JSON.stringify({ mistakes: rows.length, caught: rows.length - survivors.length, survivors, seconds, rows }),
  )
  return survivors.length > 0 ? 1 : 0
}

async function runDifferential(count: number): Promise<number> {
  const { withPostgres } = await import('./postgres-server.ts')
  const { compareStores } = await import('./differential.ts')
  const startedAt = performance.now()
  const result = await withPostgres((server) =>
    compareStores(server, { seed, count, onProgress: (done) => progress(`${done} of ${count} sequences`) }),
  )
  if (result.difference) console.error(result.difference)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(
    JSON.stringify({
      sequences: result.sequences,
      operations: result.operations,
      equal: !result.difference,
      seconds,
      kinds: result.kinds,
    }),
  )
  return result.difference ? 1 : 0
}

/** In place on a terminal; elsewhere a line from time to time, for whoever reads along in a log. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001b[K`)
  else if (performance.now() >= nextLineAtMs) {
    process.stderr.write(`${text}\n`)
    nextLineAtMs = performance.now() + LINE_EVERY_MS
  }
}
