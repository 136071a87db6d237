import type { Clock, Timer } from '../../clock.ts'
import { Announcement } from '../../media/announcement.ts'
import type { MediaListener, MediaStatistics } from '../../media/media-engine.ts'
import type { Prompt } from '../../media/prompt.ts'
import type { CallEvent } from '../../model/call-event.ts'
import { writeRecord } from '../../sip/call-record.ts'
import type { CallEnding, HangUpReason } from '../../sip/ending.ts'
import type { SipResponse } from '../../sip/message.ts'
import type { CallListener, OutgoingCall } from '../../sip/outgoing-call.ts'
import { DescriptionFault, type RemoteDescription, readDescription } from '../../sip/sdp.ts'
import type { CallRequest } from '../carrier.ts'
import { meaningOfEnding } from './cause.ts'
import type { CallSound } from './sound.ts'

export interface SipCallOptions {
  readonly request: CallRequest
  readonly clock: Clock
  /** Every event once, in order. */
  readonly report: (event: CallEvent) => void
  /** Anything at all came from the trunk. */
  readonly heard: () => void
  /** Nothing has answered the INVITE for two seconds. */
  readonly doubt: () => void
  readonly doubtAfterMs: number
  /** The call was refused with this. */
  readonly refused: (status: number, retryAfterSeconds: number | null) => void
}

/**
 * One call of a trunk from its INVITE to its end: what the wire says becomes events, what the person hears is the
 * announcement, and what ends one of them ends the other.
 */
export class SipCall implements CallListener, MediaListener {
  readonly request: CallRequest
  /** Everything told so far. */
  readonly events: CallEvent[] = []
  readonly #options: SipCallOptions
  #call: OutgoingCall | null = null
  #sound: CallSound | null = null
  #prompt: Prompt | null = null
  #announcement: Announcement | null = null
  #keys = ''
  #longest: Timer | null = null
  #doubt: Timer | null = null
  #ended = false
  #unsentReason: HangUpReason | null = null

  constructor(options: SipCallOptions) {
    this.#options = options
    this.request = options.request
  }

  /** What was counted of its sound, when there was any. */
  async soundFigures(): Promise<MediaStatistics | null> {
    return this.#sound === null ? null : this.#sound.close()
  }

  get isOver(): boolean {
    return this.#ended
  }

  /** True when somebody asked for its end before it was sent. */
  get isUnwanted(): boolean {
    return this.#unsentReason !== null
  }

  /** Before the INVITE: what will be played, and over what. */
  prepare(sound: CallSound, prompt: Prompt): void {
    this.#sound = sound
    this.#prompt = prompt
  }

