import type { Clock, Timer } from '../clock.ts'
import { type SipRequest, type SipResponse, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { T1_MS, T2_MS, T4_MS, TRANSACTION_MS } from './timing.ts'

export interface ServerTransactionOptions {
  readonly clock: Clock
  readonly request: SipRequest
  readonly peer: Peer
  readonly send: (bytes: Buffer) => boolean
  readonly onOver: () => void
}

/**
 * The server side of one request: answers repetitions with the same answer, and repeats the answer to an INVITE until
 * it is acknowledged (RFC 3261 17.2 and 13.3.1.4).
 */
export class ServerTransaction {
  readonly #options: ServerTransactionOptions
  readonly #isInvite: boolean
  readonly #isDatagram: boolean
  #answer: Buffer | null = null
  #pauseMs = T1_MS
  #repeat: Timer | null = null
  #end: Timer | null = null
  #over = false
  /** Told when the answer to an INVITE was never acknowledged. */
  onUnacknowledged: () => void = () => undefined

  constructor(options: ServerTransactionOptions) {
    this.#options = options
    this.#isInvite = options.request.method === 'INVITE'
    this.#isDatagram = options.peer.transport === 'udp'
  }

  get request(): SipRequest {
    return this.#options.request
  }

  get peer(): Peer {
    return this.#options.peer
  }

  get answered(): boolean {
    return this.#answer !== null
  }

  /** Sends the final answer; the first counts. */
  respond(response: SipResponse): void {
    if (this.#over || this.#answer !== null) return
    this.#answer = writeMessage(response)
    this.#options.send(this.#answer)
    if (!this.#isInvite) {
      this.#arm(this.#isDatagram ? TRANSACTION_MS : 0, () => this.#finish())
      return
    }
    // A 2xx is repeated over every transport: a proxy on the way may use another one.
    if (this.#isDatagram || response.status < 300) this.#armRepeat()
    this.#arm(TRANSACTION_MS, () => {
      this.#finish()
      this.onUnacknowledged()
    })
  }

  /** The request came again. */
  receiveAgain(): void {
    if (this.#answer !== null) this.#options.send(this.#answer)
  }

  acknowledge(): void {
    if (this.#over || this.#answer === null || !this.#isInvite) return
    this.#repeat?.cancel()
    this.#arm(this.#isDatagram ? T4_MS : 0, () => this.#finish())
  }

  abandon(): void {
    this.#finish()
  }

  #armRepeat(): void {
    this.#repeat = this.#options.clock.setTimer(this.#pauseMs, () => {
      if (this.#answer !== null) this.#options.send(this.#answer)
      this.#pauseMs = Math.min(this.#pauseMs * 2, T2_MS)
      this.#armRepeat()
    })
  }

  #arm(afterMs: number, run: () => void): void {
    this.#end?.cancel()
    this.#end = this.#options.clock.setTimer(afterMs, run)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#repeat?.cancel()
    this.#end?.cancel()
    this.#options.onOver()
  }
}
