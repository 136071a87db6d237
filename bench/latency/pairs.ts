import type { Observed } from './timed-carrier.ts'

/** When calls of one batch were placed and ended, on all nodes together, in order. */
export interface BatchTimes {
  readonly placedAt: number[]
  readonly endedAt: number[]
}

export function timesByCaller(observations: readonly Observed[]): Map<string, BatchTimes> {
  const times = new Map<string, BatchTimes>()
  const of = (caller: string) => {
    const known = times.get(caller) ?? { placedAt: [], endedAt: [] }
    times.set(caller, known)
    return known
  }
  for (const { callers, placedAt, endedCallers, endedAt } of observations) {
    for (const [at, caller] of callers.entries()) of(caller).placedAt.push(placedAt[at]!)
    for (const [at, caller] of endedCallers.entries()) of(caller).endedAt.push(endedAt[at]!)
  }
  for (const { placedAt, endedAt } of times.values()) {
    placedAt.sort((a, b) => a - b)
    endedAt.sort((a, b) => a - b)
  }
  return times
}

/**
 * Milliseconds from each freed slot to the dial that used it, for a batch whose own limit is the only thing that holds
 * it back: the first `limit` dials fill it, and each further one needs one more end. Ends before `fromEpochMs` are left
 * out, and those whose dial had not come when the measurement stopped.
 */
export function slotDelays({ placedAt, endedAt }: BatchTimes, limit: number, fromEpochMs: number): number[] {
  const delays: number[] = []
  for (const [at, ended] of endedAt.entries()) {
    const placed = placedAt[limit + at]
    if (placed !== undefined && ended >= fromEpochMs) delays.push(placed - ended)
  }
  return delays
}
