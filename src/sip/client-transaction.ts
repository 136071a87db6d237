import type { Clock, Timer } from '../clock.ts'
import { readCseq, SipHeaders, type SipRequest, type SipResponse, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { T1_MS, T2_MS, T4_MS, TRANSACTION_MS } from './timing.ts'

export interface ClientTransactionListener {
  /** Every provisional answer, the final one, and repeated 2xx to an INVITE. */
  onResponse(response: SipResponse): void
  /**
   * No final answer: `silent` after 32 s, `lost` when the connection it went out on is gone. The last that is told,
   * except of an INVITE that was silent: its answer may still come, until the transaction is abandoned.
   */
  onFailure(why: 'silent' | 'lost'): void
}

export interface ClientTransactionOptions {
  readonly clock: Clock
  readonly request: SipRequest
  readonly peer: Peer
  readonly send: (bytes: Buffer) => boolean
  readonly listener: ClientTransactionListener
  readonly onOver: () => void
  /** The request was written once more. */
  readonly onRepeated?: () => void
}

type State = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'over'

/**
 * The client side of one request: repeats it until it is answered, acknowledges refusals of an INVITE, and recognises
 * repeated answers (RFC 3261 17.1 as RFC 6026 corrects it). A 2xx is acknowledged by whoever owns the dialog.
 */
export class ClientTransaction {
  readonly #options: ClientTransactionOptions
  readonly #isInvite: boolean
  readonly #isDatagram: boolean
  readonly #bytes: Buffer
  #state: State = 'calling'
  #pauseMs = T1_MS
  #repeat: Timer | null = null
  #end: Timer | null = null

  constructor(options: ClientTransactionOptions) {
    this.#options = options
    this.#isInvite = options.request.method === 'INVITE'
    this.#isDatagram = options.peer.transport === 'udp'
    this.#bytes = writeMessage(options.request)
  }

  get request(): SipRequest {
    return this.#options.request
  }

  get peer(): Peer {
    return this.#options.peer
  }

  /** True while no answer at all has come. */
  get unanswered(): boolean {
    return this.#state === 'calling'
  }

  /** Writes the request. False: nothing was written, and nothing will be told. */
  start(): boolean {
    if (!this.#options.send(this.#bytes)) {
      this.#finish()
      return false
    }
    if (this.#isDatagram) this.#armRepeat()
    this.#arm(TRANSACTION_MS, () => this.fail('silent'))
    return true
  }

  receive(response: SipResponse): void {
    const { status } = response
    if (this.#state === 'over') return
    if (this.#state === 'completed') {
      if (this.#isInvite && status >= 300) this.#acknowledge(response)
      return
    }
    if (this.#state === 'accepted') {
      if (status >= 200 && status < 300) this.#options.listener.onResponse(response)
      return
    }
    if (status < 200) this.#proceed()
    else this.#complete(response)
    this.#options.listener.onResponse(response)
  }

  fail(why: 'silent' | 'lost'): void {
    const waits = this.#state === 'calling' || this.#state === 'proceeding'
    if (waits && why === 'silent' && this.#isInvite) this.#repeat?.cancel()
    else this.#finish()
    if (waits) this.#options.listener.onFailure(why)
  }

  /** Ends it without telling anybody. */
  abandon(): void {
    this.#finish()
  }

  #proceed(): void {
    this.#state = 'proceeding'
    if (!this.#isInvite) return
    // From now on the peer answers for the INVITE, however long the telephone rings.
    this.#repeat?.cancel()
    this.#end?.cancel()
  }

  #complete(response: SipResponse): void {
    this.#repeat?.cancel()
    if (this.#isInvite && response.status < 300) {
      this.#state = 'accepted'
      this.#arm(TRANSACTION_MS, () => this.#finish())
      return
    }
    this.#state = 'completed'
    if (this.#isInvite) this.#acknowledge(response)
    if (!this.#isDatagram) this.#finish()
    else this.#arm(this.#isInvite ? TRANSACTION_MS : T4_MS, () => this.#finish())
  }

  #armRepeat(): void {
    this.#repeat = this.#options.clock.setTimer(this.#pauseMs, () => {
      this.#options.send(this.#bytes)
      this.#options.onRepeated?.()
      if (this.#isInvite) this.#pauseMs *= 2
      else this.#pauseMs = this.#state === 'proceeding' ? T2_MS : Math.min(this.#pauseMs * 2, T2_MS)
      this.#armRepeat()
    })
  }

  #arm(afterMs: number, run: () => void): void {
    this.#end?.cancel()
    this.#end = this.#options.clock.setTimer(afterMs, run)
  }

  #acknowledge(response: SipResponse): void {
    const { request, send } = this.#options
    send(writeMessage(ackOfRefusal(request, response)))
  }

  #finish(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#repeat?.cancel()
    this.#end?.cancel()
    this.#options.onOver()
  }
}

/** It belongs to the transaction: same branch, same way (RFC 3261 17.1.1.3). */
function ackOfRefusal(request: SipRequest, response: SipResponse): SipRequest {
  const headers = new SipHeaders()
  headers.add('via', request.headers.get('via')!)
  headers.add('max-forwards', '70')
  for (const route of request.headers.all('route')) headers.add('route', route)
  headers.add('from', request.headers.get('from')!)
  headers.add('to', response.headers.get('to')!)
  headers.add('call-id', request.headers.get('call-id')!)
  headers.add('cseq', `${readCseq(request.headers)!.number} ACK`)
  return { kind: 'request', method: 'ACK', uri: request.uri, headers, body: Buffer.alloc(0) }
}
