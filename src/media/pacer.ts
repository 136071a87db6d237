import type { Clock, Timer } from '../clock.ts'

export const FRAME_MS = 20
/** Sessions are spread over four phases of a frame, so that they do not all send at once. */
const STEP_MS = 5
const PHASES = FRAME_MS / STEP_MS
/** Behind by more than this, frames are skipped instead of sent in a burst that nobody could hear. */
const CATCH_UP_MAX_MS = 200

export interface Paced {
  /** Once for each frame: what is due is sent. `dueMs` is its instant on the monotonic clock, at or before now. */
  onFrame(dueMs: number): void
  /** After it: what has arrived until then was handed over. Not of those who only send. */
  onReceived?(dueMs: number): void
  /** So many frames are not called for any more: the process stood still. */
  onSkipped(frames: number): void
}

/**
 * The one timer of a worker. Instants are counted from the first one and never from the last tick, so nothing drifts:
 * a tick that came late is followed by one that comes early.
 */
export class Pacer {
  readonly #clock: Clock
  readonly #receive: () => void
  readonly #phases: Set<Paced>[] = Array.from({ length: PHASES }, () => new Set())
  #phase = 0
  #nextMs = 0
  #timer: Timer | null = null

  /** `receive` is called between the two halves of each step: all send, then all hear. */
  constructor(clock: Clock, receive: () => void = () => undefined) {
    this.#clock = clock
    this.#receive = receive
  }

  add(paced: Paced): void {
    const emptiest = this.#phases.reduce((best, phase) => (phase.size < best.size ? phase : best))
    emptiest.add(paced)
    if (this.#timer) return
    this.#nextMs = this.#clock.monotonicMs() + STEP_MS
    this.#arm()
  }

  /** The timer ends with the last one. */
  remove(paced: Paced): void {
    for (const phase of this.#phases) phase.delete(paced)
    if (this.#timer === null || this.#phases.some((phase) => phase.size > 0)) return
    this.#timer.cancel()
    this.#timer = null
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(Math.max(1, this.#nextMs - this.#clock.monotonicMs()), () => this.#run())
  }

  #run(): void {
    let nowMs = this.#clock.monotonicMs()
    this.#skipWhatIsTooLate(nowMs)
    // Half a millisecond early is better than a whole one late. A worker that cannot keep up still has to receive and to
    // take orders in between.
    for (let step = 0; step < PHASES && this.#nextMs <= nowMs + 0.5; step++) {
      const dueMs = this.#nextMs
      const phase = this.#phases[this.#phase]!
      for (const paced of phase) paced.onFrame(dueMs)
      this.#receive()
      for (const paced of phase) paced.onReceived?.(dueMs)
      this.#phase = (this.#phase + 1) % PHASES
      this.#nextMs += STEP_MS
      nowMs = this.#clock.monotonicMs()
    }
    if (this.#phases.some((phase) => phase.size > 0)) this.#arm()
    else this.#timer = null
  }

  #skipWhatIsTooLate(nowMs: number): void {
    const behindMs = nowMs - this.#nextMs
    if (behindMs <= CATCH_UP_MAX_MS) return
    const frames = Math.floor(behindMs / FRAME_MS)
    this.#nextMs += frames * FRAME_MS
    for (const phase of this.#phases) for (const paced of phase) paced.onSkipped(frames)
  }
}
