import type { Clock, Timer } from '../clock.ts'
import type { CommandContext, JsonObject } from '../commands/context.ts'
import { eventView } from '../commands/event-view.ts'
import { previousSecretPlace, secretPlace } from '../commands/webhooks.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { SecretUnreadable } from '../model/secret-box.ts'
import { transaction } from '../store/database.ts'
import type { Client } from '../store/owner-transaction.ts'
import {
  type DueDelivery,
  type EndpointLease,
  type EndpointWork,
  openWork,
  releaseEndpoint,
  type SettledTry,
  selectDue,
  settleTries,
  sweepDeliveries,
  takeFromLog,
  WEBHOOK_LEASE_SECONDS,
  writeHealth,
} from '../store/webhook-work.ts'
import type { GuardedAnswer, GuardedClient } from '../targets/guarded-request.ts'
import { type CallViews, readCallViews } from './call-views.ts'
import { FAILING_FROM, healthAfter, type TryOutcome } from './endpoint-health.ts'
import { judgeAnswer } from './judge-answer.ts'
import type { EncodedWebhook, WebhookForm } from './webhook-form.ts'

export interface WorkerOptions {
  /** With a database of the deliverer's own, so that nobody waits for a connection because of webhooks. */
  readonly context: CommandContext
  readonly clock: Clock
  readonly client: GuardedClient
  readonly form: (name: string) => WebhookForm | undefined
  readonly counters: DeliveryCounters
  readonly log: WorkerLog
}

export interface DeliveryCounters {
  delivered: number
  failed: number
  givenUp: number
  paused: number
}

export interface WorkerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** For name, connection, request and answer together. */
export const TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 16_384
/** Requests at once to one endpoint. */
const AT_ONCE = 16
/** Deliveries in hand: so many wait for a free request at most. */
const IN_HAND_MAX = 64
/** Results are written when there are so many, or so long after the first one. */
const WRITE_FROM = 32
const WRITE_AFTER_MS = 100
const RENEW_MS = 5_000
/** A request is begun only when the lease will outlast it. */
const SEND_WITHIN_MS = WEBHOOK_LEASE_SECONDS * 1_000 - TIMEOUT_MS - 2_000

/** What is known of the endpoint since the last transaction, with what its form needs. */
interface Endpoint {
  readonly work: EndpointWork
  readonly form: WebhookForm
  readonly secrets: readonly [string, ...string[]]
}

interface Result {
  readonly settled: SettledTry
  readonly outcome: TryOutcome
}

/**
 * Works for one endpoint while it holds its lease: takes deliveries from the log, sends what is due, writes what became
 * of it, until nothing is due. Of one recipient at most one event is in hand, so its events arrive in order.
 */
export class EndpointWorker {
  readonly #lease: EndpointLease
  readonly #options: WorkerOptions
  readonly #queue: DueDelivery[] = []
  readonly #sending = new Set<DueDelivery>()
  readonly #views = new Map<DueDelivery, CallViews>()
  #results: Result[] = []
  #endpoint: Endpoint | null = null
  #sendUntilMs = 0
  #stopping = false
  #cut = false
  #wake: (() => void) | null = null
  #gather: Timer | null = null

  constructor(lease: EndpointLease, options: WorkerOptions) {
    this.#lease = lease
    this.#options = options
  }

  /** Ends when nothing is due, when the lease is lost, or after {@link stop}. Rejects when the database fails. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const round = await this.#round()
        if (round === 'lost') return
        this.#fill()
        // What ended during the transaction is not written yet.
        const unwritten = this.#cut ? 0 : this.#results.length
        const idle = this.#sending.size + this.#queue.length + unwritten === 0
        if (idle && (round !== 'more' || this.#stopping)) return
        if (this.#sending.size > 0) await this.#untilSomethingEnded()
      }
    } finally {
      this.#queue.length = 0
      // Nobody else may send what we are still sending, so the lease is not given back before.
      while (this.#sending.size > 0) await this.#untilSomethingEnded()
      await this.#transact((client) => releaseEndpoint(client, this.#lease)).catch(() => undefined)
    }
  }

  /** Begins no request any more; those under way may end. */
  stop(): void {
    this.#stopping = true
    this.#queue.length = 0
    this.#wake?.()
  }

  /** What is under way was cut from outside: that it failed says nothing of the receiver, so it is not written. */
  cut(): void {
    this.#cut = true
    this.stop()
  }

