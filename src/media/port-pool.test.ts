import { expect, it } from 'vitest'
import { PortPool } from './port-pool.ts'

it('a port that another program holds is left alone for half a minute, and comes back then', () => {
  const pool = new PortPool({ first: 16_384, last: 16_387 }, 0)
  expect(pool.take(0)).toBe(16_384)
  pool.setAside(16_384, 0)
  expect(pool.take(0)).toBe(16_386)
  expect(pool).toMatchObject({ freePairs: 0, busyPairs: 1 })
  expect(pool.take(29_999)).toBeNull()
  expect(pool.take(30_000)).toBe(16_384)
  expect(pool).toMatchObject({ freePairs: 0, busyPairs: 0 })
})

it('the ports of a call rest after it, and the one that was free for longest is next', () => {
  const pool = new PortPool({ first: 16_385, last: 16_391 }, 0.5)
  expect(pool.take(0)).toBe(16_388)
  pool.giveBack(16_388, 0)
  expect(pool.freePairs).toBe(3)
  expect([pool.take(100), pool.take(100)]).toEqual([16_390, 16_386])
  expect(pool.take(4999)).toBeNull()
  expect(pool.take(5000)).toBe(16_388)
})
