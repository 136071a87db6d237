import { Agent, request } from 'undici'
import { type Clock, sleep } from '../../clock.ts'
import { signatureHeaders } from './callback.ts'
import type { JudgeLog } from './judge-log.ts'
import type { NetworkReport } from './wire.ts'

/** How long and how often a callback is tried. These are real times: the network's speed does not shorten them. */
export interface CallbackRetry {
  /** Pause after every address has failed once; it doubles after each further round. */
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  readonly giveUpAfterMs: number
  readonly answerWithinMs: number
}

export const CALLBACK_RETRY: CallbackRetry = {
  firstPauseMs: 200,
  longestPauseMs: 5000,
  giveUpAfterMs: 120_000,
  answerWithinMs: 10_000,
}

export interface CallbackTarget {
  readonly callId: string
  readonly ref: string
  readonly urls: readonly string[]
}

interface Queue {
  readonly target: CallbackTarget
  readonly waiting: NetworkReport[]
}

/**
 * Posts signed reports to any of a call's addresses until one answers 2xx. The reports of one call arrive in
 * order, and those that came up while another was on its way go together; calls do not wait for each other.
 */
export class CallbackSender {
  readonly #clock: Clock
  readonly #secret: string
  readonly #retry: CallbackRetry
  readonly #log: JudgeLog
  readonly #agent: Agent
  readonly #queues = new Map<string, Queue>()
  #firstUrl = 0
  #closed = false

  constructor(options: { clock: Clock; secret: string; retry: CallbackRetry; log: JudgeLog }) {
    this.#clock = options.clock
    this.#secret = options.secret
    this.#retry = options.retry
    this.#log = options.log
    const { answerWithinMs } = options.retry
    this.#agent = new Agent({ connections: 64, headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs })
  }

  send(target: CallbackTarget, report: NetworkReport): void {
    if (this.#closed || target.urls.length === 0) return
    const queue = this.#queues.get(target.callId)
    if (queue !== undefined) {
      queue.waiting.push(report)
      return
    }
    const opened = { target, waiting: [report] }
    this.#queues.set(target.callId, opened)
    void this.#drain(opened)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#queues.clear()
    await this.#agent.destroy()
  }

  async #drain(queue: Queue): Promise<void> {
    while (queue.waiting.length > 0 && !this.#closed) {
      const reports = queue.waiting.splice(0)
      await this.#deliver(queue.target, reports)
    }
    this.#queues.delete(queue.target.callId)
  }

  async #deliver({ callId, ref, urls }: CallbackTarget, reports: NetworkReport[]): Promise<void> {
    const { firstPauseMs, longestPauseMs, giveUpAfterMs } = this.#retry
    const body = JSON.stringify({ callId, ref, reports })
    const firstUrl = this.#firstUrl++
    const startedAtMs = this.#clock.monotonicMs()
    let pauseMs = firstPauseMs
    for (let tries = 1; !this.#closed; tries++) {
      if (await this.#post(urls[(firstUrl + tries) % urls.length]!, body)) return
      if (this.#clock.monotonicMs() - startedAtMs > giveUpAfterMs) {
        this.#log.append('callback-given-up', { callId, ref, kinds: reports.map(({ kind }) => kind), tries })
        return
      }
      if (tries % urls.length !== 0) continue
      await sleep(this.#clock, pauseMs)
      pauseMs = Math.min(2 * pauseMs, longestPauseMs)
    }
  }

  /** True when a node took it. Nobody learns of a happening that is not in the log. */
  async #post(url: string, body: string): Promise<boolean> {
    try {
      await this.#log.flushed()
      const signature = signatureHeaders(body, this.#secret, this.#clock.nowEpochMs())
      const headers = { 'content-type': 'application/json', ...signature }
      const response = await request(url, { method: 'POST', headers, body, dispatcher: this.#agent })
      await response.body.dump()
      return response.statusCode >= 200 && response.statusCode < 300
    } catch {
      return false
    }
  }
}
