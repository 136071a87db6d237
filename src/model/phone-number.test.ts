import { describe, expect, it } from 'vitest'
import { countryOf, isValidNumber, maskNumber, mayBeCalled, numberKind, parsePhoneNumber } from './phone-number.ts'

describe('reading what people write', () => {
  it.each([
    ['+14155552671', undefined, 14155552671, undefined],
    ['+1 (415) 555-2671', undefined, 14155552671, undefined],
    ['+1.415.555.2671', undefined, 14155552671, undefined],
    ['+1\u00a0415\u2011555\u20112671 ', undefined, 14155552671, undefined],
    ['\u202a+14155552671\u202c', undefined, 14155552671, undefined],
    ["'+14155552671", undefined, 14155552671, undefined],
    ['="+14155552671"', undefined, 14155552671, undefined],
    ['tel:+1-415-555-2671', undefined, 14155552671, undefined],
    ['(+44) 20 7946 0958', undefined, 442079460958, undefined],
    ['＋１４１５５５５２６７１', undefined, 14155552671, undefined],
    ['٠٠٤٤٢٠٧٩٤٦٠٩٥٨', undefined, 442079460958, 'international-prefix'],
    ['+44 (0)20 7946 0958', undefined, 442079460958, 'national-prefix'],
    ['+44 020 7946 0958', undefined, 442079460958, 'national-prefix'],
    ['0044 (0) 20 7946 0958', undefined, 442079460958, 'international-prefix'],
    ['0044 20 7946 0958', 'US', 442079460958, 'international-prefix'],
    ['011 44 20 7946 0958', 'US', 442079460958, 'international-prefix'],
    ['+0044 20 7946 0958', undefined, 442079460958, 'international-prefix'],
    ['14155552671', undefined, 14155552671, 'missing-plus'],
    ['14155552671', 'GB', 14155552671, 'missing-plus'],
    ['4930123456', undefined, 4930123456, 'missing-plus'],
    ['(415) 555-2671', 'US', 14155552671, 'national-number'],
    ['1 415 555 2671', 'US', 14155552671, 'national-number'],
    ['030/123456', 'DE', 4930123456, 'national-number'],
    ['8 (495) 123-45-67', 'RU', 74951234567, 'national-number'],
    ['011 15-2345-6789', 'AR', 5491123456789, 'national-number'],
    ['1.4155552671E+10', undefined, 14155552671, 'missing-plus'],
    ['1,4155552671e10', undefined, 14155552671, 'missing-plus'],
    ['+1.4155552671E+10', undefined, 14155552671, 'spreadsheet-notation'],
    ['14155552671.0', undefined, 14155552671, 'missing-plus'],
    ['+78005553535', undefined, 78005553535, undefined],
  ])('%j in %s', (text, defaultCountry, digits, repaired) => {
    expect(parsePhoneNumber(text, { defaultCountry })).toEqual({
      ok: true,
      digits,
      e164: `+${digits}`,
      ...(repaired === undefined ? {} : { repaired }),
    })
  })

  it.each([
    ['', 'empty'],
    [' \u00a0\u200b', 'empty'],
    ["'", 'empty'],
    ['+1', 'too-short'],
    ['+49', 'too-short'],
    ['+1415555267112345', 'too-long'],
    ['+141555526712', 'too-long'],
    ['+1415555267', 'too-short'],
    ['4155552671', 'no-country'],
    ['020 7946 0958', 'no-country'],
    ['1.41556E+10', 'scientific-notation'],
    ['4.4207946096E+11', 'scientific-notation'],
    ['+15555555555', 'invalid-for-country'],
    ['+999123456789', 'unknown-calling-code'],
    ['911', 'short-code'],
    ['112', 'short-code'],
    ['999', 'short-code'],
    ['116 117', 'short-code'],
    ['1-800-FLOWERS', 'letters'],
    ['n/a', 'not-a-number'],
    ['unknown', 'not-a-number'],
    ['=HYPERLINK("x")', 'not-a-number'],
    ['-14155552671', 'not-a-number'],
    ['sip:attacker@evil', 'not-a-number'],
    ['+14155552671@host', 'not-a-number'],
    ['+14155552671 ext. 5', 'extension'],
    ['+14155552671;ext=5', 'extension'],
    ['+14155552671x5', 'extension'],
    ['+14155552671#5', 'extension'],
    ['+14155552671,,w123#', 'extension'],
    ['+14155552671 / +14155552672', 'several-numbers'],
    ['+14155552671\0', 'not-a-number'],
    ['1'.repeat(5_000), 'not-a-number'],
  ])('%j is refused as %s, with a remedy', (text, reason) => {
    const result = parsePhoneNumber(text)
    expect(result).toMatchObject({ ok: false, reason })
    expect(result.ok ? '' : result.remedy).toMatch(/^[A-Z].*\.$/)
  })

  it('does not take a national number for a foreign one that lost its plus', () => {
    // 41 55 555 26 71 would be a Swiss number.
    expect(parsePhoneNumber('4155552671', { defaultCountry: 'US' })).toMatchObject({ digits: 14155552671 })
  })

  it('never changes what is valid as written', () => {
    for (const digits of [78005553535, 14155552671, 390612345678]) {
      expect(parsePhoneNumber(`+${digits}`)).toEqual({ ok: true, digits, e164: `+${digits}` })
    }
  })
})