  /**
   * One transaction: writes what became of tries and takes up what is due. `lost`: the endpoint is ours no more, or is
   * gone; `more`: there is more than there was room for; `resting`: nothing may be sent now.
   */
  async #round(): Promise<'lost' | 'more' | 'all' | 'resting'> {
    const { clock } = this.#options
    const results = this.#cut ? [] : this.#results
    this.#results = []
    const begunAtMs = clock.monotonicMs()
    const round = await this.#transact(async (client) => {
      const work = await openWork(client, this.#lease)
      if (work === undefined) return null
      if (results.length > 0)
        await settleTries(
          client,
          this.#lease,
          work.now,
          results.map(({ settled }) => settled),
        )
      const endpoint = this.#endpointOf(work)
      const health = await this.#writeHealth(client, work, results, endpoint)
      const isBlocked = health.blockedUntil !== null && health.blockedUntil > work.now
      const rests =
        this.#stopping || !work.active || work.paused_at !== null || health.pausedReason !== null || isBlocked
      if (rests || typeof endpoint === 'string') return { endpoint: null, due: [], more: false }
      // While it fails one at a time is tried, so that the others keep their tries.
      const failing = health.failuresInRow >= FAILING_FROM
      return { endpoint, ...(await this.#take(client, endpoint, failing ? 1 : IN_HAND_MAX)) }
    })
    this.#endpoint = round?.endpoint ?? null
    if (round === null || round.endpoint === null) {
      this.#queue.length = 0
      return round === null ? 'lost' : 'resting'
    }
    this.#sendUntilMs = begunAtMs + SEND_WITHIN_MS
    await this.#learnViews(round.endpoint, round.due)
    this.#queue.push(...round.due)
    return round.more ? 'more' : 'all'
  }

