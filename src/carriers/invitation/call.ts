import type { Timer } from '../../clock.ts'
import { Announcement } from '../../media/announcement.ts'
import type { Pacer } from '../../media/pacer.ts'
import type { Prompt } from '../../media/prompt.ts'
import { PromptPlayer } from '../../media/prompt-player.ts'
import type { CallEvent } from '../../model/call-event.ts'
import type { Cause } from '../../model/cause.ts'
import type { AttemptDisposition } from '../../model/disposition.ts'
import type { CallerEnding, CallJoined, JoiningCaller, Seat } from '../../model/joined-call.ts'
import type { CallRequest, CarrierContext } from '../carrier.ts'
import { END_OF_ANSWER, END_OF_LEAVING } from './cause.ts'

/** What stands on the live row of a call that somebody has joined: another node can tell from it how the call ended. */
export const JOINED_STATE = 'joined'
/** Nobody presses more keys in a call than this; what comes after is not kept. */
const KEYS_MAX = 100

export interface InvitedCallOptions {
  readonly request: CallRequest
  readonly context: Pick<CarrierContext, 'clock' | 'invite' | 'voices' | 'log'>
  /** Sends a frame to everybody who has joined. */
  readonly pacer: Pacer
  readonly report: (event: CallEvent) => void
  readonly onOver: () => void
}

/**
 * One call that somebody else places, from the invitation to its end. Whoever is invited may come before the answer to
 * the invitation does: they wait until everything is ready.
 */
export class InvitedCall implements CallJoined {
  readonly #options: InvitedCallOptions
  #timer: Timer | null = null
  #prompt: Prompt | null = null
  #caller: JoiningCaller | null = null
  #player: PromptPlayer | null = null
  #announcement: Announcement | null = null
  #keys = ''
  #over = false

  constructor(options: InvitedCallOptions) {
    this.#options = options
  }

