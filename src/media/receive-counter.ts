import { SAMPLES_PER_SECOND } from './prompt.ts'

/** How far a sequence number may jump ahead, or lie behind, and still belong to the same stream (RFC 3550 appendix A.1). */
const AHEAD_MAX = 3000
const BEHIND_MAX = 100
const REMEMBERED = 128
const CYCLE = 65_536

export type Arrival = 'new' | 'duplicate' | 'out-of-stream'

/** Counts one stream as RFC 3550 appendix A does: what was expected and lost, and the jitter of arrivals. */
export class ReceiveCounter {
  received = 0
  duplicates = 0
  #started = false
  #base = 0
  /** The highest sequence number with its cycles. */
  #highest = 0
  #resumeAt = -1
  /** Numbers with their cycles, which begin with one: 0 stands for none. */
  readonly #seen = new Uint32Array(REMEMBERED)
  #jitterSamples = 0
  #transit = Number.NaN
  #expectedBefore = 0
  #receivedBefore = 0
  /** Lost before the sequence numbers began anew. */
  #lostBefore = 0
  #receivedAtStart = 0

  /** Takes one packet. `out-of-stream`: a jump that nobody has confirmed yet; it is not counted. */
  take(sequence: number, timestamp: number, arrivalMs: number): Arrival {
    if (!this.#started) this.#start(sequence)
    const extended = this.#extend(sequence)
    if (extended === null) return 'out-of-stream'
    const slot = extended & (REMEMBERED - 1)
    if (this.#seen[slot] === extended) {
      this.duplicates++
      return 'duplicate'
    }
    this.#seen[slot] = extended
    if (extended > this.#highest) this.#highest = extended
    this.received++
    this.#countJitter(timestamp, arrivalMs)
    return 'new'
  }

  /** A new stream of the same session: sequence numbers begin anew, counts go on. */
  restart(): void {
    this.#lostBefore = this.lost
    this.#receivedAtStart = this.received
    this.#started = false
    this.#transit = Number.NaN
  }

  /** Never below zero: packets that came after all are not lost. */
  get lost(): number {
    return Math.max(0, this.#lostBefore + this.#expected - (this.received - this.#receivedAtStart))
  }

  get jitterMs(): number {
    return (this.#jitterSamples * 1000) / SAMPLES_PER_SECOND
  }

  /** For a report block. `fractionLost` is of the packets since the last call, in 256ths. */
  report(): { fractionLost: number; lost: number; highest: number; jitterSamples: number } {
    const expected = this.#expected - this.#expectedBefore
    const received = this.received - this.#receivedBefore
    this.#expectedBefore = this.#expected
    this.#receivedBefore = this.received
    const lost = expected - received
    const fractionLost = expected <= 0 || lost <= 0 ? 0 : Math.min(255, Math.floor((lost * 256) / expected))
    return {
      fractionLost,
      lost: this.lost,
      highest: this.#highest >>> 0,
      jitterSamples: Math.round(this.#jitterSamples),
    }
  }

  get #expected(): number {
    return this.#started ? this.#highest - this.#base + 1 : 0
  }

  #start(sequence: number): void {
    this.#started = true
    // One cycle up, so that packets from just before the first one have a number too.
    this.#base = sequence + CYCLE
    this.#highest = this.#base
    this.#receivedAtStart = this.received
    this.#expectedBefore = 0
    this.#receivedBefore = this.received
    this.#resumeAt = -1
    this.#seen.fill(0)
  }

  /** The number with its cycles; null when it is too far off to belong here, unless its successor says so too. */
  #extend(sequence: number): number | null {
    const step = (sequence - this.#highest) & (CYCLE - 1)
    if (step < AHEAD_MAX) {
      this.#resumeAt = -1
      return this.#highest + step
    }
    if (step > CYCLE - BEHIND_MAX) return this.#highest + step - CYCLE
    if (sequence !== this.#resumeAt) {
      this.#resumeAt = (sequence + 1) & (CYCLE - 1)
      return null
    }
    this.restart()
    this.#start(sequence)
    return this.#highest
  }

  /** RFC 3550 appendix A.8, with arrivals in the units of the timestamp. */
  #countJitter(timestamp: number, arrivalMs: number): void {
    const transit = (arrivalMs * SAMPLES_PER_SECOND) / 1000 - timestamp
    const change = Math.abs(transit - this.#transit)
    this.#transit = transit
    // Key presses keep their timestamp and a pause makes it jump; neither is jitter.
    if (change < SAMPLES_PER_SECOND) this.#jitterSamples += (change - this.#jitterSamples) / 16
  }
}
