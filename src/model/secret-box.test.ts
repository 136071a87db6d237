import { expect, test } from 'vitest'
import { InstallationSecrets } from './installation-secrets.ts'
import { SecretBox, SecretUnreadable } from './secret-box.ts'

const key = (byte: number) => Buffer.alloc(32, byte)
const place = { organizationId: 1, table: 'trunk', column: 'settings.password', rowId: 7 }
const text = 'pässword ☎'

test('what was sealed opens in its place, and looks different every time', () => {
  const box = new SecretBox([key(1)])
  const sealed = box.seal(text, place)
  expect(box.open(sealed, place)).toBe(text)
  expect(box.seal(text, place)).not.toEqual(sealed)
  expect(sealed.includes(Buffer.from(text))).toBe(false)
})

test.each([
  { ...place, organizationId: 2 },
  { ...place, table: 'agent' },
  { ...place, column: 'settings.username' },
  { ...place, rowId: 8 },
])('it does not open as %j', (elsewhere) => {
  const box = new SecretBox([key(1)])
  expect(() => box.open(box.seal(text, place), elsewhere)).toThrow(SecretUnreadable)
})

test('nothing of it can be changed', () => {
  const box = new SecretBox([key(1)])
  const sealed = box.seal(text, place)
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed)
    changed[index]! ^= 1
    expect(() => box.open(changed, place)).toThrow(SecretUnreadable)
  }
  for (const length of [0, 1, 5, 20, sealed.length - 1]) {
    expect(() => box.open(sealed.subarray(0, length), place)).toThrow(SecretUnreadable)
  }
})

test('after a change of keys the old texts still open, and new ones need the new key', () => {
  const old = new SecretBox([key(1)])
  const both = new SecretBox([key(2), key(1)])
  expect(both.open(old.seal(text, place), place)).toBe(text)
  expect(() => old.open(both.seal(text, place), place)).toThrow('was sealed with a key')
})

test('an installation that gets a key from outside still opens what it sealed before', () => {
  const before = new InstallationSecrets(key(3))
  const after = new InstallationSecrets(key(3), ['k'.repeat(32)])
  expect(after.box.open(before.box.seal(text, place), place)).toBe(text)
  expect(() => before.box.open(after.box.seal(text, place), place)).toThrow(SecretUnreadable)
})

test.each([[[]], [[Buffer.alloc(31)]], [[key(1), Buffer.alloc(33)]]])('%j are no keys', (keys) => {
  expect(() => new SecretBox(keys)).toThrow(RangeError)
})
