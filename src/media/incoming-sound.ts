import { Concealment } from './concealment.ts'
import { decodeG711, decodingTable, SILENCE } from './g711.ts'
import { FRAME_SAMPLES, JitterBuffer } from './jitter-buffer.ts'
import type { MediaStatistics, RemoteMedia } from './media-engine.ts'
import { FRAME_MS } from './pacer.ts'
import type { AudioCodec } from './prompt.ts'
import { ReceiveCounter } from './receive-counter.ts'
import type { RtpView } from './rtp-packet.ts'
import { KeyReceiver } from './telephone-event.ts'

/** What most of the world uses for key presses, and some send without having said so. */
const TELEPHONE_EVENT_USUAL = 101
/** Mean magnitude of a frame above which it is no silence: about -44 dB of full scale, above comfort noise. */
const VOICE_MAGNITUDE = 200
const VOICE_FRAMES = 3
/** Every fourth sample tells how loud a frame is. */
const LISTEN_STEP = 4
/** More than anybody presses; a peer that sends keys for ever must not fill memory. */
const KEYS_MAX = 256

export interface IncomingEvents {
  onKey(key: string): void
  onVoice(): void
  /** Absent: what is heard is only measured. */
  readonly onSound?: (samples: Int16Array) => void
}

/** Hears one session: counts what arrives, recognises keys, evens out the jitter and hides what was lost. */
export class IncomingSound {
  readonly counter = new ReceiveCounter()
  readonly #events: IncomingEvents
  readonly #buffer = new JitterBuffer()
  readonly #concealment = new Concealment()
  readonly #keyReceiver = new KeyReceiver()
  readonly #frame = new Uint8Array(FRAME_SAMPLES)
  #codec: AudioCodec = 'PCMU'
  #payloadType = 0
  #telephoneEvent = TELEPHONE_EVENT_USUAL
  #ssrc = -1
  #loudFrames = 0
  #voiceTold = false
  #tooLate = 0
  #concealed = 0
  #voiceFrames = 0
  #keys = ''

  constructor(events: IncomingEvents) {
    this.#events = events
  }

  /** The source of what is heard now; -1 before the first packet. */
  get ssrc(): number {
    return this.#ssrc
  }

  configure({ codec, payloadType, telephoneEventPayloadType }: RemoteMedia): void {
    if (codec !== this.#codec) this.#buffer.reset()
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
    const payload = packet.subarray(view.start, view.end)
    if (view.payloadType === this.#payloadType) {
      if (this.#buffer.put(view.timestamp, payload) === 'late') this.#tooLate++
      return
    }
    const key = this.#keyReceiver.take(payload, view.timestamp, view.marker)
    if (key === null) return
    if (this.#keys.length < KEYS_MAX) this.#keys += key
    this.#events.onKey(key)
  }

  /** Hears the next 20 ms. */
  onFrame(): void {
    const taken = this.#buffer.take(this.#frame, SILENCE[this.#codec])
    if (taken === 'sound') this.#listen()
    else this.#loudFrames = 0
    if (taken === 'lost') this.#concealed++
    const { onSound } = this.#events
    if (!onSound) return
    const samples = new Int16Array(FRAME_SAMPLES)
    if (taken === 'sound') {
      decodeG711(this.#codec, this.#frame, samples)
      this.#concealment.heard(samples)
    } else this.#concealment.lost(samples)
    onSound(samples)
  }

  statistics(refused: number): MediaStatistics['received'] {
    const { received, lost, duplicates, jitterMs } = this.counter
    return {
      packets: received,
      lost,
      duplicates,
      tooLate: this.#tooLate,
      jitterMs,
      concealedFrames: this.#concealed,
      voiceMs: this.#voiceFrames * FRAME_MS,
      refused,
      keys: this.#keys,
    }
  }

  #newSource(ssrc: number): void {
    if (this.#ssrc >= 0) this.counter.restart()
    this.#ssrc = ssrc
    this.#buffer.reset()
    this.#keyReceiver.reset()
  }

  #listen(): void {
    const table = decodingTable(this.#codec)
    let magnitude = 0
    for (let at = 0; at < FRAME_SAMPLES; at += LISTEN_STEP) magnitude += Math.abs(table[this.#frame[at]!]!)
    if (magnitude < (VOICE_MAGNITUDE * FRAME_SAMPLES) / LISTEN_STEP) {
      this.#loudFrames = 0
      return
    }
    this.#voiceFrames++
    this.#loudFrames++
    if (this.#voiceTold || this.#loudFrames < VOICE_FRAMES) return
    this.#voiceTold = true
    this.#events.onVoice()
  }
}
