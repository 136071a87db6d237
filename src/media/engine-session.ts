import type { Clock, Timer } from '../clock.ts'
import type { MediaListener, MediaSession, MediaStatistics, RemoteMedia } from './media-engine.ts'
import type { Prompt } from './prompt.ts'
import { KEYS } from './telephone-event.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** Where a session sends what it is asked. */
export interface Orders {
  order(order: ToWorker): void
}

export interface EngineSessionOptions {
  readonly number: number
  readonly local: MediaSession['local']
  readonly srtpKey: Uint8Array | null
  readonly listener: MediaListener
  readonly clock: Clock
  readonly log: { warn(fields: Record<string, unknown>, message: string): void }
  readonly orders: Orders
  /** Told once, when its ports are free and nothing comes any more. */
  readonly onOver: (statistics: MediaStatistics) => void
}

/** A worker that does not answer so long is stuck; its ports then come back without its word. */
const CLOSE_MS = 5000

const NOTHING: MediaStatistics = {
  sent: { packets: 0, lateFrames: 0, latestMs: 0, reportedLoss: null, reportedJitterMs: null, roundTripMs: null },
  received: {
    packets: 0,
    lost: 0,
    duplicates: 0,
    tooLate: 0,
    jitterMs: 0,
    concealedFrames: 0,
    voiceMs: 0,
    refused: 0,
    keys: '',
  },
}

/** The main thread's end of one session. */
export class EngineSession implements MediaSession {
  readonly local: MediaSession['local']
  readonly srtpKey: Uint8Array | null
  readonly #options: EngineSessionOptions
  #lastPlaying = 0
  #telephoneEvents = false
  #statistics: MediaStatistics = NOTHING
  #counting: ((statistics: MediaStatistics) => void)[] = []
  #closing: Promise<MediaStatistics> | null = null
  #onClosed: (() => void) | null = null
  #closeTimer: Timer | null = null
  #over = false

  constructor(options: EngineSessionOptions) {
    this.local = options.local
    this.srtpKey = options.srtpKey
    this.#options = options
  }

  connect(remote: RemoteMedia): void {
    this.#telephoneEvents = remote.telephoneEventPayloadType !== null
    this.#order({ do: 'connect', session: this.#options.number, remote, askedAtEpochMs: this.#epochMs })
  }

  play(prompt: Prompt): number {
    const playing = ++this.#lastPlaying
    this.#order({ do: 'play', session: this.#options.number, playing, prompt, askedAtEpochMs: this.#epochMs })
    return playing
  }

  stopPlaying(): void {
    this.#order({ do: 'stop-playing', session: this.#options.number })
  }

  sendKeys(keys: string): boolean {
    const known = [...keys.toUpperCase()].filter((key) => KEYS.includes(key)).join('')
    if (!this.#telephoneEvents || this.#closing || known === '') return false
    this.#order({ do: 'send-keys', session: this.#options.number, keys: known })
    return true
  }

  statistics(): Promise<MediaStatistics> {
    if (this.#over) return Promise.resolve(this.#statistics)
    if (this.#closing) return this.#closing
    return new Promise((resolve) => {
      this.#counting.push(resolve)
      this.#order({ do: 'count', session: this.#options.number })
    })
  }

  close(): Promise<MediaStatistics> {
    if (this.#closing) return this.#closing
    this.#order({ do: 'close', session: this.#options.number })
    this.#closing = new Promise((resolve) => {
      if (this.#over) {
        resolve(this.#statistics)
        return
      }
      this.#onClosed = () => resolve(this.#statistics)
      this.#closeTimer = this.#options.clock.setTimer(CLOSE_MS, () => this.#finish())
    })
    return this.#closing
  }

  /** The worker is gone. */
  lose(reason: string): void {
    if (this.#over) return
    const told = this.#closing !== null
    this.#finish()
    if (!told) this.#tellListener((listener) => listener.onLost?.(reason))
  }

  /** From the worker. */
  take(news: Exclude<FromWorker, { tell: 'opened' | 'open-failed' }>): void {
    if (news.tell === 'counted' || news.tell === 'closed') {
      this.#statistics = news.statistics
      if (news.tell === 'closed') this.#finish()
      else this.#counting.shift()?.(news.statistics)
      return
    }
    if (this.#closing) return
    this.#tellListener((listener) => {
      switch (news.tell) {
        case 'started':
          return listener.onPlayingStarted?.(news.playing, news.afterMs)
        case 'ended':
          return listener.onPlayingEnded?.(news.playing, news.how)
        case 'key':
          return listener.onKey?.(news.key)
        case 'voice':
          return listener.onVoice?.()
        case 'inactive':
          return listener.onInactive?.(news.silentMs)
        case 'sound':
          return listener.onSound?.(news.samples)
      }
    })
  }

  get #epochMs(): number {
    return this.#options.clock.nowEpochMs()
  }

  #order(order: ToWorker): void {
    if (!this.#over && !this.#closing) this.#options.orders.order(order)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#closeTimer?.cancel()
    for (const counted of this.#counting.splice(0)) counted(this.#statistics)
    this.#options.onOver(this.#statistics)
    this.#onClosed?.()
  }

  #tellListener(tell: (listener: MediaListener) => void): void {
    try {
      tell(this.#options.listener)
    } catch (error) {
      this.#options.log.warn({ error }, 'A listener of a call’s sound failed')
    }
  }
}