describe('strict reading, for JSON', () => {
  it('takes + and digits only', () => {
    expect(parsePhoneNumber('+14155552671', { strict: true })).toMatchObject({ ok: true })
    for (const text of [
      ' +14155552671',
      '+1 4155552671',
      '14155552671',
      '＋14155552671',
      '+١4155552671',
      'tel:+14155552671',
      '+14155552671\n',
      '\u00a0+14155552671',
      '+04155552671',
      '+1',
      '',
    ]) {
      expect(parsePhoneNumber(text, { strict: true }), text).toMatchObject({ ok: false })
    }
  })

  it('tells a malformed number from one that is not valid', () => {
    expect(parsePhoneNumber('+15555555555', { strict: true })).toMatchObject({ reason: 'invalid-for-country' })
    expect(parsePhoneNumber('5555555555', { strict: true })).toMatchObject({ reason: 'no-country' })
    expect(parsePhoneNumber('+15555555555', { strict: true, check: 'shape' })).toMatchObject({ digits: 15555555555 })
  })
})

describe('policy', () => {
  const us = { allowedCountries: new Set(['US']) }

  it.each([
    [14155552671, undefined],
    [18005553535, undefined],
    [19005551234, 'premium'],
    [448431234567, 'premium'],
    [870776123456, 'satellite'],
    [8816123456789, 'satellite'],
    [442079460958, 'country-not-allowed'],
    [12425551234, 'country-not-allowed'],
    [80012345678, 'country-not-allowed'],
    [911, 'short-code'],
    [112, 'short-code'],
  ])('+%d in the United States: %s', (digits, reason) => {
    expect(mayBeCalled(digits, us)).toMatchObject(reason === undefined ? { ok: true } : { ok: false, reason })
  })

  it('refuses dear numbers also where all countries are allowed', () => {
    const all = { allowedCountries: 'all' as const }
    expect(mayBeCalled(442079460958, all)).toEqual({ ok: true })
    expect(mayBeCalled(15555555555, all)).toEqual({ ok: true })
    expect(mayBeCalled(19005551234, all)).toMatchObject({ reason: 'premium' })
    expect(mayBeCalled(492000000000, all)).toEqual({ ok: true })
    expect(mayBeCalled(498011234567, all)).toEqual({ ok: true })
    expect(mayBeCalled(491801234567, all)).toMatchObject({ reason: 'shared-cost' })
  })

  it('knows kinds and countries', () => {
    expect([numberKind(14155552671), countryOf(14155552671)]).toEqual(['fixed-or-mobile', 'US'])
    expect([numberKind(447400123456), countryOf(447400123456)]).toEqual(['mobile', 'GB'])
    expect([numberKind(442079460958), countryOf(441534123456)]).toEqual(['fixed', 'JE'])
    expect([numberKind(15555555555), isValidNumber(15555555555)]).toEqual(['unknown', false])
    expect([numberKind(77012345678), countryOf(77012345678)]).toEqual(['mobile', 'KZ'])
    expect(countryOf(80012345678)).toBeUndefined()
  })
})

describe('masking', () => {
  it.each([
    ['+14155552645', '+1*******45'],
    ['+442079460958', '+44*******58'],
    ['442079460958', '+44*******58'],
    ['+99912345678', '+*******78'],
    ['not a number', '*******'],
    ['+1', '*******'],
  ])('%s', (text, masked) => {
    expect(maskNumber(text)).toBe(masked)
  })
})
