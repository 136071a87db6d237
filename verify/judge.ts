import type { JudgeEntry } from '../src/carriers/loopback/judge-log.ts'

/** One create-call request as the network received it, whatever became of it. */
export interface Request {
  readonly ref: string
  /** E.164 with the plus. */
  readonly to: string
  /** `created`, `refused`, or what should not happen: `created-again`, `invalid`, `unauthorized`, `incomplete`. */
  readonly outcome: string
  readonly atEpochMs: number
  readonly atMonotonicMs: number
}

/** One call in the network, from the instant it took it to its end. */
export interface NetworkCall {
  readonly callId: string
  readonly ref: string
  readonly to: string
  readonly startedAtMs: number
  /** Infinity while it lives. */
  endedAtMs: number
}

/** The network's own pause: nothing was written down in the last `longestMs` before some instant of the span. */
export interface Lag {
  readonly fromMs: number
  readonly untilMs: number
  readonly longestMs: number
}

/** What the network saw, in its own monotonic time where not said otherwise. */
export interface CourtRecord {
  readonly requests: readonly Request[]
  readonly calls: readonly NetworkCall[]
  readonly lags: readonly Lag[]
  /** Live calls after each start and each end, in the order of the log. */
  readonly live: readonly { readonly atMs: number; readonly live: number }[]
}

/** Most first requests in one window, and what that window may hold. */
export interface BusiestWindow {
  readonly most: number
  /** Of the window that came closest to its limit or went furthest beyond it. */
  readonly allowed: number
  /** Every window that holds too many, as sentences. */
  readonly broken: readonly string[]
}

/**
 * Puts a log in order.
 *
 * @throws Error when the network was started more than once: its monotonic clock began anew, and times of two runs
 *   cannot be compared.
 */
export function courtRecordOf(entries: readonly JudgeEntry[]): CourtRecord {
  if (entries.filter((entry) => entry.what === 'judge-started').length > 1) {
    throw new Error('The log holds more than one run of the network')
  }
  const requests: Request[] = []
  const calls = new Map<string, NetworkCall>()
  const lags: Lag[] = []
  const live: { atMs: number; live: number }[] = []
  for (const entry of entries) {
    const { what, atEpochMs, atMonotonicMs } = entry
    const text = (field: string): string => String(entry[field])
    if (what === 'create-request') {
      requests.push({ ref: text('ref'), to: text('to'), outcome: text('outcome'), atEpochMs, atMonotonicMs })
    } else if (what === 'call-started') {
      const call = { callId: text('callId'), ref: text('ref'), to: text('to'), startedAtMs: atMonotonicMs }
      calls.set(call.callId, { ...call, endedAtMs: Number.POSITIVE_INFINITY })
      live.push({ atMs: atMonotonicMs, live: (live.at(-1)?.live ?? 0) + 1 })
    } else if (what === 'call-ended') {
      calls.get(text('callId'))!.endedAtMs = atMonotonicMs
      live.push({ atMs: atMonotonicMs, live: (live.at(-1)?.live ?? 0) - 1 })
    } else if (what === 'event-loop-lag') {
      const { longestMs, windowMs } = entry as unknown as { longestMs: number; windowMs: number }
      lags.push({ fromMs: atMonotonicMs - windowMs, untilMs: atMonotonicMs, longestMs })
    }
  }
  return { requests, calls: [...calls.values()], lags, live }
}

/** Attempts that were sent more than once, and numbers whose calls overlap; one sentence for each. */
export function doubleCalls(record: CourtRecord): string[] {
  const found: string[] = []
  for (const [ref, requests] of groupBy(record.requests, (request) => request.ref)) {
    if (requests.length > 1) found.push(`attempt ${ref} was sent ${requests.length} times`)
  }
  for (const calls of groupBy(record.calls, (call) => call.to).values()) {
    calls.sort((a, b) => a.startedAtMs - b.startedAtMs)
    let endedAtMs = Number.NEGATIVE_INFINITY
    for (const call of calls) {
      if (call.startedAtMs < endedAtMs) found.push(`call ${call.callId} began while another to its number lived`)
      endedAtMs = Math.max(endedAtMs, call.endedAtMs)
    }
  }
  return found
}

/** The most calls that lived at once. */
export function mostLive(record: CourtRecord): number {
  return record.live.reduce((most, { live }) => Math.max(most, live), 0)
}

/**
 * How many attempts were sent for the first time within any `windowMs`, against `callsPerSecond` of them.
 *
 * A network that paused writes down all that came meanwhile at once, so a window may hold in addition what the rate
 * gives in the longest of its pauses.
 */
export function busiestWindow(
  record: CourtRecord,
  { windowMs, callsPerSecond }: { windowMs: number; callsPerSecond: number },
): BusiestWindow {
  const seen = new Set<string>()
  const times = record.requests.flatMap(({ ref, atMonotonicMs }) => {
    if (seen.has(ref)) return []
    seen.add(ref)
    return [atMonotonicMs]
  })
  const broken: string[] = []
  let most = 0
  let tightest = { left: Number.POSITIVE_INFINITY, allowed: callsPerSecond }
  let from = 0
  for (const [index, untilMs] of times.entries()) {
    while (untilMs - times[from]! >= windowMs) from++
    const count = index - from + 1
    const allowed =
      callsPerSecond + Math.floor((callsPerSecond * longestLagMs(record.lags, times[from]!, untilMs)) / 1000)
    most = Math.max(most, count)
    if (allowed - count < tightest.left) tightest = { left: allowed - count, allowed }
    if (count > allowed) {
      broken.push(`${count} calls began within ${windowMs} ms until ${Math.round(untilMs)} ms, ${allowed} may`)
    }
  }
  return { most, allowed: tightest.allowed, broken }
}

/** Requests after an instant of the wall clock, to one of these numbers; `untilEpochMs` is exclusive. */
export function requestsAfter(
  record: CourtRecord,
  afterEpochMs: number,
  of: { numbers: ReadonlySet<string>; untilEpochMs?: number },
): Request[] {
  const untilEpochMs = of.untilEpochMs ?? Number.POSITIVE_INFINITY
  return record.requests.filter(
    ({ to, atEpochMs }) => atEpochMs > afterEpochMs && atEpochMs < untilEpochMs && of.numbers.has(to),
  )
}

function longestLagMs(lags: readonly Lag[], fromMs: number, untilMs: number): number {
  let longestMs = 0
  for (const lag of lags) {
    if (lag.untilMs >= fromMs && lag.fromMs <= untilMs) longestMs = Math.max(longestMs, lag.longestMs)
  }
  return longestMs
}

/** Keeps the order of first appearance. */
export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
