import { describe, expect, it } from 'vitest'
import { parseMessage, SipHeaders, splitOutside, writeMessage } from './message.ts'
import { StreamFault, StreamReader } from './stream-reader.ts'

const LINES = [
  'INVITE sip:+14155550142@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport',
  'From: "A, B" <sip:a@example.com>;tag=1',
  'To: <sip:b@example.com>',
  'Call-ID: abc',
  'CSeq: 7 INVITE',
  'Content-Length: 4',
]
const bytes = (lines: readonly string[], body = 'body') => Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
const changed = (from: string, to: string) => LINES.map((line) => (line.startsWith(from) ? to : line))

describe('a message', () => {
  it('is read with its headers in order, and written the same', () => {
    const parsed = parseMessage(bytes(LINES))
    expect(parsed).toMatchObject({ ok: true, message: { kind: 'request', method: 'INVITE' } })
    if (!parsed.ok) return
    expect(writeMessage(parsed.message).toString()).toBe(bytes(LINES).toString())
  })

  it('is read with compact names and continued lines', () => {
    const compact = [
      'SIP/2.0 200 OK',
      'v: SIP/2.0/UDP h',
      'f: <sip:a@b>',
      ' ;tag=2',
      't: <sip:c@d>',
      'i: x',
      'CSeq: 1 BYE',
      'l: 0',
    ]
    const parsed = parseMessage(bytes(compact, ''))
    expect(parsed.ok && parsed.message.headers.get('From')).toBe('<sip:a@b> ;tag=2')
  })

  it.each([
    ['no empty line', Buffer.from(LINES.join('\r\n'))],
    ['a body shorter than its length', bytes(changed('Content-Length', 'Content-Length: 5'))],
    ['a length that is none', bytes(changed('Content-Length', 'Content-Length: -1'))],
    ['two lengths', bytes([...LINES, 'Content-Length: 4'])],
    ['two Call-IDs', bytes([...LINES, 'i: other'])],
    ['no Via', bytes(LINES.filter((line) => !line.startsWith('Via')))],
    ['a CSeq of another method', bytes(changed('CSeq', 'CSeq: 7 BYE'))],
    ['a CSeq that is too large', bytes(changed('CSeq', 'CSeq: 4294967296 INVITE'))],
    ['a URI with a space', bytes(changed('INVITE', 'INVITE sip:a b SIP/2.0'))],
    ['a status of 99', bytes(changed('INVITE', 'SIP/2.0 99 No'))],
    ['another version', bytes(changed('INVITE', 'INVITE sip:a@b SIP/3.0'))],
    ['a bare line feed', bytes(changed('To', 'To: <sip:b@example.com>\nX: y'))],
    ['a zero byte', bytes(changed('To', 'To: <sip:b\0@example.com>'))],
    ['a header without a name', bytes([...LINES, ': x'])],
    ['too many headers', bytes([...LINES, ...Array<string>(300).fill('X: y')])],
    ['headers that are too long', bytes([...LINES, `X: ${'y'.repeat(20_000)}`])],
    ['more bytes than any message', Buffer.alloc(70_000, 'x')],
  ])('with %s is refused', (_what, message) => {
    expect(parseMessage(message)).toMatchObject({ ok: false })
  })

  it('cannot be made to hold a header that somebody else wrote', () => {
    const headers = new SipHeaders([['subject', 'x\r\nRoute: <sip:evil>']])
    const message = { kind: 'request', method: 'BYE', uri: 'sip:a@b', headers, body: Buffer.alloc(0) } as const
    expect(() => writeMessage(message)).toThrow(RangeError)
    expect(() => writeMessage({ ...message, headers: new SipHeaders(), uri: 'sip:a@b SIP/2.0\r\nX: y' })).toThrow(
      RangeError,
    )
  })

  it('keeps commas in quotes and brackets', () => {
    expect(splitOutside('"a,b" <sip:x,y@z>;p=1 , <sip:c@d>', ',')).toEqual(['"a,b" <sip:x,y@z>;p=1', '<sip:c@d>'])
  })
})

describe('a stream of messages', () => {
  it('is cut by their lengths, wherever its pieces end', () => {
    const stream = Buffer.concat([
      Buffer.from('\r\n\r\n'),
      bytes(LINES),
      bytes(LINES),
      Buffer.from('\r\n'),
      bytes(LINES),
    ])
    for (const step of [1, 7, 100, stream.length]) {
      const reader = new StreamReader()
      const messages: string[] = []
      for (let at = 0; at < stream.length; at += step) {
        for (const message of reader.push(stream.subarray(at, at + step))) messages.push(message.toString())
      }
      expect(messages).toEqual(Array(3).fill(bytes(LINES).toString()))
    }
  })

  it('ends when a message does not say its length, or says too much, or never ends', () => {
    const without = bytes(LINES.filter((line) => !line.startsWith('Content-Length')))
    expect(() => new StreamReader().push(without)).toThrow(StreamFault)
    expect(() => new StreamReader().push(bytes(changed('Content-Length', 'Content-Length: 999999')))).toThrow(
      StreamFault,
    )
    expect(() => new StreamReader().push(Buffer.alloc(70_000, 'x'))).toThrow(StreamFault)
  })
})
