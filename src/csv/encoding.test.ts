import { describe, expect, it } from 'vitest'
import { FileDecoder } from './encoding.ts'

const TEXT = 'phone,name\n+14155550123,Zoë 漢字 😀 Łódź\n'
const bigEndian = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16()
/** Detection needs more than a handful of bytes, as a real first piece has. */
const LONG = TEXT.repeat(20)

function decode(bytes: Buffer, cut = bytes.length): { text: string; encoding: string } {
  const decoder = new FileDecoder()
  const text = decoder.decode(bytes.subarray(0, cut), false) + decoder.decode(bytes.subarray(cut), true)
  return { text, encoding: decoder.encoding }
}

describe('encodings', () => {
  it.each([
    ['utf-8', Buffer.from(LONG)],
    ['utf-8', Buffer.from(`\ufeff${LONG}`)],
    ['utf-16le', Buffer.from(`\ufeff${LONG}`, 'utf16le')],
    ['utf-16be', bigEndian(`\ufeff${LONG}`)],
    ['utf-16le', Buffer.from(LONG, 'utf16le')],
    ['utf-16be', bigEndian(LONG)],
  ])('finds and reads %s wherever the bytes are cut', (encoding, bytes) => {
    for (let cut = 200; cut < 400; cut += 1) expect(decode(bytes, cut)).toEqual({ text: LONG, encoding })
  })

  it('reads Windows-1252 with all of its own characters', () => {
    const bytes = Buffer.from('phone,name\n1,Jos\xe9 \x80\x93\x94\x8a\x9f\xff \x81\n', 'latin1')
    expect(decode(bytes)).toEqual({ text: 'phone,name\n1,José €“”ŠŸÿ \x81\n', encoding: 'windows-1252' })
  })

  it('decides when the first byte beyond ASCII comes, in whichever piece', () => {
    const head = 'phone,name\n'.repeat(30)
    expect(decode(Buffer.from(`${head}Jos\xe9,\xe9`, 'latin1'), 200)).toEqual({
      text: `${head}José,é`,
      encoding: 'windows-1252',
    })
    expect(decode(Buffer.from(`${head}José`), head.length + 4).text).toBe(`${head}José`)
    expect(decode(Buffer.from(head)).encoding).toBe('ascii')
  })

  it('stays with UTF-8 when one of many characters is damaged', () => {
    const bytes = Buffer.concat([Buffer.from('Zoë Łódź '), Buffer.from([0xe9]), Buffer.from(' Zoë')])
    expect(decode(bytes)).toEqual({ text: 'Zoë Łódź \ufffd Zoë', encoding: 'utf-8' })
  })

  it('replaces half a character of UTF-16', () => {
    expect(decode(Buffer.from(`\ufeffa\ud800b`, 'utf16le')).text).toBe('a\ufffdb')
  })

  it('refuses NUL characters', () => {
    expect(() => decode(Buffer.from('phone,name\n+1415555\0 0123,Ann\n'))).toThrow(/NUL/)
  })
})
