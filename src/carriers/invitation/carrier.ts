import { Pacer } from '../../media/pacer.ts'
import type { CallJoined, JoiningCaller, Seat } from '../../model/joined-call.ts'
import type {
  CallHandle,
  CallRequest,
  Carrier,
  CarrierContext,
  CarrierKind,
  LookUpAnswer,
  OrphanedCall,
} from '../carrier.ts'
import { InvitedCall, JOINED_STATE } from './call.ts'
import { type InvitationSettings, invitationSettings } from './config.ts'

/**
 * Calls that somebody else places: instead of ringing a telephone, the server of whoever made the batch is asked to
 * bring the person. The invitation is the create-call request, sent once; its answer tells whether the call exists.
 */
export const invitation: CarrierKind<InvitationSettings> = {
  kind: 'invitation',
  summary: 'Asks the server of whoever made a batch to bring the person, for calls that somebody else places.',
  settings: invitationSettings,
  takesAnyNumber: true,
  isJoined: true,
  open: (_settings, context) => new InvitationCarrier(context),
}

/** The calls that wait to be joined or have been. They live in this process: a node that dies takes its calls with it. */
class InvitationCarrier implements Carrier {
  readonly traits = {
    lookUpIsComplete: false,
    firstLookUpDelayMs: 2_000,
    nextLookUpDelaysMs: [2_000, 2_000],
    pollSilentCallAfterMs: 600_000,
  }
  readonly #context: CarrierContext
  readonly #pacer: Pacer
  readonly #calls = new Map<string, InvitedCall>()
  #closed = false

  constructor(context: CarrierContext) {
    this.#context = context
    this.#pacer = new Pacer(context.clock)
  }

  place(request: CallRequest): void {
    const { ref } = request
    const call = new InvitedCall({
      request,
      context: this.#context,
      pacer: this.#pacer,
      report: (event) => {
        if (!this.#closed) this.#context.report(event)
      },
      onOver: () => this.#calls.delete(ref),
    })
    this.#calls.set(ref, call)
    call.invite().catch((error: unknown) => {
      this.#context.log.warn({ err: error, ref }, 'An invitation failed')
      call.end('failed', 'invitation-refused', 'failed')
    })
  }

  seatOf(ref: string): Seat {
    return this.#calls.get(ref)?.seat ?? 'elsewhere'
  }

  join(ref: string, caller: JoiningCaller): CallJoined | null {
    const call = this.#calls.get(ref)
    return call?.seat === 'free' ? call.join(caller) : null
  }

  hangUp(call: CallHandle): void {
    this.#calls.get(call.ref)?.hangUp()
  }

  /** The connection was the dead node's, so the call is over; whether somebody had joined, its row tells. */
  endOrphan({ ref, carrierState }: OrphanedCall): void {
    const disposition = carrierState === JOINED_STATE ? 'answered' : 'unknown'
    const atEpochMs = this.#context.clock.nowEpochMs()
    this.#context.report({ ref, kind: 'ended', disposition, cause: 'node-lost', atEpochMs })
  }

  abandon({ ref }: CallHandle): void {
    this.#calls.get(ref)?.abandon()
  }

  async lookUp(call: CallHandle): Promise<LookUpAnswer> {
    return this.#calls.has(call.ref) ? { found: true, events: [] } : { found: false, reason: 'cannot-tell' }
  }

  async probe(): Promise<boolean> {
    return true
  }

  async close(): Promise<void> {
    for (const call of [...this.#calls.values()]) call.stop()
    this.#closed = true
  }
}
