// Proves that nobody is called twice and nobody is lost, whatever happens to processes, database and connections.
//   npm run chaos -- [--rounds 2] [--faults 12] [--recipients 2000] [--kinds kill,stop] [--seed 1] [--mischief <one of mischief.ts>] [--keep]
import { parseArgs } from 'node:util'
import { type ChaosRound, runChaosRound } from './chaos-round.ts'
import { FAULT_KINDS, FAULTS, type FaultKind } from './faults.ts'
import { LIMITS } from './limits.ts'
import { mischiefOf } from './mischief.ts'
import { startServer } from './server.ts'

const SENTENCES_MAX = 20
const RECOVERY_MAX_MS = 30_000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    faults: { type: 'string', default: '12' },
    recipients: { type: 'string', default: '2000' },
    nodes: { type: 'string', default: '3' },
    kinds: { type: 'string', default: FAULT_KINDS.join(',') },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    mischief: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const kinds = kindsOf(values.kinds)
const mischief = mischiefOf(values.mischief)
const server = await startServer()
const rounds: ChaosRound[] = []
let failed = true
try {
  for (let index = 0; index < Number(values.rounds); index++) {
    const place = await server.place(`round-${index + 1}`)
    const round = await runChaosRound({
      ...place,
      ...LIMITS,
      server,
      kinds,
      mischief,
      seed: Number(values.seed) + index,
      nodes: Number(values.nodes),
      recipients: Number(values.recipients),
      faults: Number(values.faults),
    })
    rounds.push(round)
    tell(index + 1, round)
  }
  const summary = summaryOf(rounds)
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

function summaryOf(rounds: readonly ChaosRound[]) {
  const sum = (of: (round: ChaosRound) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  const recoveries = rounds.flatMap(({ recoveriesMs }) => recoveriesMs).sort((a, b) => a - b)
  const inflicted = Object.fromEntries(
    FAULT_KINDS.map((kind) => [kind, sum(({ faults }) => faults.filter((fault) => fault.kind === kind).length)]),
  )
  return {
    rounds: rounds.length,
    recipients: sum((round) => round.recipients),
    calls: sum((round) => round.calls),
    faults: inflicted,
    doubleCalls: sum((round) => round.doubleCalls),
    maxLive: Math.max(...rounds.map(({ maxLive }) => maxLive)),
    unknown: sum((round) => round.unknown),
    lost: sum((round) => round.lost),
    recoveryMs: { p50: percentile(recoveries, 0.5), p99: percentile(recoveries, 0.99) },
    broken: sum((round) => round.broken.length),
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
