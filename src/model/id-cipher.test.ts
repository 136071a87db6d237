import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  base62FromHex,
  decimalFromHex,
  deriveIdKey,
  deriveNumberHashKey,
  hashNumbers,
  IdCipher,
  type IdParts,
  parseId,
  uuidFromHex,
} from './id-cipher.ts'

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const someParts: fc.Arbitrary<IdParts> = fc.record({
  kind: fc.constantFrom('recipient' as const, 'attempt' as const, 'call' as const),
  organizationId: uint32,
  batchId: uint32,
  seq: uint32,
  n: fc.integer({ min: 0, max: 0xffff }),
})
const attempt: IdParts = { kind: 'attempt', organizationId: 1, batchId: 2, seq: 3, n: 4 }

describe('an id', () => {
  it('is the same text for the same parts, whatever was encoded before', () => {
    const expected = createCipheriv('aes-128-ecb', KEY, null)
      .setAutoPadding(false)
      .update(Buffer.from('000000010000000200000003000402ca', 'hex'))
      .toString('hex')
    const ids = new IdCipher(KEY)
    expect(ids.encode(attempt)).toBe(expected)
    ids.encode({ ...attempt, seq: 5 })
    ids.decode('f'.repeat(32))
    expect(ids.encode(attempt)).toBe(expected)
    expect(new IdCipher(KEY).encode(attempt)).toBe(expected)
  })

  it('says in each of its four spellings what it stands for', () => {
    const ids = new IdCipher(KEY)
    fc.assert(
      fc.property(someParts, (parts) => {
        const hex = ids.encode(parts)
        expect(hex).toMatch(/^[0-9a-f]{32}$/)
        const spellings = [hex, hex.toUpperCase(), uuidFromHex(hex), base62FromHex(hex), decimalFromHex(hex)]
        for (const spelling of spellings) expect(ids.decode(spelling)).toEqual(parts)
      }),
    )
  })

  it('is made in bulk as it is made alone', () => {
    const ids = new IdCipher(KEY)
    fc.assert(
      fc.property(fc.array(someParts), (list) => {
        expect(ids.encodeAll(list)).toEqual(list.map((parts) => ids.encode(parts)))
      }),
    )
    const many = Array.from({ length: 70_000 }, (_, seq) => ({ ...attempt, seq }))
    const made = ids.encodeAll(many)
    expect(new Set(made).size).toBe(70_000)
    for (const seq of [0, 65_535, 65_536, 69_999]) expect(ids.decode(made[seq]!)).toEqual(many[seq])
  })

  it('is nothing under another key, or with one digit changed', () => {
    const ids = new IdCipher(KEY)
    const others = new IdCipher(deriveIdKey(Buffer.alloc(16, 7)))
    let passed = 0
    for (let seq = 0; seq < 20_000; seq++) {
      const hex = ids.encode({ ...attempt, seq })
      if (others.decode(hex) !== null) passed++
      const changed = (hex[0] === '0' ? '1' : '0') + hex.slice(1)
      if (ids.decode(changed) !== null) passed++
    }
    // One in 21,845 passes the check by chance; the keys are fixed, so this count is too.
    expect(passed).toBeLessThan(10)
  })

  it('refuses parts that do not fit', () => {
    const ids = new IdCipher(KEY)
    const wrong = [
      { organizationId: -1 },
      { batchId: 2 ** 32 },
      { seq: 1.5 },
      { seq: Number.NaN },
      { n: 65_536 },
      { n: -1 },
    ]
    for (const part of wrong) expect(() => ids.encode({ ...attempt, ...part })).toThrow(RangeError)
    expect(() => new IdCipher(Buffer.alloc(32))).toThrow(RangeError)
  })
})

