import { expect, test } from 'vitest'
import { HeldUpload, UploadMemory } from './upload-memory.ts'

const PAGE = 65_536

async function contentOf(held: HeldUpload): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of held.read()) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('bytes come back in order, once, and their memory page by page', async () => {
  const memory = new UploadMemory(10 * PAGE)
  const held = new HeldUpload(memory)
  const text = Array.from({ length: 20_000 }, (_, at) => `line ${at}\n`).join('')
  for (let from = 0; from < text.length; from += 7_001) held.append(Buffer.from(text.slice(from, from + 7_001)))
  expect(held.byteLength).toBe(text.length)
  const pages = memory.heldBytes / PAGE
  expect(pages).toBe(Math.ceil(text.length / PAGE))

  const reading = held.read()
  await reading.next()
  await reading.next()
  expect(memory.heldBytes).toBe((pages - 1) * PAGE)
  await reading.return(undefined)
  expect(memory.heldBytes).toBe(0)
  await expect(contentOf(held)).rejects.toThrow('not there any more')
})

test('the content is the one that was appended', async () => {
  const held = new HeldUpload(new UploadMemory(10 * PAGE))
  const text = 'abc'.repeat(50_000)
  held.append(Buffer.from(text))
  expect(await contentOf(held)).toBe(text)
})

test('all uploads together stay below the limit, and what one leaves another can take', () => {
  const memory = new UploadMemory(2 * PAGE)
  const first = new HeldUpload(memory)
  const second = new HeldUpload(memory)
  first.append(Buffer.alloc(PAGE + 1))
  expect(() => second.append(Buffer.alloc(1))).toThrow('Too many files')
  first.forget()
  second.append(Buffer.alloc(1))
  second.forget()
  expect(memory.heldBytes).toBe(0)
})

test('a reader keeps what it reads when the upload is forgotten', async () => {
  const memory = new UploadMemory(4 * PAGE)
  const held = new HeldUpload(memory)
  held.append(Buffer.alloc(PAGE + 5, 'x'))
  const reading = held.read()
  await reading.next()
  held.forget()
  expect((await reading.next()).value?.length).toBe(5)
  expect((await reading.next()).done).toBe(true)
  expect(memory.heldBytes).toBe(0)
})
