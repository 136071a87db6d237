import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import {
  type CallingWindow,
  parseCallingWindow,
  sendNotAfter,
  type Weekday,
  type WindowRange,
  windowState,
} from './calling-window.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS
const EVERY_DAY: Weekday[] = [1, 2, 3, 4, 5, 6, 7]

function daily(zone: string, from: string, to: string, weekdays: Weekday[] = EVERY_DAY): CallingWindow {
  return { zone, ranges: [{ weekdays, from, to }] }
}

function stateAt(window: CallingWindow | null, at: string, zones: string[] = []) {
  const state = windowState(window, zones, new Date(at))
  if (state.open) return `open until ${state.until.toISOString()}`
  return `${state.reason}, opens ${state.opensAt?.toISOString() ?? 'never'}`
}

describe('a calling window', () => {
  it('is always open when there is none, wherever the recipient is', () => {
    expect(stateAt(null, '2026-07-01T03:00:00Z')).toBe('open until +275760-09-13T00:00:00.000Z')
  })

  it('never closes when it spans the whole week', () => {
    const window = daily('America/New_York', '00:00', '24:00')
    expect(stateAt(window, '2026-07-01T03:00:00Z')).toBe('open until +275760-09-13T00:00:00.000Z')
  })

  it('opens at its first minute and closes at its last', () => {
    const window = daily('Europe/London', '09:00', '17:30', [1, 2, 3, 4, 5])
    expect(stateAt(window, '2026-07-01T07:59:59.999Z')).toBe('outside-window, opens 2026-07-01T08:00:00.000Z')
    expect(stateAt(window, '2026-07-01T08:00:00Z')).toBe('open until 2026-07-01T16:30:00.000Z')
    expect(stateAt(window, '2026-07-01T16:29:59.999Z')).toBe('open until 2026-07-01T16:30:00.000Z')
    expect(stateAt(window, '2026-07-03T16:30:00Z')).toBe('outside-window, opens 2026-07-06T08:00:00.000Z')
  })

  it('runs past midnight, also from Sunday to Monday', () => {
    const window = daily('UTC', '22:00', '06:00', [7])
    expect(stateAt(window, '2026-07-05T23:00:00Z')).toBe('open until 2026-07-06T06:00:00.000Z')
    expect(stateAt(window, '2026-07-06T06:00:00Z')).toBe('outside-window, opens 2026-07-12T22:00:00.000Z')
    const touching = { zone: 'UTC', ranges: [...window.ranges, { weekdays: [1], from: '06:00', to: '24:00' }] }
    expect(stateAt(touching as CallingWindow, '2026-07-05T22:00:00Z')).toBe('open until 2026-07-07T00:00:00.000Z')
  })

  it('knows fixed offsets whatever the version of Node', () => {
    expect(stateAt(daily('+05:30', '09:00', '10:00'), '2026-07-01T03:30:00Z')).toBe(
      'open until 2026-07-01T04:30:00.000Z',
    )
    expect(stateAt(daily('-09:30', '09:00', '10:00'), '2026-07-01T18:30:00Z')).toBe(
      'open until 2026-07-01T19:30:00.000Z',
    )
  })

  it('refuses a clock that is broken', () => {
    expect(() => windowState(null, [], new Date(Number.NaN))).toThrow(RangeError)
    expect(() => windowState(daily('UTC', '09:00', '10:00'), [], new Date(8.64e15))).toThrow(RangeError)
  })

  it('refuses hours that the parser would refuse', () => {
    expect(() => windowState(daily('UTC', '9:00', '10:00'), [], new Date())).toThrow('Not a range of hours')
  })
})