  async #take(
    client: Client,
    { work, form }: Endpoint,
    inHandMax: number,
  ): Promise<{ due: DueDelivery[]; more: boolean }> {
    if (inHandMax < this.#queue.length) this.#queue.length = 0
    // What ended since this transaction began is not written yet, and must not be taken for due.
    const inHand = [...this.#queue, ...this.#sending, ...this.#results.map(({ settled }) => settled.delivery)]
    const limit = inHandMax - inHand.length
    // What is in hand ends first, and then it is asked again.
    if (limit <= 0) return { due: [], more: false }
    const known = await selectDue(client, this.#lease, { now: work.now, inHand, limit })
    if (known.length === limit) return { due: known, more: true }
    const kinds = work.kinds ?? form.kinds.map((kind) => EVENT_KINDS[kind])
    const more = await takeFromLog(client, this.#lease, { ...work, kinds })
    const due = await selectDue(client, this.#lease, { now: work.now, inHand, limit })
    return { due, more: more || due.length === limit }
  }

  async #writeHealth(client: Client, work: EndpointWork, results: readonly Result[], endpoint: Endpoint | string) {
    const { counters, log } = this.#options
    const { failures_in_row: failuresInRow, failing_since: failingSince, blocked_until: blockedUntil } = work
    const before = { failuresInRow, failingSince, blockedUntil }
    const outcomes = results.filter(({ settled }) => settled.result !== 'dropped').map(({ outcome }) => outcome)
    let health = healthAfter(before, outcomes, work.now)
    if (typeof endpoint === 'string') health = { ...health, pausedReason: endpoint, lastError: endpoint }
    if (outcomes.length > 0 || health.pausedReason !== null) {
      await writeHealth(client, this.#lease, work.now, health)
    }
    if (health.pausedReason !== null) {
      counters.paused++
      const { organizationId } = this.#lease
      log.warn({ organizationId, webhookId: work.endpoint_uuid, reason: health.pausedReason }, 'A webhook is paused')
    }
    return health
  }

  /** The endpoint with its form and its secrets, or why it cannot be worked for. */
  #endpointOf(work: EndpointWork): Endpoint | string {
    const form = this.#options.form(work.form)
    if (form === undefined) return `This version has no wire form called ${work.form}.`
    const { box } = this.#options.context.secrets
    const place = secretPlace(this.#lease.organizationId, this.#lease.endpointId)
    try {
      const secret = box.open(work.secret, place)
      const { previous_secret: previous, previous_secret_until: until } = work
      if (previous === null || until === null || until <= work.now) return { work, form, secrets: [secret] }
      return { work, form, secrets: [secret, box.open(previous, previousSecretPlace(place))] }
    } catch (error) {
      if (error instanceof SecretUnreadable) return `${error.message}. Give it a new one.`
      throw error
    }
  }

  async #learnViews({ form }: Endpoint, due: readonly DueDelivery[]): Promise<void> {
    if (form.needs !== 'call' || due.length === 0) return
    const views = await readCallViews(this.#options.context, this.#lease.organizationId, due)
    due.forEach((delivery, index) => {
      this.#views.set(delivery, views[index]!)
    })
  }

  #fill(): void {
    const endpoint = this.#endpoint
    const { clock } = this.#options
    while (
      endpoint !== null &&
      this.#queue.length > 0 &&
      this.#sending.size < AT_ONCE &&
      !this.#stopping &&
      clock.monotonicMs() < this.#sendUntilMs
    ) {
      const delivery = this.#queue.shift()!
      this.#sending.add(delivery)
      void this.#send(endpoint, delivery).then(() => {
        this.#sending.delete(delivery)
        this.#views.delete(delivery)
        this.#fill()
        this.#noteEnd()
      })
    }
  }

  async #send(endpoint: Endpoint, delivery: DueDelivery): Promise<void> {
    const { clock, client } = this.#options
    const startedMs = clock.monotonicMs()
    let answer: GuardedAnswer
    try {
      const encoded = this.#encode(endpoint, delivery)
      if (encoded === null) return this.#note(endpoint, delivery, null, 0)
      const headers = { 'content-type': 'application/json', 'user-agent': USER_AGENT, ...encoded.headers }
      const limits = { timeoutMs: TIMEOUT_MS, answerBytesMax: ANSWER_BYTES_MAX }
      answer = await client.send({ url: endpoint.work.url, method: 'POST', headers, body: encoded.body, ...limits })
    } catch (error) {
      const place = { organizationId: this.#lease.organizationId, eventId: `${delivery.block_no}.${delivery.index}` }
      this.#options.log.warn({ err: error, ...place }, 'A webhook could not be written in its form')
      answer = { ok: false, refused: false, error: 'It could not be written; that is a fault of ours' }
    }
    this.#note(endpoint, delivery, answer, clock.monotonicMs() - startedMs)
  }

  #encode({ work, form, secrets }: Endpoint, delivery: DueDelivery): EncodedWebhook | null {
    const { context, clock } = this.#options
    const views = this.#views.get(delivery)
    return form.encode({
      event: eventView(context, this.#lease.organizationId, delivery),
      call: views?.call ?? null,
      batch: views?.batch ?? null,
      endpoint: { id: work.endpoint_uuid, url: work.url, formFields: work.form_fields as JsonObject | null },
      secrets,
      sentAt: new Date(clock.nowEpochMs()),
    })
  }

  #note({ form }: Endpoint, delivery: DueDelivery, answer: GuardedAnswer | null, tookMs: number): void {
    const { counters, clock } = this.#options
    if (answer === null) {
      const nothing = { httpStatus: null, answer: null, error: null, tookMs: 0, nextDelayMs: 0 }
      const outcome = { taken: false, gone: false, restMs: 0, givenUp: false, error: null }
      this.#results.push({ settled: { delivery, result: 'dropped', ...nothing }, outcome })
      return
    }
    const { httpStatus, answer: said, ...judged } = judgeAnswer(answer, clock.nowEpochMs())
    const delayMs = form.retryDelaysMs[delivery.tries]
    const givenUp = !judged.taken && delayMs === undefined
    counters.delivered += judged.taken ? 1 : 0
    counters.failed += judged.taken ? 0 : 1
    counters.givenUp += givenUp ? 1 : 0
    this.#results.push({
      settled: {
        delivery,
        result: judged.taken ? 'delivered' : givenUp ? 'given-up' : 'again',
        nextDelayMs: Math.max(delayMs ?? 0, judged.restMs),
        httpStatus,
        answer: said,
        error: judged.error,
        tookMs: Math.round(tookMs),
      },
      outcome: { ...judged, givenUp },
    })
  }

  #noteEnd(): void {
    const allEnded = this.#sending.size === 0
    if (allEnded || this.#results.length >= WRITE_FROM) this.#wake?.()
    else this.#gather ??= this.#options.clock.setTimer(WRITE_AFTER_MS, () => this.#wake?.())
  }

  async #untilSomethingEnded(): Promise<void> {
    const renew = this.#options.clock.setTimer(RENEW_MS, () => this.#wake?.())
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (this.#sending.size === 0) resolve()
    })
    this.#wake = null
    renew.cancel()
    this.#gather?.cancel()
    this.#gather = null
  }

  /** Removes what is too old to be read or sent again. */
  sweep(): Promise<number> {
    return this.#transact(async (client) => {
      const work = await openWork(client, this.#lease)
      return work === undefined ? 0 : sweepDeliveries(client, this.#lease, work.now)
    })
  }

  #transact<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const { organizationId } = this.#lease
    return transaction(this.#options.context.database, { role: 'carillon_dispatcher', organizationId }, work)
  }
}

const USER_AGENT = 'Carillon/1'
