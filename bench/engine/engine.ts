import { spawnSync } from 'node:child_process'
import { PEERS, type PeerName, type PeerRunResult, preparePeers, runPeer, TRANSITIONS_OF_A_JOB } from '../peers/run.ts'
import { describeMachine } from '../support/machine.ts'
import type { BenchOptions } from '../support/options.ts'
import { conclude, say, sayTable } from '../support/progress.ts'
import { type ServerUnderTest, startServerUnderTest } from '../support/server-under-test.ts'
import { median, round } from '../support/statistics.ts'
import { benchChecks } from './checks.ts'
import { explainStatements } from './explain.ts'
import { benchGrowth } from './growth.ts'
import { profileEngine } from './profile.ts'
import { type EngineRunOptions, type EngineRunResult, runEngine } from './run.ts'
import { labelOf, standardRun } from './sizes.ts'
import { brokenPromises, ENGINE_TABLE_HEAD, type EngineSummary, engineTableRow, summarize } from './summary.ts'

/**
 * How many calls a second the product can take through their whole life: claim with intent, accepted, ringing,
 * answered, ended, each on disk before the next, all checks on. In the same run, on the same PostgreSQL: queue
 * libraries with jobs that do nothing.
 */
export async function benchEngine(options: BenchOptions): Promise<void> {
  if (options.growth) return benchGrowth(options)
  if (options.checks) return benchChecks(options)
  if (options.explain) return explainStatements(options)
  if (options.profile || options.cpuProf) return profileEngine(options)
  const server = await startServerUnderTest({ parentFolder: options.folder, settings: options.postgresSettings })
  try {
    await compare(server, options)
  } finally {
    await server.stop()
  }
}

async function compare(server: ServerUnderTest, options: BenchOptions): Promise<void> {
  const rounds = options.rounds ?? (options.quick ? 1 : 3)
  const machine = describeMachine(server.folder)
  const prepared = preparePeers(options.peers ?? PEERS)
  // The libraries ask for a newer Node than the product does; all run on the same one.
  const runtime = options.runtime ?? prepared?.runtime ?? process.execPath
  const runs = variations({ ...options, runtime })
  const ours = new Map<string, EngineRunResult[]>(runs.map((run) => [labelOf(run), []]))
  const theirs = new Map<string, PeerRunResult[]>()
  for (let turn = 1; turn <= rounds; turn++) {
    for (const run of runs) {
      const result = await runEngine(server, run)
      ours.get(labelOf(run))!.push(result)
      say(`round ${turn}: ${labelOf(run)}: ${result.lifecyclesPerSecond} lifecycles/s`)
    }
    for (const peer of prepared?.peers ?? []) {
      for (const processes of options.nodes ?? [1, 2]) {
        const label = peerLabel(peer, processes)
        const result = await runPeer(server, { peer, processes, jobs: runs[0]!.recipients, runtime: prepared!.runtime })
        theirs.set(label, [...(theirs.get(label) ?? []), result])
        say(`round ${turn}: ${label}: ${result.jobsPerSecond} jobs/s`)
      }
    }
  }
  conclude(findings({ server, machine, runtime, rounds, runs, ours, theirs }), options.save)
}

/** One and two nodes for one organization, then for four. */
function variations(options: BenchOptions): EngineRunOptions[] {
  const standard = standardRun(options)
  return (options.organizations ?? [1, 4]).flatMap((organizations) =>
    (options.nodes ?? [1, 2]).map((nodes) => ({ ...standard, organizations, nodes })),
  )
}

function peerLabel(peer: PeerName, processes: number): string {
  return `${peer}, ${processes} ${processes === 1 ? 'process' : 'processes'}`
}

interface PeerSummary {
  readonly label: string
  readonly jobsPerSecond: number
  readonly transitionsPerSecond: number
  readonly rounds: readonly number[]
  readonly enqueuedPerSecond: number
  readonly walBytesPerJob: number
  readonly databaseCpuUs: number
  readonly nodeCpuUs: number
}

function summarizePeer(label: string, results: readonly PeerRunResult[]): PeerSummary {
  const middle = (of: (result: PeerRunResult) => number, digits = 0) => round(median(results.map(of)), digits)
  const jobsPerSecond = middle((result) => result.jobsPerSecond)
  return {
    label,
    jobsPerSecond,
    transitionsPerSecond: jobsPerSecond * TRANSITIONS_OF_A_JOB,
    rounds: results.map((result) => result.jobsPerSecond),
    enqueuedPerSecond: middle((result) => result.enqueuedPerSecond),
    walBytesPerJob: middle((result) => result.walBytesPerJob),
    databaseCpuUs: middle((result) => result.databaseCpuUs, 1),
    nodeCpuUs: middle((result) => result.nodeCpuUs, 1),
  }
}

function findings(all: {
  server: ServerUnderTest
  machine: object
  runtime: string
  rounds: number
  runs: readonly EngineRunOptions[]
  ours: ReadonlyMap<string, readonly EngineRunResult[]>
  theirs: ReadonlyMap<string, readonly PeerRunResult[]>
}) {
  const summaries = [...all.ours].map(([label, results]) => summarize(label, results))
  const peers = [...all.theirs].map(([label, results]) => summarizePeer(label, results))
  const ratios = ratiosToGraphile(summaries, peers)
  say('')
  sayTable([ENGINE_TABLE_HEAD, ...summaries.map(engineTableRow)])
  if (peers.length > 0) {
    say('')
    sayTable([
      ['', 'jobs/s', 'transitions/s', 'rounds', 'WAL B/job', 'database CPU µs', 'Node CPU µs', 'enqueued/s'],
      ...peers.map((peer) => [
        peer.label,
        peer.jobsPerSecond,
        peer.transitionsPerSecond,
        peer.rounds.join(' '),
        peer.walBytesPerJob,
        peer.databaseCpuUs,
        peer.nodeCpuUs,
        peer.enqueuedPerSecond,
      ]),
    ])
    for (const ratio of ratios)
      say(`${ratio.label}: ${ratio.lifecyclesToJobs} lifecycles a job, ${ratio.transitions} of the transitions`)
  }
  const { recipients, batches, organizationLimit, suppressed } = all.runs[0]!
  const brokenByPeers = [...all.theirs].flatMap(([label, results]) =>
    results.flatMap((result) => result.broken.map((broken) => `${label}: ${broken}`)),
  )
  return {
    bench: 'engine',
    machine: all.machine,
    postgres: all.server.version,
    nodesRunOn: spawnSync(all.runtime, ['--version'], { encoding: 'utf8' }).stdout.trim(),
    sizes: { recipients, batches, organizationLimit, suppressed, rounds: all.rounds },
    carillon: summaries,
    peers,
    ratios,
    broken: [...brokenPromises(all.ours), ...brokenByPeers],
  }
}

/** Each of ours against graphile-worker with as many processes, in the same run. */
function ratiosToGraphile(ours: readonly EngineSummary[], peers: readonly PeerSummary[]) {
  return ours.flatMap((run) => {
    const peer = peers.find(({ label }) => label === peerLabel('graphile-worker', run.nodes))
    if (!peer) return []
    return [
      {
        label: `${run.label} against ${peer.label}`,
        lifecyclesToJobs: round(run.lifecyclesPerSecond / peer.jobsPerSecond, 2),
        transitions: round(run.transitionsPerSecond / peer.transitionsPerSecond, 2),
      },
    ]
  })
}
