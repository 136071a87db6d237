import { randomBytes } from 'node:crypto'
import { SILENCE } from './g711.ts'
import { FRAME_SAMPLES } from './jitter-buffer.ts'
import type { RemoteMedia } from './media-engine.ts'
import type { AudioCodec, Prompt } from './prompt.ts'
import { RTP_HEADER_BYTES, writeRtpHeader } from './rtp-packet.ts'
import { KeySender } from './telephone-event.ts'

const PACKET_BYTES = RTP_HEADER_BYTES + FRAME_SAMPLES

/**
 * Where the packets of all sessions are written, one after the other: the kernel copies each before the next one is
 * made, and memory that is used all the time is fast.
 */
let packet = Buffer.alloc(PACKET_BYTES)

/** The kernel did not take the last packet at once: its memory is left alone, and the next one gets other. */
export function leavePacket(): void {
  packet = Buffer.alloc(PACKET_BYTES)
}

interface Playing {
  readonly id: number
  readonly prompt: Prompt
  /** Of the prompt, in the law that was agreed. */
  samples: Uint8Array
  at: number
}

export interface OutgoingEvents {
  onStarted(playing: number): void
  onEnded(playing: number, how: 'finished' | 'stopped'): void
}

/** Makes the packets of one session's sound: a key, a piece of the prompt, or silence, one for each frame. */
export class OutgoingSound {
  readonly ssrc = randomBytes(4).readUInt32BE()
  readonly #events: OutgoingEvents
  readonly #keys = new KeySender()
  #sequence = randomBytes(2).readUInt16BE()
  #timestamp = randomBytes(4).readUInt32BE()
  /** The next packet follows a pause. */
  #marker = true
  #codec: AudioCodec = 'PCMU'
  #payloadType = 0
  #telephoneEvent: number | null = null
  #playing: Playing | null = null
  packets = 0
  octets = 0

  constructor(events: OutgoingEvents) {
    this.#events = events
  }

  /** The timestamp of the next frame. */
  get timestamp(): number {
    return this.#timestamp
  }

  configure({ codec, payloadType, telephoneEventPayloadType }: RemoteMedia): void {
    this.#codec = codec
    if (this.#playing) this.#playing.samples = this.#playing.prompt.samples[codec]
    this.#payloadType = payloadType & 0x7f
    this.#telephoneEvent = telephoneEventPayloadType === null ? null : telephoneEventPayloadType & 0x7f
    if (telephoneEventPayloadType === null) this.#keys.clear()
  }

  play(id: number, prompt: Prompt): void {
    this.stop()
    this.#playing = { id, prompt, samples: prompt.samples[this.#codec], at: 0 }
  }

  stop(): void {
    const playing = this.#playing
    this.#playing = null
    if (playing) this.#events.onEnded(playing.id, 'stopped')
  }

  sendKeys(keys: string): void {
    if (this.#telephoneEvent !== null) this.#keys.add(keys)
  }

  /** The packet of the next frame, until that of any session is asked for; see `leavePacket`. */
  next(): Buffer {
    const key = this.#telephoneEvent === null ? null : this.#keys.next()
    let end = PACKET_BYTES
    if (key) {
      packet.set(key.payload, RTP_HEADER_BYTES)
      end = RTP_HEADER_BYTES + key.payload.length
      this.#writeHeader({ payloadType: this.#telephoneEvent!, marker: key.first, begunAgo: key.begunAgo })
      this.#marker = true
    } else {
      this.#writeHeader({ payloadType: this.#payloadType, marker: this.#marker, begunAgo: 0 })
      this.#marker = false
    }
    this.#fill(key === null)
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0
    this.packets++
    this.octets += end - RTP_HEADER_BYTES
    return key ? packet.subarray(0, end) : packet
  }

  /** Frames in which nothing is sent: on hold, or because the process stood still. Time goes on, the prompt does not. */
  skip(frames: number): void {
    this.#timestamp = (this.#timestamp + frames * FRAME_SAMPLES) >>> 0
    this.#marker = true
  }

  #writeHeader(what: { payloadType: number; marker: boolean; begunAgo: number }): void {
    writeRtpHeader(packet, {
      marker: what.marker,
      payloadType: what.payloadType,
      sequence: this.#sequence,
      timestamp: (this.#timestamp - what.begunAgo) >>> 0,
      ssrc: this.ssrc,
    })
  }

  /** Moves the prompt on by a frame; not `heard`: a key is. */
  #fill(heard: boolean): void {
    const playing = this.#playing
    if (!playing) {
      if (heard) packet.fill(SILENCE[this.#codec], RTP_HEADER_BYTES)
      return
    }
    const { samples } = playing
    if (heard) {
      const piece = samples.subarray(playing.at, playing.at + FRAME_SAMPLES)
      packet.set(piece, RTP_HEADER_BYTES)
      if (piece.length < FRAME_SAMPLES) packet.fill(SILENCE[this.#codec], RTP_HEADER_BYTES + piece.length)
    }
    if (playing.at === 0) this.#events.onStarted(playing.id)
    playing.at += FRAME_SAMPLES
    if (playing.at < samples.length) return
    this.#playing = null
    this.#events.onEnded(playing.id, 'finished')
  }
}
