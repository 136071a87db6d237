import { type Agent, request as httpRequest } from 'undici'
import type { CallEvent } from '../../model/call-event.ts'
import type {
  CallbackAnswer,
  CallHandle,
  CallRequest,
  Carrier,
  CarrierCallback,
  CarrierContext,
  LookUpAnswer,
} from '../carrier.ts'
import { type CreateCallOutcome, createCallAgent, sendCreateCall } from '../create-call-request.ts'
import { decodeCallback } from './callback.ts'
import { callEventOf, causeOfRefusal } from './cause.ts'
import type { LoopbackSettings } from './config.ts'
import { LOOPBACK_TRAITS } from './traits.ts'
import { type CallReport, type CreateCall, callReport, callsOfRef, createdCall } from './wire.ts'

const CONNECTIONS = 64
const ANSWER_WITHIN_MS = 15_000
const CONNECT_WITHIN_MS = 1000
const ASK_WITHIN_MS = 10_000

/** The carrier side of a simulated network in a process of its own (`listen.ts`). */
export class RemoteLoopback implements Carrier {
  readonly traits = LOOPBACK_TRAITS
  readonly #context: CarrierContext
  readonly #agent: Agent
  readonly #baseUrl: string
  readonly #secret: string
  readonly #callbackUrls: readonly string[]
  readonly #underway = new Set<Promise<void>>()
  #closing = false

  constructor(settings: LoopbackSettings, context: CarrierContext) {
    if (settings.url === undefined || settings.secret === undefined) throw new TypeError('url and secret are needed')
    this.#context = context
    this.#agent = createCallAgent({
      connections: CONNECTIONS,
      connectWithinMs: CONNECT_WITHIN_MS,
      guard: context.targets,
    })
    this.#baseUrl = settings.url.replace(/\/+$/, '')
    this.#secret = settings.secret
    this.#callbackUrls = callbackUrlsOf(settings.nodeUrls, context.callbackUrl)
  }

  place(request: CallRequest): void {
    if (this.#closing) return
    this.#run(this.#place(request))
  }

  hangUp(call: CallHandle): void {
    if (this.#closing) return
    this.#run(this.#hangUp(call))
  }

  async lookUp(call: CallHandle): Promise<LookUpAnswer> {
    const path = call.carrierCallId === null ? `by-ref/${call.ref}` : encodeURIComponent(call.carrierCallId)
    try {
      const { status, body } = await this.#ask('GET', `/calls/${path}`)
      if (status === 404) return { found: false, reason: 'absent' }
      if (status !== 200) return { found: false, reason: 'cannot-tell' }
      const report = call.carrierCallId === null ? callsOfRef.parse(body).calls[0]! : callReport.parse(body)
      return { found: true, events: eventsOf(report, call.ref) }
    } catch (error) {
      this.#context.log.warn({ ref: call.ref, error: messageOf(error) }, 'A look-up at the simulated network failed')
      return { found: false, reason: 'cannot-tell' }
    }
  }

  async probe(): Promise<boolean> {
    try {
      return (await this.#ask('GET', '/status')).status === 200
    } catch {
      return false
    }
  }

  decodeCallback(callback: CarrierCallback): CallbackAnswer {
    return decodeCallback(callback, this.#secret, this.#context.clock.nowEpochMs())
  }

  /** Waits for the answers that are still due, at most 15 seconds. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#underway)
    await this.#agent.destroy()
  }

  #run(task: Promise<void>): void {
    this.#underway.add(task)
    void task.finally(() => this.#underway.delete(task))
  }

  async #place(wanted: CallRequest): Promise<void> {
    const { ref, to, from, ringTimeoutSeconds, maxCallSeconds, speech } = wanted
    const { text, waitForKeySeconds } = speech
    const callbackUrls = [...this.#callbackUrls]
    const call: CreateCall = {
      ref,
      to,
      from,
      ringTimeoutSeconds,
      maxCallSeconds,
      speech: { text, waitForKeySeconds },
      callbackUrls,
    }
    const headers = { ...this.#credentials(), 'content-type': 'application/json' }
    const request = { url: new URL(`${this.#baseUrl}/calls`), headers, body: JSON.stringify(call) }
    const times = { writeWithinMs: wanted.sendWithinMs, answerWithinMs: ANSWER_WITHIN_MS, clock: this.#context.clock }
    this.#tell(ref, await sendCreateCall(this.#agent, request, times))
  }

  #tell(ref: string, outcome: CreateCallOutcome): void {
    const event = eventOf(ref, outcome, this.#context.clock.nowEpochMs())
    if (event !== null) this.#context.report(event)
    else {
      const status = outcome.kind === 'answer' ? outcome.status : undefined
      this.#context.log.warn({ ref, status }, 'The simulated network did not say whether it took a call')
    }
  }

  async #hangUp(call: CallHandle): Promise<void> {
    try {
      for (const callId of await this.#idsOf(call)) {
        const { status } = await this.#ask('POST', `/calls/${encodeURIComponent(callId)}/hangup`)
        if (status !== 204 && status !== 404) throw new Error(`status ${status}`)
      }
    } catch (error) {
      this.#context.log.warn({ ref: call.ref, error: messageOf(error) }, 'The simulated network did not hang up')
    }
  }

  async #idsOf(call: CallHandle): Promise<readonly string[]> {
    if (call.carrierCallId !== null) return [call.carrierCallId]
    const { status, body } = await this.#ask('GET', `/calls/by-ref/${call.ref}`)
    if (status === 404) return []
    return callsOfRef.parse(body).calls.map(({ callId }) => callId)
  }

  async #ask(method: 'GET' | 'POST', path: string): Promise<{ status: number; body: unknown }> {
    const { statusCode, body } = await httpRequest(`${this.#baseUrl}${path}`, {
      method,
      headers: this.#credentials(),
      dispatcher: this.#agent,
      headersTimeout: ASK_WITHIN_MS,
      bodyTimeout: ASK_WITHIN_MS,
    })
    return { status: statusCode, body: parsedJson(await body.text()) }
  }

  #credentials(): { authorization: string } {
    return { authorization: `Bearer ${this.#secret}` }
  }
}

/** What the outcome of a create-call request proves, or null when it leaves doubt. */
function eventOf(ref: string, outcome: CreateCallOutcome, atEpochMs: number): CallEvent | null {
  if (outcome.kind === 'no-answer') return null
  if (outcome.kind === 'not-sent') {
    const cause = outcome.why === 'too-late' ? 'deadline-missed' : 'trunk-unreachable'
    return { kind: 'not-sent', ref, atEpochMs, cause }
  }
  if (outcome.status === 201) {
    const created = createdCall.safeParse(parsedJson(outcome.body))
    return created.success ? { kind: 'accepted', ref, atEpochMs, carrierCallId: created.data.callId } : null
  }
  const cause = causeOfRefusal(outcome.status)
  return cause === null ? null : { kind: 'ended', ref, atEpochMs, disposition: 'failed', cause }
}

/** The trunk's callback path at every node, or at the public address when no nodes are named. */
function callbackUrlsOf(nodeUrls: readonly string[] | undefined, callbackUrl: string): readonly string[] {
  if (nodeUrls === undefined) return [callbackUrl]
  const { pathname } = new URL(callbackUrl)
  return nodeUrls.map((nodeUrl) => nodeUrl.replace(/\/+$/, '') + pathname)
}

function eventsOf({ callId, reports }: CallReport, ref: string): CallEvent[] {
  return reports.map((report) => callEventOf(report, { ref, carrierCallId: callId }))
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
