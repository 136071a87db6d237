import { decodeG711 } from '../media/g711.ts'

/** Sound as a file or a voice brings it: mono, at its own rate. */
export interface Sound {
  readonly samplesPerSecond: number
  readonly samples: Float32Array
}

/** What cannot be played, in words for the person who brought it. */
export class WavError extends Error {
  override readonly name = 'WavError'
}

const PCM = 1
const FLOAT = 3
const A_LAW = 6
const U_LAW = 7
const EXTENSIBLE = 0xfffe
const RATES = { min: 4000, max: 192_000 }

interface Format {
  readonly encoding: number
  readonly channels: number
  readonly samplesPerSecond: number
  readonly bits: number
}

/**
 * Reads a WAV file: PCM of 8 to 32 bits, float, G.711; any number of channels is mixed into one. Sizes in the file are not believed
 * beyond its end, since voices that write to a pipe cannot know them.
 *
 * @throws WavError when it is no WAV, or nothing in it can be played.
 */
export function readWav(file: Buffer): Sound {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new WavError('This is no WAV file')
  }
  let format: Format | null = null
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString('latin1', at, at + 4)
    const length = file.readUInt32LE(at + 4)
    const body = file.subarray(at + 8, Math.min(file.length, at + 8 + length))
    if (name === 'fmt ') format = readFormat(body)
    if (name === 'data') {
      if (!format) throw new WavError('The WAV file does not say how its sound is written')
      return { samplesPerSecond: format.samplesPerSecond, samples: mix(body, format) }
    }
    // Chunks begin at even bytes.
    at += 8 + length + (length % 2)
  }
  throw new WavError('The WAV file holds no sound')
}

function readFormat(body: Buffer): Format {
  if (body.length < 16) throw new WavError('The WAV file is cut off')
  const written = body.readUInt16LE(0)
  const encoding = written === EXTENSIBLE && body.length >= 26 ? body.readUInt16LE(24) : written
  const format = {
    encoding,
    channels: body.readUInt16LE(2),
    samplesPerSecond: body.readUInt32LE(4),
    bits: body.readUInt16LE(14),
  }
  const { channels, samplesPerSecond } = format
  if (channels < 1 || channels > 8) throw new WavError(`A WAV file with ${channels} channels cannot be played`)
  if (samplesPerSecond < RATES.min || samplesPerSecond > RATES.max) {
    throw new WavError(`A WAV file with ${samplesPerSecond} samples a second cannot be played`)
  }
  return format
}

function mix(body: Buffer, format: Format): Float32Array {
  const { channels } = format
  const read = readerOf(format)
  const bytes = format.bits / 8
  const frames = Math.floor(body.length / (bytes * channels))
  const samples = new Float32Array(frames)
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++) sum += read(body, (frame * channels + channel) * bytes)
    samples[frame] = sum / channels
  }
  return samples
}

/** One sample, as -32768..32767. */
function readerOf({ encoding, bits }: Format): (body: Buffer, at: number) => number {
  if (encoding === PCM && bits === 8) return (body, at) => (body[at]! - 128) * 256
  if (encoding === PCM && bits === 16) return (body, at) => body.readInt16LE(at)
  if (encoding === PCM && bits === 24) return (body, at) => body.readIntLE(at, 3) / 256
  if (encoding === PCM && bits === 32) return (body, at) => body.readInt32LE(at) / 65_536
  if (encoding === FLOAT && bits === 32) {
    return (body, at) => {
      const value = body.readFloatLE(at)
      return Number.isFinite(value) ? Math.max(-32_768, Math.min(32_767, value * 32_767)) : 0
    }
  }
  if ((encoding === A_LAW || encoding === U_LAW) && bits === 8) {
    const sample = new Int16Array(1)
    return (body, at) => {
      decodeG711(encoding === A_LAW ? 'PCMA' : 'PCMU', body.subarray(at, at + 1), sample)
      return sample[0]!
    }
  }
  throw new WavError(`A WAV file of format ${encoding} with ${bits} bits cannot be played`)
}

const HEADER_BYTES = 44

/** A WAV file of 16 bits, mono. */
export function writeWav(samples: Int16Array, samplesPerSecond: number): Buffer {
  const file = Buffer.alloc(HEADER_BYTES + samples.length * 2)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(PCM, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(samplesPerSecond, 24)
  file.writeUInt32LE(samplesPerSecond * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(samples.length * 2, 40)
  for (const [at, sample] of samples.entries()) file.writeInt16LE(sample, HEADER_BYTES + at * 2)
  return file
}