  get seat(): Seat {
    if (this.#over) return 'elsewhere'
    return this.#caller === null ? 'free' : 'taken'
  }

  /** Asks, gets the voice ready, and waits for somebody. Ask once. */
  async invite(): Promise<void> {
    const { clock, invite } = this.#options.context
    const { ref, ringTimeoutSeconds, sendWithinMs } = this.#options.request
    const answer = (await invite?.(ref, sendWithinMs)) ?? 'not-sent'
    if (this.#over) return
    if (answer === 'not-sent') {
      this.#finish({ ref, kind: 'not-sent', cause: 'deadline-missed', atEpochMs: clock.nowEpochMs() }, 'failed')
      return
    }
    const end = END_OF_ANSWER[answer]
    if (answer !== 'refused') this.#report({ ref, kind: 'accepted', atEpochMs: clock.nowEpochMs() })
    if (end !== null) {
      this.end(end.disposition, end.cause, 'failed')
      return
    }
    this.#report({ ref, kind: 'ringing', atEpochMs: clock.nowEpochMs() })
    this.#timer = clock.setTimer(ringTimeoutSeconds * 1_000, () => this.end('no-answer', 'ring-timeout', 'over'))
    await this.#prepare()
    if (this.#caller !== null) this.#answer()
  }

  /** Somebody has come; ask `seat` first. They hear something as soon as the voice is ready. */
  join(caller: JoiningCaller): CallJoined {
    this.#caller = caller
    if (this.#prompt !== null) this.#answer()
    return this
  }

  hangUp(): void {
    if (this.#announcement === null) this.end('cancelled', 'hung-up-by-user', 'over')
    else this.end('answered', 'hung-up-by-user', 'over')
  }

  /** The process ends. Who has joined was in a call; of the others nothing more is told. */
  stop(): void {
    if (this.#announcement !== null) this.end('answered', 'shut-down', 'stopping')
    else this.#leave('stopping')
  }

  /** Another node answers for the call and tells of its end: here it is over without a word. */
  abandon(): void {
    this.#leave('abandoned')
  }

  onKey(key: string): void {
    if (this.#announcement === null || this.#over) return
    if (this.#keys.length < KEYS_MAX) this.#keys += key
    this.#announcement.onKey(key)
  }

  onLeft(how: 'hung-up' | 'silent' | 'lost'): void {
    this.#caller = null
    // Who goes before anything was said may come again until the time to join is over.
    if (this.#announcement !== null) this.end('answered', END_OF_LEAVING[how], 'over')
  }

  /** Nothing is told of a call twice. */
  end(disposition: AttemptDisposition, cause: Cause, why: CallerEnding): void {
    const spoken = this.#announcement === null ? {} : { spokenText: this.#options.request.speech.text }
    this.#finish(
      {
        ref: this.#options.request.ref,
        kind: 'ended',
        disposition,
        cause,
        atEpochMs: this.#options.context.clock.nowEpochMs(),
        ...spoken,
        ...(this.#keys === '' ? {} : { keysPressed: this.#keys }),
      },
      why,
    )
  }

  async #prepare(): Promise<void> {
    const { voices, log } = this.#options.context
    const { speech, ringTimeoutSeconds, ref } = this.#options.request
    const { text, voice, recording } = speech
    try {
      this.#prompt = await voices.prepare(
        { text, ...(voice === undefined ? {} : { voice }), ...(recording === undefined ? {} : { recording }) },
        ringTimeoutSeconds * 1_000,
      )
    } catch (error) {
      log.warn({ err: error, ref }, 'The voice of a call that is joined could not be made')
      this.end('failed', 'voice-failed', 'failed')
    }
  }

  #answer(): void {
    const [caller, prompt] = [this.#caller, this.#prompt]
    if (this.#over || caller === null || prompt === null || this.#announcement !== null) return
    const { context, request, pacer } = this.#options
    const { clock } = context
    const { ref, speech, maxCallSeconds } = request
    this.#timer?.cancel()
    const atEpochMs = clock.nowEpochMs()
    this.#report({ ref, kind: 'answered', answeredBy: 'not-detected', atEpochMs, carrierState: JOINED_STATE })
    this.#timer = clock.setTimer(maxCallSeconds * 1_000, () => this.end('answered', 'max-duration', 'over'))
    const player = new PromptPlayer({
      samplesPerSecond: caller.samplesPerSecond,
      bufferMs: caller.bufferMs,
      send: (samples) => caller.hear(samples),
      onPlayingEnded: (playing, how) => this.#onPlayingEnded(playing, how),
      onStalled: () => this.end('answered', 'media-lost', 'stalled'),
    })
    this.#player = player
    this.#announcement = new Announcement({
      session: {
        play: (wanted) => {
          const playing = player.play(wanted)
          caller.onSpeaking(speech.text)
          return playing
        },
        stopPlaying: () => player.stopPlaying(),
      },
      prompt,
      clock,
      waitForKeySeconds: speech.waitForKeySeconds,
      repeatKey: speech.repeatKey ?? null,
      stopKey: speech.stopKey ?? null,
      onDone: () => this.#afterLastWord(),
    })
    pacer.add(player)
  }

  #onPlayingEnded(playing: number, how: 'finished' | 'stopped'): void {
    if (how === 'stopped') this.#caller?.forgetUnheard()
    else this.#caller?.onListening()
    // A playing that was cut off is followed by what cut it off.
    if (how === 'finished') this.#announcement?.onPlayingEnded(playing)
  }

  /** What was sent ahead is still to be heard. */
  #afterLastWord(): void {
    const { clock } = this.#options.context
    this.#timer?.cancel()
    this.#timer = clock.setTimer(this.#player?.leadMs ?? 0, () => this.end('answered', 'agent-hung-up', 'over'))
  }

  #finish(last: CallEvent, why: CallerEnding): void {
    if (this.#over) return
    this.#report(last)
    this.#leave(why)
  }

  #leave(why: CallerEnding): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.#announcement?.end()
    if (this.#player !== null) this.#options.pacer.remove(this.#player)
    this.#caller?.end(why)
    this.#caller = null
    this.#options.onOver()
  }

  #report(event: CallEvent): void {
    if (!this.#over) this.#options.report(event)
  }
}
