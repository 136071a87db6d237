import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import { startServerUnderTest } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { type EngineRunOptions, type EngineRunResult, runEngine } from './run.ts'
import { standardRun } from './sizes.ts'
import { brokenPromises, ENGINE_TABLE_HEAD, engineTableRow, summarize } from './summary.ts'

/**
 * Whether a call costs more when there is more: from one to ten million recipients, from one batch over a hundred to
 * ten thousand running at once. Measured in the middle of the work, with no start-up and no tail in it.
 */
export async function benchGrowth(options: BenchOptions): Promise<void> {
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    const machine = describeMachine(server.folder)
    const rounds = options.rounds ?? 1
    const sizes = growthSizes(options)
    const results = new Map<string, EngineRunResult[]>(sizes.map(({ label }) => [label, []]))
    for (let turn = 1; turn <= rounds; turn++) {
      for (const { label, run } of sizes) {
        say(`round ${turn}: ${label} ...`)
        const result = await runEngine(server, run)
        results.get(label)!.push(result)
        say(`round ${turn}: ${label}: ${result.lifecyclesPerSecond} lifecycles/s`)
      }
    }
    const summaries = [...results].map(([label, each]) => summarize(label, each))
    const base = summaries[0]!
    // CPU is what a call costs; time on a machine that others use too says less.
    const costs = summaries.map((summary) => ({
      label: summary.label,
      cpuToFirst: round((summary.postgresCpuUs + summary.nodeCpuUs) / (base.postgresCpuUs + base.nodeCpuUs), 2),
      timeToFirst: round(base.lifecyclesPerSecond / summary.lifecyclesPerSecond, 2),
    }))
    sayTable([
      [...ENGINE_TABLE_HEAD, 'CPU a call', 'time a call'],
      ...summaries.map((each, at) => [...engineTableRow(each), costs[at]!.cpuToFirst, costs[at]!.timeToFirst]),
    ])
    const found = { bench: 'engine-growth', machine, postgres: server.version, rounds, carillon: summaries, costs }
    conclude({ ...found, broken: brokenPromises(results) }, options.save)
  } finally {
    await server.stop()
  }
}

function growthSizes(options: BenchOptions): { label: string; run: EngineRunOptions }[] {
  const few = options.recipients ?? (options.quick ? 20_000 : 1_000_000)
  const many = options.quick ? few * 5 : few * 10
  const [usual, crowd] = [100, options.batches ?? (options.quick ? 1000 : 10_000)]
  const measured = Math.min(300_000, few / 2)
  const sizes = [
    [few, usual],
    [many, usual],
    [few, crowd],
    [many, crowd],
    [few, 1],
  ] as const
  const standard = standardRun(options)
  return sizes.map(([recipients, batches]) => ({
    label: `${recipients.toLocaleString('en')} recipients in ${batches.toLocaleString('en')}`,
    run: { ...standard, recipients, batches, measureFrom: measured / 5, stopAfter: measured + measured / 5 },
  }))
}