describe('where clocks are changed', () => {
  it('opens after the gap when it would begin inside it', () => {
    const window = daily('America/New_York', '02:30', '05:00')
    expect(stateAt(window, '2026-03-08T06:59:59Z')).toBe('outside-window, opens 2026-03-08T07:00:00.000Z')
    expect(stateAt(window, '2026-03-08T07:00:00Z')).toBe('open until 2026-03-08T09:00:00.000Z')
  })

  it('does not open on a day whose hours fall into the gap', () => {
    const window = daily('America/New_York', '02:15', '02:45')
    expect(stateAt(window, '2026-03-08T07:00:00Z')).toBe('outside-window, opens 2026-03-09T06:15:00.000Z')
    const sundays = daily('America/New_York', '02:15', '02:45', [7])
    expect(stateAt(sundays, '2026-03-07T06:14:59.999Z')).toBe('outside-window, opens never')
    expect(stateAt(sundays, '2026-03-07T06:15:00Z')).toBe('outside-window, opens 2026-03-15T06:15:00.000Z')
  })

  it('does not close for a pause that falls into the gap', () => {
    const window: CallingWindow = {
      zone: 'America/New_York',
      ranges: [
        { weekdays: [1, 2, 3, 4, 5, 6], from: '00:00', to: '24:00' },
        { weekdays: [7], from: '00:00', to: '02:00' },
        { weekdays: [7], from: '03:00', to: '24:00' },
      ],
    }
    expect(stateAt(window, '2026-03-05T12:00:00Z')).toBe('open until 2026-03-15T06:00:00.000Z')
  })

  it('is open twice for hours that come twice', () => {
    const window = daily('America/New_York', '01:30', '02:00')
    expect(stateAt(window, '2026-11-01T05:30:00Z')).toBe('open until 2026-11-01T06:00:00.000Z')
    expect(stateAt(window, '2026-11-01T06:00:00Z')).toBe('outside-window, opens 2026-11-01T06:30:00.000Z')
    expect(stateAt(window, '2026-11-01T06:30:00Z')).toBe('open until 2026-11-01T07:00:00.000Z')
  })

  it('finds a day that a zone skipped as a whole', () => {
    const fridays = daily('Pacific/Apia', '09:00', '17:00', [5])
    expect(stateAt(fridays, '2011-12-30T05:00:00Z')).toBe('outside-window, opens 2012-01-05T19:00:00.000Z')
  })
})

describe('the hours of a recipient', () => {
  const window = daily('recipient', '09:00', '17:00')
  const ONE_HOUR_EACH_DAY = daily('recipient', '09:00', '10:00')

  it('are those in which every zone the recipient may be in is open', () => {
    const zones = ['America/New_York', 'America/Los_Angeles']
    expect(stateAt(window, '2026-07-01T13:00:00Z', zones)).toBe('outside-window, opens 2026-07-01T16:00:00.000Z')
    expect(stateAt(window, '2026-07-01T16:00:00Z', zones)).toBe('open until 2026-07-01T21:00:00.000Z')
    expect(stateAt(window, '2026-07-01T21:00:00Z', zones)).toBe('outside-window, opens 2026-07-02T16:00:00.000Z')
  })

  it('never come when the zones have none in common', () => {
    const zones = ['America/New_York', 'Asia/Kolkata']
    expect(stateAt(ONE_HOUR_EACH_DAY, '2026-07-01T13:00:00Z', zones)).toBe('outside-window, opens never')
  })

  it('are unknown when a zone is', () => {
    for (const zones of [[], ['Mars/Olympus'], ['Europe/London', 'FOO+5'], ['']]) {
      expect(stateAt(window, '2026-07-01T12:00:00Z', zones)).toBe('unknown-zone, opens never')
    }
  })

  it('do not matter to a window in a named zone', () => {
    expect(stateAt(daily('UTC', '09:00', '17:00'), '2026-07-01T12:00:00Z', ['Mars/Olympus'])).toMatch(/^open/)
  })
})

