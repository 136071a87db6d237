import { expect, it } from 'vitest'
import { differencesOf } from './printed-pages.ts'

const PRINTED = {
  status: 'success',
  data: { id: '<text>', 'note?': '<text>', at: '<epoch milliseconds?>', list: [{ n: '<whole number>' }] },
}
const sent = (data: object = {}) => ({
  status: 'success',
  data: { id: 'a', at: 1_795_945_862_703, list: [{ n: 1 }, { n: 2 }], ...data },
})
const keys = (value: unknown) => differencesOf(PRINTED, value).map(({ key, difference }) => `${key} ${difference}`)

it('what fits has no differences', () => {
  expect(keys(sent())).toEqual([])
  expect(keys(sent({ note: 'x', at: null }))).toEqual([])
})

it.each([
  ['another literal', { ...sent(), status: 'ok' }, ['status value']],
  ['another type', sent({ id: 5 }), ['data.id value']],
  ['another unit', sent({ at: 1_795_945_862 }), ['data.at value']],
  ['null where a text is printed', sent({ id: null }), ['data.id value']],
  ['a key that is missing', sent({ id: undefined, list: [{}] }), ['data.id value', 'data.list[].n missing']],
  ['a key that is not printed', sent({ more: 1 }), ['data.more added']],
  ['one entry that differs', sent({ list: [{ n: 1 }, { n: 1.5 }] }), ['data.list[].n value']],
  ['a list without entries', sent({ list: [] }), ['data.list value']],
  ['a list where an object is printed', { status: 'success', data: [] }, ['data value']],
])('%s', (_what, value, expected) => {
  expect(keys(value)).toEqual(expected)
})
