import type { Clock, Timer } from '../../clock.ts'

/** Reads are at least this far apart, so four times a second at most, however many watch. */
export const TICK_MS = 250
/** Intermediaries close a connection on which nothing is said. */
export const HEARTBEAT_MS = 15_000
/** A watcher is sent away after this time and comes back by itself, with a key that is looked at again. */
export const WATCH_MAX_MS = 3_600_000
const WATCHERS_MAX = 1_000

/** One state of what is watched. The text is what watchers are sent; the same text is not sent twice. */
export interface Reading {
  readonly text: string
  /** Nothing will change any more: every watcher is told and sent away. */
  readonly final: boolean
}

export interface Watcher {
  /** Called with each new text. */
  tell(text: string): void
  /** Called while nothing changes. */
  beat(): void
  /** Called once, last. `reason` is for the watcher to say. */
  end(reason: 'final' | 'time-over' | 'failed' | 'closing'): void
}

interface Subject {
  readonly read: () => Promise<Reading>
  readonly watchers: Map<Watcher, number>
  lastText: string | null
  quietSinceMs: number
  timer: Timer | null
}

/**
 * One reader for each thing that is watched, whatever the number of watchers; the next read is only planned when the
 * one before has ended, so a slow database is not asked faster than it answers.
 */
export class LiveFigures {
  readonly #clock: Clock
  readonly #subjects = new Map<string, Subject>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isFull(): boolean {
    return this.#count >= WATCHERS_MAX
  }

  /** Starts telling `watcher` about the thing called `name`; the function that comes back stops it. */
  watch(name: string, read: () => Promise<Reading>, watcher: Watcher): () => void {
    let subject = this.#subjects.get(name)
    if (subject === undefined) {
      subject = { read, watchers: new Map(), lastText: null, quietSinceMs: this.#clock.monotonicMs(), timer: null }
      this.#subjects.set(name, subject)
      this.#plan(name, subject, 0)
    } else if (subject.lastText !== null) watcher.tell(subject.lastText)
    subject.watchers.set(watcher, this.#clock.monotonicMs() + WATCH_MAX_MS)
    this.#count++
    const watched = subject
    return () => this.#leave(name, watched, watcher)
  }

  /** Sends all watchers away. */
  close(): void {
    for (const [name, subject] of this.#subjects) this.#endAll(name, subject, 'closing')
  }

  #plan(name: string, subject: Subject, delayMs: number): void {
    subject.timer = this.#clock.setTimer(delayMs, () => {
      void this.#tick(name, subject)
    })
  }

  async #tick(name: string, subject: Subject): Promise<void> {
    const reading = await subject.read().catch(() => null)
    if (this.#subjects.get(name) !== subject) return
    if (reading === null) {
      this.#endAll(name, subject, 'failed')
      return
    }
    this.#spread(subject, reading)
    if (reading.final) {
      this.#endAll(name, subject, 'final')
      return
    }
    const nowMs = this.#clock.monotonicMs()
    for (const [watcher, untilMs] of subject.watchers) {
      if (nowMs < untilMs) continue
      watcher.end('time-over')
      this.#leave(name, subject, watcher)
    }
    if (subject.watchers.size > 0) this.#plan(name, subject, TICK_MS)
  }

  #spread(subject: Subject, reading: Reading): void {
    const nowMs = this.#clock.monotonicMs()
    if (reading.text !== subject.lastText) {
      subject.lastText = reading.text
      subject.quietSinceMs = nowMs
      for (const watcher of subject.watchers.keys()) watcher.tell(reading.text)
    } else if (nowMs - subject.quietSinceMs >= HEARTBEAT_MS) {
      subject.quietSinceMs = nowMs
      for (const watcher of subject.watchers.keys()) watcher.beat()
    }
  }

  #endAll(name: string, subject: Subject, reason: 'final' | 'failed' | 'closing'): void {
    const watchers = [...subject.watchers.keys()]
    for (const watcher of watchers) this.#leave(name, subject, watcher)
    for (const watcher of watchers) watcher.end(reason)
  }

  #leave(name: string, subject: Subject, watcher: Watcher): void {
    if (!subject.watchers.delete(watcher)) return
    this.#count--
    if (subject.watchers.size > 0) return
    subject.timer?.cancel()
    if (this.#subjects.get(name) === subject) this.#subjects.delete(name)
  }
}
