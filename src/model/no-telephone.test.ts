import { expect, it } from 'vitest'
import { isTelephone, standInNumber } from './no-telephone.ts'

it('stands for no telephone, each in a list differs, and all are exact', () => {
  for (const random of [0, 0.5, 0.999_999_999_999_999_9]) {
    const numbers = Array.from({ length: 1_000 }, (_, index) => standInNumber(random, index))
    expect(new Set(numbers).size).toBe(1_000)
    for (const number of numbers) {
      expect(isTelephone(number)).toBe(false)
      expect(Number.isSafeInteger(number)).toBe(true)
    }
  }
  expect(isTelephone(999_999_999_999_999)).toBe(true)
})
