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
  const resampler = new Resampler(from, to)
  const out = new Int16Array(resampler.lengthOf(samples.length))
  resampler.read({ samples, first: 0 }, 0, out)
  return out
}

/** Some samples of a longer sound; around them is silence. */
export interface Piece {
  readonly samples: Float32Array
  /** The place of the first of them in the whole sound. */
  readonly first: number
}

/** The same piece by piece, so that a sound can be had at another rate while it is played. */
export class Resampler {
  readonly #up: number
  readonly #down: number
  readonly #reach: number
  readonly #kernels: readonly Float64Array[]

  constructor(from: number, to: number) {
    const common = greatestCommonDivisor(from, to)
    this.#up = to / common
    this.#down = from / common
    const cutOff = ROLL_OFF * Math.min(1, to / from)
    const reach = Math.ceil(CROSSINGS / cutOff)
    this.#reach = reach
    this.#kernels = Array.from({ length: this.#up }, (_, phase) => kernelOf(phase / this.#up, { cutOff, reach }))
  }

  /** How many samples come out of so many. */
  lengthOf(samples: number): number {
    return Math.floor((samples * this.#up) / this.#down)
  }

  /** Which samples are needed for `count` of the new ones from `at` on: from `first` to before `end`. */
  needs(at: number, count: number): { first: number; end: number } {
    const middleOf = (index: number) => Math.floor((index * this.#down) / this.#up)
    return { first: middleOf(at) - this.#reach + 1, end: middleOf(at + count - 1) + this.#reach + 1 }
  }

  /** Fills `out` with the new samples from `at` on. */
  read({ samples, first }: Piece, at: number, out: Int16Array): void {
    for (let index = 0; index < out.length; index++) {
      const position = (at + index) * this.#down
      const begin = Math.floor(position / this.#up) - this.#reach + 1 - first
      const kernel = this.#kernels[position % this.#up]!
      // Before the first sample and after the last there is silence.
      const from = Math.max(0, -begin)
      const to = Math.min(kernel.length, samples.length - begin)
      let sum = 0
      for (let tap = from; tap < to; tap++) sum += samples[begin + tap]! * kernel[tap]!
      out[index] = clip(sum)
    }
  }
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
