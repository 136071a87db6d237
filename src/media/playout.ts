import { Concealment } from './concealment.ts'
import { decodeG711, SILENCE } from './g711.ts'
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts'
import type { AudioCodec } from './prompt.ts'

/** The codes of the frame that is played just now, of whichever session. */
const codes = new Uint8Array(FRAME_SAMPLES)

/** Makes what arrives a steady stream of frames for somebody who listens: evens out the jitter and hides what was lost. */
export class Playout {
  readonly #onSound: (samples: Int16Array) => void
  readonly #buffer = new JitterBuffer()
  readonly #concealment = new Concealment()
  /** Packets that came too late to be heard. */
  tooLate = 0
  concealedFrames = 0

  constructor(onSound: (samples: Int16Array) => void) {
    this.#onSound = onSound
  }

  put(timestamp: number, payload: Uint8Array): void {
    if (this.#buffer.put(timestamp, payload) === 'late') this.tooLate++
  }

  /** Plays the next 20 ms. */
  onFrame(codec: AudioCodec): void {
    const taken = this.#buffer.take(codes, SILENCE[codec])
    const samples = new Int16Array(FRAME_SAMPLES)
    if (taken === 'sound') {
      decodeG711(codec, codes, samples)
      this.#concealment.heard(samples)
    } else {
      if (taken === 'lost') this.concealedFrames++
      this.#concealment.lost(samples)
    }
    this.#onSound(samples)
  }

  /** Another source or codec: what waits is of the old one. */
  reset(): void {
    this.#buffer.reset()
  }
}
