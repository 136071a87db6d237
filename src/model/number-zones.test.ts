import { describe, expect, it } from 'vitest'
import { UNKNOWN_ZONE_SET, ZONE_SETS, zoneSetOf, zonesOf } from './number-zones.ts'
import { canonicalZone } from './zone-offsets.ts'

/** North American area codes whose area lies in more than one zone. */
const SPLIT = [
  208, 219, 250, 270, 308, 418, 423, 541, 574, 605, 606, 620, 701, 709, 775, 785, 807, 812, 850, 867, 879,
].concat([906, 907, 928, 986])
const OVERLAYS = [
  [448, 850],
  [364, 270],
  [930, 812],
  [458, 541],
  [729, 423],
  [457, 318],
  [471, 662],
  [837, 530],
  [861, 309],
  [778, 250],
  [581, 418],
] as const

describe('candidate zones of a number', () => {
  it.each([
    [12125550123, ['America/New_York']],
    [18505550123, ['America/Chicago', 'America/New_York']],
    [19285550123, ['America/Denver', 'America/Phoenix']],
    [442079460958, ['Europe/London']],
    [447911123456, ['Europe/London']],
    [919876543210, ['Asia/Kolkata']],
    [34612345678, ['Atlantic/Canary', 'Europe/Madrid']],
    [34912345678, ['Europe/Madrid']],
    [79161234567, expect.arrayContaining(['Asia/Kamchatka', 'Europe/Kaliningrad', 'Europe/Moscow'])],
    [74951234567, ['Europe/Moscow']],
    [74012123456, ['Europe/Kaliningrad']],
    [353861234567, ['Europe/Dublin']],
    [212612345678, ['Africa/Casablanca', 'Africa/El_Aaiun']],
    [5597991234567, expect.arrayContaining(['America/Eirunepe', 'America/Manaus'])],
    [5511987654321, ['America/Sao_Paulo']],
    [351291123456, expect.arrayContaining(['Atlantic/Azores', 'Europe/Lisbon'])],
    [4915112345678, ['Europe/Berlin']],
  ])('of +%d', (digits, zones) => {
    expect(zonesOf(digits)).toEqual(zones)
  })

  it('gives an Australian mobile every Australian zone', () => {
    for (const zone of ['Australia/Perth', 'Australia/Sydney', 'Australia/Darwin', 'Australia/Lord_Howe']) {
      expect(zonesOf(61412345678)).toContain(zone)
    }
    expect(zonesOf(61889123456)).toContain('Australia/Darwin')
  })

  it.each(SPLIT)('gives area code %d more than one zone', (area) => {
    expect(zonesOf(1e10 + area * 1e7 + 5_550_123).length).toBeGreaterThan(1)
  })

  it.each(OVERLAYS)('gives the overlay %d the zones of %d, whatever the exchange', (overlay, area) => {
    for (const local of [2_000_000, 5_550_123, 9_999_999]) {
      expect(zoneSetOf(1e10 + overlay * 1e7 + local)).toBe(zoneSetOf(1e10 + area * 1e7 + local))
      expect(zoneSetOf(1e10 + overlay * 1e7 + local)).not.toBe(UNKNOWN_ZONE_SET)
    }
  })

  it.each([18005550123, 12225550123, 870776123456, 80012345678, 0, 911, 99912345678, 1e15])(
    'knows no zone of %d',
    (digits) => {
      expect(zonesOf(digits)).toEqual([])
    },
  )

  it('does not depend on how many digits follow', () => {
    for (let power = 2; power <= 10; power += 1) expect(zoneSetOf(49_305 * 10 ** power)).toBe(zoneSetOf(4_930_512))
  })

  it('uses only names that this runtime knows under that very name, sorted, each set once', () => {
    for (const zones of ZONE_SETS) {
      for (const zone of zones) {
        expect(canonicalZone(zone)).toBe(zone)
        expect(() => new Intl.DateTimeFormat('en', { timeZone: zone })).not.toThrow()
      }
      expect(zones).toEqual([...new Set(zones)].sort())
    }
    expect(new Set(ZONE_SETS.map((zones) => zones.join())).size).toBe(ZONE_SETS.length)
  })

  it('uses no outdated name', () => {
    const names = new Set(ZONE_SETS.flat())
    for (const old of ['Asia/Calcutta', 'Europe/Kiev', 'America/Godthab', 'Asia/Saigon', 'Pacific/Truk']) {
      expect(names).not.toContain(old)
    }
  })
})
