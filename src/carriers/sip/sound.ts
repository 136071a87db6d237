import { randomInt } from 'node:crypto'
import type { MediaSession, MediaStatistics } from '../../media/media-engine.ts'
import { type Codec, type Direction, type RemoteDescription, writeDescription } from '../../sip/sdp.ts'

/** The sound of one call and how it is described to the other side. */
export class CallSound {
  readonly session: MediaSession
  readonly #advertisedAddress: string
  readonly #codecs: readonly Codec[]
  readonly #sessionId = String(randomInt(1, 2 ** 47))
  #version = 0
  #last: Buffer | null = null
  #lastWith = ''

  constructor(session: MediaSession, options: { advertisedAddress: string; codecs: readonly Codec[] }) {
    this.session = session
    this.#advertisedAddress = options.advertisedAddress
    this.#codecs = options.codecs
  }

  /** Our offer, or the answer to one. The same description twice is the same text (RFC 3264 8). */
  describe(offer?: RemoteDescription): Buffer {
    const codecs = offer === undefined ? this.#codecs : [offer.codec]
    const direction: Direction = offer?.direction ?? 'sendrecv'
    const key = `${codecs.join()} ${direction}`
    if (this.#last !== null && this.#lastWith === key) return this.#last
    this.#lastWith = key
    const { rtpPort, rtcpPort } = this.session.local
    this.#last = writeDescription(
      {
        address: this.#advertisedAddress,
        rtpPort,
        rtcpPort,
        codecs,
        srtpKey: this.session.srtpKey,
        direction,
        version: ++this.#version,
      },
      this.#sessionId,
    )
    return this.#last
  }

  connect(description: RemoteDescription): void {
    this.session.connect(description)
  }

  /** The final figures; the same again when it is closed already. */
  close(): Promise<MediaStatistics> {
    return this.session.close()
  }
}
