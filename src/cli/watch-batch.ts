import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, systemClock } from '../clock.ts'
import { type ApiClient, UnreachableError } from './api-client.ts'
import type { BatchDocument } from './api-types.ts'
import { clockText } from './durations.ts'
import { isOver, renderLive } from './live-display.ts'
import { Pace } from './pace.ts'
import { Screen } from './screen.ts'
import { clip, type Terminal } from './terminal.ts'

export interface WatchOptions {
  readonly client: ApiClient
  readonly batchId: string
  readonly terminal: Terminal
  /** Aborted by Ctrl-C: watching ends, the batch does not. */
  readonly interrupt: AbortSignal
  readonly clock?: Clock
  /** What to write when nobody looks: JSON lines for programs, or text. */
  readonly plain?: 'json-lines' | 'text'
  readonly pollMs?: number
}

export interface Watched {
  /** As it was last seen; undefined when it never was. */
  readonly batch: BatchDocument | undefined
  readonly interrupted: boolean
}

const POLL_MS = 400
const PLAIN_LINE_MS = 1000
/** Width of the bar in a line of text. */
const TEXT_BAR = 24
/** How long the server may be away, as in an update, before watching gives up. */
const AWAY_MS_MAX = 120_000

/** Shows a batch until it is over or Ctrl-C is pressed. A server that is away for a while is waited for. */
export async function watchBatch(options: WatchOptions): Promise<Watched> {
  const { client, batchId, terminal, interrupt, clock = systemClock, pollMs = POLL_MS } = options
  const watch = terminal.isLive ? new ScreenWatch(terminal, clock) : new PlainWatch(terminal, clock, options.plain)
  let batch: BatchDocument | undefined
  let awaySinceMs: number | undefined
  try {
    while (!interrupt.aborted) {
      try {
        batch = await client.get<BatchDocument>(`/batches/${encodeURIComponent(batchId)}`)
        awaySinceMs = undefined
        watch.show(batch)
        if (isOver(batch)) return { batch, interrupted: false }
      } catch (error) {
        awaySinceMs ??= clock.monotonicMs()
        const isAway = error instanceof UnreachableError && batch !== undefined
        if (!isAway || clock.monotonicMs() - awaySinceMs > AWAY_MS_MAX) throw error
        watch.trouble(batch as BatchDocument, error.message)
      }
      await pause(pollMs, undefined, { signal: interrupt }).catch(() => undefined)
    }
    return { batch, interrupted: true }
  } finally {
    watch.end()
  }
}

class ScreenWatch {
  readonly #screen: Screen
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #pace = new Pace()
  readonly #startedAtMs: number

  constructor(terminal: Terminal, clock: Clock) {
    this.#screen = new Screen(terminal)
    this.#terminal = terminal
    this.#clock = clock
    this.#startedAtMs = clock.monotonicMs()
  }

  show(batch: BatchDocument): void {
    this.#pace.add(batch.figures, this.#clock.monotonicMs())
    this.#draw(batch)
  }

  trouble(batch: BatchDocument, text: string): void {
    this.#draw(batch, text)
  }

  end(): void {
    this.#screen.end()
  }

  #draw(batch: BatchDocument, trouble?: string): void {
    const view = {
      batch,
      trouble,
      pace: this.#pace.read(batch.figures),
      elapsedSeconds: elapsedSeconds(batch, this.#clock, this.#startedAtMs),
      nowEpochMs: this.#clock.nowEpochMs(),
    }
    this.#screen.draw(renderLive(view, this.#terminal.style))
  }
}

/** Since the batch began, by the clock of this machine; since watching began where that makes no sense. */
function elapsedSeconds(batch: BatchDocument, clock: Clock, watchedSinceMs: number): number {
  const startedMs = batch.startedAt ? Date.parse(batch.startedAt) : Number.NaN
  const endMs = batch.completedAt ? Date.parse(batch.completedAt) : clock.nowEpochMs()
  const sinceStart = (endMs - startedMs) / 1000
  return sinceStart >= 0 ? sinceStart : (clock.monotonicMs() - watchedSinceMs) / 1000
}

class PlainWatch {
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #asJson: boolean
  readonly #pace = new Pace()
  readonly #startedAtMs: number
  #lastAtMs = Number.NEGATIVE_INFINITY
  #last = ''

  constructor(terminal: Terminal, clock: Clock, format: 'json-lines' | 'text' = 'json-lines') {
    this.#terminal = terminal
    this.#clock = clock
    this.#asJson = format === 'json-lines'
    this.#startedAtMs = clock.monotonicMs()
  }

  show(batch: BatchDocument): void {
    const nowMs = this.#clock.monotonicMs()
    this.#pace.add(batch.figures, nowMs)
    const over = isOver(batch)
    const state = JSON.stringify([batch.status, batch.figures, batch.waiting?.reason])
    if (!over && (state === this.#last || nowMs - this.#lastAtMs < PLAIN_LINE_MS)) return
    this.#last = state
    this.#lastAtMs = nowMs
    this.#terminal.line(this.#asJson ? this.#jsonLine(batch, over) : this.#textLine(batch))
  }

  trouble(_batch: BatchDocument, text: string): void {
    if (this.#last !== text) this.#terminal.note(text)
    this.#last = text
  }

  end(): void {}

  #jsonLine(batch: BatchDocument, over: boolean): string {
    const { id, name, status, figures, waiting = null } = batch
    const { callsPerSecond, secondsLeft } = this.#pace.read(figures)
    const at = new Date(this.#clock.nowEpochMs()).toISOString()
    const type = over ? 'batch-ended' : 'batch-progress'
    return JSON.stringify({ type, at, batchId: id, name, status, figures, waiting, callsPerSecond, secondsLeft })
  }

  #textLine(batch: BatchDocument): string {
    const { settled, total, live, outcomes } = batch.figures
    const { unicode, columns } = this.#terminal.style
    const filled = total === 0 ? TEXT_BAR : Math.floor((TEXT_BAR * settled) / total)
    const bar = (unicode ? '█' : '#').repeat(filled) + (unicode ? '░' : '.').repeat(TEXT_BAR - filled)
    const elapsed = clockText(elapsedSeconds(batch, this.#clock, this.#startedAtMs))
    const counts = `${settled} of ${total}, ${outcomes.answered ?? 0} answered, ${live} live now`
    return clip(`${elapsed.padStart(5)}  ${bar}  ${counts}`, columns)
  }
}
