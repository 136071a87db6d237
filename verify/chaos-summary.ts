import fs from 'node:fs'
import type { ChaosRound } from './chaos-round.ts'
import type { FaultKind } from './faults.ts'

/** What is kept of a round: figures alone, so that those of several runs can be summed. */
export interface RoundFigures extends Omit<ChaosRound, 'faults' | 'broken' | 'allowed' | 'maxIn950ms'> {
  readonly at: string
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  readonly concurrency: number
  readonly callsPerSecond: number
  /** How many promises were broken. */
  readonly broken: number
}

const KILLS = {
  nodes: 'kill',
  postmasters: 'kill-postmaster',
  sinks: 'kill-sink',
  primaries: 'fail-over',
  splitBrains: 'split-brain',
} as const

export function figuresOf(
  round: ChaosRound,
  limits: { readonly concurrency: number; readonly callsPerSecond: number },
): RoundFigures {
  const { faults, broken, allowed: _allowed, maxIn950ms: _most, ...figures } = round
  const counted: Partial<Record<FaultKind, number>> = {}
  for (const { kind } of faults) counted[kind] = (counted[kind] ?? 0) + 1
  const { concurrency, callsPerSecond } = limits
  return {
    at: new Date().toISOString(),
    ...figures,
    concurrency,
    callsPerSecond,
    faults: counted,
    broken: broken.length,
  }
}

/** Appends a line of JSON. */
export function saveFigures(file: string, figures: RoundFigures): void {
  fs.appendFileSync(file, `${JSON.stringify(figures)}\n`)
}

/** @throws Error when the file is not there or is not of such lines. */
export function readFigures(file: string): RoundFigures[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RoundFigures)
}

/** Several rounds as one. */
export function sumOf(rounds: readonly RoundFigures[]) {
  const sum = (of: (round: RoundFigures) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  const kinds = new Set(rounds.flatMap(({ faults }) => Object.keys(faults) as FaultKind[]))
  const inflicted = (kind: FaultKind): number => sum(({ faults }) => faults[kind] ?? 0)
  const recoveries = rounds.flatMap(({ recoveriesMs }) => recoveriesMs).sort((a, b) => a - b)
  return {
    rounds: rounds.length,
    minutes: Math.round(sum(({ seconds }) => seconds) / 60),
    people: sum((round) => round.recipients),
    calls: sum((round) => round.calls),
    kills: Object.fromEntries(Object.entries(KILLS).map(([what, kind]) => [what, inflicted(kind)])),
    faults: Object.fromEntries([...kinds].map((kind) => [kind, inflicted(kind)])),
    doubleCalls: sum((round) => round.doubleCalls),
    lost: sum((round) => round.lost),
    unknown: { people: sum((round) => round.unknown), unexplained: sum((round) => round.unexplained) },
    overLimit: rounds.filter(({ maxLive, concurrency }) => maxLive > concurrency).length,
    recoveryMs: {
      p50: percentile(recoveries, 0.5),
      p99: percentile(recoveries, 0.99),
      max: recoveries.at(-1) ?? 0,
    },
    webhooks: {
      events: sum((round) => round.webhooks),
      lost: sum((round) => round.webhooksLost),
      doubled: sum((round) => round.webhooksDoubled),
      refused: sum((round) => round.webhooksRefused),
    },
    broken: sum((round) => round.broken),
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
