import { Temporal } from 'temporal-polyfill'

/** How far a zone is from UTC, and the instant until which (exclusive) that does not change. */
export interface OffsetSpan {
  readonly endEpochMs: number
  readonly offsetMs: number
}

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
const NAME = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/
const FIXED_OFFSET = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/
const FIRST_YEAR = 1900
const LAST_YEAR = 9998
/** There are about 600 zone names; a caller that invents more only makes the cache start again. */
const CACHED_ZONES_MAX = 2_000

/**
 * The one spelling under which a time zone is kept, or null when there is no such zone.
 *
 * An IANA name keeps the name its owner chose with the letters' case corrected (`asia/kolkata` becomes
 * `Asia/Kolkata`, never the outdated `Asia/Calcutta`). A fixed offset becomes `+05:30`. Abbreviations that only ICU
 * knows (`IST`, `ACT`) are refused, since they mean different places to different people.
 */
export function canonicalZone(zone: string): string | null {
  const fixed = FIXED_OFFSET.exec(zone)
  if (fixed !== null) {
    const spelled = `${fixed[1]}${fixed[2]}:${fixed[3] ?? '00'}`
    return spelled === '-00:00' ? '+00:00' : spelled
  }
  // Temporal also takes whole date-times as a zone; only names may reach it.
  if (!NAME.test(zone)) return null
  try {
    const canonical = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId
    wallClockFormat(canonical)
    return canonical
  } catch {
    return null
  }
}

/** The offsets of one zone, found once per calendar year and then kept. */
export class ZoneOffsets {
  readonly zone: string
  readonly #offsetAt: (epochMs: number) => number
  readonly #spansByYear = new Map<number, readonly OffsetSpan[]>()

  /** `canonical` must come from {@link canonicalZone}. */
  constructor(canonical: string) {
    this.zone = canonical
    this.#offsetAt = offsetReader(canonical)
  }

  /**
   * The span that contains an instant. A span ends at the latest with its UTC year, so the offset need not differ on
   * both sides of its end. Throws RangeError outside the years 1900 to 9998: such a clock is broken.
   */
  spanAt(epochMs: number): OffsetSpan {
    const year = new Date(epochMs).getUTCFullYear()
    let spans = this.#spansByYear.get(year)
    if (spans === undefined) {
      if (!(year >= FIRST_YEAR && year <= LAST_YEAR))
        throw new RangeError(`No calling hours for the instant ${epochMs}`)
      spans = findSpans(this.#offsetAt, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))
      this.#spansByYear.set(year, spans)
    }
    for (const span of spans) if (epochMs < span.endEpochMs) return span
    throw new RangeError(`No span of ${this.zone} contains the instant ${epochMs}`)
  }
}

const known = new Map<string, ZoneOffsets | null>()

/** The offsets of a zone by any of its spellings, or null when there is no such zone. Answers are kept. */
export function zoneOffsets(zone: string): ZoneOffsets | null {
  const cached = known.get(zone)
  if (cached !== undefined) return cached
  if (known.size >= CACHED_ZONES_MAX) known.clear()
  const canonical = canonicalZone(zone)
  const found = canonical === null ? null : canonical === zone ? new ZoneOffsets(zone) : zoneOffsets(canonical)
  known.set(zone, found)
  return found
}

function offsetReader(canonical: string): (epochMs: number) => number {
  const fixed = FIXED_OFFSET.exec(canonical)
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3])
    const offsetMs = (fixed[1] === '-' ? -minutes : minutes) * 60 * SECOND_MS
    return () => offsetMs
  }
  const format = wallClockFormat(canonical)
  return (epochMs) => {
    const [month, day, year, hour, minute, second] = format.format(epochMs).match(/\d+/g)!.map(Number)
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) - Math.floor(epochMs / SECOND_MS) * SECOND_MS
  }
}

function wallClockFormat(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
}

/**
 * Looks at the offset once a day and halves the day in which it changed. A zone that changed and came back within a
 * day would be missed; from 1972 to 2037 none does, by comparison with Temporal's transitions of all zones.
 */
function findSpans(offsetAt: (epochMs: number) => number, startEpochMs: number, endEpochMs: number): OffsetSpan[] {
  const spans: OffsetSpan[] = []
  let offsetMs = offsetAt(startEpochMs)
  for (let dayStart = startEpochMs; dayStart < endEpochMs; dayStart += DAY_MS) {
    // The end of the year itself belongs to the next year's spans, so its last second stands for it.
    const dayEnd = Math.min(dayStart + DAY_MS, endEpochMs - SECOND_MS)
    if (offsetAt(dayEnd) === offsetMs) continue
    let before = dayStart
    let after = dayEnd
    while (after - before > SECOND_MS) {
      const middle = before + Math.floor((after - before) / 2 / SECOND_MS) * SECOND_MS
      if (offsetAt(middle) === offsetMs) before = middle
      else after = middle
    }
    spans.push({ endEpochMs: after, offsetMs })
    offsetMs = offsetAt(after)
  }
  spans.push({ endEpochMs, offsetMs })
  return spans
}
