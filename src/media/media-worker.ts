import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import type { EngineSession, Orders } from './engine-session.ts'
import type { FromWorker, SessionOrder, ToWorker, WorkerData, WorkerStart } from './worker-messages.ts'

/** The program of the thread, beside this file in `dist/` and in the sources alike. */
const PROGRAM = new URL(`./worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** How much longer than others the first sessions may wait, since their thread must start: on a busy machine it takes seconds. */
const START_MS = 10_000
/** A thread that does not end by itself within this time is ended. */
const END_MS = 500

export interface MediaWorkerOptions extends WorkerData {
  readonly clock: Clock
  /** Told once, when the thread takes orders. */
  readonly onReady: (start: WorkerStart) => void
  /** Told once, when the thread is gone, whyever. */
  readonly onGone: (reason: string) => void
}

/** The main thread's end of one media thread. */
export class MediaWorker implements Orders {
  readonly #clock: Clock
  readonly #thread: Worker
  readonly #sessions = new Map<number, EngineSession>()
  readonly #opening = new Map<number, (code: string | null) => void>()
  readonly #onReady: MediaWorkerOptions['onReady']
  #isReady = false
  #gone: string | null = null

  constructor({ clock, sockets, priority, onReady, onGone }: MediaWorkerOptions) {
    this.#clock = clock
    this.#onReady = onReady
    this.#thread = new Worker(PROGRAM, { name: 'media', workerData: { sockets, priority } satisfies WorkerData })
    // Calls keep a server alive, not its threads.
    this.#thread.unref()
    this.#thread.on('message', (news: FromWorker) => this.#take(news))
    let reason = 'it ended'
    this.#thread.on('error', (error) => {
      reason = error.message
    })
    this.#thread.on('exit', () => {
      this.#loseAll(reason)
      onGone(reason)
    })
  }

  get sessions(): number {
    return this.#sessions.size + this.#opening.size
  }

  /** Null when the ports are bound, else the code of what went wrong. */
  open(session: number, order: SessionOrder, withinMs: number): Promise<string | null> {
    if (this.#gone !== null) return Promise.resolve('GONE')
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(this.#isReady ? withinMs : withinMs + START_MS, () => {
        this.#opening.delete(session)
        resolve('TIMEOUT')
      })
      this.#opening.set(session, (code) => {
        this.#opening.delete(session)
        timer.cancel()
        resolve(code)
      })
      this.order({ do: 'open', session, ...order })
    })
  }

  attach(number: number, session: EngineSession): void {
    if (this.#gone === null) this.#sessions.set(number, session)
    else session.lose(this.#gone)
  }

  forget(number: number): void {
    this.#sessions.delete(number)
  }

  order(order: ToWorker): void {
    if (this.#gone === null) this.#thread.postMessage(order)
  }

  /** Resolves when the thread is gone. */
  async end(): Promise<void> {
    if (this.#gone !== null) return
    this.#thread.ref()
    const gone = once(this.#thread, 'exit')
    this.order({ do: 'end' })
    const patience = this.#clock.setTimer(END_MS, () => void this.#thread.terminate())
    await gone
    patience.cancel()
  }

  #take(news: FromWorker): void {
    if (news.tell === 'ready') {
      this.#isReady = true
      this.#onReady(news)
      return
    }
    if (news.tell === 'opened' || news.tell === 'open-failed') {
      const opening = this.#opening.get(news.session)
      if (opening) opening(news.tell === 'opened' ? null : news.code)
      // It came after all: nobody waits for it any more.
      else if (news.tell === 'opened') this.order({ do: 'close', session: news.session })
      return
    }
    this.#sessions.get(news.session)?.take(news)
  }

  #loseAll(reason: string): void {
    this.#gone = reason
    for (const opened of this.#opening.values()) opened('GONE')
    for (const session of this.#sessions.values()) session.lose(reason)
  }
}
