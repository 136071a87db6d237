import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import { startServerUnderTest } from '../support/server-under-test.ts'
import { round } from '../support/statistics.ts'
import { type EngineRunOptions, type EngineRunResult, runEngine } from './run.ts'
import { standardRun } from './sizes.ts'
import { brokenPromises, ENGINE_TABLE_HEAD, engineTableRow, summarize } from './summary.ts'

/** What each check costs. No check can be switched off; instead the data gives it less to do. */
export async function benchChecks(options: BenchOptions): Promise<void> {
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    const machine = describeMachine(server.folder)
    const rounds = options.rounds ?? (options.quick ? 1 : 3)
    const variations = checkVariations(standardRun(options))
    const results = new Map<string, EngineRunResult[]>([...variations.keys()].map((label) => [label, []]))
    for (let turn = 1; turn <= rounds; turn++) {
      for (const [label, run] of variations) {
        const result = await runEngine(server, run)
        results.get(label)!.push(result)
        say(`round ${turn}: ${label}: ${result.lifecyclesPerSecond} lifecycles/s`)
      }
    }
    const summaries = [...results].map(([label, each]) => summarize(label, each))
    const base = summaries[0]!
    const differences = summaries.map((summary) => ({
      label: summary.label,
      postgresCpuUs: round(summary.postgresCpuUs - base.postgresCpuUs, 1),
      nodeCpuUs: round(summary.nodeCpuUs - base.nodeCpuUs, 1),
    }))
    sayTable([
      [...ENGINE_TABLE_HEAD, 'PostgreSQL CPU µs to all on', 'Node CPU µs to all on'],
      ...summaries.map((each, at) => [
        ...engineTableRow(each),
        differences[at]!.postgresCpuUs,
        differences[at]!.nodeCpuUs,
      ]),
    ])
    const found = {
      bench: 'engine-checks',
      machine,
      postgres: server.version,
      rounds,
      carillon: summaries,
      differences,
    }
    conclude({ ...found, broken: brokenPromises(results) }, options.save)
  } finally {
    await server.stop()
  }
}

function checkVariations(all: EngineRunOptions): Map<string, EngineRunOptions> {
  const noSuppression = { suppressed: 0, suppressedEvery: 0 }
  return new Map([
    ['all on', all],
    ['suppression list empty', { ...all, ...noSuppression }],
    ['no calling window', { ...all, window: false }],
    ['one trunk', { ...all, trunks: 1 }],
    ['20 trunks', { ...all, trunks: 20 }],
    ['everything with least to do', { ...all, ...noSuppression, window: false, trunks: 1 }],
  ])
}
