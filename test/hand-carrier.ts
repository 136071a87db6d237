import type { CallRequest, Carrier, CarrierContext, LookUpAnswer } from '../src/carriers/carrier.ts'
import type { CallEvent } from '../src/model/call-event.ts'

/** A carrier that does nothing by itself: the test reads what was placed and says what happens. */
export class HandCarrier implements Carrier {
  readonly traits = {
    lookUpIsComplete: true,
    firstLookUpDelayMs: 0,
    nextLookUpDelaysMs: [0, 0],
    pollSilentCallAfterMs: 3_600_000,
  }
  readonly placed: CallRequest[] = []
  readonly hungUp: string[] = []
  reachable = true
  onPlace: (request: CallRequest) => void = () => undefined
  lookUpAnswer: LookUpAnswer = { found: false, reason: 'absent' }
  readonly #context: CarrierContext

  constructor(context: CarrierContext) {
    this.#context = context
  }

  place(request: CallRequest): void {
    this.placed.push(request)
    this.onPlace(request)
  }

  hangUp({ ref }: { ref: string }): void {
    this.hungUp.push(ref)
  }

  async lookUp(): Promise<LookUpAnswer> {
    return this.lookUpAnswer
  }

  async probe(): Promise<boolean> {
    return this.reachable
  }

  async close(): Promise<void> {}

  /** Tells the core, and resolves when it is committed. */
  tell(event: CallEvent): Promise<void> {
    return new Promise((resolve) => this.#context.report(event, resolve))
  }

  accept(ref: string): Promise<void> {
    return this.tell({ ref, kind: 'accepted', atEpochMs: Date.now(), carrierCallId: `C${ref}` })
  }

  answer(ref: string): Promise<void> {
    return this.tell({ ref, kind: 'answered', atEpochMs: Date.now(), answeredBy: 'human' })
  }

  end(ref: string, disposition: 'answered' | 'busy' | 'failed' = 'answered'): Promise<void> {
    const cause = { answered: 'callee-hung-up', busy: 'busy-here', failed: 'carrier-error' } as const
    return this.tell({ ref, kind: 'ended', atEpochMs: Date.now(), disposition, cause: cause[disposition] })
  }
}

/** Of a carrier that is confused: no text that PostgreSQL keeps, and no instant of this world. */
export function nonsense(ref: string, atEpochMs: number) {
  const texts = { carrierCallId: 'C\0\ud800', eventKey: `${atEpochMs}\0`, spokenText: 'Hello\0\udfff' }
  return { ref, kind: 'ended', atEpochMs, disposition: 'answered', cause: 'callee-hung-up', ...texts } as const
}
