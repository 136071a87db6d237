import { expect, it } from 'vitest'
import { pageOf, placeOnPage, readPlaces } from './row-place.ts'

it.each([
  ['(0,1)', [[0, 1]]],
  [
    '{"(0,1)","(70000,291)","(4294967294,65535)"}',
    [
      [0, 1],
      [70000, 291],
      [4294967294, 65535],
    ],
  ],
  ['{}', []],
  [null, []],
])('reads %s', (text, expected) => {
  expect(readPlaces(text).map((place) => [pageOf(place), placeOnPage(place)])).toEqual(expected)
})
