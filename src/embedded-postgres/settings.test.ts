import { expect, test } from 'vitest'
import { renderSettings, sharedBuffersMegabytes } from './settings.ts'

const mebibyte = 1024 * 1024

test.each([
  [64, 32],
  [512, 128],
  [4096, 1024],
  [65536, 1024],
])('of %d MB of memory, %d MB become shared buffers', (memory, expected) => {
  expect(sharedBuffersMegabytes(memory * mebibyte)).toBe(expected)
})

test("the configuration includes the cluster's own file first and quotes every value", () => {
  const text = renderSettings("/data/it's here", { fsync: true, jit: false, max_connections: 9, timezone: "a'b\\c" })
  expect(text.split('\n').slice(1, -1)).toEqual([
    "include_if_exists = '/data/it''s here/postgresql.conf'",
    "fsync = 'on'",
    "jit = 'off'",
    "max_connections = '9'",
    "timezone = 'a''b\\\\c'",
  ])
})

test.each<[string, string]>([
  ['fsync = off\nx', '1'],
  ['a b', '1'],
  ['timezone', "UTC'\nfsync = off"],
])('refuses a name or a value that would become another line: %j', (name, value) => {
  expect(() => renderSettings('/data', { [name]: value })).toThrow(RangeError)
})
