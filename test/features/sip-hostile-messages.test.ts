import { expect, it } from 'vitest'
import { callUnderFire, seeded } from '../sip-hostility.ts'

const MESSAGES = 100_000
const GROWTH_BYTES_MAX = 64 * 1024 * 1024

it('a hundred thousand malformed and hostile messages break nothing and leave nothing', () => {
  const target = callUnderFire(seeded(20_261_128))
  const heapAfter: number[] = []
  for (let count = 1; count <= MESSAGES; count++) {
    target.fire()
    if (count % (MESSAGES / 10) === 0) heapAfter.push(process.memoryUsage().heapUsed)
  }
  // Calls were ended by some of them, and what was left of it is bounded.
  expect(new Set(target.ended).size).toBeGreaterThanOrEqual(2)
  expect(target.liveTransactions).toBeLessThan(2000)
  target.close()
  const early = Math.min(...heapAfter.slice(0, 5))
  const late = Math.min(...heapAfter.slice(5))
  expect(late - early).toBeLessThan(GROWTH_BYTES_MAX)
})
