import { expect, test } from 'vitest'
import { csvLine } from './csv-writer.ts'

test('cells that are no plain text are quoted', () => {
  expect(csvLine(['a', 'b,c', 'd "e"', 'f\ng', ' h', '', 7])).toBe('a,"b,c","d ""e""","f\ng"," h",,7\r\n')
})

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\0x'])('%j cannot be run as a formula', (text) => {
  expect(csvLine([text]).replace(/^"/, '')).toMatch(/^'/)
})

test('a number stays a number, also below zero', () => {
  expect(csvLine([-1.5])).toBe('-1.5\r\n')
})
