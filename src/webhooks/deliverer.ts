import { randomUUID } from 'node:crypto'
import { type Clock, sleep, type Timer } from '../clock.ts'
import type { CommandContext } from '../commands/context.ts'
import { transaction } from '../store/database.ts'
import type { Client } from '../store/owner-transaction.ts'
import { type EndpointLease, findEndpointsWithWork, leaseEndpoint } from '../store/webhook-work.ts'
import { GuardedClient } from '../targets/guarded-request.ts'
import type { TargetGuard } from '../targets/target-guard.ts'
import { type DeliveryCounters, EndpointWorker, type WorkerLog } from './endpoint-worker.ts'
import type { WebhookForm } from './webhook-form.ts'

export interface DelivererOptions {
  /** With a pool of its own: webhooks must not take connections from the API or the dispatcher. */
  readonly context: CommandContext
  readonly clock: Clock
  readonly guard: TargetGuard
  readonly form: (name: string) => WebhookForm | undefined
  readonly log: WorkerLog
}

/** How often it is asked whether anybody is to be told something. */
const LOOK_MS = 500
/** After the database failed. */
const LOOK_AGAIN_MS = 5_000
const ENDPOINTS_AT_ONCE = 20
/** How long requests may go on after the stop. */
const STOP_MS = 3_000
const SWEEP_EVERY_MS = 3_600_000

/**
 * Tells other programs what happened. The event log is the outbox, so nothing that was committed is lost; a lease on
 * each endpoint's row sees to it that one node at a time works for it. What a node had sent and not yet written when
 * it died is sent again by another one, with the same id.
 */
export class WebhookDeliverer {
  readonly counters: DeliveryCounters = { delivered: 0, failed: 0, givenUp: 0, paused: 0 }
  readonly #options: DelivererOptions
  readonly #client: GuardedClient
  readonly #holder = randomUUID()
  readonly #workers = new Map<string, { worker: EndpointWorker; done: Promise<void> }>()
  readonly #sweptAtMs = new Map<string, number>()
  #timer: Timer | null = null
  #looking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: DelivererOptions) {
    this.#options = options
    this.#client = new GuardedClient({ guard: options.guard, clock: options.clock })
  }

  start(): void {
    this.#arm(0)
  }

  /** Endpoints that this node works for at the moment. */
  get working(): number {
    return this.#workers.size
  }

  /** Works for every endpoint that has something due, and resolves when nothing is due any more. */
  async deliverDue(): Promise<void> {
    for (;;) {
      await this.#look()
      if (this.#workers.size === 0) return
      await Promise.all([...this.#workers.values()].map(({ done }) => done))
    }
  }

  /** Lets requests under way end for a moment, cuts those that are left, and frees the endpoints. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#looking
    const working = [...this.#workers.values()]
    for (const { worker } of working) worker.stop()
    const all = Promise.all(working.map(({ done }) => done))
    await Promise.race([all, sleep(this.#options.clock, STOP_MS)])
    for (const { worker } of this.#workers.values()) worker.cut()
    await this.#client.close()
    await all
  }

  #arm(delayMs: number): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#looking = this.#look().then(
        () => this.#arm(LOOK_MS),
        (error) => {
          this.#options.log.warn({ err: error }, 'Webhooks cannot be looked for and wait')
          this.#arm(LOOK_AGAIN_MS)
        },
      )
    })
  }

  async #look(): Promise<void> {
    const room = ENDPOINTS_AT_ONCE - this.#workers.size
    if (room <= 0 || this.#stopped) return
    const found = await this.#transact((client) => findEndpointsWithWork(client, room))
    for (const { organizationId, endpointId } of found) {
      const lease = { organizationId, endpointId, holder: this.#holder }
      if (this.#stopped || this.#workers.has(keyOf(lease))) continue
      if (await this.#transact((client) => leaseEndpoint(client, lease))) this.#work(lease)
    }
  }

  #work(lease: EndpointLease): void {
    const worker = new EndpointWorker(lease, {
      ...this.#options,
      client: this.#client,
      counters: this.counters,
    })
    const key = keyOf(lease)
    const done = this.#sweepIfDue(key, worker)
      .then(() => worker.run())
      .catch((error: unknown) => {
        const { organizationId, endpointId } = lease
        this.#options.log.warn(
          { err: error, organizationId, endpointId },
          'Work for a webhook broke off and is taken up again',
        )
      })
      .finally(() => this.#workers.delete(key))
    this.#workers.set(key, { worker, done })
  }

  async #sweepIfDue(key: string, worker: EndpointWorker): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - (this.#sweptAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < SWEEP_EVERY_MS) return
    this.#sweptAtMs.set(key, nowMs)
    await worker.sweep()
  }

  #transact<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return transaction(this.#options.context.database, { role: 'carillon_dispatcher' }, work)
  }
}

function keyOf({ organizationId, endpointId }: EndpointLease): string {
  return `${organizationId}.${endpointId}`
}
