/** Zero crossings of the sinc on either side: 84 dB and steep enough to keep all that a telephone carries. */
const CROSSINGS = 24
/** The cut-off, as part of the lower of both half rates. */
const ROLL_OFF = 0.94

/**
 * Sound at another rate, by a windowed sinc (Blackman) that also keeps out what the lower rate cannot hold: without it an
 * `s` at 48 kHz would whistle at 8 kHz. Rates are whole numbers. Rounds and clips to 16 bits; takes any length.
 */
export function resample(samples: Float32Array, from: number, to: number): Int16Array {
  if (from === to) return Int16Array.from(samples, clip)
  const common = greatestCommonDivisor(from, to)
  const up = to / common
  const down = from / common
  const cutOff = ROLL_OFF * Math.min(1, to / from)
  const reach = Math.ceil(CROSSINGS / cutOff)
  const kernels = Array.from({ length: up }, (_, phase) => kernelOf(phase / up, { cutOff, reach }))
  const out = new Int16Array(Math.floor((samples.length * up) / down))
  for (let index = 0; index < out.length; index++) {
    const position = index * down
    const middle = Math.floor(position / up)
    const kernel = kernels[position % up]!
    const first = middle - reach + 1
    let sum = 0
    for (let tap = 0; tap < kernel.length; tap++) sum += (samples[first + tap] ?? 0) * kernel[tap]!
    out[index] = clip(sum)
  }
  return out
}

/** Weights of the samples around an instant `fraction` of a sample behind the middle one; they add up to one. */
function kernelOf(fraction: number, { cutOff, reach }: { cutOff: number; reach: number }): Float64Array {
  const kernel = new Float64Array(2 * reach)
  let sum = 0
  for (let tap = 0; tap < kernel.length; tap++) {
    const distance = tap - reach + 1 - fraction
    const angle = Math.PI * distance
    const sinc = distance === 0 ? cutOff : Math.sin(angle * cutOff) / angle
    const place = angle / reach
    const window = Math.abs(distance) >= reach ? 0 : 0.42 + 0.5 * Math.cos(place) + 0.08 * Math.cos(2 * place)
    kernel[tap] = sinc * window
    sum += kernel[tap]!
  }
  return kernel.map((weight) => weight / sum)
}

function clip(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)))
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other)
}