describe('the spellings of an id', () => {
  const HIGHEST = 'f'.repeat(32)
  const LOWEST = '0'.repeat(32)

  it('keep leading zeros and reach the highest number', () => {
    expect(uuidFromHex('0123456789abcdef0123456789abcdef')).toBe('01234567-89ab-cdef-0123-456789abcdef')
    expect(base62FromHex(LOWEST)).toBe('0'.repeat(22))
    expect(decimalFromHex(LOWEST)).toBe('0'.repeat(39))
    expect(decimalFromHex(HIGHEST)).toBe('340282366920938463463374607431768211455')
    expect(base62FromHex(HIGHEST)).toBe('7n42DGM5Tflk9n8mt7Fhc7')
    for (const hex of [LOWEST, HIGHEST]) {
      for (const spell of [uuidFromHex, base62FromHex, decimalFromHex]) expect(parseId(spell(hex))).toBe(hex)
    }
  })

  it('are never taken for one another, even when all digits are decimal', () => {
    const digits = '1'.repeat(32)
    expect(parseId(digits)).toBe(digits)
    expect(base62FromHex(parseId('1'.repeat(22))!)).toBe('1'.repeat(22))
    expect(parseId(`0${'1'.repeat(38)}`)).toBe(BigInt('1'.repeat(38)).toString(16).padStart(32, '0'))
  })

  it('are refused when they are too high, too long or something else', () => {
    const wrong = [
      '',
      '5',
      '340282366920938463463374607431768211456',
      '7n42DGM5Tflk9n8mt7Fhc8',
      'z'.repeat(22),
      'g'.repeat(32),
      `${'1'.repeat(31)} `,
      '0123456789ab-cdef-0123-4567-89abcdef01',
      `+${'1'.repeat(38)}`,
      'ﬀ'.repeat(32),
    ]
    for (const text of wrong) expect([text, parseId(text)]).toEqual([text, null])
    for (const text of wrong) expect(new IdCipher(KEY).decode(text)).toBeNull()
  })
})

describe('the hash of a number', () => {
  it('is the first half of the block of its 16 digits', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const expected = numbers.map((number) => {
          const cipher = createCipheriv('aes-128-ecb', KEY, null).setAutoPadding(false)
          return cipher.update(String(number).padStart(16, '0'), 'latin1').readBigInt64LE(0)
        })
        expect([...hashNumbers(KEY, numbers)]).toEqual(expected)
        expect(hashNumbers(KEY, Float64Array.from(numbers))).toEqual(hashNumbers(KEY, numbers))
      }),
    )
  })

  it('does not depend on where in a long list the number stands', () => {
    const numbers = Float64Array.from({ length: 140_000 }, (_, i) => 491_500_000_000 + i)
    const hashes = hashNumbers(KEY, numbers)
    expect(new Set(hashes).size).toBe(140_000)
    for (const i of [0, 65_535, 65_536, 131_072, 139_999]) expect(hashes[i]).toBe(hashNumbers(KEY, [numbers[i]!])[0])
  })

  it('refuses what is no number of digits', () => {
    for (const number of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => hashNumbers(KEY, [1, number])).toThrow(RangeError)
    }
    expect(hashNumbers(KEY, [])).toHaveLength(0)
  })
})

describe('the keys', () => {
  const secret = Buffer.from('a secret of this installation')

  it('differ by purpose, organization and secret, and stay the same for ever', () => {
    const keys = [
      deriveIdKey(secret),
      deriveNumberHashKey(secret, 1),
      deriveNumberHashKey(secret, 2),
      deriveNumberHashKey(Buffer.from('another secret of this'), 1),
    ].map((key) => key.toString('hex'))
    expect(new Set(keys).size).toBe(4)
    expect(keys).toMatchInlineSnapshot(`
      [
        "f56528717d8198da3b8d292fa8da9680",
        "cd4eb3a6513b6ed316a4e8fa64b690bf",
        "d439d1735057c2aaf748e83dbe658024",
        "60b8b764806b439a94b1f732a892a9fc",
      ]
    `)
  })

  it('are not made from a secret that could be guessed', () => {
    expect(() => deriveIdKey(Buffer.from('short'))).toThrow(RangeError)
  })
})
