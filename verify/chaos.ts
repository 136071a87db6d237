// Proves that nobody is called twice and nobody is lost, whatever happens to processes, database and connections.
//   npm run chaos -- [--rounds 2] [--faults 12] [--recipients 2000] [--kinds kill,stop] [--seed 1] [--mischief <one of mischief.ts>] [--keep]
//   npm run chaos -- --long [--seed 1] [--from 1] [--rounds 25] [--save FILE]
//     1,000 kills of nodes and 200,000 people; with `--from` and `--rounds` in parts, whose lines in FILE are summed by
//   npm run chaos -- --sum FILE
import { parseArgs } from 'node:util'
import { type ChaosRound, runChaosRound } from './chaos-round.ts'
import { figuresOf, type RoundFigures, readFigures, saveFigures, sumOf } from './chaos-summary.ts'
import { FAULT_KINDS, FAULTS, type FaultKind } from './faults.ts'
import { LIMITS, LONG_LIMITS } from './limits.ts'
import { anyMischiefOf, isMischief } from './mischief.ts'
import { startServer } from './server.ts'

const SENTENCES_MAX = 20
const RECOVERY_MAX_MS = 30_000

const SHORT = {
  rounds: '2',
  faults: '12',
  recipients: '2000',
  limits: LIMITS,
  force: { apartMs: { from: 300, below: 4000 }, killFactor: 1, restartWithinMs: 3000 },
} as const
/** Its kills come so fast that a node seldom lives for ten seconds, and its calls so fast that each kill meets many. */
const LONG = {
  rounds: '25',
  faults: '100000',
  recipients: '8000',
  limits: LONG_LIMITS,
  force: { apartMs: { from: 200, below: 1800 }, killFactor: 5, restartWithinMs: 1000 },
} as const

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    from: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    faults: { type: 'string' },
    recipients: { type: 'string' },
    nodes: { type: 'string', default: '3' },
    kinds: { type: 'string', default: FAULT_KINDS.join(',') },
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
const kinds = kindsOf(values.kinds)
const mischief = anyMischiefOf(values.mischief)
const server = await startServer()
const rounds: RoundFigures[] = []
let failed = true
try {
  const from = Number(values.from)
  const upTo = from + Number(values.rounds ?? form.rounds)
  for (let number = from; number < upTo; number++) {
    const place = await server.place(`round-${number}`)
    const round = await runChaosRound({
      ...place,
      ...form.limits,
      server,
      kinds,
      mischief,
      force: form.force,
      built: !isMischief(values.mischief),
      seed: Number(values.seed) + number - 1,
      nodes: Number(values.nodes),
      recipients: Number(values.recipients ?? form.recipients),
      faults: Number(values.faults ?? form.faults),
    })
    const figures = figuresOf(round, form.limits)
    rounds.push(figures)
    if (values.save !== undefined) saveFigures(values.save, figures)
    tell(number, round)
  }
  const summary = sumOf(rounds)
  failed = summary.broken > 0 || summary.recoveryMs.p99 > RECOVERY_MAX_MS
  console.log(JSON.stringify(summary))
} finally {
  const keep = failed || values.keep
  await server.stop({ keep })
  if (keep) console.log(`The logs are in ${server.folder}`)
}
process.exit(failed ? 1 : 0)

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
