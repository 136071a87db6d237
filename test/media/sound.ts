import { encodeG711 } from '../../src/media/g711.ts'
import type { Prompt } from '../../src/media/prompt.ts'

/** Speech-like sound that no other seed makes: bursts of noise and tones, so that shifts and mix-ups show. */
export function soundOf(seed: number, seconds: number): Int16Array {
  const samples = new Int16Array(Math.round(seconds * 8000))
  let state = (seed * 2_654_435_761) >>> 0 || 1
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let at = 0; at < samples.length; ) {
    const length = 300 + Math.floor(random() * 900)
    const loudness = random() < 0.2 ? 0 : 2000 + random() * 10_000
    const step = (2 * Math.PI * (150 + random() * 1500)) / 8000
    for (let k = 0; k < length && at < samples.length; k++, at++) {
      samples[at] = Math.round(loudness * (0.7 * Math.sin(step * k) + 0.3 * (random() * 2 - 1)))
    }
  }
  return samples
}

export function promptOf(samples: Int16Array): Prompt {
  const law = () => new Uint8Array(new SharedArrayBuffer(samples.length))
  const laws = { PCMU: law(), PCMA: law() }
  encodeG711('PCMU', samples, laws.PCMU)
  encodeG711('PCMA', samples, laws.PCMA)
  return { durationMs: samples.length / 8, samples: laws }
}

/** Normalized correlation of two pieces of sound, 1 when they are the same up to loudness. */
export function correlation(one: Int16Array, other: Int16Array): number {
  let product = 0
  let first = 0
  let second = 0
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    product += one[at]! * other[at]!
    first += one[at]! ** 2
    second += other[at]! ** 2
  }
  return first === 0 || second === 0 ? 0 : product / Math.sqrt(first * second)
}

/** The best correlation over all shifts up to `maxShift` samples, either way. */
export function bestCorrelation(reference: Int16Array, heard: Int16Array, maxShift: number): number {
  let best = -1
  for (let shift = -maxShift; shift <= maxShift; shift++) {
    const moved = shift >= 0 ? heard.subarray(shift) : heard
    const fixed = shift >= 0 ? reference : reference.subarray(-shift)
    best = Math.max(best, correlation(fixed, moved))
  }
  return best
}
