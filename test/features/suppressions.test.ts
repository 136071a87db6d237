import { expect, test } from 'vitest'
import {
  addSuppressions,
  importSuppressions,
  listSuppressions,
  removeSuppressions,
} from '../../src/commands/suppressions.ts'
import { commandWorld, fileOf, people } from '../command-world.ts'

test('numbers come on the list once, and texts that are none are told with their place', async () => {
  const { context, actor, woken } = await commandWorld()
  const added = await addSuppressions(context, actor, {
    numbers: ['+15550000001', '+1 (555) 000-0002', '+15550000001', 'nobody', '12'],
    reason: 'asked by letter',
  })
  expect(added).toMatchObject({ added: 2, alreadyThere: 0, rejectedCount: 2 })
  expect(added.rejected).toMatchObject([
    { line: 4, value: 'nobody', reason: 'not-a-number' },
    { line: 5, value: '12' },
  ])
  expect(await addSuppressions(context, actor, { numbers: ['+15550000002', '+15550000003'] })).toMatchObject({
    added: 1,
    alreadyThere: 1,
    rejected: [],
  })
  expect(woken).toContain(actor.organizationId)
  const { items, nextCursor } = await listSuppressions(context, actor)
  expect(items.map(({ number, reason }) => [number, reason])).toEqual([
    ['+15550000003', 'Asked not to be called'],
    ['+15550000002', 'asked by letter'],
    ['+15550000001', 'asked by letter'],
  ])
  expect(nextCursor).toBeNull()
})

test('pages of the list have no gap and no repetition, also among numbers of the same instant', async () => {
  const { context, actor } = await commandWorld()
  const numbers = people(25).map(({ to }) => to)
  await addSuppressions(context, actor, { numbers })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listSuppressions(context, actor, { limit: 4, cursor })
    seen.push(...page.items.map(({ number }) => number))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  expect(seen).toEqual(numbers.toReversed())
  await expect(listSuppressions(context, actor, { cursor: 'x' })).rejects.toMatchObject({ code: 'invalid-cursor' })
})

test.each([
  ['plain lines without a header', '+15550000001\n+15550000002\n', 2, 0],
  ['a header that names no phone column', 'blocked\r\n+15550000001\r\n', 1, 0],
  ['a phone column among others, with semicolons', 'name;mobile\nAda;+15550000001\nBob;\n;\n', 1, 0],
  ['a first line that is a bad number', '555\n+15550000001', 1, 1],
  ['UTF-16 with a byte order mark', '\ufeffphone\n+15550000001\n', 1, 0],
])('a file: %s', async (name, text, added, rejected) => {
  const { context, actor } = await commandWorld()
  const bytes = name.startsWith('UTF-16') ? [Buffer.from(text, 'utf16le')] : fileOf(text, 3)
  const answer = await importSuppressions(context, actor, asStream(bytes))
  expect(answer).toMatchObject({ added, alreadyThere: 0 })
  expect(answer.rejected).toHaveLength(rejected)
})

test('a long file is stored in slices; other files are refused', async () => {
  const { context, actor } = await commandWorld()
  const numbers = people(12_000).map(({ to }) => to)
  expect(await importSuppressions(context, actor, fileOf(`phone\n${numbers.join('\n')}`))).toEqual({
    added: 12_000,
    alreadyThere: 0,
    rejectedCount: 0,
    rejected: [],
  })
  await expect(importSuppressions(context, actor, fileOf('PK\x03\x04'))).rejects.toMatchObject({
    code: 'unsupported-file',
  })
  await expect(importSuppressions(context, actor, fileOf('"+1555'))).rejects.toMatchObject({ code: 'file-unreadable' })
  await expect(
    importSuppressions(context, actor, asStream([Buffer.alloc(20 * 1_048_576 + 1, 49)])),
  ).rejects.toMatchObject({ code: expect.stringMatching('file-too-large|file-unreadable') })
})

test('removed numbers are called again; a text that is none removes nothing', async () => {
  const { context, actor } = await commandWorld()
  await addSuppressions(context, actor, { numbers: ['+15550000001', '+15550000002'] })
  await expect(removeSuppressions(context, actor, { numbers: ['+15550000001', 'x'] })).rejects.toMatchObject({
    code: 'invalid-number',
    field: 'numbers[1]',
  })
  expect(await removeSuppressions(context, actor, { numbers: ['+15550000001', '+15550000001', '+15550000009'] })).toBe(
    1,
  )
  expect((await listSuppressions(context, actor)).items).toHaveLength(1)
})

test('who is suppressed is never claimed, and ends suppressed', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const list = people(3)
  await addSuppressions(context, actor, { numbers: [list[1]!.to] })
  await world.makeBatch(list)
  expect((await world.claim(10)).map(({ digits }) => `+${digits}`).sort()).toEqual([list[0]!.to, list[2]!.to])
  expect(await world.differences()).toEqual([])
})

test('the answer waits until no intent of these numbers can be sent any more, and no longer', async () => {
  const world = await commandWorld()
  const { context, actor } = world
  const list = people(2)
  await world.makeBatch(list)
  const claims = await world.claim(2)
  const claimOf = (to: string) => claims.find(({ digits }) => `+${digits}` === to)!
  let answered = false
  const adding = addSuppressions(context, actor, { numbers: [list[0]!.to] }).then(() => {
    answered = true
  })
  // The list is written at once; the answer is not given while the call may still be sent.
  await expect.poll(async () => (await listSuppressions(context, actor)).items.length).toBe(1)
  await world.answer([claimOf(list[1]!.to)])
  expect(answered).toBe(false)
  await world.answer([claimOf(list[0]!.to)])
  await adding
  expect(answered).toBe(true)
})

async function* asStream(bytes: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* bytes
}
