import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { canonicalZone, zoneOffsets } from './zone-offsets.ts'

describe('the offsets of a zone', () => {
  const places = ['America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Pacific/Apia', 'Africa/Monrovia']

  it.each(places)('change in %s exactly when another library says so', (zone) => {
    for (const year of [1972, 2011, 2012, 2026]) {
      const endEpochMs = Date.UTC(year + 1, 0, 1)
      const changes: string[] = []
      let instant = Date.UTC(year, 0, 1)
      while (instant < endEpochMs) {
        const span = zoneOffsets(zone)!.spanAt(instant)
        const wall = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone)
        // Temporal speaks of whole seconds of offset too, so Liberia's 44 min 30 s before 1972 count here.
        expect([instant, span.offsetMs]).toEqual([instant, wall.offsetNanoseconds / 1e6])
        instant = span.endEpochMs
        if (instant < endEpochMs) changes.push(new Date(instant).toISOString())
      }
      expect([year, changes]).toEqual([year, changesByTemporal(zone, year)])
    }
  })

  function changesByTemporal(zone: string, year: number): string[] {
    const changes: string[] = []
    let wall = Temporal.Instant.fromEpochMilliseconds(Date.UTC(year, 0, 1)).toZonedDateTimeISO(zone)
    for (;;) {
      const next = wall.getTimeZoneTransition('next')
      if (next === null || next.epochMilliseconds >= Date.UTC(year + 1, 0, 1)) return changes
      changes.push(new Date(next.epochMilliseconds).toISOString())
      wall = next
    }
  }

  it('are found once per year and zone, by whatever spelling', () => {
    expect(zoneOffsets('asia/kolkata')).toBe(zoneOffsets('Asia/Kolkata'))
    expect(zoneOffsets('+0530')).toBe(zoneOffsets('+05:30'))
    const instant = Date.UTC(2026, 6, 1)
    expect(zoneOffsets('Asia/Kolkata')!.spanAt(instant)).toBe(zoneOffsets('Asia/Kolkata')!.spanAt(instant + 1))
  })

  it('do not exist for what is no zone', () => {
    for (const zone of ['', 'FOO+5', 'IST', 'Mars/Olympus', '__proto__']) expect(zoneOffsets(zone)).toBeNull()
  })

  it('refuse an instant that no working clock shows', () => {
    for (const instant of [Number.NaN, -8e15, 8e15]) {
      expect(() => zoneOffsets('UTC')!.spanAt(instant)).toThrow(RangeError)
    }
  })

  it('stay right when callers invent thousands of spellings', () => {
    for (let n = 0; n < 5_000; n++) zoneOffsets(`Nowhere/Town_${n}`)
    expect(zoneOffsets('Europe/London')!.spanAt(Date.UTC(2026, 6, 1)).offsetMs).toBe(3_600_000)
  })

  it('exist for every zone this machine knows', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) expect([zone, canonicalZone(zone)]).not.toEqual([zone, null])
  })
})
