import { describe, expect, it } from 'vitest'
import { DescriptionFault, readDescription, writeDescription } from './sdp.ts'

const OFFER = [
  'v=0',
  'o=x 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 8 0 96',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:96 telephone-event/8000',
]
const read = (lines: readonly string[]) => readDescription(Buffer.from(lines.join('\r\n')))
const changed = (from: string, ...to: string[]) => OFFER.flatMap((line) => (line.startsWith(from) ? to : [line]))
const KEY = Uint8Array.from({ length: 30 }, (_, index) => index)

describe('a description', () => {
  it('tells address, port, the first codec that is spoken here, and key presses', () => {
    expect(read(OFFER)).toEqual({
      address: '192.0.2.1',
      port: 4000,
      rtcpPort: 4001,
      codec: 'PCMA',
      payloadType: 8,
      telephoneEventPayloadType: 96,
      srtpKey: null,
      cryptoTag: 0,
      direction: 'sendrecv',
    })
  })

  it('is read back as it was written', () => {
    const media = {
      address: '2001:db8::1',
      rtpPort: 5000,
      rtcpPort: 5001,
      codecs: ['PCMU', 'PCMA'] as const,
      srtpKey: KEY,
      direction: 'sendonly' as const,
      version: 3,
    }
    expect(readDescription(writeDescription(media, '77'))).toMatchObject({
      address: '2001:db8::1',
      port: 5000,
      codec: 'PCMU',
      srtpKey: KEY,
      cryptoTag: 1,
      telephoneEventPayloadType: 101,
      direction: 'recvonly',
    })
  })

  it.each([
    [
      'the address of the stream before that of the session',
      changed('a=rtpmap:8', 'c=IN IP4 192.0.2.9'),
      { address: '192.0.2.9' },
    ],
    [
      'codecs 0 and 8 without a map',
      OFFER.filter((line) => !line.startsWith('a=')),
      { codec: 'PCMA', telephoneEventPayloadType: null },
    ],
    [
      'an unusual number for a codec',
      [...changed('m=', 'm=audio 4000 RTP/AVP 100'), 'a=rtpmap:100 PCMU/8000'],
      { codec: 'PCMU', payloadType: 100 },
    ],
    ['hold', [...OFFER, 'a=sendonly'], { direction: 'recvonly' }],
    ['hold of old', changed('c=', 'c=IN IP4 0.0.0.0'), { address: '0.0.0.0' }],
    ['a port for RTCP', [...OFFER, 'a=rtcp:4099 IN IP4 192.0.2.1'], { rtcpPort: 4099 }],
    [
      'video beside the sound',
      [...OFFER, 'm=video 4100 RTP/AVP 97', 'a=sendonly'],
      { port: 4000, direction: 'sendrecv' },
    ],
  ])('takes %s', (_what, lines, told) => {
    expect(read(lines)).toMatchObject(told)
  })

  it.each([
    ['nothing', []],
    ['no sound', changed('m=', 'm=video 4000 RTP/AVP 8')],
    ['a refused stream', changed('m=', 'm=audio 0 RTP/AVP 8')],
    ['only foreign codecs', [...OFFER.slice(0, 5), 'm=audio 4000 RTP/AVP 18', 'a=rtpmap:18 G729/8000']],
    ['a number that means another codec', [...OFFER.slice(0, 5), 'm=audio 4000 RTP/AVP 0', 'a=rtpmap:0 L16/8000']],
    ['a name instead of an address', changed('c=', 'c=IN IP4 media.example.com')],
    ['no address', OFFER.filter((line) => !line.startsWith('c='))],
    ['a port beyond all ports', changed('m=', 'm=audio 70000 RTP/AVP 8')],
    ['encryption without a key', changed('m=', 'm=audio 4000 RTP/SAVP 8')],
    [
      'a key that is too short',
      [...changed('m=', 'm=audio 4000 RTP/SAVP 8'), 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA'],
    ],
    ['a transport that is none', changed('m=', 'm=audio 4000 TCP/MSRP 8')],
    ['thousands of lines', [...OFFER, ...Array<string>(1000).fill('a=x')]],
  ])('with %s is refused', (_what, lines) => {
    expect(() => read(lines)).toThrow(DescriptionFault)
  })
})
