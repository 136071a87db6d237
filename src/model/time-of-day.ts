import { zoneOffsets } from './zone-offsets.ts'

/** A time of day as `HH:MM`, from 00:00 to 23:59. */
export const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Further than any zone is from UTC. */
const OFFSET_MS_MAX = 15 * 3_600_000

/**
 * The first instant after `afterEpochMs` at which a day reaches the time `at` by the clocks of `zone`, as epoch
 * milliseconds.
 *
 * On a day on which clocks skip the time, that is the instant at which they are set forward; on a day on which they show
 * it twice, the first of the two.
 *
 * @throws RangeError for what is no time of day or no zone.
 */
export function nextTimeOfDay({ at, zone }: { at: string; zone: string }, afterEpochMs: number): number {
  const parts = TIME_OF_DAY.exec(at)
  const clock = zoneOffsets(zone)
  if (parts === null || clock === null) throw new RangeError(`Not a time of day of a zone: ${at} ${zone}`)
  const timeMs = (Number(parts[1]) * 60 + Number(parts[2])) * MINUTE_MS
  let dayMs = Math.floor((afterEpochMs + clock.spanAt(afterEpochMs).offsetMs) / DAY_MS) * DAY_MS
  for (;;) {
    const reachedAt = firstReading(clock, dayMs + timeMs)
    if (reachedAt > afterEpochMs) return reachedAt
    dayMs += DAY_MS
  }
}

/** The first instant at which the clock shows `localMs` (epoch milliseconds as if in UTC) or has skipped it. */
function firstReading(clock: NonNullable<ReturnType<typeof zoneOffsets>>, localMs: number): number {
  let instant = localMs - OFFSET_MS_MAX
  for (;;) {
    const span = clock.spanAt(instant)
    const reading = Math.max(instant, localMs - span.offsetMs)
    if (reading < span.endEpochMs) return reading
    instant = span.endEpochMs
  }
}
