import type { AudioCodec } from './prompt.ts'

/**
 * G.711 by tables: both laws of ITU-T G.711 between 8-bit codes and 16-bit samples. Tables are made once; a frame then
 * costs one look-up for each sample.
 */

/** The code of silence. A-law has no zero; this is its smallest positive step. */
export const SILENCE: Readonly<Record<AudioCodec, number>> = { PCMU: 0xff, PCMA: 0xd5 }

const U_LAW_BIAS = 0x84
const U_LAW_CLIP = 32_635

const decoded: Readonly<Record<AudioCodec, Int16Array>> = { PCMU: new Int16Array(256), PCMA: new Int16Array(256) }
const encoded: Readonly<Record<AudioCodec, Uint8Array>> = { PCMU: new Uint8Array(65_536), PCMA: new Uint8Array(65_536) }
for (let code = 0; code < 256; code++) {
  decoded.PCMU[code] = decodeULaw(code)
  decoded.PCMA[code] = decodeALaw(code)
}
for (let sample = -32_768; sample < 32_768; sample++) {
  encoded.PCMU[sample & 0xffff] = encodeULaw(sample)
  encoded.PCMA[sample & 0xffff] = encodeALaw(sample)
}

/** The sample of each code, for loops that cannot afford a call. */
export function decodingTable(codec: AudioCodec): Int16Array {
  return decoded[codec]
}

/** Writes one code for each sample into `codes`, which must be as long. */
export function encodeG711(codec: AudioCodec, samples: Int16Array, codes: Uint8Array): void {
  const table = encoded[codec]
  for (let at = 0; at < samples.length; at++) codes[at] = table[samples[at]! & 0xffff]!
}

/** Writes one sample for each code into `samples`, which must be as long. */
export function decodeG711(codec: AudioCodec, codes: Uint8Array, samples: Int16Array): void {
  const table = decoded[codec]
  for (let at = 0; at < codes.length; at++) samples[at] = table[codes[at]!]!
}

function decodeULaw(code: number): number {
  const bits = ~code & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + U_LAW_BIAS) << ((bits & 0x70) >> 4)) - U_LAW_BIAS
  return bits & 0x80 ? -magnitude : magnitude
}

function encodeULaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(Math.abs(sample), U_LAW_CLIP) + U_LAW_BIAS
  const segment = 24 - Math.clz32(magnitude)
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff
}

function decodeALaw(code: number): number {
  // Every second bit is inverted on the line.
  const bits = code ^ 0x55
  const step = ((bits & 0x0f) << 4) + 8
  const segment = (bits & 0x70) >> 4
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
  return bits & 0x80 ? magnitude : -magnitude
}

function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0
  // The negative half is shifted by one, so that both halves have as many steps.
  const magnitude = sample >= 0 ? sample : -sample - 1
  const segment = Math.max(0, 24 - Math.clz32(magnitude))
  const step = segment === 0 ? magnitude >> 4 : (magnitude >> (segment + 3)) & 0x0f
  return (sign | (segment << 4) | step) ^ 0x55
}
