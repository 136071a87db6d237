import type { Clock, Timer } from '../clock.ts'
import type { MediaSession } from './media-engine.ts'
import type { Prompt } from './prompt.ts'

/** How often one person may hear it again: a key that is stuck must not hold a line forever. */
export const REPEATS_MAX = 5

export interface AnnouncementOptions {
  readonly session: Pick<MediaSession, 'play' | 'stopPlaying'>
  readonly prompt: Prompt
  readonly clock: Clock
  /** Zero: over with the last word. Else how long to wait for a key after it. */
  readonly waitForKeySeconds: number
  /** The key that plays the prompt again from its beginning, at most `REPEATS_MAX` times; null: none. */
  readonly repeatKey: string | null
  /** The key that ends the call at once; null: none. */
  readonly stopKey: string | null
  /** Told once, when there is nothing more to say: hang up. Never after `end`, never before `startAnnouncement` returned. */
  readonly onDone: () => void
}

/**
 * One announcement from the answer to its end: what is played, waited for, repeated and stopped. The signalling
 * starts it with the answer, hands it the listener's events, and hangs up when it is done.
 */
export class Announcement {
  readonly #options: AnnouncementOptions
  #playing: number
  #speaking = true
  #repeats = 0
  #answered = false
  #over = false
  #waiting: Timer | null = null
  #keys = ''

  /** Plays at once. */
  constructor(options: AnnouncementOptions) {
    this.#options = options
    this.#playing = options.session.play(options.prompt)
  }

  /** All keys so far, in order. */
  get keysPressed(): string {
    return this.#keys
  }

  /** From `MediaListener.onPlayingEnded`. */
  onPlayingEnded(playing: number): void {
    if (this.#over || playing !== this.#playing) return
    this.#speaking = false
    const { clock, waitForKeySeconds } = this.#options
    if (this.#answered || waitForKeySeconds <= 0) this.#finish()
    else this.#waiting = clock.setTimer(waitForKeySeconds * 1000, () => this.#finish())
  }

  /**
   * From `MediaListener.onKey`. A key that means nothing special is the answer that was waited for: the call is over
   * with it, or with the last word when it came early. Without a wait, keys are only kept.
   */
  onKey(key: string): void {
    if (this.#over) return
    const { session, prompt, repeatKey, stopKey, waitForKeySeconds } = this.#options
    this.#keys += key
    if (key === stopKey) {
      session.stopPlaying()
      this.#finish()
    } else if (key === repeatKey) {
      if (this.#repeats++ >= REPEATS_MAX) return
      this.#waiting?.cancel()
      this.#speaking = true
      this.#playing = session.play(prompt)
    } else if (waitForKeySeconds > 0) {
      this.#answered = true
      if (!this.#speaking) this.#finish()
    }
  }

  /** The call ended otherwise: nothing more is played or told. */
  end(): void {
    this.#over = true
    this.#waiting?.cancel()
  }

  #finish(): void {
    if (this.#over) return
    this.end()
    this.#options.onDone()
  }
}
