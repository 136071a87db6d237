import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../clock.ts'
import { CALLBACK_RETRY, type CallbackRetry, CallbackSender } from './callback-sender.ts'
import { watchEventLoop } from './event-loop-watch.ts'
import { type JudgeLog, noLog, openJudgeLog, readJudgeLog } from './judge-log.ts'
import { type SimulatedCall, SimulatedNetwork } from './network.ts'
import { recoverCalls } from './recover.ts'
import { isRefused, losesAnswer, losesCallbacks } from './story.ts'
import { BODY_BYTES_MAX, type CallReport, type CreateCall, createCall, type NetworkReport } from './wire.ts'

const KEEP_ENDED_CALLS_MS = 60 * 60_000
/** Longer than clients keep idle connections, so that no request meets a connection that is being closed. */
const KEEP_ALIVE_MS = 75_000

export interface LoopbackServerOptions {
  /** 0 takes a free port. */
  readonly port: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Clients send it as a Bearer token; callbacks are signed with it. */
  readonly secret: string
  readonly clock: Clock
  /** Times faster than a real network; default 1. */
  readonly speed?: number
  /** Where everything the network sees is written, for a judge to read. See docs/guides/loopback.md. */
  readonly logFile?: string
  readonly callbackRetry?: Partial<CallbackRetry>
}

export interface LoopbackServer {
  /** `http://<host>:<port>` */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the simulated network as an HTTP server. Rejects when the port is taken or the log cannot be opened.
 * Started on the log of an earlier run, it goes on with the calls of that run.
 */
export async function startLoopbackServer(options: LoopbackServerOptions): Promise<LoopbackServer> {
  const { port, host = '127.0.0.1', secret, clock, speed = 1, logFile } = options
  const earlier = logFile === undefined ? [] : await readJudgeLog(logFile)
  const log = logFile === undefined ? noLog : await openJudgeLog(logFile, clock)
  const retry = { ...CALLBACK_RETRY, ...options.callbackRetry }
  const sender = new CallbackSender({ clock, secret, retry, log })
  const api = new LoopbackApi({ clock, secret, speed, log, sender })
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => api.answer(request, response))
  server.listen(port, host)
  await once(server, 'listening')
  log.append('judge-started', { speed, callsRecovered: api.recover(earlier) })
  const loopWatch = watchEventLoop(clock, log)
  const { port: boundPort } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      loopWatch.cancel()
      api.close()
      await Promise.all([closed, sender.close()])
      log.append('judge-stopped', {})
      await log.close()
    },
  }
}

interface ApiOptions {
  readonly clock: Clock
  readonly secret: string
  readonly speed: number
  readonly log: JudgeLog
  readonly sender: CallbackSender
}

class LoopbackApi {
  readonly #speed: number
  readonly #secretDigest: Buffer
  readonly #log: JudgeLog
  readonly #sender: CallbackSender
  readonly #network: SimulatedNetwork
  readonly #callbackUrls = new Map<string, readonly string[]>()

  constructor({ clock, secret, speed, log, sender }: ApiOptions) {
    this.#speed = speed
    this.#secretDigest = digest(`Bearer ${secret}`)
    this.#log = log
    this.#sender = sender
    const tell = (call: SimulatedCall, report: NetworkReport): void => this.#tell(call, report)
    this.#network = new SimulatedNetwork({ clock, speed, keepEndedCallsMs: KEEP_ENDED_CALLS_MS, tell })
  }

