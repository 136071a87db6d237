import type { EndpointHealth } from '../store/webhook-work.ts'

/** From so many failures in row on, one delivery at a time is tried, and with growing pauses. */
export const FAILING_FROM = 5
/** An endpoint is paused when a delivery is given up and at least so many tries failed with none taken in between. */
const PAUSE_FROM = 10
const FAILING_PAUSE_MS = 5_000
const FAILING_PAUSE_MS_MAX = 60_000

/** One try as far as the health of its endpoint goes. */
export interface TryOutcome {
  readonly taken: boolean
  readonly gone: boolean
  readonly restMs: number
  readonly givenUp: boolean
  readonly error: string | null
}

/** What a series of tries makes of an endpoint, in the order in which they ended. Pure. */
export function healthAfter(
  before: { failuresInRow: number; failingSince: Date | null; blockedUntil: Date | null },
  tries: readonly TryOutcome[],
  now: Date,
): EndpointHealth {
  let { failuresInRow, failingSince } = before
  let deliveredAt: Date | null = null
  let lastError: string | null = null
  let pausedReason: string | null = null
  let restMs = 0
  for (const one of tries) {
    if (one.taken) {
      failuresInRow = 0
      failingSince = null
      deliveredAt = now
      lastError = null
      continue
    }
    failuresInRow += 1
    failingSince ??= now
    lastError = one.error
    restMs = Math.max(restMs, one.restMs)
    if (one.gone) pausedReason = 'The endpoint answered 410: it is gone.'
    else if (one.givenUp && failuresInRow >= PAUSE_FROM) {
      pausedReason ??= `The last ${failuresInRow} tries failed, and a delivery was given up. ${one.error ?? ''}`.trim()
    }
  }
  const failedNow = tries.some(({ taken }) => !taken)
  if (failedNow && failuresInRow >= FAILING_FROM) restMs = Math.max(restMs, pauseAfter(failuresInRow))
  const blockedUntil = restMs > 0 ? new Date(now.getTime() + restMs) : laterThan(before.blockedUntil, now)
  return { failuresInRow, failingSince, deliveredAt, lastError, blockedUntil, pausedReason }
}

function pauseAfter(failuresInRow: number): number {
  return Math.min(FAILING_PAUSE_MS * 2 ** (failuresInRow - FAILING_FROM), FAILING_PAUSE_MS_MAX)
}

function laterThan(instant: Date | null, now: Date): Date | null {
  return instant !== null && instant > now ? instant : null
}
