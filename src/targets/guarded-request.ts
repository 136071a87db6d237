import { Agent, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { type TargetGuard, TargetRefused } from './target-guard.ts'

export interface GuardedRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** For everything together: name, connection, request, answer. */
  readonly timeoutMs: number
  /** More of the answer is not read: the connection is cut. */
  readonly answerBytesMax: number
}

export type GuardedAnswer =
  | {
      readonly ok: true
      readonly status: number
      readonly headers: Readonly<Record<string, string | string[] | undefined>>
      /** What was read of it, at most `answerBytesMax`. */
      readonly body: Buffer
    }
  /** In words, without secrets: for the owner of the address. `refused`: the guard did not let it happen. */
  | { readonly ok: false; readonly refused: boolean; readonly error: string }

const HEADER_BYTES_MAX = 16_384
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Sends requests to addresses that users gave. Every connection goes to an address that the guard has judged in that
 * moment; redirects are never followed; time and answer are bounded. It never throws.
 */
export class GuardedClient {
  readonly #guard: TargetGuard
  readonly #clock: Clock
  readonly #agent: Agent

  constructor(options: { guard: TargetGuard; clock: Clock; connectionsPerOrigin?: number }) {
    this.#guard = options.guard
    this.#clock = options.clock
    this.#agent = new Agent({
      connect: { lookup: options.guard.lookup, timeout: CONNECT_TIMEOUT_MS },
      connections: options.connectionsPerOrigin ?? 16,
      pipelining: 1,
      maxHeaderSize: HEADER_BYTES_MAX,
      // The time is bounded as a whole, by the clock that everything else goes by.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async send(request: GuardedRequest): Promise<GuardedAnswer> {
    const abort = new AbortController()
    const timer = this.#clock.setTimer(request.timeoutMs, () => abort.abort(new TimedOut()))
    try {
      // An address that is written as digits asks no resolver, so that it is judged here. A name is judged again when
      // its connection is made.
      const problem = await Promise.race([this.#guard.problemOf(request.url), aborted(abort.signal)])
      if (problem !== null) return { ok: false, refused: true, error: `The address was refused: ${problem}` }
      return await this.#exchange(request, abort.signal)
    } catch (error) {
      return failureOf(error, request.timeoutMs)
    } finally {
      timer.cancel()
    }
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #exchange(request: GuardedRequest, signal: AbortSignal): Promise<GuardedAnswer> {
    const { url, method, headers, body, answerBytesMax } = request
    const { origin, pathname, search } = new URL(url)
    const options = { origin, path: `${pathname}${search}`, method, headers, body, signal }
    const answer = await this.#agent.request({ ...options, body: body ?? null })
    return {
      ok: true,
      status: answer.statusCode,
      headers: answer.headers,
      body: await readAtMost(answer.body, answerBytesMax),
    }
  }
}

class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

async function readAtMost(body: Dispatcher.ResponseData['body'], bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes >= bytesMax) break
  }
  return Buffer.concat(chunks).subarray(0, bytesMax)
}

/** Codes of errors of connections in words; others are told by their code. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused',
  ECONNRESET: 'The connection was cut',
  UND_ERR_SOCKET: 'The connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'No connection could be made in time',
  ETIMEDOUT: 'No connection could be made in time',
  ENOTFOUND: 'The name does not resolve',
  EAI_AGAIN: 'The name could not be resolved',
  UND_ERR_HEADERS_OVERFLOW: 'The headers of the answer are too large',
  CERT_HAS_EXPIRED: 'The certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate is signed by nobody we trust',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate is made out to another name',
}

function failureOf(error: unknown, timeoutMs: number): GuardedAnswer {
  if (error instanceof TimedOut) {
    return { ok: false, refused: false, error: `No complete answer came within ${timeoutMs / 1_000} s` }
  }
  const cause = error instanceof AggregateError ? error.errors[0] : error
  if (cause instanceof TargetRefused) return { ok: false, refused: true, error: `${cause.message}` }
  const code = (cause as { code?: unknown } | null)?.code
  const known = typeof code === 'string' ? (WORDS[code] ?? `The request failed (${code})`) : 'The request failed'
  return { ok: false, refused: false, error: known }
}