  /** The INVITE is written. */
  sent(call: OutgoingCall): void {
    this.#call = call
    this.#doubt = this.#options.clock.setTimer(this.#options.doubtAfterMs, () => {
      if (call.isUnanswered) this.#options.doubt()
    })
  }

  /** Not one byte of it was written. */
  notSent(
    cause: 'trunk-unreachable' | 'deadline-missed' | 'stopped-before-send' | 'voice-not-ready' | 'no-media-port',
  ): void {
    if (this.#ended) return
    this.#over()
    const { ref } = this.request
    this.#report({ kind: 'not-sent', ref, atEpochMs: this.#options.clock.nowEpochMs(), cause })
  }

  /** It will not be sent, and it is no use to try again. */
  cannotBeSaid(): void {
    if (this.#ended) return
    this.#over()
    this.#report({ ...this.#base(), kind: 'ended', disposition: 'failed', cause: 'voice-failed' })
  }

  hangUp(why: HangUpReason): void {
    if (this.#call === null) this.#unsentReason ??= why
    else this.#call.hangUp(why)
  }

  /** Tells nothing more; the call itself is left alone. */
  abandon(): void {
    this.#over()
  }

  onProgress(response: SipResponse): void {
    this.#options.heard()
    if (this.events.length === 0) this.#report({ ...this.#base(), kind: 'accepted', ...this.#state() })
    if (response.status !== 180 && response.status !== 183) return
    if (!this.#told('ringing')) this.#report({ ...this.#base(), kind: 'ringing', ...this.#state() })
    this.#hearEarly(response)
  }

  onAnswered(response: SipResponse): boolean {
    this.#options.heard()
    this.#report({ ...this.#base(), kind: 'answered', answeredBy: 'not-detected', ...this.#state() })
    if (!this.#agree(response.body)) return false
    const { clock } = this.#options
    const { speech, maxCallSeconds } = this.request
    this.#longest = clock.setTimer(maxCallSeconds * 1000, () => this.hangUp('max-duration'))
    this.#announcement = new Announcement({
      session: this.#sound!.session,
      prompt: this.#prompt!,
      clock,
      waitForKeySeconds: speech.waitForKeySeconds,
      repeatKey: speech.repeatKey ?? null,
      stopKey: speech.stopKey ?? null,
      onDone: () => this.hangUp('finished'),
    })
    return true
  }

  onOffer(offer: Buffer | null): Buffer | null {
    if (offer === null) return this.#sound!.describe()
    const description = this.#read(offer)
    if (description === null) return null
    this.#sound!.connect(description)
    return this.#sound!.describe(description)
  }

  onKey(key: string): void {
    this.#keys += key
    this.#announcement?.onKey(key)
  }

  onRedirected(): void {
    this.#report({ ...this.#base(), kind: 'accepted', ...this.#state() })
  }

  onSilence(): void {
    this.#options.doubt()
  }

  onEnded(ending: CallEnding): void {
    if (this.#ended) return
    this.#over()
    if (ending.kind === 'refused') {
      this.#options.heard()
      this.#options.refused(ending.status, ending.retryAfterSeconds)
    }
    if (ending.kind === 'answered-too-late' && !this.#told('answered')) {
      this.#report({ ...this.#base(), kind: 'answered', answeredBy: 'not-detected' })
    }
    const status = 'status' in ending ? ending.status : null
    const q850 = 'q850' in ending ? ending.q850 : null
    this.#report({
      ...this.#base(),
      kind: 'ended',
      ...meaningOfEnding(ending),
      ...(status === null ? {} : { sipStatus: status }),
      ...(q850 === null ? {} : { q850Cause: q850 }),
      ...(this.#announcement === null ? {} : { spokenText: this.request.speech.text }),
      ...(this.#keys === '' ? {} : { keysPressed: this.#keys }),
    })
  }

  onPlayingEnded(playing: number): void {
    this.#announcement?.onPlayingEnded(playing)
  }

  onInactive(): void {
    this.hangUp('media-lost')
  }

  onLost(): void {
    this.hangUp('media-lost')
  }

  /** Ringing tones and announcements of the network: nothing is played against them, and their source is known early. */
  #hearEarly(response: SipResponse): void {
    const description = response.body.length === 0 ? null : this.#read(response.body)
    if (description !== null) this.#sound?.connect(description)
  }

  #agree(body: Buffer): boolean {
    const description = this.#read(body)
    if (description === null) return false
    this.#sound!.connect(description)
    return true
  }

  #read(body: Buffer): RemoteDescription | null {
    try {
      const description = readDescription(body)
      const isEncrypted = description.srtpKey !== null
      return isEncrypted === (this.#sound?.session.srtpKey != null) ? description : null
    } catch (error) {
      if (error instanceof DescriptionFault) return null
      throw error
    }
  }

  #told(kind: CallEvent['kind']): boolean {
    return this.events.some((event) => event.kind === kind)
  }

  #base(): { ref: string; carrierCallId?: string; atEpochMs: number } {
    const { ref } = this.request
    const atEpochMs = this.#options.clock.nowEpochMs()
    return this.#call === null ? { ref, atEpochMs } : { ref, carrierCallId: this.#call.leg.callId, atEpochMs }
  }

  #state(): { carrierState: string } {
    return { carrierState: writeRecord(this.#call!.record()) }
  }

  #report(event: CallEvent): void {
    this.events.push(event)
    this.#options.report(event)
  }

  #over(): void {
    this.#ended = true
    this.#doubt?.cancel()
    this.#longest?.cancel()
    this.#announcement?.end()
    void this.#sound?.close()
  }
}
