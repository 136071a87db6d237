import { expect, it } from 'vitest'
import { z } from 'zod'
import { ignoredFields, ignoredFieldsHeader } from './ignored-fields.ts'

const schema = z.object({
  name: z.string(),
  inner: z.object({ a: z.number() }).nullish(),
  list: z.array(z.object({ b: z.unknown() })).optional(),
  loose: z.looseObject({ c: z.string() }).optional(),
})

it('names what the schema does not, at any depth', () => {
  const value = { name: 'x', extra: 1, inner: { a: 1, z: 2 }, list: [{ b: { any: 1 } }, { c: 1 }], loose: { d: 1 } }
  expect(ignoredFields(schema, value)).toEqual(['extra', 'inner.z', 'list[1].c'])
})

it('finds nothing in what fits, nor in what is no object', () => {
  expect(ignoredFields(schema, { name: 'x', inner: null })).toEqual([])
  expect(ignoredFields(schema, null)).toEqual([])
  expect(ignoredFields(schema, { inner: 'text', list: { 0: 1 } })).toEqual([])
})

it('stops after twenty', () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x${at}`, at]))
  expect(ignoredFields(schema, many)).toHaveLength(20)
})

it('sends back only what may stand in a header', () => {
  expect(ignoredFieldsHeader(['a\r\nb', 'ü', 'x,y', 'ok'])).toBe('a__b, _, x_y, ok')
})
