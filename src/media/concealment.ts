import { FRAME_SAMPLES } from './jitter-buffer.ts'

/** Voices repeat themselves 60 to 200 times a second. */
const PERIOD_MIN = 40
const PERIOD_MAX = 133
/** How much of the past is compared to find the period. */
const COMPARED = 160
const HISTORY = COMPARED + PERIOD_MAX
const JOIN = 40
/** After 60 ms nothing is left of it: longer guesses sound like a robot. */
const FADE_SAMPLES = 3 * FRAME_SAMPLES

/**
 * Hides lost frames: repeats the last period of the voice and fades it out, and joins what comes after smoothly. The
 * idea of ITU-T G.711 appendix I, without the delay.
 */
export class Concealment {
  readonly #history = new Float32Array(HISTORY)
  #period = 0
  /** Samples made up since the last real one. */
  #made = 0

  /** Takes a frame that arrived. After a gap its beginning is blended with what was made up; changes it in place. */
  heard(frame: Int16Array): void {
    if (this.#made > 0) {
      for (let at = 0; at < JOIN; at++) {
        const share = (at + 1) / (JOIN + 1)
        frame[at] = Math.round(frame[at]! * share + this.#madeUp(this.#made + at) * (1 - share))
      }
      this.#made = 0
    }
    this.#history.copyWithin(0, FRAME_SAMPLES)
    this.#history.set(frame, HISTORY - FRAME_SAMPLES)
  }

  /** Makes a frame up in place of a lost one. */
  lost(frame: Int16Array): void {
    if (this.#made === 0) this.#period = this.#findPeriod()
    for (let at = 0; at < FRAME_SAMPLES; at++) frame[at] = Math.round(this.#madeUp(this.#made + at))
    this.#made += FRAME_SAMPLES
  }

  #madeUp(index: number): number {
    const loudness = 1 - index / FADE_SAMPLES
    if (loudness <= 0) return 0
    return this.#history[HISTORY - this.#period + (index % this.#period)]! * loudness
  }

  /** The shift at which the recent past looks most like what was before it. */
  #findPeriod(): number {
    const end = HISTORY
    let best = PERIOD_MAX
    let bestLikeness = 0
    for (let period = PERIOD_MIN; period <= PERIOD_MAX; period++) {
      let product = 0
      let energy = 1
      for (let at = end - COMPARED; at < end; at++) {
        const before = this.#history[at - period]!
        product += this.#history[at]! * before
        energy += before * before
      }
      const likeness = product / Math.sqrt(energy)
      if (likeness > bestLikeness) {
        bestLikeness = likeness
        best = period
      }
    }
    return best
  }
}
