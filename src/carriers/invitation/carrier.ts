import type { Timer } from '../../clock.ts'
import type { CallEvent } from '../../model/call-event.ts'
import type { CallHandle, CallRequest, Carrier, CarrierContext, CarrierKind, LookUpAnswer } from '../carrier.ts'
import { END_OF_ANSWER } from './cause.ts'
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

/** A call that waits for somebody to join. It lives in this process: a node that dies takes its calls with it. */
class InvitationCarrier implements Carrier {
  readonly traits = {
    lookUpIsComplete: false,
    firstLookUpDelayMs: 2_000,
    nextLookUpDelaysMs: [2_000, 2_000],
    pollSilentCallAfterMs: 600_000,
  }
  readonly #context: CarrierContext
  /** By reference; null while the invitation is on its way. */
  readonly #calls = new Map<string, Timer | null>()
  #closed = false

  constructor(context: CarrierContext) {
    this.#context = context
  }

  place(request: CallRequest): void {
    this.#calls.set(request.ref, null)
    this.#invite(request).catch((error: unknown) => {
      this.#context.log.warn({ err: error, ref: request.ref }, 'An invitation failed')
      this.#end(request.ref, 'failed', 'invitation-refused')
    })
  }

  hangUp(call: CallHandle): void {
    if (this.#calls.has(call.ref)) this.#end(call.ref, 'cancelled', 'hung-up-by-user')
  }

  async lookUp(call: CallHandle): Promise<LookUpAnswer> {
    return this.#calls.has(call.ref) ? { found: true, events: [] } : { found: false, reason: 'cannot-tell' }
  }

  async probe(): Promise<boolean> {
    return true
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#calls.values()) timer?.cancel()
    this.#calls.clear()
  }

  async #invite({ ref, ringTimeoutSeconds, sendWithinMs }: CallRequest): Promise<void> {
    const { clock, invite } = this.#context
    const answer = (await invite?.(ref, sendWithinMs)) ?? 'not-sent'
    if (!this.#calls.has(ref)) return
    if (answer === 'not-sent') {
      this.#calls.delete(ref)
      this.#report({ ref, kind: 'not-sent', cause: 'deadline-missed', atEpochMs: clock.nowEpochMs() })
      return
    }
    const end = END_OF_ANSWER[answer]
    if (answer !== 'refused') this.#report({ ref, kind: 'accepted', atEpochMs: clock.nowEpochMs() })
    if (end !== null) this.#end(ref, end.disposition, end.cause)
    else {
      this.#report({ ref, kind: 'ringing', atEpochMs: clock.nowEpochMs() })
      const timer = clock.setTimer(ringTimeoutSeconds * 1_000, () => this.#end(ref, 'no-answer', 'ring-timeout'))
      this.#calls.set(ref, timer)
    }
  }

  #end(
    ref: string,
    disposition: Extract<CallEvent, { kind: 'ended' }>['disposition'],
    cause: Extract<CallEvent, { kind: 'ended' }>['cause'],
  ): void {
    this.#calls.get(ref)?.cancel()
    this.#calls.delete(ref)
    this.#report({ ref, kind: 'ended', disposition, cause, atEpochMs: this.#context.clock.nowEpochMs() })
  }

  #report(event: CallEvent): void {
    if (!this.#closed) this.#context.report(event)
  }
}
