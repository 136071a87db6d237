import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { anchorOf, digestOfSeal, textOfAnchor } from './audit-seal.ts'

const FIRST = {
  organizationId: 7,
  sealN: 1,
  sealedAtMicroseconds: '1764410400000000',
  entryIds: ['1', '3'],
  entries: ['[1, "a"]', '[3, "ü"]'],
}

test('a digest is the SHA-256 of lines that anybody can write, and stays what it is', () => {
  const lines = `${'0'.repeat(64)}\n[7,1,"1764410400000000",["1","3"]]\n[1, "a"]\n[3, "ü"]\n`
  const digest = digestOfSeal(null, FIRST)
  expect(digest.toString('hex')).toBe(createHash('sha256').update(lines, 'utf8').digest('hex'))
  expect(digest.toString('hex')).toBe('ec367503acd384e7c77e4cd6f95d4b87a777d41b134bac52bc0a425735c5569a')
})

test('every part of a seal shows in its digest', () => {
  const others = [
    digestOfSeal(Buffer.alloc(32, 1), FIRST),
    ...[
      { organizationId: 8 },
      { sealN: 2 },
      { sealedAtMicroseconds: '1764410400000001' },
      { entryIds: ['1', '2'] },
      { entries: ['[1, "a"]', '[3, "u"]'] },
      { entries: ['[3, "ü"]', '[1, "a"]'] },
      { entries: ['[1, "a"]'] },
    ].map((change) => digestOfSeal(null, { ...FIRST, ...change })),
  ]
  const texts = [digestOfSeal(null, FIRST), ...others].map((digest) => digest.toString('hex'))
  expect(new Set(texts).size).toBe(texts.length)
})

test('an anchor is read as it was written, and nothing else is one', () => {
  const anchor = { sealN: 17, digest: digestOfSeal(null, FIRST) }
  expect(anchorOf(textOfAnchor(anchor))).toEqual(anchor)
  const digest = anchor.digest.toString('hex')
  for (const text of [
    '',
    digest,
    `17:${digest}0`,
    `0:${digest}`,
    `17:${digest.toUpperCase()}`,
    `17 ${digest}`,
    '17:',
  ]) {
    expect(anchorOf(text), text).toBeNull()
  }
})
