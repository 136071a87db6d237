import type { Carrier } from '../carriers/carrier.ts'
import type { Clock, Timer } from '../clock.ts'
import { codeOfStatus } from '../model/attempt-transitions.ts'
import type { CallEvent } from '../model/call-event.ts'
import type { Cause } from '../model/cause.ts'
import type { AttemptDisposition } from '../model/disposition.ts'
import type { DispatcherLog } from './dispatcher-log.ts'
import type { LiveCall } from './live-call.ts'
import type { TrunkCarriers } from './trunk-carriers.ts'

const SWEEP_MS = 500
/** Look-ups on their way at the same time; a carrier is asked, not flooded. */
const LOOK_UPS_MAX = 32
/** A call whose carrier knows nothing of it any more is given up this long after it must have ended since its last news. */
const GIVE_UP_AFTER_MS = 60_000

const DIALING = codeOfStatus('dialing')
const ANSWERED = codeOfStatus('answered')

export interface ReconcilerOptions {
  readonly clock: Clock
  readonly log: DispatcherLog
  readonly carriers: TrunkCarriers
  /** Those that this node answers for. */
  readonly calls: () => Iterable<LiveCall>
  /** Whether it still answers for this one. */
  readonly holds: (call: LiveCall) => boolean
  readonly report: (call: LiveCall, event: CallEvent) => void
}

/**
 * Finds out what became of calls whose carrier is silent. It never rings anyone: it asks, and what it learns goes the
 * way of all evidence. An intent without any answer ends `unknown` after the carrier's number of misses; a call that
 * had an answer never does.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  #timer: Timer | null = null
  #lookUps = 0
  #stopped = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(SWEEP_MS, () => {
      this.#sweep()
      if (!this.#stopped) this.start()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #sweep(): void {
    for (const call of this.#options.calls()) {
      if (this.#lookUps >= LOOK_UPS_MAX) return
      if (call.ending || call.lookingUp) continue
      const carrier = this.#options.carriers.get(call.organizationId, call.trunkId)
      if (carrier && this.#isDue(call, carrier)) this.#ask(call, carrier)
    }
  }

  #isDue(call: LiveCall, carrier: Carrier): boolean {
    const { traits } = carrier
    const silentMs = this.#options.clock.monotonicMs() - call.newsAtMonotonicMs
    if (call.reachedState !== DIALING) return silentMs >= traits.pollSilentCallAfterMs * (call.misses + 1)
    const sendWindowMs = call.sendNotAfterEpochMs - call.claimedAtEpochMs
    const unseenMs = traits.ringsUnseen ? call.ringTimeoutMs : 0
    let dueMs = sendWindowMs + unseenMs + traits.firstLookUpDelayMs
    for (let miss = 0; miss < call.misses; miss++) dueMs += traits.nextLookUpDelaysMs[miss] ?? 0
    return silentMs >= dueMs
  }

  #ask(call: LiveCall, carrier: Carrier): void {
    const { ref, carrierCallId, claimedAtEpochMs: placedAtEpochMs } = call
    const { report, log, clock } = this.#options
    this.#lookUps++
    call.lookingUp = true
    carrier
      .lookUp({ ref, carrierCallId, placedAtEpochMs })
      .then(
        (answer) => {
          if (this.#stopped || call.ending) return
          if (!answer.found) return this.#miss(call, carrier)
          call.misses = 0
          call.newsAtMonotonicMs = clock.monotonicMs()
          for (const event of answer.events) report(call, event)
        },
        (error) => log.warn({ err: error }, 'A carrier could not be asked for a call'),
      )
      .finally(() => {
        this.#lookUps--
        call.lookingUp = false
      })
  }

  #miss(call: LiveCall, carrier: Carrier): void {
    call.misses++
    if (call.reachedState === DIALING) {
      if (call.misses > carrier.traits.nextLookUpDelaysMs.length) this.#end(call, 'unknown', 'lookup-missed')
      return
    }
    // By the clock that never jumps, and from the last news: the claim's time is another machine's.
    const silentMs = this.#options.clock.monotonicMs() - call.newsAtMonotonicMs
    if (call.misses < 3 || silentMs < call.longestMs + GIVE_UP_AFTER_MS) return
    const answered = call.reachedState === ANSWERED
    this.#end(call, answered ? 'answered' : 'failed', 'evidence-missing')
  }

  /** Silence is no evidence of a call that was taken over while its carrier was asked: whoever has it now may hear more. */
  #end(call: LiveCall, disposition: AttemptDisposition, cause: Cause): void {
    const { holds, clock, report } = this.#options
    if (!holds(call)) return
    report(call, { ref: call.ref, kind: 'ended', atEpochMs: clock.nowEpochMs(), disposition, cause })
  }
}
