// Proves that nobody is called twice and nobody is lost, whatever happens to processes, database and connections.
// --help tells what can be asked for.
import { readCommandLine } from '../test/command-line.ts'
import { type ChaosOptions, type ChaosRound, runChaosRound } from './chaos-round.ts'
import { figuresOf, type RoundFigures, readFigures, saveFigures, sumOf } from './chaos-summary.ts'
import { canFailOver, PostgresPair } from './fail-over/postgres-pair.ts'
import { FAULTS, type FaultKind, KINDS_OF_ONE, KINDS_OF_PAIR, type Vulnerable } from './faults.ts'
import { LIMITS, LONG_LIMITS } from './limits.ts'
import { anyMischiefOf, isMischief } from './mischief.ts'
import { startServer } from './server.ts'

const SENTENCES_MAX = 20
const RECOVERY_MAX_MS = 30_000

const SHORT = {
  rounds: '2',
  pairs: '1',
  faults: '12',
  recipients: '2000',
  limits: LIMITS,
  force: {
    apartMs: { from: 300, below: 4000 },
    apartPeople: { from: 0, below: 0 },
    nodesSpared: 0,
    killFactor: 1,
    restartWithinMs: 3000,
  },
} as const
/** Its kills come so fast that a node seldom lives for ten seconds, and its calls so fast that each kill meets many. */
const LONG = {
  rounds: '18',
  pairs: '2',
  faults: '100000',
  recipients: '10000',
  limits: LONG_LIMITS,
  force: {
    apartMs: { from: 100, below: 600 },
    apartPeople: { from: 10, below: 130 },
    nodesSpared: 1,
    killFactor: 5,
    restartWithinMs: 1000,
  },
} as const

const values = readCommandLine(
  {
    name: 'npm run chaos --',
    does: `Hurts nodes, PostgreSQL, connections and the receiver of webhooks while a list is called, and judges. Ends with a line of
JSON, and with 1 when a promise was broken.`,
    examples: [
      '--rounds 1 --recipients 600 --kinds kill,kill-sink --seed 5',
      '--long --seed 1 --save results.jsonl',
      '--long --seed 1 --from 5 --rounds 3 --pairs 0 --save results.jsonl',
      '--sum results.jsonl',
    ],
  },
  {
    long: { type: 'boolean', default: false, means: 'made for 1,000 kills of nodes and 200,000 people; takes hours' },
    from: { type: 'string', value: 'N', default: '1', means: 'number of the first round, which makes its seed (1)' },
    rounds: { type: 'string', value: 'N', means: 'rounds on one PostgreSQL (2; 18 with --long)' },
    pairs: {
      type: 'string',
      value: 'N',
      means: 'rounds on a primary and its standby, which fail over (1; 2 with --long)',
    },
    faults: { type: 'string', value: 'N', means: 'faults of a round at most (12; with --long until the list is over)' },
    recipients: { type: 'string', value: 'N', means: 'people of a round (2000; 10000 with --long)' },
    nodes: { type: 'string', value: 'N', default: '3', means: 'nodes (3)' },
    kinds: { type: 'string', value: 'A,B', means: 'only these kinds of faults; a wrong one prints all there are' },
    seed: {
      type: 'string',
      value: 'N',
      default: String(Date.now() % 1_000_000),
      means: 'what goes wrong, and when (random)',
    },
    mischief: { type: 'string', value: 'NAME', means: 'do something wrong on purpose, which must be noticed' },
    save: { type: 'string', value: 'FILE', means: 'append a line of JSON for each round' },
    sum: { type: 'string', value: 'FILE', means: 'add such lines up' },
    keep: { type: 'boolean', default: false, means: 'keep the logs, also when all is well' },
  },
)
if (values.sum !== undefined) {
  console.log(JSON.stringify(sumOf(readFigures(values.sum))))
  process.exit(0)
}
const form = values.long ? LONG : SHORT
const kinds = values.kinds === undefined ? null : kindsOf(values.kinds)
const mischief = anyMischiefOf(values.mischief)
const rounds: RoundFigures[] = []
/** Numbers of rounds that came to no verdict, which is no good one. */
const unjudged: number[] = []
const from = Number(values.from)
const upTo = from + Number(values.rounds ?? form.rounds)
await runRounds(startServer, KINDS_OF_ONE, { from, upTo })
const pairs = Number(values.pairs ?? form.pairs)
if (pairs > 0 && !canFailOver()) {
  console.log('SKIPPED: fail-overs. They need the tools of PostgreSQL 15 (Debian: postgresql-15), which are not here.')
} else if (pairs > 0) await runRounds(PostgresPair.start, KINDS_OF_PAIR, { from: upTo, upTo: upTo + pairs })
console.log(JSON.stringify({ ...sumOf(rounds), unjudged }))
process.exit(isFailed(rounds) || unjudged.length > 0 ? 1 : 0)

