import { expect, test } from 'vitest'
import {
  hmacOfSecret,
  importedParts,
  makeCredential,
  mayBeImported,
  readingOfPair,
  readingsOfToken,
} from './credential-text.ts'

const pepper = Buffer.alloc(32, 1)

test('a new credential is a token and a pair at once', () => {
  const made = makeCredential()
  expect(made.id).toMatch(/^crl_[0-9A-Za-z]{12}$/)
  expect(made.token).toBe(`${made.id}_${made.secret}`)
  const { id, secret } = made
  expect(readingsOfToken(pepper, made.token)).toEqual([{ id, secret }])
  expect(readingOfPair(pepper, id, secret)).toEqual({ id, secret })
  expect(readingsOfToken(pepper, `${id}:${secret}`)).toContainEqual({ id, secret })
  expect(makeCredential().token).not.toBe(made.token)
})

test('a misspelt token of ours is told by its checksum', () => {
  const { token, id, secret } = makeCredential()
  const last = token.at(-1) === 'a' ? 'b' : 'a'
  expect(readingsOfToken(pepper, token.slice(0, -1) + last).map((parts) => parts.id)).not.toContain(id)
  expect(readingOfPair(pepper, id, secret.slice(0, -1) + last)).toBeNull()
  expect(readingOfPair(pepper, id, '')).toBeNull()
})

test('an imported key is found again under the same id, alone or as a pair', () => {
  const key = 'a-key-of-another-service-1'
  const alone = importedParts(pepper, key)
  expect(alone).toEqual({ id: expect.stringMatching(/^imp_[0-9a-f]{32}$/), secret: key })
  expect(readingsOfToken(pepper, key)).toEqual([alone])
  const pair = importedParts(pepper, key, 'the-secret-of-that-key-1')
  expect(readingOfPair(pepper, key, 'the-secret-of-that-key-1')).toEqual(pair)
  expect(readingsOfToken(pepper, `${key}:the-secret-of-that-key-1`)).toContainEqual(pair)
  expect(hmacOfSecret(pepper, pair)).not.toEqual(hmacOfSecret(pepper, alone))
  expect(importedParts(Buffer.alloc(32, 2), key).id).not.toBe(alone.id)
})

test('a token of ours keeps its id when it is imported', () => {
  const { token, id, secret } = makeCredential()
  expect(importedParts(pepper, token)).toEqual({ id, secret })
})

test.each(['', 'short', 'x'.repeat(201), 'with a space in it all along', 'täglich-neue-schlüssel-123'])(
  '%j cannot be imported',
  (text) => {
    expect(mayBeImported(text)).toBe(false)
    expect(readingsOfToken(pepper, text)).toEqual([])
  },
)
