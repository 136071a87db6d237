import { decodingTable } from './g711.ts'
import type { MediaStatistics, RemoteMedia } from './media-engine.ts'
import { Playout } from './playout.ts'
import { type AudioCodec, SAMPLES_PER_SECOND } from './prompt.ts'
import { ReceiveCounter } from './receive-counter.ts'
import type { RtpView } from './rtp-packet.ts'
import { KeyReceiver } from './telephone-event.ts'

/** What most of the world uses for key presses, and some send without having said so. */
const TELEPHONE_EVENT_USUAL = 101
/** Mean magnitude of a packet above which it is no silence: about -44 dB of full scale, above comfort noise. */
const VOICE_MAGNITUDE = 200
/** 60 ms, one packet after the other. */
const VOICE_SAMPLES = 480
/** Every fourth sample tells how loud a packet is. */
const LISTEN_STEP = 4
/** More than anybody presses; a peer that sends keys for ever must not fill memory. */
const KEYS_MAX = 256

export interface IncomingEvents {
  onKey(key: string): void
  onVoice(): void
  /** Absent: what is heard is only measured. */
  readonly onSound?: (samples: Int16Array) => void
}

/** Hears one session: counts what arrives, recognises keys and voices, and plays it out when somebody listens. */
export class IncomingSound {
  readonly counter = new ReceiveCounter()
  readonly #events: IncomingEvents
  /** Null: nobody listens. It would be half of the work and most of the memory of a session. */
  readonly #playout: Playout | null
  readonly #keyReceiver = new KeyReceiver()
  #codec: AudioCodec = 'PCMU'
  #payloadType = 0
  #telephoneEvent = TELEPHONE_EVENT_USUAL
  #ssrc = -1
  #loudSamples = 0
  #voiceTold = false
  #voiceSamples = 0
  #keys = ''

  constructor(events: IncomingEvents) {
    this.#events = events
    this.#playout = events.onSound ? new Playout(events.onSound) : null
  }

  /** The source of what is heard now; -1 before the first packet. */
  get ssrc(): number {
    return this.#ssrc
  }

  configure({ codec, payloadType, telephoneEventPayloadType }: RemoteMedia): void {
    if (codec !== this.#codec) this.#playout?.reset()
    this.#codec = codec
    this.#payloadType = payloadType
    this.#telephoneEvent = telephoneEventPayloadType ?? TELEPHONE_EVENT_USUAL
  }

  /** True when a packet is of a payload type that was agreed. */
  expects(payloadType: number): boolean {
    return payloadType === this.#payloadType || payloadType === this.#telephoneEvent
  }

  /** Takes a packet of the latched source whose payload type is expected. */
  take(packet: Buffer, view: RtpView, nowMs: number): void {
    if (view.ssrc !== this.#ssrc) this.#newSource(view.ssrc)
    if (this.counter.take(view.sequence, view.timestamp, nowMs) !== 'new') return
    if (view.payloadType === this.#payloadType) {
      this.#listen(packet, view)
      this.#playout?.put(view.timestamp, packet.subarray(view.start, view.end))
      return
    }
    const key = this.#keyReceiver.take(packet.subarray(view.start, view.end), view.timestamp, view.marker)
    if (key === null) return
    if (this.#keys.length < KEYS_MAX) this.#keys += key
    this.#events.onKey(key)
  }

  /** The next 20 ms may be heard. */
  onFrame(): void {
    this.#playout?.onFrame(this.#codec)
  }

  statistics(refused: number): MediaStatistics['received'] {
    const { received, lost, duplicates, jitterMs } = this.counter
    return {
      packets: received,
      lost,
      duplicates,
      tooLate: this.#playout?.tooLate ?? 0,
      jitterMs,
      concealedFrames: this.#playout?.concealedFrames ?? 0,
      voiceMs: (this.#voiceSamples * 1000) / SAMPLES_PER_SECOND,
      refused,
      keys: this.#keys,
    }
  }

  #newSource(ssrc: number): void {
    if (this.#ssrc >= 0) this.counter.restart()
    this.#ssrc = ssrc
    this.#playout?.reset()
    this.#keyReceiver.reset()
  }

  /** For a voice, in what arrives: that is at hand, and it is known 40 ms earlier than it would be played. */
  #listen(packet: Buffer, { start, end }: RtpView): void {
    const table = decodingTable(this.#codec)
    const samples = end - start
    let magnitude = 0
    for (let at = start; at < end; at += LISTEN_STEP) magnitude += Math.abs(table[packet[at]!]!)
    if (magnitude < (VOICE_MAGNITUDE * samples) / LISTEN_STEP) {
      this.#loudSamples = 0
      return
    }
    this.#voiceSamples += samples
    this.#loudSamples += samples
    if (this.#voiceTold || this.#loudSamples < VOICE_SAMPLES) return
    this.#voiceTold = true
    this.#events.onVoice()
  }
}
