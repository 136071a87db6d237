import type { Clock } from '../clock.ts'
import { tagOf, topBranch, topVia } from './addresses.ts'
import { ClientTransaction, type ClientTransactionListener, type ClientTransactionWire } from './client-transaction.ts'
import { Expiry } from './expiry.ts'
import { parseMessage, readCseq, type SipMessage, type SipRequest, type SipResponse } from './message.ts'
import { type Peer, peerKey } from './peer.ts'
import { responseTo } from './response.ts'
import { ServerTransaction } from './server-transaction.ts'
import { T4_MS, TRANSACTION_MS } from './timing.ts'

/** Requests of strangers that wait for an answer of ours; beyond it they are not even looked at. */
const SERVER_TRANSACTIONS_MAX = 20_000

export interface TransactionOptions {
  readonly clock: Clock
  readonly send: (bytes: Buffer, peer: Peer) => boolean
  /** A new request other than ACK and CANCEL. False: nobody knows it, and nothing is answered. */
  readonly onRequest: (transaction: ServerTransaction) => boolean
  /** A 2xx to an INVITE whose transaction is over: its ACK was lost, or another branch of the call answered late. */
  readonly onStrayAnswer: (response: SipResponse, peer: Peer) => void
}

/** What was repeated, what was received and led nowhere, since the start. */
export interface TransactionFigures {
  /** Requests of ours that were written again since nothing had answered them. */
  retransmissions: number
  /** Requests of ours that nothing answered within 32 s. */
  timedOut: number
  malformed: number
  strayResponses: number
  ignoredRequests: number
}

/** All transactions of one process: brings messages to the one they belong to. */
export class Transactions {
  readonly figures: TransactionFigures = {
    retransmissions: 0,
    timedOut: 0,
    malformed: 0,
    strayResponses: 0,
    ignoredRequests: 0,
  }
  readonly #options: TransactionOptions
  readonly #wire: ClientTransactionWire
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()

  constructor(options: TransactionOptions) {
    this.#options = options
    const { clock } = options
    const letGo = (transaction: ClientTransaction) => transaction.abandon()
    const invites = new Expiry(clock, { afterMs: TRANSACTION_MS, letGo })
    const others = new Expiry(clock, { afterMs: T4_MS, letGo })
    this.#wire = {
      clock,
      send: options.send,
      onRepeated: () => void this.figures.retransmissions++,
      onTimedOut: () => void this.figures.timedOut++,
      onOver: (key) => void this.#clients.delete(key),
      abandonLater: (transaction, isInvite) => (isInvite ? invites : others).add(transaction),
    }
  }

  get live(): number {
    return this.#clients.size + this.#servers.size
  }

  /**
   * Sends a request whose topmost Via has a branch of ours. Null: it could not be written at all, as the connection
   * is gone.
   */
  request(request: SipRequest, peer: Peer, listener: ClientTransactionListener): ClientTransaction | null {
    const key = clientKey(request)
    const transaction = new ClientTransaction(this.#wire, { key, request, peer, listener })
    this.#clients.set(key, transaction)
    return transaction.start() ? transaction : null
  }

  /** Anything that arrived. Never throws. */
  receive(bytes: Buffer, from: Peer): void {
    const parsed = parseMessage(bytes)
    if (!parsed.ok) {
      this.figures.malformed++
      return
    }
    if (parsed.message.kind === 'response') this.#receiveResponse(parsed.message, from)
    else this.#receiveRequest(parsed.message, from)
  }

  connectionLost(peer: Peer): void {
    const lost = peerKey(peer)
    for (const client of [...this.#clients.values()]) if (peerKey(client.peer) === lost) client.fail('lost')
  }

  close(): void {
    for (const client of [...this.#clients.values()]) client.abandon()
    for (const server of [...this.#servers.values()]) server.abandon()
  }

  #receiveResponse(response: SipResponse, from: Peer): void {
    const client = this.#clients.get(clientKey(response))
    if (client) {
      client.receive(response)
      return
    }
    this.figures.strayResponses++
    const isAnswer = response.status >= 200 && response.status < 300
    if (isAnswer && readCseq(response.headers)!.method === 'INVITE') this.#options.onStrayAnswer(response, from)
  }

  #receiveRequest(request: SipRequest, from: Peer): void {
    const via = topVia(request.headers)
    if (via === null) {
      this.figures.malformed++
      return
    }
    const name = `${via.parameters.get('branch') ?? ''} ${via.sentBy}`
    const keyOf = (method: string) => `${name} ${method} ${request.headers.get('call-id')}`
    const known = this.#servers.get(keyOf(request.method))
    if (request.method === 'ACK') this.#acknowledge(request, keyOf('INVITE'))
    else if (known) known.receiveAgain()
    else this.#begin(request, from, keyOf)
  }

  #begin(request: SipRequest, from: Peer, keyOf: (method: string) => string): void {
    if (this.#servers.size >= SERVER_TRANSACTIONS_MAX) {
      this.figures.ignoredRequests++
      return
    }
    const key = keyOf(request.method)
    const server = new ServerTransaction({
      clock: this.#options.clock,
      request,
      peer: from,
      send: (bytes) => this.#options.send(bytes, from),
      onOver: () => this.#servers.delete(key),
    })
    this.#servers.set(key, server)
    if (request.method === 'CANCEL') this.#cancel(server, keyOf('INVITE'))
    else if (!this.#options.onRequest(server)) {
      this.figures.ignoredRequests++
      server.abandon()
    }
  }

  /** The ACK of a refusal has the branch of its INVITE, that of a 2xx a new one. */
  #acknowledge(request: SipRequest, key: string): void {
    const server = this.#servers.get(key) ?? [...this.#servers.values()].find((each) => isAckOf(request, each.request))
    server?.acknowledge()
  }

  /** A re-INVITE is answered at once, so there is never anything to cancel; strangers get no answer. */
  #cancel(server: ServerTransaction, inviteKey: string): void {
    if (this.#servers.has(inviteKey)) server.respond(responseTo(server.request, { status: 200, peer: server.peer }))
    else server.abandon()
  }
}

function isAckOf(ack: SipRequest, invite: SipRequest): boolean {
  return (
    invite.method === 'INVITE' &&
    invite.headers.get('call-id') === ack.headers.get('call-id') &&
    readCseq(invite.headers)!.number === readCseq(ack.headers)!.number &&
    tagOf(invite.headers.get('from')) === tagOf(ack.headers.get('from'))
  )
}

function clientKey(message: SipMessage): string {
  return `${topBranch(message.headers)} ${readCseq(message.headers)!.method}`
}
