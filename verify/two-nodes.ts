// Proves that nobody is called twice and nobody is lost when a node is killed.
// --help tells what can be asked for.
import { readCommandLine } from '../test/command-line.ts'
import { LIMITS, TRUNK_LIMITS } from './limits.ts'
import { mischiefOf } from './mischief.ts'
import { type Round, runRound } from './round.ts'
import { startServer } from './server.ts'
import { sippExchange } from './sip/exchange.ts'
import { numbersOfTrunk } from './sip/people.ts'
import { judgeTrunk } from './sip/trunk-verdict.ts'

const SENTENCES_MAX = 20

const values = readCommandLine(
  {
    name: 'npm run verify:two-nodes --',
    does: 'Calls a list on two nodes, kills one of them with kill -9 and starts it again, and judges. Ends with a line of JSON.',
    examples: ['--rounds 20', '--trunk sipp --rounds 2'],
  },
  {
    rounds: { type: 'string', value: 'N', default: '20', means: 'rounds, each with a kill (20)' },
    seed: {
      type: 'string',
      value: 'N',
      default: String(Date.now() % 1_000_000),
      means: 'who is killed, and when (random)',
    },
    recipients: { type: 'string', value: 'N', means: 'people of a round (2000; 600 with sipp)' },
    trunk: {
      type: 'string',
      value: 'loopback|sipp',
      default: 'loopback',
      means: 'the network; the log of sipp, which must be installed, judges its own (loopback)',
    },
    mischief: { type: 'string', value: 'NAME', means: 'do something wrong on purpose, which must be noticed' },
    keep: { type: 'boolean', default: false, means: 'keep the logs, also when all is well' },
  },
)
const mischief = mischiefOf(values.mischief)
if (values.trunk !== 'loopback' && values.trunk !== 'sipp') {
  console.error('--trunk is loopback or sipp')
  process.exit(2)
}
const recipients = Number(values.recipients ?? (values.trunk === 'sipp' ? '600' : '2000'))
const server = await startServer()
const rounds: Round[] = []
let failed = true
try {
  for (let index = 0; index < Number(values.rounds); index++) {
    const place = await server.place(`round-${index + 1}`)
    const seed = Number(values.seed) + index
    const trunk = values.trunk === 'sipp' ? await trunkOptions(place.folder) : {}
    const round = await runRound({ ...place, ...LIMITS, ...trunk, seed, recipients, mischief })
    rounds.push(round)
    tell(index + 1, round)
  }
  const summary = summaryOf(rounds)
  failed = summary.broken > 0
  console.log(JSON.stringify(summary))
} finally {
  const keep = failed || values.keep
  await server.stop({ keep })
  if (keep) console.log(`The logs are in ${server.folder}`)
}
process.exit(failed ? 1 : 0)

async function trunkOptions(folder: string) {
  return { ...TRUNK_LIMITS, network: await sippExchange({ folder }), judged: judgeTrunk, numbers: numbersOfTrunk }
}

function tell(number: number, round: Round): void {
  const { broken, judgeLog: _judgeLog, ...figures } = round
  const verdict = broken.length === 0 ? 'ok    ' : 'BROKEN'
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`round ${String(number).padStart(2)} ${verdict} ${text.join(', ')}`)
  for (const sentence of broken.slice(0, SENTENCES_MAX)) console.log(`  ${sentence}`)
  if (broken.length > SENTENCES_MAX) console.log(`  … and ${broken.length - SENTENCES_MAX} more`)
}

function summaryOf(rounds: readonly Round[]) {
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  const recoveries = rounds.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((a, b) => a - b)
  const busiest = rounds.reduce((worst, round) => (round.maxIn950ms > worst.maxIn950ms ? round : worst))
  return {
    rounds: rounds.length,
    recipients: sum((round) => round.recipients),
    calls: sum((round) => round.calls),
    doubleCalls: sum((round) => round.doubleCalls),
    maxLive: Math.max(...rounds.map(({ maxLive }) => maxLive)),
    maxIn950ms: busiest.maxIn950ms,
    allowed: busiest.allowed,
    unknown: sum((round) => round.unknown),
    lost: sum((round) => round.lost),
    recoveryMs: { p50: percentile(recoveries, 0.5), p99: percentile(recoveries, 0.99) },
    broken: sum((round) => round.broken.length),
  }
}

function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
