import { expect, test } from 'vitest'
import { z } from 'zod'
import { problemsOf, refusalOf } from './zod-problems.ts'

function problems(schema: z.ZodType, value: unknown) {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) throw new Error('The value fits.')
  return problemsOf(result.error.issues)
}

const list = z.strictObject({ list: z.array(z.strictObject({ to: z.string() })) })

test.each([
  ['a missing field', z.object({ a: z.string() }), {}, 'a', 'a is missing.'],
  ['nothing at all', z.object({ a: z.string() }), undefined, '', 'The body is missing.'],
  ['another type', z.object({ a: z.string() }), { a: 5 }, 'a', 'a must be a text, not a number.'],
  ['null', z.object({ a: z.string() }), { a: null }, 'a', 'a must be a text, not null.'],
  ['a list', z.object({ a: z.record(z.string(), z.unknown()) }), { a: [] }, 'a', 'a must be an object, not a list.'],
  ['a fraction', z.object({ a: z.int() }), { a: 1.5 }, 'a', 'a must be a whole number, not a fraction.'],
  ['too little', z.object({ a: z.int().min(5) }), { a: 4 }, 'a', 'a must be at least 5.'],
  ['too much', z.object({ a: z.int().max(80) }), { a: 81 }, 'a', 'a must be at most 80.'],
  ['nothing in it', z.object({ a: z.array(z.int()).min(1) }), { a: [] }, 'a', 'a must have at least 1 entry.'],
  ['no such word', z.object({ a: z.enum(['b', 'c']) }), { a: 'd' }, 'a', 'a must be one of b, c.'],
  ['no UUID', z.object({ a: z.uuid() }), { a: 'd' }, 'a', /^a must be a UUID such as /],
  ['no time', z.object({ a: z.iso.datetime({ offset: true }) }), { a: '2023-02-29T00:00:00Z' }, 'a', /ISO 8601/],
  [
    'an own rule',
    z.object({ a: z.string().regex(/^x/, 'must begin with x') }),
    { a: 'd' },
    'a',
    'a must begin with x.',
  ],
  ['an unknown field', z.strictObject({}), { b: 1 }, 'b', 'b is not a field of this request.'],
  ['one inside', list, { list: [{ to: 'x' }, { to: 'y', too: 1 }] }, 'list[1].too', /is not a field/],
  ['neither form', z.object({ a: z.union([z.string(), z.int()]) }), { a: true }, 'a', 'a must be a text or a number.'],
])('%s is named', (...row) => {
  const [, schema, value, path, message] = row
  const [first] = problems(schema, value)
  expect(first?.path).toBe(path)
  expect(first?.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
  expect(first?.remedy).toBeTruthy()
})

test('values are not repeated', () => {
  const schema = z.object({ a: z.string().regex(/^x/), b: z.int() })
  expect(JSON.stringify(problems(schema, { a: '+14155550123', b: 'Ada' }))).not.toMatch(/4155|Ada/)
})

test('names from the request are cut and cleaned', () => {
  const [first] = problems(z.strictObject({}), { [`a\u202e\n${'x'.repeat(500)}`]: 1 })
  expect(first?.path).toHaveLength(201)
  expect(first?.path).toMatch(/^a\u{fffd}\u{fffd}x+…$/u)
})

test('a refusal speaks of the first problem and lists all, a hundred at most', () => {
  const found = problems(list, { list: Array.from({ length: 300 }, () => ({})) })
  expect(found).toHaveLength(100)
  const refusal = refusalOf(found)
  expect(refusal).toMatchObject({ code: 'invalid-input', field: 'list[0].to', message: 'list[0].to is missing.' })
  expect(refusal.details).toHaveLength(100)
  expect(refusalOf(found.slice(0, 1)).details).toBeUndefined()
})
