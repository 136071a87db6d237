import { median, round } from '../support/statistics.ts'
import type { EngineRunResult } from './run.ts'

/** Transitions of a lifecycle: claimed with intent, accepted, ringing, answered, ended. */
export const TRANSITIONS_OF_A_LIFECYCLE = 5

/** Medians of the same run in several rounds. */
export interface EngineSummary {
  readonly label: string
  readonly nodes: number
  readonly lifecyclesPerSecond: number
  readonly transitionsPerSecond: number
  /** Every round's lifecycles a second, so that a reader sees the noise. */
  readonly rounds: readonly number[]
  readonly walBytesPerCall: number
  readonly postgresCpuUs: number
  readonly nodeCpuUs: number
  readonly lifecyclesPerCycle: number
  readonly nodeRssMb: number
}

export function summarize(label: string, results: readonly EngineRunResult[]): EngineSummary {
  const middle = (of: (result: EngineRunResult) => number, digits = 0) => round(median(results.map(of)), digits)
  const lifecyclesPerSecond = middle((result) => result.lifecyclesPerSecond)
  return {
    label,
    nodes: results[0]!.nodes,
    lifecyclesPerSecond,
    transitionsPerSecond: lifecyclesPerSecond * TRANSITIONS_OF_A_LIFECYCLE,
    rounds: results.map((result) => result.lifecyclesPerSecond),
    walBytesPerCall: middle((result) => result.walBytesPerCall),
    postgresCpuUs: middle((result) => result.postgresCpuUs, 1),
    nodeCpuUs: middle((result) => result.nodeCpuUs, 1),
    lifecyclesPerCycle: middle((result) => result.lifecyclesPerCycle),
    nodeRssMb: middle((result) => result.nodeRssMb),
  }
}

export const ENGINE_TABLE_HEAD = [
  '',
  'lifecycles/s',
  'transitions/s',
  'rounds',
  'WAL B/call',
  'PostgreSQL CPU µs',
  'Node CPU µs',
  'calls/cycle',
] as const

export function engineTableRow(summary: EngineSummary): (string | number)[] {
  return [
    summary.label,
    summary.lifecyclesPerSecond,
    summary.transitionsPerSecond,
    summary.rounds.join(' '),
    summary.walBytesPerCall,
    summary.postgresCpuUs,
    summary.nodeCpuUs,
    summary.lifecyclesPerCycle,
  ]
}

/** All promises broken in any round, each with where it happened. */
export function brokenPromises(runs: ReadonlyMap<string, readonly EngineRunResult[]>): string[] {
  return [...runs].flatMap(([label, results]) =>
    results.flatMap((result, round) => result.broken.map((broken) => `${label}, round ${round + 1}: ${broken}`)),
  )
}
