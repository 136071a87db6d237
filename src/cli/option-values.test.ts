import { describe, expect, it } from 'vitest'
import { instantText } from './call.ts'
import { addressOf } from './loopback.ts'
import { jsonObject, positiveNumber, wholeNumberFrom } from './option-values.ts'

describe('options', () => {
  it('takes whole numbers in their range only', () => {
    expect(wholeNumberFrom(1, 80)('80')).toBe(80)
    for (const wrong of ['0', '81', '-1', '1.5', '1e1', '', 'x']) expect(() => wholeNumberFrom(1, 80)(wrong)).toThrow()
  })

  it('takes rates above 0', () => {
    expect(positiveNumber('0.5')).toBe(0.5)
    for (const wrong of ['0', '-1', 'NaN', '']) expect(() => positiveNumber(wrong)).toThrow()
  })

  it('takes a JSON object', () => {
    expect(jsonObject('{"a": 1}', '--settings')).toEqual({ a: 1 })
    for (const wrong of ['[1]', 'null', '{', '@/nowhere'])
      expect(() => jsonObject(wrong, '--settings')).toThrow('--settings')
  })

  it('takes an instant with its zone only', () => {
    expect(instantText('2027-01-15T09:00:00-05:00', '--start-at')).toBe('2027-01-15T09:00:00-05:00')
    expect(instantText(undefined, '--start-at')).toBeUndefined()
    for (const wrong of ['tomorrow', '2027-01-15', '2027-01-15T09:00:00', '2027-13-15T09:00:00Z']) {
      expect(() => instantText(wrong, '--start-at')).toThrow('is not an instant')
    }
  })

  it('takes a port with or without its host', () => {
    expect(addressOf('7300')).toEqual({ port: 7300 })
    expect(addressOf('0.0.0.0:7300')).toEqual({ host: '0.0.0.0', port: 7300 })
    expect(addressOf('[::1]:0')).toEqual({ host: '::1', port: 0 })
    for (const wrong of ['', ':7300', '70000', 'host', '::1:7300']) expect(() => addressOf(wrong)).toThrow('--listen')
  })
})
