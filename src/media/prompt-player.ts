import { decodingTable } from './g711.ts'
import { FRAME_MS, type Paced } from './pacer.ts'
import { type Prompt, SAMPLES_PER_SECOND } from './prompt.ts'
import { Resampler } from './resample.ts'

/** Nobody takes the sound for so long: the listener is gone, whatever its connection says. */
const STALLED_MAX_MS = 10_000
/** More than this is not sent ahead, however much the listener could keep: what is stopped must be over soon. */
const LEAD_MAX_MS = 200

export interface PromptPlayerOptions {
  /** A whole number; those whose ratio to 8000 is simple cost little. */
  readonly samplesPerSecond: number
  /** How much sound the listener keeps before it plays; so much is sent ahead, 200 ms at most. */
  readonly bufferMs: number
  /** Takes one frame, linear and mono; false: no more can be sent now, and this one was not. Must not keep what it got. */
  readonly send: (samples: Int16Array) => boolean
  /** The last frame of a playing was sent (`finished`), or another playing or `stopPlaying` cut it off (`stopped`). */
  readonly onPlayingEnded: (playing: number, how: 'finished' | 'stopped') => void
  /** Nothing could be sent for ten seconds. Told once. */
  readonly onStalled: () => void
}

/**
 * Prompts as linear sound at any rate, a frame every 20 ms and silence between them, for listeners that take no packets.
 * Who does not take a frame hears it later: the prompt waits, silence does not.
 */
export class PromptPlayer implements Paced {
  readonly #options: PromptPlayerOptions
  readonly #resampler: Resampler | null
  readonly #table = decodingTable('PCMU')
  #playing: { readonly number: number; readonly codes: Uint8Array; readonly length: number; at: number } | null = null
  #lastPlaying = 0
  #frames = 0
  #leadFrames: number
  #stalledFrames = 0

  constructor(options: PromptPlayerOptions) {
    this.#options = options
    const { samplesPerSecond, bufferMs } = options
    this.#resampler =
      samplesPerSecond === SAMPLES_PER_SECOND ? null : new Resampler(SAMPLES_PER_SECOND, samplesPerSecond)
    this.#leadFrames = Math.floor(Math.min(LEAD_MAX_MS, bufferMs) / FRAME_MS)
  }

  /** How long after the last frame was sent it is heard. */
  get leadMs(): number {
    return Math.min(LEAD_MAX_MS, this.#options.bufferMs)
  }

  /** Plays a prompt from its beginning, instead of what plays now. Answers the number by which its end is told. */
  play(prompt: Prompt): number {
    this.stopPlaying()
    const codes = prompt.samples.PCMU
    const length = this.#resampler?.lengthOf(codes.length) ?? codes.length
    this.#playing = { number: ++this.#lastPlaying, codes, length, at: 0 }
    return this.#lastPlaying
  }

  stopPlaying(): void {
    const playing = this.#playing
    this.#playing = null
    if (playing) this.#options.onPlayingEnded(playing.number, 'stopped')
  }

  onFrame(): void {
    for (; this.#leadFrames > 0; this.#leadFrames--) this.#sendFrame()
    this.#sendFrame()
  }

  /** The process stood still: what was not sent is sent from now on, since nobody has heard it. */
  onSkipped(): void {}

  #sendFrame(): void {
    const { samplesPerSecond, send, onPlayingEnded, onStalled } = this.#options
    // A frame of 11,025 samples a second has 220 and a half.
    const before = Math.floor((this.#frames * samplesPerSecond * FRAME_MS) / 1000)
    const count = Math.floor(((this.#frames + 1) * samplesPerSecond * FRAME_MS) / 1000) - before
    const samples = new Int16Array(count)
    const playing = this.#playing
    if (playing) this.#read(playing, samples)
    if (!send(samples)) {
      if (++this.#stalledFrames === STALLED_MAX_MS / FRAME_MS) onStalled()
      return
    }
    this.#stalledFrames = 0
    this.#frames++
    if (!playing) return
    playing.at += count
    if (playing.at < playing.length) return
    this.#playing = null
    onPlayingEnded(playing.number, 'finished')
  }

  #read({ codes, at }: { codes: Uint8Array; at: number }, out: Int16Array): void {
    if (this.#resampler === null) {
      for (let index = 0; index < out.length; index++) out[index] = this.#sampleAt(codes, at + index)
      return
    }
    const { first, end } = this.#resampler.needs(at, out.length)
    const samples = new Float32Array(end - first)
    for (let index = 0; index < samples.length; index++) samples[index] = this.#sampleAt(codes, first + index)
    this.#resampler.read({ samples, first }, at, out)
  }

  /** Around a prompt is silence. */
  #sampleAt(codes: Uint8Array, at: number): number {
    const code = codes[at]
    return code === undefined ? 0 : this.#table[code]!
  }
}
