import type { CallHandle, CallRequest, Carrier, CarrierContext, LookUpAnswer } from '../carrier.ts'
import { decodeCallId } from './call-id.ts'
import { callEventOf } from './cause.ts'
import type { LoopbackSettings } from './config.ts'
import { type SimulatedCall, SimulatedNetwork } from './network.ts'
import { isRefused, losesAnswer, losesCallbacks } from './story.ts'
import { LOOPBACK_TRAITS } from './traits.ts'
import type { NetworkReport } from './wire.ts'

/**
 * The simulated network inside the node. A call whose id is known outlives the node, since the id says how it
 * goes on; a call whose create-call answer was lost is known to the memory of the node that placed it, and
 * `absent` everywhere else.
 */
export class InProcessLoopback implements Carrier {
  readonly traits = LOOPBACK_TRAITS
  readonly #context: CarrierContext
  readonly #network: SimulatedNetwork
  #closed = false

  constructor(settings: LoopbackSettings, context: CarrierContext) {
    this.#context = context
    const tell = (call: SimulatedCall, report: NetworkReport): void => this.#tell(call, report)
    this.#network = new SimulatedNetwork({ clock: context.clock, speed: settings.speed, tell })
  }

  place(request: CallRequest): void {
    if (this.#closed) return
    if (isRefused(request.to)) this.#refuse(request)
    else this.#network.place(request)
  }

  hangUp(call: CallHandle): void {
    if (this.#closed) return
    const known = this.#callsOf(call)
    for (const each of known) this.#network.hangUp(each)
    if (known.length > 0 || call.carrierCallId === null) return
    const takenOver = this.#network.takeOver(call.carrierCallId, call.ref)
    if (takenOver !== null) this.#network.hangUp(takenOver)
  }

  async lookUp(call: CallHandle): Promise<LookUpAnswer> {
    const found = this.#callsOf(call)[0] ?? strangerOf(call)
    if (found === null) return { found: false, reason: 'absent' }
    const reports = this.#network.reportsOf(found)
    const origin = { ref: call.ref, carrierCallId: found.id }
    return { found: true, events: reports.map((report) => callEventOf(report, origin)) }
  }

  async probe(): Promise<boolean> {
    return !this.#closed
  }

  async close(): Promise<void> {
    this.#closed = true
    // Whoever takes a call over finds it by its id.
    this.#network.close()
  }

  #callsOf(call: CallHandle): readonly SimulatedCall[] {
    if (call.carrierCallId === null) return this.#network.byRef(call.ref)
    const known = this.#network.byId(call.carrierCallId)
    return known === undefined ? [] : [known]
  }

  #tell(call: SimulatedCall, report: NetworkReport): void {
    const lost = report.kind === 'accepted' ? losesAnswer(call.plan.to) : losesCallbacks(call.plan.to)
    if (lost) return
    const event = callEventOf(report, { ref: call.ref, carrierCallId: call.id })
    if (report.kind === 'ended') this.#context.report(event, () => this.#network.forget(call))
    else this.#context.report(event)
  }

  #refuse({ ref }: CallRequest): void {
    const { clock, report } = this.#context
    clock.setTimer(0, () => {
      if (this.#closed) return
      const atEpochMs = clock.nowEpochMs()
      report({ kind: 'ended', ref, atEpochMs, disposition: 'failed', cause: 'carrier-refused' })
    })
  }
}

/** A call that another process placed, or that was forgotten here: its id tells its story. */
function strangerOf(call: CallHandle): SimulatedCall | null {
  if (call.carrierCallId === null) return null
  const fields = decodeCallId(call.carrierCallId)
  if (fields === null) return null
  const { plan, placedAtEpochMs } = fields
  return { id: call.carrierCallId, ref: call.ref, plan, placedAtEpochMs, text: null }
}