  recover(earlier: Parameters<typeof recoverCalls>[0]): number {
    const recovered = recoverCalls(earlier, this.#network)
    for (const { callId, callbackUrls } of recovered) this.#callbackUrls.set(callId, callbackUrls)
    return recovered.length
  }

  close(): void {
    this.#network.close()
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    this.#route(request, response).catch(() => {
      // The log could not be written, or the client went away. A call may exist, so there is no answer at all.
      response.destroy()
    })
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [first, second, third, ...rest] = new URL(request.url ?? '/', 'http://network').pathname.slice(1).split('/')
    const creates = request.method === 'POST' && first === 'calls' && second === undefined
    if (creates) return this.#create(request, response)
    request.resume()
    if (!this.#isAuthentic(request)) return send(response, 401, problem('The Bearer token is not the shared secret.'))
    if (rest.length === 0 && request.method === 'GET') {
      if (first === 'status' && second === undefined) {
        return send(response, 200, { carrier: 'loopback', speed: this.#speed, liveCalls: this.#network.liveCalls })
      }
      if (first === 'calls' && second === 'by-ref' && third !== undefined) return this.#showByRef(third, response)
      if (first === 'calls' && second !== undefined && third === undefined) return this.#show(second, response)
    }
    if (
      rest.length === 0 &&
      request.method === 'POST' &&
      first === 'calls' &&
      second !== undefined &&
      third === 'hangup'
    ) {
      return this.#hangUp(second, response)
    }
    send(response, 404, problem('No such address.'))
  }

  /** Every request that comes here is in the log, whatever becomes of it, and on the disk before it is answered. */
  async #create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request).catch(() => null)
    const call = createCall.safeParse(body === null ? null : parsedJson(body))
    const { ref, to, from } = call.data ?? {}
    const logged = { ref, to, from, bytes: body?.length }
    const refuse = async (outcome: string, status: number, text: string): Promise<void> => {
      this.#log.append('create-request', { ...logged, outcome })
      await this.#log.flushed()
      send(response, status, problem(text))
    }
    if (body === null) return refuse('incomplete', 413, `A request has at most ${BODY_BYTES_MAX} bytes.`)
    if (!this.#isAuthentic(request)) return refuse('unauthorized', 401, 'The Bearer token is not the shared secret.')
    if (!call.success)
      return refuse(
        'invalid',
        400,
        call.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
      )
    if (isRefused(call.data.to)) return refuse('refused', 422, 'The network does not take calls to this number.')
    const repeated = this.#network.byRef(call.data.ref).length > 0
    const placed = this.#place(call.data)
    this.#log.append('create-request', {
      ...logged,
      outcome: repeated ? 'created-again' : 'created',
      callId: placed.id,
    })
    this.#log.append('call-started', { callId: placed.id, ref, to, callbackUrls: call.data.callbackUrls })
    await this.#log.flushed()
    if (losesAnswer(placed.plan.to)) request.socket.resetAndDestroy()
    else send(response, 201, { callId: placed.id })
  }

  #place(call: CreateCall): SimulatedCall {
    const placed = this.#network.place(call)
    this.#callbackUrls.set(placed.id, call.callbackUrls)
    return placed
  }

  #showByRef(ref: string, response: ServerResponse): void {
    const calls = this.#network.byRef(ref).map((call) => this.#reportOf(call))
    if (calls.length === 0) send(response, 404, problem('No call was placed under this reference.'))
    else send(response, 200, { calls })
  }

  #show(callId: string, response: ServerResponse): void {
    const call = this.#network.byId(callId)
    if (call === undefined) send(response, 404, problem('No such call.'))
    else send(response, 200, this.#reportOf(call))
  }

  #hangUp(callId: string, response: ServerResponse): void {
    const call = this.#network.byId(callId)
    this.#log.append('hang-up-request', { callId, ref: call?.ref })
    if (call !== undefined) this.#network.hangUp(call)
    if (call === undefined) send(response, 404, problem('No such call.'))
    else send(response, 204)
  }

  #reportOf(call: SimulatedCall): CallReport {
    return { callId: call.id, ref: call.ref, reports: this.#network.reportsOf(call) }
  }

  #tell(call: SimulatedCall, report: NetworkReport): void {
    const { id: callId, ref, plan } = call
    // That the call was taken is the answer to the create-call request; it is no news of its own.
    if (report.kind === 'accepted') return
    const happenedAtEpochMs = report.atEpochMs
    const ending = report.kind === 'ended' ? report.ending : undefined
    this.#log.append(`call-${report.kind}`, { callId, ref, to: plan.to, happenedAtEpochMs, ending })
    const urls = this.#callbackUrls.get(callId) ?? []
    if (report.kind === 'ended') this.#callbackUrls.delete(callId)
    if (!losesCallbacks(plan.to)) this.#sender.send({ callId, ref, urls }, report)
  }

  #isAuthentic(request: IncomingMessage): boolean {
    return timingSafeEqual(digest(request.headers.authorization ?? ''), this.#secretDigest)
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new RangeError('The body is too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, status: number, body?: unknown): void {
  if (body === undefined) response.writeHead(status).end()
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function problem(text: string): { error: string } {
  return { error: text }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
