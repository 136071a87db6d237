import { timestampDistance } from './rtp-packet.ts'

/** Samples of a frame, of 20 ms. */
export const FRAME_SAMPLES = 160
/** Packets carry whole multiples of 5 ms. */
const CELL = 40
const FRAME_CELLS = FRAME_SAMPLES / CELL
/** 1.28 s, more than any packet should be early. */
const CELLS = 256
const CAPACITY = CELL * CELLS
const DELAY_MIN_FRAMES = 2
const DELAY_MAX_FRAMES = 10
/** After so much without a packet the next one begins anew. */
const DRY_FRAMES_MAX = 25
/** Longer gaps are the other side's silence, which nothing should fill. */
const CONCEALED_FRAMES_MAX = 3
const WATCH_FRAMES = 100

/** `late`: it could not be heard any more. `odd`: a length that no sender of G.711 uses. */
export type Put = 'kept' | 'late' | 'odd'
/** `lost`: there should have been sound and there was none. `idle`: nobody is sending. */
export type Take = 'sound' | 'lost' | 'idle'

/**
 * Puts what arrives in bursts, late and out of order into one frame every 20 ms. The delay begins with 40 ms, grows by
 * a frame when something comes too late (to 200 ms at most) and shrinks by one when two seconds showed that less
 * would have done; so it also follows a sender whose clock is a little fast or slow. Works on codes of
 * either law and knows nothing of them.
 */
export class JitterBuffer {
  readonly #codes = new Uint8Array(CAPACITY)
  readonly #filled = new Uint8Array(CELLS)
  #running = false
  /** Timestamp of the next sample to be heard, and of the one behind the newest that arrived. */
  #cursor = 0
  #newest = 0
  /** Where `#cursor` lies in `#codes`: a whole number of frames, so that none goes over its end. */
  #at = 0
  #delayFrames = DELAY_MIN_FRAMES
  /** Frames to wait without moving on: at the beginning, and when the delay grows. */
  #hold = 0
  #beginning = false
  #dryFrames = 0
  #watched = 0
  #spareMin = CAPACITY

  put(timestamp: number, codes: Uint8Array): Put {
    if (codes.length === 0 || codes.length % CELL !== 0 || codes.length > CAPACITY / 2) return 'odd'
    if (!this.#running) this.#begin(timestamp)
    let ahead = timestampDistance(this.#cursor, timestamp)
    if (ahead % CELL !== 0 || ahead + codes.length > CAPACITY || ahead < -CAPACITY) {
      this.#begin(timestamp)
      ahead = 0
    }
    const late = ahead < 0 ? Math.min(-ahead, codes.length) : 0
    if (late === codes.length) {
      this.#growDelay()
      return 'late'
    }
    this.#keep(late === 0 ? codes : codes.subarray(late), (this.#at + ahead + late) % CAPACITY)
    const end = (timestamp + codes.length) >>> 0
    if (timestampDistance(this.#newest, end) > 0) this.#newest = end
    return 'kept'
  }

  /** Fills `frame` (of `FRAME_SAMPLES`) when there is sound; cells of it that are missing hold `silence`. */
  take(frame: Uint8Array, silence: number): Take {
    if (!this.#running) return 'idle'
    if (this.#hold > 0) {
      this.#hold--
      return this.#beginning ? 'idle' : 'lost'
    }
    this.#beginning = false
    const arrived = this.#arrived()
    if (arrived) this.#copyFrame(frame, silence)
    this.#advance()
    if (arrived) {
      this.#dryFrames = 0
      this.#watchDelay()
      return 'sound'
    }
    this.#dryFrames++
    if (this.#dryFrames > DRY_FRAMES_MAX) this.reset()
    return this.#dryFrames > CONCEALED_FRAMES_MAX || !this.#running ? 'idle' : 'lost'
  }

  /** Forgets what it holds; the delay it learned stays. */
  reset(): void {
    this.#running = false
    this.#filled.fill(0)
    this.#dryFrames = 0
  }

  #begin(timestamp: number): void {
    this.reset()
    this.#running = true
    this.#beginning = true
    this.#cursor = timestamp
    this.#newest = timestamp
    this.#at = 0
    this.#hold = this.#delayFrames
    this.#watched = 0
    this.#spareMin = CAPACITY
  }

  #growDelay(): void {
    if (this.#delayFrames >= DELAY_MAX_FRAMES) return
    this.#delayFrames++
    this.#hold++
    this.#watched = 0
    this.#spareMin = CAPACITY
  }

  #keep(codes: Uint8Array, at: number): void {
    const first = at / CELL
    for (let cell = codes.length / CELL - 1; cell >= 0; cell--) this.#filled[(first + cell) % CELLS] = 1
    const room = CAPACITY - at
    if (codes.length <= room) this.#codes.set(codes, at)
    else {
      this.#codes.set(codes.subarray(0, room), at)
      this.#codes.set(codes.subarray(room), 0)
    }
  }

  /** Whether anything of the next frame arrived. */
  #arrived(): boolean {
    const first = this.#at / CELL
    for (let cell = 0; cell < FRAME_CELLS; cell++) if (this.#filled[first + cell]) return true
    return false
  }

  /** All cells at once, since a copy costs far more to begin than to do. */
  #copyFrame(frame: Uint8Array, silence: number): void {
    frame.set(this.#codes.subarray(this.#at, this.#at + FRAME_SAMPLES))
    const first = this.#at / CELL
    for (let cell = 0; cell < FRAME_CELLS; cell++) {
      if (!this.#filled[first + cell]) frame.fill(silence, cell * CELL, (cell + 1) * CELL)
    }
  }

  /** Past a frame that was heard or left out. */
  #advance(): void {
    const first = this.#at / CELL
    for (let cell = 0; cell < FRAME_CELLS; cell++) this.#filled[first + cell] = 0
    this.#cursor = (this.#cursor + FRAME_SAMPLES) >>> 0
    this.#at = (this.#at + FRAME_SAMPLES) % CAPACITY
  }

  /** Leaves one frame out when at every instant of two seconds more than a frame too many was waiting. */
  #watchDelay(): void {
    this.#spareMin = Math.min(this.#spareMin, timestampDistance(this.#cursor, this.#newest))
    this.#watched++
    if (this.#watched < WATCH_FRAMES) return
    const spareFrames = this.#spareMin / FRAME_SAMPLES
    this.#watched = 0
    this.#spareMin = CAPACITY
    if (spareFrames < DELAY_MIN_FRAMES + 0.5) return
    this.#delayFrames = Math.max(DELAY_MIN_FRAMES, this.#delayFrames - 1)
    this.#advance()
  }
}
