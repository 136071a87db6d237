import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { Authorization } from '../../sip/authorization.ts'
import type { Credentials } from '../../sip/digest.ts'
import type { SipEndpoint } from '../../sip/endpoint.ts'
import type { SipResponse } from '../../sip/message.ts'
import { type Peer, peerKey } from '../../sip/peer.ts'
import { type NameService, resolvePeers, type TrunkAddress } from '../../sip/resolve.ts'

/** After this long without any sign of it a trunk is asked again before it gets a call. */
const FRESH_MS = 30_000
/** A call that nothing has answered for so long makes the trunk suspect. */
const SUSPICIOUS_MS = 2000
/** How long one server may take to answer a question. */
const ANSWER_MS = 2000
/** Names are looked up again after this long. */
const NAMES_MS = 60_000
/** A server that says 503 and not for how long, is left alone so long. */
const OVERLOAD_MS = 5000

export interface TrunkReachOptions {
  readonly clock: Clock
  readonly endpoint: SipEndpoint
  readonly address: TrunkAddress
  readonly certificateAuthority: string | null
  /** Ask with OPTIONS before calls are sent. */
  readonly probe: boolean
  readonly credentials: Credentials | null
  readonly names?: NameService | undefined
}

/** Why no server of the trunk can be reached, in plain words. */
export class TrunkUnreachable extends Error {}

/**
 * Which server of a trunk gets the next call. A call is written to a server that is known to be there, since an INVITE
 * that nobody answers leaves its person `unknown`: so a server that was silent for a while is asked with OPTIONS, and the
 * next one of the DNS is tried when it does not answer. All this happens before an INVITE; nothing is tried after.
 */
export class TrunkReach {
  readonly #options: TrunkReachOptions
  #peer: Peer | null = null
  #heardAtMs = Number.NEGATIVE_INFINITY
  #suspect = false
  #restUntilMs = Number.NEGATIVE_INFINITY
  #peers: readonly Peer[] = []
  #peersAtMs = Number.NEGATIVE_INFINITY
  #search: Promise<Peer> | null = null
  #stopKnowing: () => void = () => undefined

  constructor(options: TrunkReachOptions) {
    this.#options = options
  }

  /** Something came from the trunk: it is there. */
  heard(): void {
    this.#heardAtMs = this.#options.clock.monotonicMs()
    this.#suspect = false
  }

  /** A call has been without any answer for a while. */
  doubt(): void {
    this.#suspect = true
  }

  /** How long after its INVITE a call without any answer gives reason to doubt. */
  get doubtAfterMs(): number {
    return SUSPICIOUS_MS
  }

  /** 503: no calls for so long, or for a few seconds when the trunk does not say. */
  rest(seconds: number | null): void {
    const restMs = seconds === null ? OVERLOAD_MS : seconds * 1000
    this.#restUntilMs = Math.max(this.#restUntilMs, this.#options.clock.monotonicMs() + restMs)
  }

  /** Milliseconds until the trunk takes calls again; 0: now. */
  get restMs(): number {
    return Math.max(0, this.#restUntilMs - this.#options.clock.monotonicMs())
  }

  /**
   * A server that is reached and was heard of lately.
   *
   * @throws TrunkUnreachable
   */
  ready(): Promise<Peer> {
    if (this.restMs > 0) return Promise.reject(new TrunkUnreachable('The trunk asked for a pause'))
    const fresh = this.#options.clock.monotonicMs() - this.#heardAtMs < FRESH_MS && !this.#suspect
    if (this.#peer !== null && fresh) return this.#reached(this.#peer)
    this.#search ??= this.#find().finally(() => {
      this.#search = null
    })
    return this.#search
  }

  /** The servers of the trunk in the order in which they are tried. Empty: the name does not exist. */
  async peers(): Promise<readonly Peer[]> {
    const { clock, address, names } = this.#options
    if (this.#peers.length === 0 || clock.monotonicMs() - this.#peersAtMs > NAMES_MS) {
      const random = () => randomBytes(4).readUInt32BE() / 2 ** 32
      this.#peers = await resolvePeers(address, names === undefined ? { random } : { random, names })
      this.#peersAtMs = clock.monotonicMs()
    }
    return this.#peers
  }

  /** The final answer of a server to OPTIONS; null: none within two seconds. */
  async ask(peer: Peer): Promise<SipResponse | null> {
    const { endpoint, address, credentials, clock } = this.#options
    const callId = randomBytes(16).toString('hex')
    const tag = randomBytes(8).toString('hex')
    const make = () => endpoint.options(peer, { host: address.host, callId, tag })
    const silence = new Promise<null>((resolve) => clock.setTimer(ANSWER_MS, () => resolve(null)))
    return Promise.race([endpoint.ask(make, peer, new Authorization(credentials)), silence])
  }

  close(): void {
    this.#stopKnowing()
  }

  /** A connection may have been lost since: it is made again, which proves that the trunk is there. */
  async #reached(peer: Peer): Promise<Peer> {
    const { endpoint, certificateAuthority } = this.#options
    try {
      await endpoint.reach(peer, { withinMs: ANSWER_MS, certificateAuthority })
      return peer
    } catch {
      this.#peer = null
      return this.ready()
    }
  }

  async #find(): Promise<Peer> {
    const peers = await this.peers()
    const { endpoint, address } = this.#options
    if (peers.length === 0) throw new TrunkUnreachable(`There is no address for ${address.host}`)
    const allowed = peers.filter((peer) => endpoint.mayReach(peer))
    if (allowed.length === 0) {
      throw new TrunkUnreachable(
        'The trunk lies in a private network that CARILLON_ALLOW_PRIVATE_TARGETS does not name',
      )
    }
    let fault = ''
    for (const peer of allowed) {
      const found = await this.#try(peer)
      if (found === null) return this.#choose(peer)
      fault = found
    }
    // The next search may find other servers under the name.
    this.#peersAtMs = Number.NEGATIVE_INFINITY
    throw new TrunkUnreachable(fault)
  }

  /** Null when the server is there, else what is wrong with it. */
  async #try(peer: Peer): Promise<string | null> {
    const { endpoint, certificateAuthority, probe } = this.#options
    try {
      await endpoint.reach(peer, { withinMs: ANSWER_MS, certificateAuthority })
    } catch (error) {
      return (error as Error).message
    }
    if (!probe) return null
    const answer = await this.ask(peer)
    if (answer === null) return 'The trunk does not answer'
    return answer.status === 503 ? 'The trunk says that it is not available (503)' : null
  }

  #choose(peer: Peer): Peer {
    if (this.#peer === null || peerKey(this.#peer) !== peerKey(peer)) {
      this.#stopKnowing()
      this.#stopKnowing = this.#options.endpoint.know(peer)
    }
    this.#peer = peer
    this.heard()
    return peer
  }
}
