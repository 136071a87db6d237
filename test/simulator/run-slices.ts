// A process of the simulator: gets slices of seeds from `main.ts` and tells what became of each.
import type { Slice, SliceRequest } from './processes.ts'
import { reportOf } from './report.ts'
import { inMemory, type OpenServer, runSeed } from './simulation.ts'

const [store = 'memory'] = process.argv.slice(2)

process.on('disconnect', () => process.exit(0))

if (store === 'postgres') {
  const { withPostgres, onPostgres } = await import('./postgres-server.ts')
  await withPostgres((server) => serve(onPostgres(server)))
} else await serve(inMemory)

function serve(openServer: OpenServer): Promise<never> {
  return new Promise((_resolve, reject) => {
    process.on('message', (request: SliceRequest) => {
      runSlice(request, openServer).then((slice) => process.send!(slice), reject)
    })
    process.send!('ready')
  })
}

async function runSlice({ seed, count, history }: SliceRequest, openServer: OpenServer): Promise<Slice> {
  // Lost connections and stale copies are thrown by the thousand, and nobody reads where.
  Error.stackTraceLimit = history ? 10 : 0
  const totals = { seeds: 0, calls: 0, steps: 0, virtualMs: 0 }
  let traces = 0n
  const coverage = new Map<Slice['coverage'][number][0], number>()
  const failures: { seed: number; invariant: string; report: string }[] = []
  for (let one = seed; one < seed + count; one++) {
    const result = await runSeed(one, openServer)
    totals.seeds++
    totals.calls += result.calls
    totals.steps += result.steps
    totals.virtualMs += result.virtualMs
    traces = BigInt.asUintN(64, traces + BigInt(`0x${result.traceHash}`))
    for (const [path, times] of result.coverage) coverage.set(path, (coverage.get(path) ?? 0) + times)
    const first = result.violations[0]
    if (first) failures.push({ seed: one, invariant: first.invariant, report: reportOf(result) })
    if (history) for (const { atMs, about, what } of result.history) console.log(`${atMs} ${about} ${what}`)
  }
  return { ...totals, traces: traces.toString(16), coverage: [...coverage], failures }
}
