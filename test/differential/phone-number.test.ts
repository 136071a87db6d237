import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { describe, expect, it } from 'vitest'
import { countryOf, isValidNumber, numberKind, parsePhoneNumber } from '../../src/model/phone-number.ts'
import { numberNearTheEdge, seededIntegers } from './numbers-near-the-edge.ts'

// CARILLON_FULL=1 compares a million numbers of each sort, which takes about a minute.
const COUNT = process.env.CARILLON_FULL === '1' ? 1_000_000 : 100_000
const KIND_OF_LIBRARY: Record<string, string> = {
  FIXED_LINE: 'fixed',
  MOBILE: 'mobile',
  FIXED_LINE_OR_MOBILE: 'fixed-or-mobile',
  TOLL_FREE: 'toll-free',
  PREMIUM_RATE: 'premium',
  SHARED_COST: 'shared-cost',
  VOIP: 'voip',
  PERSONAL_NUMBER: 'personal',
  PAGER: 'pager',
  UAN: 'uan',
  VOICEMAIL: 'voicemail',
}

describe('against libphonenumber-js/max', () => {
  it(`agrees on validity, country, kind and digits of ${COUNT} numbers behind a +`, () => {
    const pick = seededIntegers(20_261_122)
    const differences: string[] = []
    const countries = new Set<string>()
    let valid = 0
    for (let index = 0; index < COUNT; index += 1) {
      const { callingCode, national } = numberNearTheEdge(pick)
      const digits = (callingCode + national).slice(0, 15)
      const theirs = parsePhoneNumberFromString(`+${digits}`)
      const theirsValid = theirs?.isValid() ?? false
      const number = Number(digits)
      if (theirsValid) {
        valid += 1
        if (theirs?.country) countries.add(theirs.country)
      }
      if (theirsValid !== isValidNumber(number)) differences.push(`+${digits} validity ${theirsValid}`)
      if (theirs && theirs.country !== countryOf(number)) differences.push(`+${digits} country ${theirs.country}`)
      // Numbers of fewer than seven digits in all are refused as short codes.
      const isShort = digits.length < 7 || (theirs !== undefined && theirs.number.length < 8)
      if (!isShort && parsePhoneNumber(`+${digits}`).ok !== theirsValid) {
        differences.push(`+${digits} parsed, validity ${theirsValid}`)
      }
      if (theirs && theirsValid) {
        const kind = KIND_OF_LIBRARY[theirs.getType() ?? ''] ?? 'unknown'
        const ours = numberKind(number)
        if (ours !== 'satellite' && ours !== kind) differences.push(`+${digits} kind ${kind} ${ours}`)
        const parsed = parsePhoneNumber(`+${digits}`)
        if (!isShort && (!parsed.ok || parsed.e164 !== theirs.number)) {
          differences.push(`+${digits} number ${theirs.number} ${JSON.stringify(parsed)}`)
        }
      }
    }
    expect(differences.slice(0, 20)).toEqual([])
    expect(countries.size).toBeGreaterThan(200)
    expect(valid).toBeGreaterThan(COUNT / 5)
    expect(valid).toBeLessThan((COUNT * 4) / 5)
  })

  it(`accepts what it accepts of ${COUNT / 4} numbers written nationally`, () => {
    const pick = seededIntegers(7)
    const differences: string[] = []
    let valid = 0
    for (let index = 0; index < COUNT / 4; index += 1) {
      const { callingCode, national, country } = numberNearTheEdge(pick)
      if (country === '') continue
      const lead = ['', '', '', '0', '1', '00', '011', callingCode][pick(8)]!
      const text = lead + national
      const theirs = parsePhoneNumberFromString(text, country as CountryCode)
      if (!theirs?.isValid() || text.length < 7 || theirs.number.length < 8 || theirs.number.length > 16) continue
      valid += 1
      const ours = parsePhoneNumber(text, { defaultCountry: country })
      if (!ours.ok || ours.e164 !== theirs.number) {
        differences.push(`${country} ${text}: ${theirs.number}, ours ${JSON.stringify(ours)}`)
      }
    }
    expect(differences.slice(0, 20)).toEqual([])
    expect(valid).toBeGreaterThan(COUNT / 20)
  })
})
