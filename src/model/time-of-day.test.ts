import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextTimeOfDay } from './time-of-day.ts'

const next = (at: string, zone: string, after: string) =>
  new Date(nextTimeOfDay({ at, zone }, Date.parse(after))).toISOString()

describe('the next time of day', () => {
  it.each([
    ['later today', '09:00', 'UTC', '2030-01-15T08:59:59.999Z', '2030-01-15T09:00:00.000Z'],
    ['never the instant itself', '09:00', 'UTC', '2030-01-15T09:00:00Z', '2030-01-16T09:00:00.000Z'],
    ['midnight', '00:00', 'UTC', '2030-12-31T12:00:00Z', '2031-01-01T00:00:00.000Z'],
    ['by the clocks of the zone', '09:00', 'America/New_York', '2030-01-15T13:59:00Z', '2030-01-15T14:00:00.000Z'],
    ['a zone ahead, tomorrow there', '07:30', 'Asia/Kolkata', '2030-01-15T20:00:00Z', '2030-01-16T02:00:00.000Z'],
    ['a zone far ahead', '00:15', 'Pacific/Kiritimati', '2030-01-15T10:30:00Z', '2030-01-16T10:15:00.000Z'],
    // Clocks go from 02:00 to 03:00 on 10 March 2030 in New York, at 07:00 UTC.
    [
      'skipped: when clocks are set forward',
      '02:30',
      'America/New_York',
      '2030-03-10T05:00:00Z',
      '2030-03-10T07:00:00.000Z',
    ],
    ['skipped and over: the next day', '02:30', 'America/New_York', '2030-03-10T07:00:00Z', '2030-03-11T06:30:00.000Z'],
    // Clocks go from 02:00 back to 01:00 on 3 November 2030, at 06:00 UTC.
    ['shown twice: the first', '01:30', 'America/New_York', '2030-11-03T04:00:00Z', '2030-11-03T05:30:00.000Z'],
    [
      'shown twice, the first is over: the next day',
      '01:30',
      'America/New_York',
      '2030-11-03T05:30:00Z',
      '2030-11-04T06:30:00.000Z',
    ],
    // Samoa had no 30 December 2011.
    ['a day that was left out', '12:00', 'Pacific/Apia', '2011-12-30T09:59:00Z', '2011-12-30T10:00:00.000Z'],
  ])('%s', (...[, at, zone, after, expected]) => {
    expect(next(at, zone, after)).toBe(expected)
  })

  it('lies after the instant and within 26 hours of it', () => {
    const zones = [
      'UTC',
      'America/New_York',
      'Europe/London',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'America/St_Johns',
    ]
    const minute = fc.integer({ min: 0, max: 1_439 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), minute, fc.integer({ min: 1.7e9, max: 2e9 }), (zone, minutes, seconds) => {
        const at = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
        const waitMs = nextTimeOfDay({ at, zone }, seconds * 1_000) - seconds * 1_000
        expect(waitMs).toBeGreaterThan(0)
        expect(waitMs).toBeLessThanOrEqual(26 * 3_600_000)
      }),
    )
  })

  it('refuses what is no time or no zone', () => {
    expect(() => nextTimeOfDay({ at: '24:00', zone: 'UTC' }, 0)).toThrow(RangeError)
    expect(() => nextTimeOfDay({ at: '09:00', zone: 'Mars/Base' }, 0)).toThrow(RangeError)
  })
})
