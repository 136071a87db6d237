/** At most so many calls may start in any window of that length. */
export interface ThrottleRule {
  /** 1 to 100. */
  readonly maxCalls: number
  /** 1 to 86,400. */
  readonly windowSeconds: number
}

export const THROTTLE_MAX_CALLS = 100
export const THROTTLE_WINDOW_SECONDS_MAX = 86_400
export const THROTTLE_RULES_MAX = 20
/** So many of the latest starts decide every rule. */
export const STARTS_KEPT = THROTTLE_MAX_CALLS

/**
 * How many calls may start now. `startsEpochMs` are those of the latest 100 calls, the newest first. A start counts for
 * exactly as long as the window is: at its end to the millisecond another one may follow.
 */
export function callsAllowed(
  rules: readonly ThrottleRule[],
  startsEpochMs: readonly number[],
  nowEpochMs: number,
): number {
  let allowed = STARTS_KEPT
  for (const { maxCalls, windowSeconds } of rules) {
    const opensAt = nowEpochMs - windowSeconds * 1_000
    let counted = 0
    for (const start of startsEpochMs) if (start > opensAt) counted++
    allowed = Math.min(allowed, maxCalls - counted)
  }
  return Math.max(0, allowed)
}

/** The earliest instant from now on at which a call may start, if none starts in between. */
export function nextStartEpochMs(
  rules: readonly ThrottleRule[],
  startsEpochMs: readonly number[],
  nowEpochMs: number,
): number {
  let earliest = nowEpochMs
  for (const { maxCalls, windowSeconds } of rules) {
    // The one that must leave the window for another to enter.
    const oldest = startsEpochMs[maxCalls - 1]
    if (oldest !== undefined) earliest = Math.max(earliest, oldest + windowSeconds * 1_000)
  }
  return earliest
}

/** Seconds that so many calls need at the least, from the first start to the last. */
export function secondsForCalls(rules: readonly ThrottleRule[], calls: number): number {
  if (calls === 0) return 0
  return Math.max(0, ...rules.map(({ maxCalls, windowSeconds }) => (Math.ceil(calls / maxCalls) - 1) * windowSeconds))
}
