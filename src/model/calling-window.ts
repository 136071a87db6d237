import { canonicalZone, type ZoneOffsets, zoneOffsets } from './zone-offsets.ts'

/** Monday is 1, Sunday is 7 (ISO 8601). */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7

/**
 * Hours of some weekdays, from inclusive, to exclusive, as `HH:MM`. `to` may be `24:00`. When `to` is not later than
 * `from` the range runs past midnight and belongs to the weekday on which it begins.
 */
export interface WindowRange {
  readonly weekdays: readonly Weekday[]
  readonly from: string
  readonly to: string
}

/** When people may be rung: in one named zone, or in `'recipient'`, the zones a recipient may be in. */
export interface CallingWindow {
  readonly zone: string
  readonly ranges: readonly WindowRange[]
}

/** What is wrong with a window somebody sent: where in it, and in words that say what to send instead. */
export interface WindowProblem {
  readonly path: string
  readonly message: string
}

export type ParsedWindow =
  | { readonly ok: true; readonly window: CallingWindow | null }
  | { readonly ok: false; readonly problems: readonly WindowProblem[] }

export type WindowState =
  | { readonly open: true; readonly until: Date }
  | { readonly open: false; readonly opensAt: Date | null; readonly reason: 'outside-window' | 'unknown-zone' }

/** The zone that stands for "wherever the recipient may be". */
export const RECIPIENT_ZONE = 'recipient'

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440
const WEEK_MINUTES = 7 * DAY_MINUTES
const WEEK_MS = WEEK_MINUTES * MINUTE_MS
/** 1 January 1970 was a Thursday: three days after the Monday that weeks are counted from. */
const MONDAY_SHIFT_MS = 3 * DAY_MINUTES * MINUTE_MS
const OPENS_WITHIN_MS = 8 * DAY_MINUTES * MINUTE_MS
/** A weekly pause can fall into the hour a zone skips, but not weeks in a row. */
const CLOSES_WITHIN_MS = 60 * DAY_MINUTES * MINUTE_MS
const NEVER_EPOCH_MS = 8.64e15
const SEND_WITHIN_MS = 5_000
const RANGES_MAX = 100
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/

/**
 * Reads a window that somebody sent. `null` (or nothing) is the window that is always open. The window that comes back
 * has its zone in the canonical spelling and each range's weekdays sorted and once.
 */
