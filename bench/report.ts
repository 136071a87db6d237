import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { listsSection } from './lists/section.ts'
import { sipSection } from './sip/section.ts'
import type { Machine } from './support/machine.ts'
import { number, table } from './support/markdown.ts'
import type { BenchOptions } from './support/options.ts'
import { say } from './support/progress.ts'
import type { Distribution } from './support/statistics.ts'

const PAGE = fileURLToPath(new URL('../docs/reference/performance.md', import.meta.url))
const RESULTS = fileURLToPath(new URL('./results.jsonl', import.meta.url))

/** One saved line; what else stands in it depends on the bench. */
interface Saved {
  readonly bench: string
  readonly machine: Machine
  /** Absent where no database was measured. */
  readonly postgres?: string
  readonly broken: readonly string[]
}

interface EngineRow {
  readonly label: string
  readonly lifecyclesPerSecond: number
  readonly transitionsPerSecond: number
  readonly rounds: readonly number[]
  readonly walBytesPerCall: number
  readonly postgresCpuUs: number
  readonly nodeCpuUs: number
}

interface PeerRow {
  readonly label: string
  readonly jobsPerSecond: number
  readonly transitionsPerSecond: number
  readonly rounds: readonly number[]
  readonly walBytesPerJob: number | null
  readonly databaseCpuUs: number
  readonly nodeCpuUs: number
}

interface IngestRow {
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly cpuSeconds: number
  readonly postgresCpuSeconds: number
  readonly rssGrowthMb: number
  readonly longestBlockMs: number
}

type Section = (saved: Saved) => string[]

/** Writes the page of figures from the newest saved line of each bench. */
export async function writeReport(options: BenchOptions): Promise<void> {
  const file = options.save ?? RESULTS
  if (!fs.existsSync(file)) throw new Error(`There is no ${file}: run benches with --save ${file} first.`)
  const newest = new Map<string, Saved>()
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    if (line.trim() === '') continue
    const saved = JSON.parse(line) as Saved
    newest.set(saved.bench, saved)
  }
  const parts = [...INTRODUCTION]
  for (const [bench, section] of Object.entries(SECTIONS)) {
    const saved = newest.get(bench)
    if (saved) parts.push(...section(saved), ...conditionsOf(saved))
  }
  fs.writeFileSync(PAGE, `${parts.join('\n').trimEnd()}\n`)
  say(`${PAGE} tells of ${[...newest.keys()].join(', ')}`)
}

const INTRODUCTION = [
  '# Performance',
  '',
  'Written by `npm run bench -- report`; nothing here is typed by hand. Each part names the command that repeats it and',
  'what the machine was doing meanwhile.',
  '',
  'How to read it: figures are medians of interleaved rounds, and each round is printed, since a virtual machine drifts.',
  'Differences below 15 % between rows prove nothing. CPU time a call is steadier than calls a second. Everything runs on one',
  'machine: database, nodes and what watches them share its cores. All benches keep every promise of the product',
  '(fsync on, every transition on disk before the next, all limits and checks on) and recount at their end: a bench in',
  'which a count is wrong fails. With `--first` a bench ran before all other programs of the machine (in the real-time class of',
  'Linux), since the machine was shared: these cost caches and the disk then, and no wait for a core.',
  '',
]

const SECTIONS: Readonly<Record<string, Section>> = {
  engine: engineSection,
  'engine-growth': growthSection,
  'engine-checks': checksSection,
  latency: latencySection,
  lists: listsSection,
  ingest: ingestSection,
  sip: sipSection,
}

function engineSection(saved: Saved): string[] {
  const { sizes, carillon, peers, ratios, nodesRunOn } = saved as Saved & {
    sizes: { recipients: number; batches: number; organizationLimit: number; suppressed: number; rounds: number }
    carillon: EngineRow[]
    peers: PeerRow[]
    ratios: { label: string; lifecyclesToJobs: number; transitions: number }[]
    nodesRunOn: string
  }
  return [
    '## Calls through their whole life',
    '',
    'A lifecycle is a claim with its committed intent, accepted, ringing, answered, ended: five transitions, each durable',
    'before the next begins, by the dispatcher and store that `npm start` runs. The telephone network takes no time.',
    `${number(sizes.recipients)} recipients in ${number(sizes.batches)} batches, ${number(sizes.organizationLimit)} calls at once for each organization,`,
    `a calling window, limits and calls per second at four levels, ${number(sizes.suppressed)} suppressed numbers.`,
    '',
    ...engineTable(carillon),
    '',
    'Queue libraries in the same run, on the same PostgreSQL (BullMQ: Redis, its log written once a second), with jobs that',
    `do nothing. A job is two transitions: taken and done. All of them run on Node ${nodesRunOn.replace('v', '')}.`,
    '',
    ...table([
      ['', 'jobs/s', 'transitions/s', 'rounds', 'WAL B/job', 'database CPU µs/job', 'Node CPU µs/job'],
      ...peers.map((peer) => [
        peer.label,
        number(peer.jobsPerSecond),
        number(peer.transitionsPerSecond),
        peer.rounds.map(number).join(' '),
        peer.walBytesPerJob === null ? '-' : number(peer.walBytesPerJob),
        String(peer.databaseCpuUs),
        String(peer.nodeCpuUs),
      ]),
    ]),
    '',
    ...ratios.map(
      (ratio) =>
        `- ${ratio.label}: ${ratio.lifecyclesToJobs} lifecycles for one of its jobs, ${ratio.transitions} times its transitions.`,
    ),
    '',
  ]
}

