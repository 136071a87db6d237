import { BlockList, isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import type { UdpSockets } from '../udp/udp-sockets.ts'
import { hostPort, hostText, tagOf } from './addresses.ts'
import { ANSWER_CLASSES, type AnswerClass, answerClassOf } from './answer-class.ts'
import type { Authorization } from './authorization.ts'
import { CallPace } from './call-pace.ts'
import type { ClientTransaction, ClientTransactionListener } from './client-transaction.ts'
import { ALLOW, contactOf, newBranch, requestHeaders } from './dialog.ts'
import { Expiry } from './expiry.ts'
import type { SipRequest, SipResponse } from './message.ts'
import { type CallListener, type CallWire, OutgoingCall, type OutgoingCallOptions } from './outgoing-call.ts'
import { type Peer, peerKey } from './peer.ts'
import { isPrivateAddress } from './private-address.ts'
import { responseTo } from './response.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { Transactions } from './transactions.ts'
import { SipTransport } from './transport.ts'

/** How long a call that is over is remembered, for messages about it that are still under way. */
const REMEMBERED_MS = 40_000
/** A connection that is made again during a call must be there soon. */
const REACH_AGAIN_MS = 4000

export interface EndpointOptions {
  readonly clock: Clock
  readonly bindAddresses: readonly string[]
  /** UDP; 0: any. */
  readonly port: number
  readonly advertisedAddress: string | null
  /** Private networks that trunks may lie in, such as 192.168.1.0/24. */
  readonly allowedPrivateTargets?: readonly string[]
  /** Calls that may begin in a second, over all trunks; 200 when absent. */
  readonly callsPerSecond?: number
  /** Of UDP; `system` when absent. */
  readonly sockets?: UdpSockets
}

/**
 * The SIP side of one process: its ports and connections, its transactions and its calls. It places calls and never
 * takes one. To whom it does not know it says nothing at all, so that a scan of the internet finds nobody here.
 */
export class SipEndpoint {
  readonly #options: EndpointOptions
  readonly #transport: SipTransport
  readonly #transactions: Transactions
  readonly #wire: CallWire
  readonly #calls = new Map<string, OutgoingCall>()
  readonly #answers = new Map<AnswerClass, number>()
  /** Trust in certificates, by peer: a connection that is made again needs the same. */
  readonly #authorities = new Map<string, string | null>()
  /** Addresses of trunks, which get an answer to OPTIONS and a refusal of calls. */
  readonly #known = new Map<string, number>()
  readonly #allowed: BlockList
  readonly #overCalls: Expiry<OutgoingCall>
  /** Beginnings of calls of the whole process. */
  readonly pace: CallPace
  #started: Promise<void> | null = null

  constructor(options: EndpointOptions) {
    this.#options = options
    const { clock } = options
    this.#overCalls = new Expiry(clock, { afterMs: REMEMBERED_MS, letGo: (call) => this.#forget(call) })
    this.pace = new CallPace(clock, options.callsPerSecond ?? 200)
    this.#allowed = networks(options.allowedPrivateTargets ?? [])
    this.#transport = new SipTransport({
      ...options,
      onMessage: (bytes, from) => this.#transactions.receive(bytes, from),
      onConnectionLost: (peer) => this.#transactions.connectionLost(peer),
    })
    this.#transactions = new Transactions({
      clock,
      send: (bytes, peer) => this.#transport.send(bytes, peer),
      onRequest: (server) => this.#onRequest(server),
      onStrayAnswer: (response) => this.#onStrayAnswer(response),
    })
    this.#wire = {
      clock,
      request: (request, peer, listener) => this.#transactions.request(request, peer, listener),
      send: (bytes, peer) => this.#transport.send(bytes, peer),
      reachAgain: (peer) => this.reach(peer, { withinMs: REACH_AGAIN_MS }),
      onEnded: (call, ending) => {
        this.#overCalls.add(call)
        this.#count(answerClassOf(ending))
      },
    }
  }

  get figures() {
    const answers = Object.fromEntries(ANSWER_CLASSES.map((each) => [each, this.#answers.get(each) ?? 0]))
    return { ...this.#transactions.figures, transactions: this.#transactions.live, calls: this.#calls.size, answers }
  }

  get clock(): Clock {
    return this.#options.clock
  }

  /** The UDP port of an address family; null: not bound. Only after something was reached. */
  udpPort(family: 4 | 6): number | null {
    return this.#transport.udpPort(family)
  }

  /**
   * Everything that can be known of a peer without a request to it: its route, its connection, its certificate.
   *
   * @throws ConnectFault, or an error of the system when our own port cannot be bound.
   */
  async reach(peer: Peer, options: { withinMs: number; certificateAuthority?: string | null }): Promise<void> {
    this.#started ??= this.#transport.start()
    await this.#started
    const key = peerKey(peer)
    if (options.certificateAuthority !== undefined) this.#authorities.set(key, options.certificateAuthority)
    const certificateAuthority = this.#authorities.get(key) ?? null
    await this.#transport.reach(peer, { withinMs: options.withinMs, certificateAuthority })
  }

  /** False for an address of a private network that nobody has allowed. */
  mayReach({ address }: Peer): boolean {
    if (!isPrivateAddress(address)) return true
    return this.#allowed.check(address, familyOf(address) === 6 ? 'ipv6' : 'ipv4')
  }

  /** The call of that Call-ID, as long as this process remembers it. */
  findCall(callId: string): OutgoingCall | undefined {
    return this.#calls.get(callId)
  }

  /** How the peer may reach us: the sent-by of Via, and the Contact for this user. Only after it was reached. */
  namesFor(peer: Peer, user: string): { sentBy: string; contact: string; host: string; localAddress: string } {
    const name = this.#transport.localName(peer)
    const localAddress = this.#transport.localAddress(peer)
    return {
      sentBy: hostPort(name.host, name.port),
      contact: contactOf(user, name, peer),
      host: name.host,
      localAddress,
    }
  }

  /** Places one call to a peer that was reached. Null: not one byte was written. */
  call(options: OutgoingCallOptions, listener: CallListener): OutgoingCall | null {
    const { callId } = options.leg
    const call = new OutgoingCall(this.#wire, options, listener)
    this.#calls.set(callId, call)
    if (call.start()) return call
    this.#calls.delete(callId)
    return null
  }

  /** Stops listening for a call of which nothing more is wanted. */
  forget(call: OutgoingCall): void {
    if (!call.isOver) this.#count('none')
    call.abandon()
    this.#overCalls.add(call)
  }

  /** Sends a request outside of any call. Null: it could not be written. */
  request(request: SipRequest, peer: Peer, listener: ClientTransactionListener): ClientTransaction | null {
    return this.#transactions.request(request, peer, listener)
  }

  /** The final answer to a request that may be challenged once; null: none came. The peer was reached before. */
  ask(make: (sequence: number) => SipRequest, peer: Peer, authorization: Authorization): Promise<SipResponse | null> {
    return new Promise((resolve) => {
      const send = (sequence: number): void => {
        const request = make(sequence)
        authorization.sign(request)
        const sent = this.#transactions.request(request, peer, {
          onResponse: (response) => {
            if (response.status < 200) return
            const challenged = response.status === 401 || response.status === 407
            if (challenged && sequence === 1 && authorization.take(response)) send(2)
            else resolve(response)
          },
          onFailure: () => resolve(null),
        })
        if (sent === null) resolve(null)
      }
      send(1)
    })
  }

  /** OPTIONS: is anybody there? Any final answer means yes. */
  options(peer: Peer, { host, callId, tag }: { host: string; callId: string; tag: string }): SipRequest {
    const names = this.namesFor(peer, 'carillon')
    const uri = `sip:${hostText(host)}`
    const leg = {
      callId,
      localTag: tag,
      from: `<sip:carillon@${hostText(names.host)}>`,
      to: `<${uri}>`,
      requestUri: uri,
      peer,
      sentBy: names.sentBy,
      contact: names.contact,
    }
    const headers = requestHeaders(leg, { method: 'OPTIONS', sequence: 1, branch: newBranch() })
      .add('contact', names.contact)
      .add('accept', 'application/sdp')
    return { kind: 'request', method: 'OPTIONS', uri, headers, body: Buffer.alloc(0) }
  }

  /** From now on requests from the peer's address are answered; undone by the function that is returned. */
  know({ address }: Peer): () => void {
    this.#known.set(address, (this.#known.get(address) ?? 0) + 1)
    return () => {
      const left = (this.#known.get(address) ?? 1) - 1
      if (left > 0) this.#known.set(address, left)
      else this.#known.delete(address)
    }
  }

  close(): void {
    for (const call of this.#calls.values()) call.abandon()
    this.#transactions.close()
    this.#transport.close()
  }

  #onRequest(server: ServerTransaction): boolean {
    const { request, peer } = server
    const call = this.#calls.get(request.headers.get('call-id')!)
    const toTag = tagOf(request.headers.get('to'))
    if (call && toTag === call.leg.localTag && !call.isOver) {
      call.receive(server)
      return true
    }
    if (peer.transport === 'udp' && !this.#known.has(peer.address)) return false
    if (toTag !== null) server.respond(responseTo(request, { status: 481, peer }))
    else if (request.method === 'OPTIONS') {
      server.respond(responseTo(request, { status: 200, peer, localTag: newBranch(), headers: [['allow', ALLOW]] }))
    } else
      server.respond(
        responseTo(request, { status: request.method === 'INVITE' ? 403 : 405, peer, localTag: newBranch() }),
      )
    return true
  }

  #onStrayAnswer(response: SipResponse): void {
    const call = this.#calls.get(response.headers.get('call-id')!)
    if (call && tagOf(response.headers.get('from')) === call.leg.localTag) call.receiveStray(response)
  }

  #count(answer: AnswerClass): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1)
  }

  #forget(call: OutgoingCall): void {
    const { callId } = call.leg
    if (this.#calls.get(callId) === call) this.#calls.delete(callId)
  }
}

function networks(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = familyOf(address)
    list.addSubnet(
      address,
      bits === undefined ? (family === 6 ? 128 : 32) : Number(bits),
      family === 6 ? 'ipv6' : 'ipv4',
    )
  }
  return list
}

/** The family of an address as a socket calls it. */
export function familyOf(address: string): 4 | 6 {
  return isIP(address) === 6 ? 6 : 4
}