export function parseCallingWindow(input: unknown): ParsedWindow {
  if (input === null || input === undefined) return { ok: true, window: null }
  if (!isRecord(input)) return { ok: false, problems: [{ path: '', message: 'must be an object or null' }] }
  const problems: WindowProblem[] = unknownFields(input, ['zone', 'ranges'], '')
  const zone = parseZone(input.zone, problems)
  const ranges: WindowRange[] = []
  if (!Array.isArray(input.ranges) || input.ranges.length === 0) {
    problems.push({ path: 'ranges', message: 'must be a list of at least one range; send null for no window at all' })
  } else if (input.ranges.length > RANGES_MAX) {
    problems.push({ path: 'ranges', message: `must hold at most ${RANGES_MAX} ranges` })
  } else {
    for (const [index, range] of input.ranges.entries()) {
      const parsed = parseRange(range, `ranges[${index}]`, problems)
      if (parsed !== null) ranges.push(parsed)
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, window: { zone, ranges } }
}

/**
 * Whether calls may start at an instant, and when that changes.
 *
 * A window is open whenever the wall clock reads a time inside one of its ranges. So in the hour that a zone repeats
 * it is open both times, and a range that begins in the hour a zone skips opens at the instant after the gap (a range
 * that lies wholly in the gap does not open that day). `until` is the first instant at which the window is closed
 * again; a window that never closes has the last instant a Date can hold. `opensAt` is null when it does not open
 * within 8 days.
 *
 * For a window in the recipients' own zones, all `zones` must be open at once; with no zone, or one that does not
 * exist, it is closed with the reason `unknown-zone`, since nobody can tell the hour there. Other windows ignore
 * `zones`. Throws RangeError for an invalid Date, or for a window that {@link parseCallingWindow} would refuse.
 */
export function windowState(window: CallingWindow | null, zones: readonly string[], at: Date): WindowState {
  const now = at.getTime()
  if (!Number.isFinite(now)) throw new RangeError('The instant asked about is not a valid Date')
  if (window === null) return { open: true, until: new Date(NEVER_EPOCH_MS) }
  const clocks = clocksOf(window.zone === RECIPIENT_ZONE ? zones : [window.zone])
  if (clocks === null) return { open: false, opensAt: null, reason: 'unknown-zone' }
  const week = weekOf(window)
  let closesAt = NEVER_EPOCH_MS
  for (const clock of clocks) closesAt = Math.min(closesAt, firstClosed(week, clock, now))
  if (closesAt > now) return { open: true, until: new Date(closesAt) }
  const opensAt = firstOpenInAll(week, clocks, now)
  return { open: false, opensAt: opensAt === null ? null : new Date(opensAt), reason: 'outside-window' }
}

/**
 * The latest instant at which a create-call may be written: 5 s from now, or earlier so that the phone has stopped
 * ringing when the window closes. Null when that is not after now: it is too late to start a call in this window, and
 * the caller treats the window as closed.
 */
export function sendNotAfter(options: { now: Date; until: Date; ringTimeoutSeconds: number }): Date | null {
  const now = options.now.getTime()
  const latest = Math.min(now + SEND_WITHIN_MS, options.until.getTime() - options.ringTimeoutSeconds * 1_000)
  return latest > now ? new Date(latest) : null
}

/** Open stretches of one week in minutes since Monday 00:00, sorted, not touching; ends are exclusive. */
type Week = readonly (readonly [startMinute: number, endMinute: number])[]

const weeks = new WeakMap<CallingWindow, Week>()

function weekOf(window: CallingWindow): Week {
  let week = weeks.get(window)
  if (week === undefined) {
    week = compileWeek(window.ranges)
    weeks.set(window, week)
  }
  return week
}

function compileWeek(ranges: readonly WindowRange[]): Week {
  const stretches: [number, number][] = []
  for (const range of ranges) {
    const from = minuteOfDay(range.from)
    const to = range.to === '24:00' ? DAY_MINUTES : minuteOfDay(range.to)
    if (from === null || to === null) throw new RangeError(`Not a range of hours: ${range.from} to ${range.to}`)
    for (const weekday of range.weekdays) {
      const start = (weekday - 1) * DAY_MINUTES + from
      const end = (weekday - 1) * DAY_MINUTES + to + (to <= from ? DAY_MINUTES : 0)
      stretches.push([start, Math.min(end, WEEK_MINUTES)])
      if (end > WEEK_MINUTES) stretches.push([0, end - WEEK_MINUTES])
    }
  }
  stretches.sort((a, b) => a[0] - b[0])
  const week: [number, number][] = []
  for (const [start, end] of stretches) {
    const last = week.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else week.push([start, end])
  }
  return week
}

function clocksOf(zones: readonly string[]): readonly ZoneOffsets[] | null {
  const clocks: ZoneOffsets[] = []
  for (const zone of zones) {
    const clock = zoneOffsets(zone)
    if (clock === null) return null
    if (!clocks.includes(clock)) clocks.push(clock)
  }
  return clocks.length === 0 ? null : clocks
}

function firstClosed(week: Week, clock: ZoneOffsets, now: number): number {
  if (week.length === 1 && week[0]![0] === 0 && week[0]![1] === WEEK_MINUTES) return NEVER_EPOCH_MS
  return (
    firstWith(week, clock, { open: false, fromEpochMs: now, limitEpochMs: now + CLOSES_WITHIN_MS }) ?? NEVER_EPOCH_MS
  )
}

/** Each zone in turn moves the instant to its own next opening; when none moves it, all are open. */
function firstOpenInAll(week: Week, clocks: readonly ZoneOffsets[], now: number): number | null {
  const limitEpochMs = now + OPENS_WITHIN_MS
  let candidate = now
  for (;;) {
    const before = candidate
    for (const clock of clocks) {
      const opensAt = firstWith(week, clock, { open: true, fromEpochMs: candidate, limitEpochMs })
      if (opensAt === null) return null
      candidate = opensAt
    }
    if (candidate === before) return candidate
  }
}

/** The first instant from `fromEpochMs` on at which the week is open (or closed) by one clock; null after the limit. */
function firstWith(
  week: Week,
  clock: ZoneOffsets,
  search: { open: boolean; fromEpochMs: number; limitEpochMs: number },
): number | null {
  let instant = search.fromEpochMs
  while (instant <= search.limitEpochMs) {
    const span = clock.spanAt(instant)
    const weekMs = modulo(instant + span.offsetMs + MONDAY_SHIFT_MS, WEEK_MS)
    const stretch = week.find(([, endMinute]) => endMinute * MINUTE_MS > weekMs)
    const open = stretch !== undefined && stretch[0] * MINUTE_MS <= weekMs
    if (open === search.open) return instant
    const changeMinute = stretch === undefined ? (week[0]?.[0] ?? 0) + WEEK_MINUTES : stretch[open ? 1 : 0]
    instant = Math.min(instant + changeMinute * MINUTE_MS - weekMs, span.endEpochMs)
  }
  return null
}

function parseZone(input: unknown, problems: WindowProblem[]): string {
  if (input === RECIPIENT_ZONE) return RECIPIENT_ZONE
  const zone = typeof input === 'string' ? canonicalZone(input) : null
  if (zone === null) {
    const message = `must be an IANA time zone such as "Europe/London", or "${RECIPIENT_ZONE}"`
    problems.push({ path: 'zone', message })
  }
  return zone ?? ''
}

function parseRange(input: unknown, path: string, problems: WindowProblem[]): WindowRange | null {
  if (!isRecord(input)) {
    problems.push({ path, message: 'must be an object with weekdays, from and to' })
    return null
  }
  const found = unknownFields(input, ['weekdays', 'from', 'to'], `${path}.`)
  const weekdays = Array.isArray(input.weekdays) ? [...new Set<unknown>(input.weekdays)] : []
  if (weekdays.length === 0 || !weekdays.every(isWeekday)) {
    found.push({ path: `${path}.weekdays`, message: 'must be a list of numbers from 1 (Monday) to 7 (Sunday)' })
  }
  const from = typeof input.from === 'string' ? input.from : ''
  const to = typeof input.to === 'string' ? input.to : ''
  if (minuteOfDay(from) === null) {
    found.push({ path: `${path}.from`, message: 'must be a time from "00:00" to "23:59"' })
  }
  if (minuteOfDay(to) === null && to !== '24:00') {
    found.push({ path: `${path}.to`, message: 'must be a time from "00:00" to "24:00"' })
  }
  if (found.length === 0 && from === to) {
    found.push({ path, message: 'must not begin and end at the same time; a whole day is "00:00" to "24:00"' })
  }
  problems.push(...found)
  return found.length > 0 ? null : { weekdays: weekdays.filter(isWeekday).sort((a, b) => a - b), from, to }
}

function unknownFields(input: Record<string, unknown>, known: readonly string[], prefix: string): WindowProblem[] {
  const unknown = Object.keys(input).filter((field) => !known.includes(field))
  return unknown.map((field) => ({
    path: `${prefix}${field}`,
    message: `is not a field; known are ${known.join(', ')}`,
  }))
}

function minuteOfDay(text: string): number | null {
  const parts = TIME_OF_DAY.exec(text)
  return parts === null ? null : Number(parts[1]) * 60 + Number(parts[2])
}

function isWeekday(value: unknown): value is Weekday {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 7
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}
