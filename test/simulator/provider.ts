import type { CallRequest } from '../../src/carriers/carrier.ts'
import type { CallEvent } from '../../src/model/call-event.ts'
import type { Cause } from '../../src/model/cause.ts'
import type { AttemptDisposition } from '../../src/model/disposition.ts'
import type { FaultRates } from './faults.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** A call as the provider knows it: the truth. */
export interface ProviderCall {
  readonly callId: string
  readonly ref: string
  readonly to: string
  readonly trunkId: number
  readonly placedAtMs: number
  /** What happened to it so far, oldest first. */
  readonly events: CallEvent[]
  live: boolean
  answered: boolean
  /** The provider told two different ends, the true one first. */
  contradicted: boolean
  endedAs: AttemptDisposition | null
}

/** The answer to a create-call request; null: a 5xx or nothing at all, which leaves doubt. */
export type CreateAnswer = CallEvent | null

interface Fate {
  readonly disposition: AttemptDisposition
  readonly cause: Cause
  readonly answers: boolean
  readonly keysPressed?: string
}

const FATES: readonly (readonly [weight: number, fate: Fate])[] = [
  [50, { disposition: 'answered', cause: 'callee-hung-up', answers: true }],
  [5, { disposition: 'answered', cause: 'suppressed-by-callee', answers: true, keysPressed: '9' }],
  [15, { disposition: 'busy', cause: 'busy-here', answers: false }],
  [15, { disposition: 'no-answer', cause: 'ring-timeout', answers: false }],
  [5, { disposition: 'voicemail', cause: 'machine-detected', answers: true }],
  [5, { disposition: 'rejected', cause: 'declined', answers: false }],
  [5, { disposition: 'failed', cause: 'unallocated-number', answers: false }],
]

export interface ProviderOptions {
  readonly world: VirtualWorld
  readonly faults: () => FaultRates
  readonly name: string
  readonly organizationId: number
  readonly trunkId: number
  readonly onCallBegan: (call: ProviderCall) => void
  readonly onCallEnded: (call: ProviderCall) => void
  /** Nobody has ended a call that only we could end. */
  readonly onNeverEnded: (call: ProviderCall, why: GoesOn) => void
  /** Brings a callback to some node, in its own time. */
  readonly post: (event: CallEvent) => void
}

/** Why a call goes on although its person would have hung up: what must end it is somebody of ours. */
export type GoesOn = 'hang-up-asked' | 'node-gone'
const GOES_ON_MS = 120_000

/** The company behind one trunk, which outlives every node of ours. */
export class Provider {
  readonly #options: ProviderOptions
  readonly calls: ProviderCall[] = []
  reachable = true
  readonly #goingOn = new Map<string, GoesOn>()
  #eventNo = 0

  constructor(options: ProviderOptions) {
    this.#options = options
  }

  get liveCalls(): number {
    return this.calls.filter((call) => call.live).length
  }

  /** A create-call request has arrived. It places a call for each request, as most providers do. */
  create(request: CallRequest): { answer: CreateAnswer; call: ProviderCall | null } {
    const { world, faults } = this.#options
    const { random, coverage } = world
    const rates = faults()
    const { ref } = request
    if (random.chance(rates.errorBeforePlacing)) return { answer: null, call: null }
    if (random.chance(rates.refused)) {
      const cause: Cause = random.chance(0.5) ? 'carrier-refused' : 'carrier-error'
      return {
        answer: { ref, kind: 'ended', atEpochMs: world.nowEpochMs, disposition: 'failed', cause },
        call: null,
      }
    }
    const call: ProviderCall = {
      callId: `${this.#options.name}-${this.calls.length + 1}`,
      ref,
      to: request.to,
      trunkId: this.#options.trunkId,
      placedAtMs: world.nowMs,
      events: [],
      live: true,
      answered: false,
      contradicted: false,
      endedAs: null,
    }
    this.calls.push(call)
    this.#options.onCallBegan(call)
    this.#live(call, request)
    if (random.chance(rates.errorAfterPlacing)) {
      coverage.hit('error-after-placing')
      return { answer: null, call }
    }
    const { callId: carrierCallId } = call
    return { answer: { ref, kind: 'accepted', atEpochMs: world.nowEpochMs, carrierCallId }, call }
  }