function engineTable(
  rows: readonly EngineRow[],
  more: { head: string[]; cells: string[][] } = { head: [], cells: [] },
) {
  return table([
    [
      '',
      'lifecycles/s',
      'transitions/s',
      'rounds',
      'WAL B/call',
      'PostgreSQL CPU µs/call',
      'Node CPU µs/call',
      ...more.head,
    ],
    ...rows.map((row, at) => [
      row.label,
      number(row.lifecyclesPerSecond),
      number(row.transitionsPerSecond),
      row.rounds.map(number).join(' '),
      number(row.walBytesPerCall),
      String(row.postgresCpuUs),
      String(row.nodeCpuUs),
      ...(more.cells[at] ?? []),
    ]),
  ])
}

function growthSection(saved: Saved): string[] {
  const { carillon, costs } = saved as Saved & {
    carillon: EngineRow[]
    costs: { label: string; cpuToFirst: number; timeToFirst: number }[]
  }
  return [
    '## Growth',
    '',
    'The same in the middle of the work, with more recipients and more batches running at once. The last columns: what a',
    'call costs against the first row.',
    '',
    ...engineTable(carillon, {
      head: ['CPU a call', 'time a call'],
      cells: costs.map((cost) => [String(cost.cpuToFirst), String(cost.timeToFirst)]),
    }),
    '',
  ]
}

function checksSection(saved: Saved): string[] {
  const { carillon, differences } = saved as Saved & {
    carillon: EngineRow[]
    differences: { postgresCpuUs: number; nodeCpuUs: number }[]
  }
  return [
    '## What checks cost',
    '',
    'No check can be switched off; here the data gives each less to do. The last columns: CPU a call against the first row.',
    '',
    ...engineTable(carillon, {
      head: ['PostgreSQL', 'Node'],
      cells: differences.map((each) => [signed(each.postgresCpuUs), signed(each.nodeCpuUs)]),
    }),
    '',
  ]
}

function latencySection(saved: Saved): string[] {
  const { sizes, rounds } = saved as Saved & {
    sizes: { nodes: number; seconds: number; callSeconds: number; batches: number; scheduled: number }
    rounds: {
      liveCalls: number
      endsPerSecond: number
      freedSlotToDialMs: Distribution
      scheduledStartMs: Distribution
      eventUntilDurableMs: Distribution
      nodeCores: number
      postgresCores: number
    }[]
  }
  const row = (label: string, each: Distribution) => [
    label,
    ...[each.count, each.p50, each.p95, each.p99, each.max].map(String),
  ]
  return [
    '## Latency',
    '',
    `${number(rounds[0]!.liveCalls)} calls in progress on ${sizes.nodes} nodes, of human lengths (${sizes.callSeconds} s on average), ${rounds[0]!.endsPerSecond} of them`,
    `ending every second, for ${sizes.seconds} s; meanwhile ${sizes.scheduled} small batches start at their times. Milliseconds.`,
    '',
    ...table([
      ['', 'count', 'p50', 'p95', 'p99', 'max'],
      ...rounds.flatMap((round, at) => {
        const turn = rounds.length > 1 ? `, round ${at + 1}` : ''
        return [
          row(`end of a call until the next dial in its place${turn}`, round.freedSlotToDialMs),
          row(`time of a scheduled batch until its first dial${turn}`, round.scheduledStartMs),
          row(`event until it is on disk${turn}`, round.eventUntilDurableMs),
        ]
      }),
    ]),
    '',
    `The nodes used ${rounds[0]!.nodeCores} cores together, PostgreSQL ${rounds[0]!.postgresCores}.`,
    '',
  ]
}

function ingestSection(saved: Saved): string[] {
  const { sizes, carillon, usualStack } = saved as Saved & {
    sizes: { fileBytes: number; rows: number; rounds: number }
    carillon: IngestRow
    usualStack: IngestRow
  }
  const row = (label: string, each: IngestRow) => [
    label,
    String(each.seconds),
    number(each.rowsPerSecond),
    String(each.cpuSeconds),
    String(each.postgresCpuSeconds),
    String(each.rssGrowthMb),
    String(each.longestBlockMs),
  ]
  return [
    '## A file',
    '',
    `${(sizes.fileBytes / 1_048_576).toFixed(0)} MiB of CSV with ${number(sizes.rows)} rows, from the first byte of the request until the answer that the batch is stored;`,
    'every number is checked in full. Beside it csv-parse with objects, libphonenumber-js and an INSERT of a thousand rows',
    `at a time, which reads the file from disk and answers nobody. Medians of ${sizes.rounds} rounds.`,
    '',
    ...table([
      ['', 'seconds', 'rows/s', 'Node CPU s', 'PostgreSQL CPU s', 'memory grew by MiB', 'longest block ms'],
      row('Carillon, through its API', carillon),
      row('csv-parse, libphonenumber-js, INSERT', usualStack),
    ]),
    '',
  ]
}

function conditionsOf({ machine, postgres, broken }: Saved): string[] {
  const memory = machine.dataFolderInMemory ? ' The data folder lay in memory: not a durable measurement.' : ''
  return [
    `\`${machine.command}\`, ${machine.at.slice(0, 10)}: ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node.slice(1)},`,
    `${postgres === undefined ? '' : `PostgreSQL ${postgres}; `}a small write is on disk after ${machine.fdatasyncMs.p50} ms (p50) to ${machine.fdatasyncMs.p99} ms (p99); load average before it ${machine.loadBefore}.${memory}`,
    ...(broken.length > 0 ? ['', ...broken.map((each) => `**Broken: ${each}**`)] : []),
    '',
  ]
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value)
}
