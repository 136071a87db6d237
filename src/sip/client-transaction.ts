import type { Clock, Timer } from '../clock.ts'
import { readCseq, SipHeaders, type SipRequest, type SipResponse, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { T1_MS, T2_MS, TRANSACTION_MS } from './timing.ts'

export interface ClientTransactionListener {
  /** Every provisional answer, the final one, and repeated 2xx to an INVITE. */
  onResponse(response: SipResponse): void
  /**
   * No final answer: `silent` after 32 s, `lost` when the connection it went out on is gone. The last that is told,
   * except of an INVITE that was silent: its answer may still come, until the transaction is abandoned.
   */
  onFailure(why: 'silent' | 'lost'): void
}

/** What all client transactions of a process share. */
export interface ClientTransactionWire {
  readonly clock: Clock
  send(bytes: Buffer, peer: Peer): boolean
  /** The request was written once more. */
  onRepeated(): void
  /** Nothing answered within 32 s. */
  onTimedOut(): void
  /** It may be forgotten. */
  onOver(key: string): void
  /** Abandons it after 32 s (an INVITE) or 5 s, in which what is repeated still finds it. */
  abandonLater(transaction: ClientTransaction, isInvite: boolean): void
}

export interface ClientTransactionOptions {
  /** Told back by `onOver`. */
  readonly key: string
  readonly request: SipRequest
  readonly peer: Peer
  readonly listener: ClientTransactionListener
}

const NOBODY: ClientTransactionListener = { onResponse: () => undefined, onFailure: () => undefined }

type State = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'over'

/**
 * The client side of one request: repeats it until it is answered, acknowledges refusals of an INVITE, and recognises
 * repeated answers (RFC 3261 17.1 as RFC 6026 corrects it). A 2xx is acknowledged by whoever owns the dialog.
 *
 * It outlives its answer by up to 32 s, and thousands may: what only the way to the answer needs is let go with it.
 */
export class ClientTransaction {
  readonly #wire: ClientTransactionWire
  readonly #key: string
  #listener: ClientTransactionListener
  readonly #isInvite: boolean
  readonly peer: Peer
  /** Null once it is answered. */
  #request: SipRequest | null
  /** What is written when the other side repeats itself or is silent: the request, after a refusal its ACK. */
  #bytes: Buffer | null
  #state: State = 'calling'
  #pauseMs = T1_MS
  /** Without a final answer it is silent then; null once that may take as long as the telephone rings. */
  #endsAtMs: number | null = null
  /** Of the next repetition, or of the end when that comes first. */
  #timer: Timer | null = null

  constructor(wire: ClientTransactionWire, { key, request, peer, listener }: ClientTransactionOptions) {
    this.#wire = wire
    this.#key = key
    this.#listener = listener
    this.#isInvite = request.method === 'INVITE'
    this.peer = peer
    this.#request = request
    this.#bytes = writeMessage(request)
  }

  /** True while no answer at all has come. */
  get unanswered(): boolean {
    return this.#state === 'calling'
  }

  /** Writes the request. False: nothing was written, and nothing will be told. */
  start(): boolean {
    if (!this.#write()) {
      this.#finish()
      return false
    }
    this.#endsAtMs = this.#wire.clock.monotonicMs() + TRANSACTION_MS
    this.#armNext(this.#isDatagram ? T1_MS : TRANSACTION_MS)
    return true
  }

  receive(response: SipResponse): void {
    const { status } = response
    if (this.#state === 'over') return
    if (this.#state === 'completed') {
      if (this.#isInvite && status >= 300) this.#write()
      return
    }
    if (this.#state === 'accepted') {
      if (status >= 200 && status < 300) this.#listener.onResponse(response)
      return
    }
    const listener = this.#listener
    if (status < 200) this.#proceed()
    else this.#complete(response)
    listener.onResponse(response)
  }

  fail(why: 'silent' | 'lost'): void {
    const waits = this.#state === 'calling' || this.#state === 'proceeding'
    if (waits && why === 'silent' && this.#isInvite) this.#stopTimer()
    else this.#finish()
    if (!waits) return
    if (why === 'silent') this.#wire.onTimedOut()
    this.#listener.onFailure(why)
  }

  /** Ends it without telling anybody. */
  abandon(): void {
    this.#finish()
  }

  get #isDatagram(): boolean {
    return this.peer.transport === 'udp'
  }

  #proceed(): void {
    this.#state = 'proceeding'
    if (!this.#isInvite) return
    // From now on the peer answers for the INVITE, however long the telephone rings.
    this.#stopTimer()
    this.#endsAtMs = null
  }

  #complete(response: SipResponse): void {
    const isAnswer = this.#isInvite && response.status < 300
    const isRefusal = this.#isInvite && !isAnswer
    this.#stopTimer()
    this.#bytes = isRefusal ? writeMessage(ackOfRefusal(this.#request!, response)) : null
    this.#request = null
    this.#state = isAnswer ? 'accepted' : 'completed'
    if (isRefusal) this.#write()
    if (!isAnswer) this.#listener = NOBODY
    if (!isAnswer && !this.#isDatagram) this.#finish()
    else this.#wire.abandonLater(this, this.#isInvite)
  }

  #write(): boolean {
    return this.#bytes !== null && this.#wire.send(this.#bytes, this.peer)
  }

  /** One timer for both ends of the wait: at thousands of calls a second each costs as much as reading an answer. */
  #armNext(pauseMs: number): void {
    const { clock } = this.#wire
    const leftMs = this.#endsAtMs! - clock.monotonicMs()
    this.#timer =
      leftMs <= pauseMs
        ? clock.setTimer(leftMs, () => this.fail('silent'))
        : clock.setTimer(pauseMs, () => this.#repeat())
  }

  #repeat(): void {
    this.#write()
    this.#wire.onRepeated()
    if (this.#isInvite) this.#pauseMs *= 2
    else this.#pauseMs = this.#state === 'proceeding' ? T2_MS : Math.min(this.#pauseMs * 2, T2_MS)
    this.#armNext(this.#pauseMs)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #finish(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#stopTimer()
    this.#wire.onOver(this.#key)
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
