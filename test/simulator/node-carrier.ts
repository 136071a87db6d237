import type {
  CallbackAnswer,
  CallHandle,
  CallRequest,
  Carrier,
  CarrierCallback,
  CarrierContext,
  CarrierTraits,
  LookUpAnswer,
  OrphanedCall,
} from '../../src/carriers/carrier.ts'
import { millisecondsSince } from '../../src/dispatcher/cycle.ts'
import type { CallEvent } from '../../src/model/call-event.ts'
import type { FaultRates } from './faults.ts'
import type { Provider } from './provider.ts'
import { isSlow } from './scenario.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { VirtualWorld } from './virtual-world.ts'

const ANSWER_WITHIN_MS = 15_000
const LIST_LAG_MS = 12_000
/** How much more often a create-call for a slow number travels long. */
const SLOW_REQUESTS = 12

const posted = new WeakMap<Buffer, CallEvent>()

/** What the provider posts. Nobody reads the bytes: how a carrier decodes them is the affair of its own tests. */
export function postedBody(event: CallEvent): Buffer {
  const body = Buffer.of()
  posted.set(body, event)
  return body
}

export interface NodeCarrierOptions {
  readonly world: VirtualWorld
  readonly node: SimulatedNode
  readonly provider: Provider
  readonly faults: () => FaultRates
  readonly traits: CarrierTraits
  readonly report: CarrierContext['report']
  /** The node carries the sound of its calls: when it dies nobody speaks in them any more. */
  readonly carriesSound: boolean
  /** A create-call request leaves the process. `stalled`: it stood still between its last look at the clock and the write. */
  readonly onWritten: (request: CallRequest, stalled: boolean) => void
}

/** A trunk as one node has opened it: requests and answers travel, are lost, and come late. */
export class NodeCarrier implements Carrier {
  readonly #options: NodeCarrierOptions
  readonly traits: CarrierTraits
  #closed = false

  constructor(options: NodeCarrierOptions) {
    this.#options = options
    this.traits = options.traits
  }

  place(request: CallRequest): void {
    const { world, node, faults } = this.#options
    if (!node.alive || this.#closed) return
    const queued = world.random.chance(faults().requestQueued)
    if (!queued) {
      this.#send(request)
      return
    }
    // No connection is free for a while.
    const since = { monotonicMs: node.monotonicMs(), epochMs: node.nowEpochMs() }
    world.after(node.behindMs + world.random.between(100, 8_000), () => {
      node.whenRunning(() => {
        const now = { monotonicMs: node.monotonicMs(), epochMs: node.nowEpochMs() }
        if (millisecondsSince(since, now) <= request.sendWithinMs) {
          this.#send(request)
          return
        }
        world.coverage.hit('deadline-abort')
        this.#notSent(request, 'deadline-missed')
      })
    })
  }

  hangUp({ ref }: CallHandle): void {
    const { world, node, provider } = this.#options
    if (node.alive) world.after(node.behindMs + world.random.between(5, 100), () => provider.hangUp(ref))
  }

  /** As carriers do that carry the sound themselves: what ends the call is known from what the node that died had told. */
  readonly endOrphan = ({ ref, carrierState }: OrphanedCall): void => {
    if (this.#options.carriesSound && carrierState !== null)
      this.hangUp({ ref, carrierCallId: null, placedAtEpochMs: 0 })
  }

  async lookUp(call: CallHandle): Promise<LookUpAnswer> {
    const { world, node, provider, faults } = this.#options
    const { random, coverage } = world
    await this.#travel()
    const fails = random.chance(faults().lookUpFails)
    const lags = random.chance(faults().lookUpLags)
    const calls = provider.find(call.ref)
    await this.#travel()
    await node.running()
    if (fails || !provider.reachable) {
      coverage.hit('look-up-failed')
      if (random.chance(0.5)) throw new Error('the look-up failed')
      return { found: false, reason: 'cannot-tell' }
    }
    const listed = calls.filter(({ placedAtMs }) => !lags || world.nowMs - placedAtMs > LIST_LAG_MS)
    const first = listed[0]
    if (!first) return { found: false, reason: 'absent' }
    if (call.carrierCallId === null) coverage.hit('found-by-look-up')
    const { ref, callId: carrierCallId } = first
    const accepted: CallEvent = { ref, kind: 'accepted', atEpochMs: world.nowEpochMs, carrierCallId }
    const events = first.events.map(({ eventKey: _eventKey, ...event }) => event)
    world.note(ref, `look-up by ${node.name}: ${events.at(-1)?.kind ?? 'queued'}`)
    return { found: true, events: [accepted, ...events] }
  }

  async probe(): Promise<boolean> {
    const { world, node, provider } = this.#options
    await this.#travel()
    const reachable = provider.reachable
    await this.#travel()
    await node.running()
    if (reachable) world.coverage.hit('trunk-back')
    return reachable
  }

  decodeCallback({ body }: CarrierCallback): CallbackAnswer {
    return { status: 200, events: [posted.get(body)!] }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #send(request: CallRequest): void {
    const { world, node, provider, faults, onWritten } = this.#options
    const { random, coverage } = world
    if (!node.alive) return
    if (!provider.reachable) {
      world.after(node.behindMs + 5, () => node.whenRunning(() => this.#notSent(request, 'trunk-unreachable')))
      return
    }
    const stalled = node.pass('before-write')
    if (!node.alive) return
    const rates = faults()
    const lost = random.chance(rates.requestLost)
    const late = random.chance(rates.requestLate * (isSlow(request.to) ? SLOW_REQUESTS : 1))
    const travelMs = late ? random.between(3_000, 40_000) : random.between(5, 80)
    if (stalled || late) coverage.hit('late-request')
    world.after(node.behindMs, () => {
      onWritten(request, stalled)
      world.underway++
      world.after(travelMs, () => {
        world.underway--
        if (!lost) this.#arrive(request)
      })
    })
    node.pass('after-write')
  }

  #arrive(request: CallRequest): void {
    const { world, provider, node, faults } = this.#options
    const { random, coverage } = world
    const { answer, call } = provider.create(request)
    if (call && this.#options.carriesSound) node.onDeath(() => provider.goOn(request.ref, 'node-gone'))
    const rates = faults()
    const lost = random.chance(rates.answerLost)
    const late = random.chance(rates.answerLate)
    if (answer === null || !node.alive) return
    if (lost) {
      if (call) coverage.hit('answer-lost')
      return
    }
    const travelMs = late ? random.between(500, ANSWER_WITHIN_MS) : random.between(5, 80)
    world.after(travelMs, () => {
      node.whenRunning(() => {
        node.pass('answer-arrived')
        node.whenRunning(() => {
          world.note(request.ref, `answer at ${node.name}: ${answer.kind}`)
          if (call && call.events.length > 0) coverage.hit('callback-before-answer')
          const carrierState = this.#options.carriesSound && call ? call.callId : undefined
          if (!this.#closed) this.#options.report({ ...answer, carrierState })
        })
      })
    })
  }

  #notSent({ ref }: CallRequest, cause: 'deadline-missed' | 'trunk-unreachable'): void {
    const { node, report } = this.#options
    if (!this.#closed) report({ ref, kind: 'not-sent', cause, atEpochMs: node.nowEpochMs() })
  }

  #travel(): Promise<void> {
    const { world } = this.#options
    return world.delay(world.random.between(5, 120))
  }
}
