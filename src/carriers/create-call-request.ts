import { isIP } from 'node:net'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { type AddressGuard, TargetRefused } from '../targets/target-guard.ts'

/** Answers to a create-call request are small; a larger one is not read. */
const ANSWER_BYTES_MAX = 64 * 1024

export interface CreateCallRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface CreateCallTimes {
  /** A request that found no free connection for this long is never written. */
  readonly writeWithinMs: number
  /** Counted from the write. After it the connection is reset and the answer counts as lost. */
  readonly answerWithinMs: number
}

/**
 * `not-sent` is proven: not one byte of the request was written. `no-answer` leaves doubt: the carrier may have
 * taken the call.
 */
export type CreateCallOutcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'no-answer' }
  | { readonly kind: 'not-sent'; readonly why: 'unreachable' | 'too-late' }

/**
 * An HTTP agent for create-call requests: no retries, one request at a time on a connection, and a connection
 * that is given up is reset. A stalled peer that takes up a reset connection later finds nothing in it, whereas
 * after an orderly close it would read the whole request and ring somebody minutes too late. Nothing connects to what the
 * guard refuses.
 */
export function createCallAgent(options: { connections: number; connectWithinMs: number; guard: AddressGuard }): Agent {
  const { connections, connectWithinMs, guard } = options
  const connect = buildConnector({ timeout: connectWithinMs, lookup: guard.lookup })
  return new Agent({
    connections,
    pipelining: 1,
    headersTimeout: 15_000,
    bodyTimeout: 15_000,
    connect(target, callback) {
      const address = target.hostname.replace(/^\[|\]$/g, '')
      if (isIP(address) !== 0 && !guard.mayReach(address)) {
        callback(new TargetRefused('The address is not public'), null)
        return
      }
      connect(target, (...result) => {
        const [error, socket] = result
        if (error === null) resetWhenDestroyed(socket)
        callback(...result)
      })
    },
  })
}

/**
 * Sends one POST, at most once, and tells what is known of it. Never rejects.
 *
 * The agent announces each request right before it writes it. That is the only instant at which a request can
 * still be withheld with proof; a second announcement, whatever its reason, is withheld too.
 */
export function sendCreateCall(
  agent: Dispatcher,
  request: CreateCallRequest,
  times: CreateCallTimes & { clock: Clock },
): Promise<CreateCallOutcome> {
  return new Promise((resolve) => {
    const handler = new OneRequest(times, resolve)
    const { url, headers, body } = request
    try {
      agent.dispatch({ origin: url.origin, path: url.pathname + url.search, method: 'POST', headers, body }, handler)
    } catch {
      // Thrown before the request is queued: a closed agent, or a header that cannot be written.
      resolve({ kind: 'not-sent', why: 'unreachable' })
    }
  })
}

class OneRequest implements Dispatcher.DispatchHandler {
  readonly #times: CreateCallTimes & { clock: Clock }
  readonly #resolve: (outcome: CreateCallOutcome) => void
  readonly #startedAt: { readonly monotonicMs: number; readonly epochMs: number }
  readonly #parts: Buffer[] = []
  #bytes = 0
  #written = false
  #tooLate = false
  #status = 0
  #cancelTimer = (): void => undefined

  constructor(times: CreateCallTimes & { clock: Clock }, resolve: (outcome: CreateCallOutcome) => void) {
    this.#times = times
    this.#resolve = resolve
    this.#startedAt = { monotonicMs: times.clock.monotonicMs(), epochMs: times.clock.nowEpochMs() }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { clock, writeWithinMs, answerWithinMs } = this.#times
    // An error thrown here keeps the request from being written and the connection for others.
    if (this.#written) throw new Error('A create-call request is written once')
    // Both clocks: the steady one does not count while the machine sleeps.
    const { monotonicMs, epochMs } = this.#startedAt
    if (Math.max(clock.monotonicMs() - monotonicMs, clock.nowEpochMs() - epochMs) > writeWithinMs) {
      this.#tooLate = true
      throw new Error('No connection was free in time')
    }
    this.#written = true
    const timer = clock.setTimer(answerWithinMs, () => controller.abort(new Error('No answer in time')))
    this.#cancelTimer = () => timer.cancel()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > ANSWER_BYTES_MAX) controller.abort(new Error('The answer is too large'))
    else this.#parts.push(part)
  }

  onResponseEnd(): void {
    this.#finish({ kind: 'answer', status: this.#status, body: Buffer.concat(this.#parts).toString('utf8') })
  }

  onResponseError(): void {
    if (this.#written) this.#finish({ kind: 'no-answer' })
    else this.#finish({ kind: 'not-sent', why: this.#tooLate ? 'too-late' : 'unreachable' })
  }

  #finish(outcome: CreateCallOutcome): void {
    this.#cancelTimer()
    this.#resolve(outcome)
  }
}

type ConnectedSocket = Extract<Parameters<buildConnector.Callback>, [null, unknown]>[1]

function resetWhenDestroyed(socket: ConnectedSocket): void {
  const destroy = socket.destroy.bind(socket)
  let resetting = false
  socket.destroy = (error?: Error) => {
    // `resetAndDestroy` works on plain TCP and itself comes back here to destroy.
    if (resetting || error === undefined || 'encrypted' in socket) return destroy(error)
    resetting = true
    return socket.resetAndDestroy()
  }
}
