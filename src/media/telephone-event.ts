import { timestampDistance } from './rtp-packet.ts'

/** Key presses as RFC 4733 sends them: a few packets for each key, all with the timestamp of its beginning. */

/** The keys in the order of their event codes. */
export const KEYS = '0123456789*#ABCD'
export const TELEPHONE_EVENT_BYTES = 4
const END_BIT = 0x80
const VOLUME = 10
const DURATION_MAX = 0xffff

/** Recognises keys in packets that come late, doubled, out of order, or not all. */
export class KeyReceiver {
  #key = -1
  #timestamp = 0
  #duration = 0
  #ended = true

  /**
   * The key that a packet begins, null when it continues, repeats or closes one that was told, or is not for us. The
   * payload may hold anything.
   */
  take(payload: Uint8Array, timestamp: number, marker: boolean): string | null {
    if (payload.length < TELEPHONE_EVENT_BYTES) return null
    const key = payload[0]!
    const name = KEYS[key]
    if (name === undefined) return null
    const ended = (payload[1]! & END_BIT) !== 0
    const duration = payload[2]! * 256 + payload[3]!
    if (this.#key >= 0) {
      const ahead = timestampDistance(this.#timestamp, timestamp)
      if (ahead < 0) return null
      if (ahead === 0 || this.#continues({ key, ahead, duration, marker })) {
        this.#ended ||= ended
        this.#timestamp = timestamp
        this.#duration = Math.max(ahead === 0 ? this.#duration : 0, duration)
        return null
      }
    }
    this.#key = key
    this.#timestamp = timestamp
    this.#duration = duration
    this.#ended = ended
    return name
  }

  /** A new source begins: timestamps of the old one say nothing any more. */
  reset(): void {
    this.#key = -1
  }

  /** A key held for over eight seconds goes on in segments; and some telephones move the timestamp along with it. */
  #continues(packet: { key: number; ahead: number; duration: number; marker: boolean }): boolean {
    if (packet.key !== this.#key || packet.marker || this.#ended) return false
    const nextSegment = this.#duration >= DURATION_MAX - 800 && packet.ahead >= DURATION_MAX - 800
    const moved = packet.duration > this.#duration && packet.ahead <= packet.duration
    return nextSegment || moved
  }
}

/** Samples of one frame, of a key and of the pause after it. */
const FRAME = 160
const PRESSED = 800
const PAUSE_FRAMES = 5
/** The last packet of a key is sent three times, since nothing would tell of its loss. */
const END_PACKETS = 3

/** One packet of a key: its four bytes, whether it is the first, and how long ago (in samples) the key began. */
export interface KeyPacket {
  readonly payload: Uint8Array
  readonly first: boolean
  readonly begunAgo: number
}

/** Spreads keys over frames, one packet at most for each frame. */
export class KeySender {
  #waiting = ''
  #key = -1
  #frames = 0
  #pause = 0
  readonly #payload = new Uint8Array(TELEPHONE_EVENT_BYTES)

  /** Keys that are no keys are left out. */
  add(keys: string): void {
    for (const key of keys.toUpperCase()) if (KEYS.includes(key)) this.#waiting += key
  }

  clear(): void {
    this.#waiting = ''
    this.#key = -1
    this.#pause = 0
  }

  /** The packet of this frame, to be copied before the next call; null: the frame is free for sound. */
  next(): KeyPacket | null {
    if (this.#key < 0 && !this.#begin()) return null
    const begunAgo = this.#frames * FRAME
    this.#frames++
    const pressedFrames = PRESSED / FRAME
    const over = this.#frames >= pressedFrames
    this.#payload[0] = this.#key
    this.#payload[1] = VOLUME | (over ? END_BIT : 0)
    const duration = Math.min(this.#frames * FRAME, PRESSED)
    this.#payload[2] = duration >> 8
    this.#payload[3] = duration & 0xff
    if (this.#frames === pressedFrames + END_PACKETS - 1) {
      this.#key = -1
      this.#pause = PAUSE_FRAMES - END_PACKETS + 1
    }
    return { payload: this.#payload, first: begunAgo === 0, begunAgo }
  }

  #begin(): boolean {
    if (this.#pause > 0) {
      this.#pause--
      return false
    }
    if (this.#waiting === '') return false
    this.#key = KEYS.indexOf(this.#waiting[0]!)
    this.#waiting = this.#waiting.slice(1)
    this.#frames = 0
    return true
  }
}