  /** From now on its person waits: a call that is not ended by us lasts much longer than it would have. */
  goOn(ref: string, why: GoesOn): void {
    if (!this.#goingOn.has(ref)) this.#goingOn.set(ref, why)
  }

  hangUp(ref: string): void {
    for (const call of this.calls) {
      if (call.ref !== ref || !call.live) continue
      this.#options.world.coverage.hit('hung-up')
      const why = this.#goingOn.get(ref)
      if (why) this.#options.world.coverage.hit(why === 'node-gone' ? 'orphan-ended' : 'hang-up-asked')
      this.#end(call, call.answered ? 'answered' : 'cancelled', 'hung-up-by-user')
    }
  }

  /** All calls of a reference; none within its list's lag, when it has bad luck. */
  find(ref: string): ProviderCall[] {
    return this.calls.filter((call) => call.ref === ref)
  }

  #live(call: ProviderCall, request: CallRequest): void {
    const { world, faults } = this.#options
    const { random, coverage } = world
    const fate = weightedFate(random.fraction())
    const late = random.chance(faults().ringsLate)
    if (late) coverage.hit('rang-late')
    const queuedMs = late ? random.between(5_000, 25_000) : random.between(50, 600)
    const ringMs = Math.min(request.ringTimeoutSeconds * 1000, random.between(200, 5_000))
    world.after(queuedMs, () => {
      this.#happen(call, { kind: 'ringing' })
      world.after(ringMs, () => {
        if (!call.live) return
        if (!fate.answers) return this.#end(call, fate.disposition, fate.cause)
        call.answered = true
        const answeredBy = fate.disposition === 'voicemail' ? 'machine' : 'human'
        this.#happen(call, { kind: 'answered', answeredBy })
        const talkMs = Math.min(request.maxCallSeconds * 1000, random.between(300, 8_000))
        world.after(talkMs, () =>
          this.#endTalk(call, () => this.#end(call, fate.disposition, fate.cause, fate.keysPressed)),
        )
      })
    })
  }

  #endTalk(call: ProviderCall, end: () => void): void {
    const { world, onNeverEnded } = this.#options
    const why = this.#goingOn.get(call.ref)
    if (!why || !call.live) {
      end()
      return
    }
    world.after(GOES_ON_MS, () => {
      if (call.live) onNeverEnded(call, why)
      end()
    })
  }

  #happen(call: ProviderCall, what: { kind: 'ringing' } | { kind: 'answered'; answeredBy: 'human' | 'machine' }): void {
    if (!call.live) return
    this.#tell(call, { ...what, ...this.#stamp(call) })
  }

  #end(call: ProviderCall, disposition: AttemptDisposition, cause: Cause, keysPressed?: string): void {
    if (!call.live) return
    call.live = false
    call.endedAs = disposition
    this.#options.onCallEnded(call)
    this.#tell(call, { kind: 'ended', disposition, cause, keysPressed, ...this.#stamp(call) })
    const { world, faults, post } = this.#options
    if (!world.random.chance(faults().contradiction)) return
    call.contradicted = true
    const wrong = disposition === 'failed' ? 'busy' : 'failed'
    world.after(world.random.between(1_000, 9_000), () => {
      post({ kind: 'ended', disposition: wrong, cause: 'carrier-error', ...this.#stamp(call) })
    })
  }

  #tell(call: ProviderCall, event: CallEvent): void {
    call.events.push(event)
    this.#options.post(event)
  }

  #stamp({ ref, callId: carrierCallId }: ProviderCall) {
    const eventKey = `${this.#options.name}:${this.#eventNo++}`
    return { ref, carrierCallId, eventKey, atEpochMs: this.#options.world.nowEpochMs }
  }
}

function weightedFate(fraction: number): Fate {
  let left = fraction * FATES.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, fate] of FATES) {
    left -= weight
    if (left < 0) return fate
  }
  return FATES[0]![1]
}