interface Installation extends Vulnerable {
  place(name: string): Promise<{ databaseUrl: string; folder: string }>
  stop(options: { keep: boolean }): Promise<void>
  readonly folder: string
}

/** Rounds on one installation of PostgreSQL. Each has a number, which makes its seed. */
async function runRounds(
  start: () => Promise<Installation>,
  possible: readonly FaultKind[],
  numbers: { from: number; upTo: number },
): Promise<void> {
  const asked = possible.filter((kind) => kinds?.includes(kind) ?? true)
  if (numbers.from === numbers.upTo || asked.length === 0) return
  const server = await start()
  const ofHere: RoundFigures[] = []
  let ended = false
  try {
    for (let number = numbers.from; number < numbers.upTo; number++) {
      const place = await server.place(`round-${number}`)
      const round = await judged(number, {
        ...place,
        ...form.limits,
        server,
        kinds: asked,
        mischief,
        force: form.force,
        built: !isMischief(values.mischief),
        seed: Number(values.seed) + number - 1,
        nodes: Number(values.nodes),
        recipients: Number(values.recipients ?? form.recipients),
        faults: Number(values.faults ?? form.faults),
      })
      if (round === null) continue
      const figures = figuresOf(round, form.limits)
      ofHere.push(figures)
      if (values.save !== undefined) saveFigures(values.save, figures)
      tell(number, round)
    }
    ended = true
  } finally {
    rounds.push(...ofHere)
    const keep = !ended || unjudged.length > 0 || isFailed(ofHere) || values.keep
    await server.stop({ keep })
    if (keep) console.log(`The logs are in ${server.folder}`)
  }
}

/** Null when the round came to no verdict. The rounds after it are run all the same: they take hours. */
async function judged(number: number, options: ChaosOptions): Promise<ChaosRound | null> {
  try {
    return await runChaosRound(options)
  } catch (error) {
    unjudged.push(number)
    console.log(`round ${String(number).padStart(2)} BROKEN it came to no verdict: ${(error as Error).stack}`)
    return null
  }
}

function isFailed(of: readonly RoundFigures[]): boolean {
  const { broken, recoveryMs } = sumOf(of)
  return broken > 0 || recoveryMs.p99 > RECOVERY_MAX_MS
}

/** Ends the program with a list of what there is when something else is asked for. */
function kindsOf(text: string): FaultKind[] {
  const asked = text.split(',').filter((kind) => kind !== '')
  const known = (kind: string): kind is FaultKind => Object.hasOwn(FAULTS, kind)
  if (asked.length > 0 && asked.every(known)) return asked.filter(known)
  const list = Object.entries(FAULTS).map(([kind, { means }]) => `  ${kind}: ${means}`)
  console.error(`--kinds takes, with commas between them:\n${list.join('\n')}`)
  return process.exit(2)
}

function tell(number: number, round: ChaosRound): void {
  const { broken, faults, recoveriesMs, ...figures } = round
  const verdict = broken.length === 0 ? 'ok    ' : 'BROKEN'
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`round ${String(number).padStart(2)} ${verdict} ${text.join(', ')}`)
  console.log(`         ${faults.map(({ kind }, at) => `${kind} (${recoveriesMs[at]} ms)`).join(', ')}`)
  for (const sentence of broken.slice(0, SENTENCES_MAX)) console.log(`  ${sentence}`)
  if (broken.length > SENTENCES_MAX) console.log(`  … and ${broken.length - SENTENCES_MAX} more`)
}
