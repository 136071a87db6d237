import { type BenchOptions, OPTIONS_HELP, readOptions } from './support/options.ts'
import { runBeforeOthers } from './support/scheduling.ts'

/** A bench shows its progress on standard error and ends with one line of JSON on standard output. */
type Bench = (options: BenchOptions) => Promise<void>

const BENCHES: Readonly<Record<string, { summary: string; load: () => Promise<Bench> }>> = {
  engine: {
    summary: 'lifecycles a second of dispatcher and store, beside queue libraries',
    load: async () => (await import('./engine/engine.ts')).benchEngine,
  },
  latency: {
    summary: 'freed slot to next dial, start of a scheduled batch, event until durable',
    load: async () => (await import('./latency/latency.ts')).benchLatency,
  },
  ingest: {
    summary: 'a 20 MiB CSV file through the API, beside the usual stack',
    load: async () => (await import('./ingest/ingest.ts')).benchIngest,
  },
  lists: {
    summary: 'twenty of 45,000 batches in each list, by number and by cursor',
    load: async () => (await import('./lists/lists.ts')).benchLists,
  },
  sip: {
    summary: 'calls set up a second, beside sipp; sound of many calls at once in one media worker',
    load: async () => (await import('./sip/sip.ts')).benchSip,
  },
  report: {
    summary: 'writes docs/reference/performance.md from saved lines of JSON',
    load: async () => (await import('./report.ts')).writeReport,
  },
}

const lines = Object.entries(BENCHES).map(([each, { summary }]) => `  ${each.padEnd(9)}${summary}`)
const help = `Usage: npm run bench -- <name> [options]\n\n${lines.join('\n')}\n\n${OPTIONS_HELP}\n`

const [name = '', ...args] = process.argv.slice(2)
if ([name, ...args].some((each) => each === '--help' || each === '-h')) {
  process.stdout.write(help)
  process.exit(0)
}
const bench = BENCHES[name]
if (!bench) {
  process.stderr.write(help)
  process.exit(2)
}
const options = optionsOrEnd()
process.once('SIGINT', () => process.exit(130))
if (options.first) runBeforeOthers()
const run = await bench.load()
await run(options)

function optionsOrEnd(): BenchOptions {
  try {
    return readOptions(args)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(2)
  }
}
