import { randomBytes } from 'node:crypto'
import { SILENCE } from './g711.ts'
import { FRAME_SAMPLES } from './jitter-buffer.ts'
import type { RemoteMedia } from './media-engine.ts'
import type { AudioCodec, Prompt } from './prompt.ts'
import { RTP_HEADER_BYTES, writeRtpHeader } from './rtp-packet.ts'
import { KeySender } from './telephone-event.ts'

/** The kernel may hold on to a packet for a while before it is sent; so none is written to again for 16 frames. */
const PACKETS = 16
const PACKET_BYTES = RTP_HEADER_BYTES + FRAME_SAMPLES

interface Playing {
  readonly id: number
  readonly prompt: Prompt
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
  readonly #packets = Buffer.alloc(PACKETS * PACKET_BYTES)
  #packet = 0
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
    this.#payloadType = payloadType & 0x7f
    this.#telephoneEvent = telephoneEventPayloadType === null ? null : telephoneEventPayloadType & 0x7f
    if (telephoneEventPayloadType === null) this.#keys.clear()
  }

  play(id: number, prompt: Prompt): void {
    this.stop()
    this.#playing = { id, prompt, at: 0 }
  }

  stop(): void {
    const playing = this.#playing
    this.#playing = null
    if (playing) this.#events.onEnded(playing.id, 'stopped')
  }

  sendKeys(keys: string): void {
    if (this.#telephoneEvent !== null) this.#keys.add(keys)
  }

  /** The packet of the next frame; it may be overwritten after 15 more. */
  next(): Buffer {
    const key = this.#telephoneEvent === null ? null : this.#keys.next()
    const packet = this.#nextPacket()
    let end = PACKET_BYTES
    if (key) {
      packet.set(key.payload, RTP_HEADER_BYTES)
      end = RTP_HEADER_BYTES + key.payload.length
      this.#writeHeader(packet, { payloadType: this.#telephoneEvent!, marker: key.first, begunAgo: key.begunAgo })
      this.#marker = true
    } else {
      this.#writeHeader(packet, { payloadType: this.#payloadType, marker: this.#marker, begunAgo: 0 })
      this.#marker = false
    }
    this.#fill(key ? null : packet)
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0
    this.packets++
    this.octets += end - RTP_HEADER_BYTES
    return packet.subarray(0, end)
  }

  /** Frames in which nothing is sent: on hold, or because the process stood still. Time goes on, the prompt does not. */
  skip(frames: number): void {
    this.#timestamp = (this.#timestamp + frames * FRAME_SAMPLES) >>> 0
    this.#marker = true
  }

  #nextPacket(): Buffer {
    this.#packet = (this.#packet + 1) % PACKETS
    return this.#packets.subarray(this.#packet * PACKET_BYTES, (this.#packet + 1) * PACKET_BYTES)
  }

  #writeHeader(packet: Buffer, what: { payloadType: number; marker: boolean; begunAgo: number }): void {
    writeRtpHeader(packet, {
      marker: what.marker,
      payloadType: what.payloadType,
      sequence: this.#sequence,
      timestamp: (this.#timestamp - what.begunAgo) >>> 0,
      ssrc: this.ssrc,
    })
  }

  /** Moves the prompt on by a frame; `packet` null: it is not heard, a key is. */
  #fill(packet: Buffer | null): void {
    const playing = this.#playing
    if (!playing) {
      packet?.fill(SILENCE[this.#codec], RTP_HEADER_BYTES)
      return
    }
    const samples = playing.prompt.samples[this.#codec]
    const piece = samples.subarray(playing.at, playing.at + FRAME_SAMPLES)
    packet?.set(piece, RTP_HEADER_BYTES)
    if (piece.length < FRAME_SAMPLES) packet?.fill(SILENCE[this.#codec], RTP_HEADER_BYTES + piece.length)
    if (playing.at === 0) this.#events.onStarted(playing.id)
    playing.at += FRAME_SAMPLES
    if (playing.at < samples.length) return
    this.#playing = null
    this.#events.onEnded(playing.id, 'finished')
  }
}
