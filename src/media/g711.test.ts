import { describe, expect, it } from 'vitest'
import { decodeG711, decodingTable, encodeG711, SILENCE } from './g711.ts'
import type { AudioCodec } from './prompt.ts'

const CODECS: readonly AudioCodec[] = ['PCMU', 'PCMA']

function encode(codec: AudioCodec, ...samples: number[]): number[] {
  const codes = new Uint8Array(samples.length)
  encodeG711(codec, Int16Array.from(samples), codes)
  return [...codes]
}

describe('G.711', () => {
  it('has the codes that ITU-T G.711 prints at the ends and in the middle of its tables', () => {
    // Tables 2a and 2b, u-law, in 14 bits; table 1a and 1b, A-law, in 13 bits: shifted to 16.
    expect(encode('PCMU', 32_124, -32_124, 0, 8, -8)).toEqual([0x80, 0x00, 0xff, 0xfe, 0x7e])
    expect(encode('PCMA', 32_256, -32_256, 8, -8)).toEqual([0xaa, 0x2a, 0xd5, 0x55])
    expect([...decodingTable('PCMU').subarray(0, 2)]).toEqual([-32_124, -31_100])
    expect(decodingTable('PCMA')[0xaa]).toBe(32_256)
  })

  it.each(CODECS)('%s: every code comes back as itself', (codec) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
    const samples = new Int16Array(256)
    const again = new Uint8Array(256)
    decodeG711(codec, codes, samples)
    encodeG711(codec, samples, again)
    // u-law has two zeros; the negative one comes back as the positive.
    const expected = codes.map((code) => (codec === 'PCMU' && code === 0x7f ? 0xff : code))
    expect(again).toEqual(expected)
  })

  it.each(CODECS)('%s: no sample is further off than half a step of its segment, and order is kept', (codec) => {
    const table = decodingTable(codec)
    const samples = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768)
    const codes = new Uint8Array(samples.length)
    encodeG711(codec, samples, codes)
    let last = Number.NEGATIVE_INFINITY
    const wrong = samples.filter((sample, index) => {
      const heard = table[codes[index]!]!
      const tooFar = Math.abs(heard - sample) > (Math.abs(sample) + 132) / 32 + 4
      const backwards = heard < last
      last = heard
      return tooFar || backwards
    })
    expect([...wrong]).toEqual([])
  })

  it.each(CODECS)('%s: silence is the quietest sound there is', (codec) => {
    expect(Math.abs(decodingTable(codec)[SILENCE[codec]]!)).toBeLessThanOrEqual(8)
  })
})
