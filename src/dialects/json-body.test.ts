import { expect, test } from 'vitest'
import { type JsonFault, readJsonBody } from './json-body.ts'

function faultOf(body: string | Buffer): JsonFault {
  const result = readJsonBody(Buffer.from(body))
  if (result.ok) throw new Error('The body was taken.')
  return result
}

test.each([
  ['{"a":[1,{"b":"c"}]}', { a: [1, { b: 'c' }] }],
  ['', undefined],
  ['null', null],
  ['{"a":1,"a":2}', { a: 2 }],
  [`{"a":${'['.repeat(31)}${']'.repeat(31)}}`, expect.anything()],
  ['{"a":"[[[{{{\\"[["}', { a: '[[[{{{"[[' }],
  ['{"a":"\\ud83d\\ude00 \\u00e9"}', { a: '😀 é' }],
  ['{"protos":1,"construct":2}', { protos: 1, construct: 2 }],
])('takes %s', (body, value) => {
  expect(readJsonBody(Buffer.from(body))).toEqual({ ok: true, value })
})

test.each([
  ['{"a":1,}', '', /not valid JSON: wrong at line 1, character 8/],
  ["{'a':1}", '', /not valid JSON/],
  ['{"a":NaN}', '', /not valid JSON/],
  ['{"a":\n[1,2', '', /ends too early/],
  ['\ufeff{}', '', /byte order mark/],
  [Buffer.from([0x22, 0xff, 0xfe, 0x22]), '', /UTF-8/],
  [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), '', /UTF-8/],
  ['['.repeat(20_000), '', /nested more than 32/],
  [`{"a":${'['.repeat(32)}${']'.repeat(32)}}`, '', /nested/],
  ['{"a":{"__proto__":{"x":1}}}', 'a.__proto__', /__proto__/],
  ['{"\\u005f_proto__":1}', '__proto__', /__proto__/],
  ['[{"constructor":{"prototype":1}}]', '[0].constructor', /constructor/],
  ['{"recipients":[{},{"variables":{"name":"a\\u0000b"}}]}', 'recipients[1].variables.name', /U\+0000/],
  ['{"a\\u0000":1}', 'a\u{fffd}', /U\+0000/],
  ['{"a":"\\ud800"}', 'a', /surrogate/],
  ['{"a":"\\udc00\\ud800"}', 'a', /surrogate/],
  ['{"a":1e400}', 'a', /too large/],
])('refuses %j', (body, field, message) => {
  const found = faultOf(body)
  expect(found.field).toBe(field)
  expect(found.message).toMatch(message)
  expect(found.remedy).not.toBe('')
  expect(({} as { x?: unknown }).x).toBeUndefined()
})

test('says nothing of what stands in a broken body', () => {
  expect(faultOf('{"to": +14155550123}').message).not.toMatch(/4155/)
})
