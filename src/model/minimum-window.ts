import { secondsForCalls, type ThrottleRule } from './throttle.ts'

/** How long a call is taken to last before enough of them have been made. */
export const ASSUMED_CALL_SECONDS = 60
/** So many calls tell how long one lasts. */
const TELLING_ATTEMPTS = 100

export interface WindowNeed {
  /** Calls still to be made. */
  readonly calls: number
  readonly concurrency: number
  readonly callsPerSecond: number
  readonly throttleRules: readonly ThrottleRule[]
  /** Calls that were made lately, and how long they lasted together. */
  readonly recentAttempts: number
  readonly recentTalkMs: number
}

/**
 * Seconds that a window must have at the least for all calls to be made in it: by the lines that may be used at once
 * by the rate at which calls may start, and by the rules of a throttle, whichever takes longest. Infinity when a limit lets no call through.
 */
export function minimumWindowSeconds(need: WindowNeed): number {
  if (need.calls === 0) return 0
  const known = need.recentAttempts >= TELLING_ATTEMPTS
  const callSeconds = known ? need.recentTalkMs / 1000 / need.recentAttempts : ASSUMED_CALL_SECONDS
  const byLines = (need.calls * callSeconds) / need.concurrency
  return Math.max(byLines, need.calls / need.callsPerSecond, secondsForCalls(need.throttleRules, need.calls))
}