describe('against a clock read minute by minute', () => {
  const TABLE_DAYS = 14
  const tables = [
    ['America/New_York', '2026-03-05'],
    ['America/New_York', '2026-10-29'],
    ['Europe/London', '2026-03-26'],
    ['Europe/London', '2026-10-22'],
    ['Australia/Lord_Howe', '2026-04-02'],
    ['Australia/Lord_Howe', '2026-10-01'],
    ['Asia/Kolkata', '2025-12-29'],
    ['America/St_Johns', '2026-03-05'],
    ['America/St_Johns', '2026-10-29'],
  ].map(([zone, start]) => wallClocks(zone!, Date.parse(`${start}T00:00:00Z`)))

  /** Weekday and minute of the day shown by the wall clock in each minute, read by another library. */
  function wallClocks(zone: string, startEpochMs: number) {
    const readings: { weekday: number; minute: number }[] = []
    for (let minute = 0; minute < TABLE_DAYS * 1_440; minute++) {
      const wall = Temporal.Instant.fromEpochMilliseconds(startEpochMs + minute * MINUTE_MS).toZonedDateTimeISO(zone)
      readings.push({ weekday: wall.dayOfWeek, minute: wall.hour * 60 + wall.minute })
    }
    return { zone, startEpochMs, readings }
  }

  function minuteOf(time: string): number {
    return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  }

  function insideOf(range: WindowRange): (reading: { weekday: number; minute: number }) => boolean {
    const [from, to] = [minuteOf(range.from), minuteOf(range.to)]
    const weekdays = new Set<number>(range.weekdays)
    return ({ weekday, minute }) => {
      const begun = weekdays.has(weekday) && minute >= from
      if (to > from) return begun && minute < to
      return begun || (minute < to && weekdays.has(weekday === 1 ? 7 : weekday - 1))
    }
  }

  const timeOfDay = fc
    .oneof(
      fc.integer({ min: 0, max: 1_439 }),
      fc.integer({ min: 0, max: 16 }).map((quarter) => quarter * 15),
    )
    .map((minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`)
  const someRange = fc
    .record({
      weekdays: fc.subarray(EVERY_DAY, { minLength: 1 }),
      from: timeOfDay,
      to: fc.oneof(timeOfDay, fc.constant('24:00')),
    })
    .filter((range) => range.from !== range.to)
  const someRanges = fc.array(someRange, { minLength: 1, maxLength: 5 })
  const someInstant = fc.integer({ min: 0, max: 5 * DAY_MS - 1 })

  /** The oracle: open or not in each minute of the table. */
  function openMinutes(ranges: WindowRange[], readings: { weekday: number; minute: number }[]): boolean[] {
    const tests = ranges.map(insideOf)
    return readings.map((reading) => tests.some((inside) => inside(reading)))
  }

  function expectAgreement(state: ReturnType<typeof windowState>, minutes: boolean[], at: number, start: number) {
    const current = Math.floor((at - start) / MINUTE_MS)
    expect(state.open).toBe(minutes[current])
    const change = minutes.indexOf(!state.open, current)
    const changeEpochMs = start + change * MINUTE_MS
    if (state.open) {
      if (change >= 0) expect(state.until.getTime()).toBe(changeEpochMs)
      else expect(state.until.getTime()).toBeGreaterThanOrEqual(start + minutes.length * MINUTE_MS)
    } else {
      const within = change >= 0 && changeEpochMs <= at + 8 * DAY_MS
      expect(state.opensAt?.getTime() ?? null).toBe(within ? changeEpochMs : null)
    }
  }

  for (const table of tables) {
    it(`agrees in ${table.zone} from ${new Date(table.startEpochMs).toISOString().slice(0, 10)}`, () => {
      fc.assert(
        fc.property(someRanges, someInstant, fc.boolean(), (ranges, offsetMs, named) => {
          const at = table.startEpochMs + offsetMs
          const window = { zone: named ? table.zone : 'recipient', ranges }
          const state = windowState(window, [table.zone], new Date(at))
          expectAgreement(state, openMinutes(ranges, table.readings), at, table.startEpochMs)
        }),
        { numRuns: 100 },
      )
    })
  }

  it('agrees for several zones at once', () => {
    const march = Date.parse('2026-03-25T00:00:00Z')
    const places = ['Europe/London', 'Asia/Kolkata', 'America/St_Johns', 'Australia/Lord_Howe'].map((zone) =>
      wallClocks(zone, march),
    )
    fc.assert(
      fc.property(someRanges, someInstant, fc.subarray(places, { minLength: 2 }), (ranges, offsetMs, chosen) => {
        const each = chosen.map((place) => openMinutes(ranges, place.readings))
        const all = each[0]!.map((_, minute) => each.every((minutes) => minutes[minute]))
        const zones = chosen.map((place) => place.zone)
        const state = windowState({ zone: 'recipient', ranges }, zones, new Date(march + offsetMs))
        expectAgreement(state, all, march + offsetMs, march)
      }),
      { numRuns: 100 },
    )
  })
})

describe('reading a window', () => {
  function zoneOf(zone: unknown): string | null {
    const parsed = parseCallingWindow({ zone, ranges: [{ weekdays: [1], from: '09:00', to: '10:00' }] })
    return parsed.ok ? parsed.window!.zone : null
  }

  function problemsOf(input: unknown): string[] {
    const parsed = parseCallingWindow(input)
    return parsed.ok ? [] : parsed.problems.map((problem) => `${problem.path}: ${problem.message}`)
  }

  it('takes nothing for always open', () => {
    expect(parseCallingWindow(null)).toEqual({ ok: true, window: null })
    expect(parseCallingWindow(undefined)).toEqual({ ok: true, window: null })
  })

  it('gives back the window with weekdays in order and once', () => {
    const ranges = [{ weekdays: [5, 1, 5], from: '22:00', to: '06:00' }]
    expect(parseCallingWindow({ zone: 'recipient', ranges })).toEqual({
      ok: true,
      window: { zone: 'recipient', ranges: [{ weekdays: [1, 5], from: '22:00', to: '06:00' }] },
    })
  })

  it('keeps the modern name of a zone and corrects its case', () => {
    expect(zoneOf('asia/kolkata')).toBe('Asia/Kolkata')
    expect(zoneOf('Europe/Kyiv')).toBe('Europe/Kyiv')
    expect(zoneOf('utc')).toBe('UTC')
    expect(zoneOf('EST5EDT')).toBe('EST5EDT')
    expect(zoneOf('+0530')).toBe('+05:30')
    expect(zoneOf('-03')).toBe('-03:00')
    expect(zoneOf('-00:00')).toBe('+00:00')
  })

  it('refuses what is no zone, or more than one', () => {
    const wrong = ['', 'FOO+5', 'IST', 'ACT', 'Z', 'GMT+5', '+5', '+24:00', '+05:60', ' UTC', 'Recipient', null, 5]
    const dateTimes = ['2026-01-01T00:00Z[Europe/London]', '2026-01-01T00:00+05:00']
    for (const zone of [...wrong, ...dateTimes, undefined, 'A'.repeat(10_000)])
      expect([zone, zoneOf(zone)]).toEqual([zone, null])
  })

  it('says where each fault is and what to send', () => {
    expect(problemsOf('09:00-17:00')).toEqual([': must be an object or null'])
    expect(problemsOf({ zone: 'UTC', ranges: [] })).toEqual([
      'ranges: must be a list of at least one range; send null for no window at all',
    ])
    expect(
      problemsOf({
        zone: 'Nowhere/Town',
        hours: 1,
        ranges: [
          { weekdays: [0, 8], from: '9:00', to: '24:01' },
          { weekdays: [], from: '24:00', to: '25:00', day: 1 },
          { weekdays: [1], from: '09:00', to: '09:00' },
          null,
        ],
      }),
    ).toEqual([
      'hours: is not a field; known are zone, ranges',
      'zone: must be an IANA time zone such as "Europe/London", or "recipient"',
      'ranges[0].weekdays: must be a list of numbers from 1 (Monday) to 7 (Sunday)',
      'ranges[0].from: must be a time from "00:00" to "23:59"',
      'ranges[0].to: must be a time from "00:00" to "24:00"',
      'ranges[1].day: is not a field; known are weekdays, from, to',
      'ranges[1].weekdays: must be a list of numbers from 1 (Monday) to 7 (Sunday)',
      'ranges[1].from: must be a time from "00:00" to "23:59"',
      'ranges[1].to: must be a time from "00:00" to "24:00"',
      'ranges[2]: must not begin and end at the same time; a whole day is "00:00" to "24:00"',
      'ranges[3]: must be an object with weekdays, from and to',
    ])
  })

  it('refuses a list that is too long', () => {
    const range = { weekdays: [1], from: '09:00', to: '10:00' }
    expect(problemsOf({ zone: 'UTC', ranges: Array(100).fill(range) })).toEqual([])
    expect(problemsOf({ zone: 'UTC', ranges: Array(101).fill(range) })).toEqual([
      'ranges: must hold at most 100 ranges',
    ])
  })
})

describe('the last instant to send', () => {
  const now = new Date('2026-07-01T12:00:00Z')

  function seconds(untilSeconds: number, ringTimeoutSeconds: number): number | null {
    const until = new Date(now.getTime() + untilSeconds * 1_000)
    const latest = sendNotAfter({ now, until, ringTimeoutSeconds })
    return latest === null ? null : (latest.getTime() - now.getTime()) / 1_000
  }

  it('is 5 s away, or as much earlier as ringing needs before the window closes', () => {
    expect(seconds(3_600, 30)).toBe(5)
    expect(seconds(35, 30)).toBe(5)
    expect(seconds(34.5, 30)).toBe(4.5)
  })

  it('is nothing when ringing would outlast the window', () => {
    expect(seconds(30, 30)).toBeNull()
    expect(seconds(10, 30)).toBeNull()
  })
})
