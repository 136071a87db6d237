import { expect, test } from 'vitest'
import { LaneBook } from './lane-book.ts'

test('staging lanes become contiguous ranges: in line, apart, then final ones, duplicates last', () => {
  const book = new LaneBook()
  const duplicate = { outcome: 'duplicate', cause: 'number-repeated' } as const
  const refused = { outcome: 'not-allowed', cause: 'country-not-allowed' } as const
  expect(book.place(['A'], false)).toEqual({ lane: 0, position: 0 })
  expect(book.placeFinal(duplicate)).toEqual({ lane: 1, position: 0 })
  expect(book.place(['B', 'C'], true)).toEqual({ lane: 2, position: 0 })
  expect(book.place(['A'], true)).toEqual({ lane: 3, position: 0 })
  expect(book.place(['A'], false)).toEqual({ lane: 0, position: 1 })
  expect(book.placeFinal(refused)).toEqual({ lane: 4, position: 0 })
  const { lanes, ranges, total, settled } = book.layout()
  expect(
    lanes.map(({ zones, firstSeq, endSeq, lastSeq, closedAs }) => [zones, firstSeq, endSeq, lastSeq, closedAs]),
  ).toEqual([
    [['A'], 1, 3, 4, null],
    [['B', 'C'], 4, 4, 5, null],
    [[], 5, 6, 6, 14],
    [[], 6, 7, 7, 12],
  ])
  expect(ranges.map(({ lane, firstSeq, batchLane }) => [lane, firstSeq, batchLane])).toEqual([
    [0, 1, 0],
    [3, 3, 0],
    [2, 4, 1],
    [4, 5, 2],
    [1, 6, 3],
  ])
  expect(total).toBe(6)
  expect(settled).toEqual({ duplicate: 1, 'invalid-number': 0, 'not-allowed': 1 })
})

test('who is called in another way stands in a lane of its own, whatever the zones', () => {
  const book = new LaneBook()
  const route = { trunkId: 2, callerDigits: 1_500_555_0101, agentId: null, attemptsMax: null }
  book.place(['A'], false)
  book.place(['A'], false, route)
  book.place(['A'], true, route)
  book.place(['A'], false, { ...route, callerDigits: 1_500_555_0102 })
  book.place(['A'], false, route)
  expect(book.layout().lanes.map(({ route, firstSeq, endSeq, lastSeq }) => [route, firstSeq, endSeq, lastSeq])).toEqual(
    [
      [null, 1, 2, 2],
      [route, 2, 4, 5],
      [{ ...route, callerDigits: 1_500_555_0102 }, 5, 6, 6],
    ],
  )
})
