import { parseArgs } from 'node:util'

/** What every bench can be told on its command line. */
export interface BenchOptions {
  /** Small sizes: shows in seconds that the bench works; its figures mean little. */
  readonly quick: boolean
  readonly rounds: number | undefined
  readonly recipients: number | undefined
  readonly batches: number | undefined
  /** Numbers of nodes to run with, one after the other. */
  readonly nodes: readonly number[] | undefined
  readonly organizations: readonly number[] | undefined
  /** Numbers of calls at once, one after the other. */
  readonly calls: readonly number[] | undefined
  readonly seconds: number | undefined
  readonly callSeconds: number | undefined
  readonly peers: readonly string[] | undefined
  readonly growth: boolean
  readonly checks: boolean
  readonly profile: boolean
  readonly explain: boolean
  readonly cpuProf: boolean
  /** Runs before all other programs of the machine, so that these do not count. */
  readonly first: boolean
  /** PostgreSQL settings for experiments. */
  readonly postgresSettings: Readonly<Record<string, string>>
  readonly nodeFlags: readonly string[]
  /** Another Node for the product's nodes than the one the bench runs on. */
  readonly runtime: string | undefined
  /** Where PostgreSQL's folder is made. */
  readonly folder: string | undefined
  /** File that the line of JSON is appended to. */
  readonly save: string | undefined
}

export const OPTIONS_HELP = `Options:
  --quick               small sizes: shows that the bench works, its figures mean little
  --rounds N            how often everything is repeated, interleaved; figures are medians
  --recipients N        length of all lists together
  --batches N           number of running batches
  --nodes 1,2           numbers of nodes to run with
  --organizations 1,4   numbers of organizations to run with
  --calls 500,1500      calls at once (sip)
  --seconds N           length of a measurement (latency, sip)
  --call-seconds N      mean length of a call (latency)
  --peers a,b | none    which other systems to run (engine: graphile-worker, pg-boss, bullmq)
  --growth              engine: from few recipients (--recipients) to ten times as many, and to many batches (--batches)
  --checks              engine: what each check costs
  --profile             engine: time in each statement
  --explain             engine: plan and time of each node of the statements' plans
  --cpu-prof            engine: where Node's time goes
  --first               before all other programs of the machine: for one that is shared (Linux, root)
  --pg NAME=VALUE       a PostgreSQL setting, for experiments; may be repeated
  --node-flag FLAG      a flag for the nodes' Node, for experiments; may be repeated
  --runtime PATH        another Node for the product's nodes
  --folder PATH         where the database's folder is made
  --save FILE           append the line of JSON to a file
  --help                show this`

/** @throws TypeError for an unknown option, RangeError for a value that cannot be used. */
export function readOptions(args: readonly string[]): BenchOptions {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const many = { type: 'string', multiple: true, default: [] as string[] } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      rounds: text,
      recipients: text,
      batches: text,
      nodes: text,
      organizations: text,
      calls: text,
      seconds: text,
      'call-seconds': text,
      peers: text,
      growth: flag,
      checks: flag,
      profile: flag,
      explain: flag,
      'cpu-prof': flag,
      first: flag,
      pg: many,
      'node-flag': many,
      runtime: text,
      folder: text,
      save: text,
    },
  })
  return {
    quick: values.quick,
    growth: values.growth,
    checks: values.checks,
    profile: values.profile,
    explain: values.explain,
    cpuProf: values['cpu-prof'],
    first: values.first,
    rounds: count('rounds', values.rounds),
    recipients: count('recipients', values.recipients),
    batches: count('batches', values.batches),
    nodes: counts('nodes', values.nodes),
    organizations: counts('organizations', values.organizations),
    calls: counts('calls', values.calls),
    seconds: count('seconds', values.seconds),
    callSeconds: count('call-seconds', values['call-seconds']),
    peers: values.peers === undefined ? undefined : values.peers.split(',').filter((name) => name !== 'none'),
    postgresSettings: Object.fromEntries(values.pg.map(pair)),
    nodeFlags: values['node-flag'],
    runtime: values.runtime,
    folder: values.folder,
    save: values.save,
  }
}

function count(name: string, written: string | undefined): number | undefined {
  if (written === undefined) return undefined
  const number = Number(written.replaceAll('_', ''))
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`--${name} takes a whole number from 1 on.`)
  return number
}

function counts(name: string, written: string | undefined): number[] | undefined {
  return written?.split(',').map((part) => count(name, part)!)
}

function pair(written: string): [string, string] {
  const at = written.indexOf('=')
  if (at < 1) throw new RangeError('--pg takes NAME=VALUE.')
  return [written.slice(0, at), written.slice(at + 1)]
}
