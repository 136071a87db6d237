import type { Clock, Timer } from '../clock.ts'
import type { DispatchStore } from '../store/dispatch-store.ts'
import { NODE_HEARTBEAT_MS, NODE_LEASE_SECONDS } from '../store/nodes.ts'
import type { DispatcherLog } from './dispatcher-log.ts'

export interface NodeLeaseOptions {
  readonly store: DispatchStore
  readonly clock: Clock
  readonly log: DispatcherLog
  readonly nodeName: string
  /** After every renewal. The next one waits for it. */
  readonly onBeat: () => Promise<void>
  /** A survivor took this incarnation for dead; the node goes on under a new one. */
  readonly onLost: () => void
}

/**
 * This process's standing among the nodes: an incarnation with a lease that it renews. A node whose lease has run out
 * claims nothing; what it owned is taken over by whoever lives. No right to dial depends on the lease: that was
 * consumed by the intent.
 */
export class NodeLease {
  readonly #options: NodeLeaseOptions
  #nodeId = 0
  #renewedAtMonotonicMs = Number.NEGATIVE_INFINITY
  #timer: Timer | null = null
  #stopped = false

  constructor(options: NodeLeaseOptions) {
    this.#options = options
  }

  get nodeId(): number {
    return this.#nodeId
  }

  /** True while no survivor can have declared us dead, by our own clock and from before the renewal was sent. */
  get valid(): boolean {
    return this.#options.clock.monotonicMs() - this.#renewedAtMonotonicMs < NODE_LEASE_SECONDS * 1000
  }

  async start(): Promise<void> {
    await this.#register()
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#options.store.endNode(this.#nodeId).catch(() => undefined)
  }

  async #register(): Promise<void> {
    const asked = this.#options.clock.monotonicMs()
    this.#nodeId = await this.#options.store.registerNode(this.#options.nodeName)
    this.#renewedAtMonotonicMs = asked
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(NODE_HEARTBEAT_MS, () => {
      this.#beat().then(
        () => this.#arm(),
        (error) => {
          this.#options.log.warn({ err: error }, 'A heartbeat of this node failed')
          this.#arm()
        },
      )
    })
  }

  async #beat(): Promise<void> {
    const { store, clock, onBeat, onLost } = this.#options
    const asked = clock.monotonicMs()
    if (await store.renewLease(this.#nodeId)) this.#renewedAtMonotonicMs = asked
    else {
      await this.#register()
      onLost()
    }
    await store.endDeadNodes()
    if (!this.#stopped) await onBeat()
  }
}
