// Proves that nobody is called twice and nobody is lost, whatever happens to processes, database and connections.
//   npm run chaos -- [--rounds 2] [--faults 12] [--recipients 2000] [--kinds kill,stop] [--seed 1] [--mischief <one of mischief.ts>] [--keep]
//   npm run chaos -- --long [--seed 1] [--from 1] [--rounds 18] [--pairs 2] [--save FILE]
//     `--pairs`: rounds on a primary and a synchronous standby, which fail over. The long form is made for
//     1,000 kills of nodes and 200,000 people; with `--from` and `--rounds` in parts, whose lines in FILE are summed by
//   npm run chaos -- --sum FILE
import { parseArgs } from 'node:util'
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

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    from: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    pairs: { type: 'string' },
    faults: { type: 'string' },
    recipients: { type: 'string' },
    nodes: { type: 'string', default: '3' },
    kinds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    mischief: { type: 'string' },
    save: { type: 'string' },
    sum: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
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
