import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import type { UdpSockets } from '../udp/udp-sockets.ts'
import { hostPort } from './addresses.ts'
import { DatagramSocket } from './datagram-socket.ts'
import { type Peer, peerKey } from './peer.ts'
import { ConnectFault, StreamConnection } from './stream-connection.ts'

export interface TransportOptions {
  readonly clock: Clock
  /** The addresses to send from, IPv4 and IPv6; `0.0.0.0` and `::` leave the choice to the machine. */
  readonly bindAddresses: readonly string[]
  /** The UDP port, on each of them; 0: any. */
  readonly port: number
  /** What others reach us by when a router translates our address (1:1); null: what we are bound to. */
  readonly advertisedAddress: string | null
  /** As `EndpointOptions` has it. */
  readonly sockets?: UdpSockets
  readonly onMessage: (bytes: Buffer, from: Peer) => void
  /** A connection with transactions on it may be gone. */
  readonly onConnectionLost: (peer: Peer) => void
}

/** What we are called towards a peer: the sent-by of Via, and the host and port of Contact. */
export interface LocalName {
  readonly host: string
  readonly port: number
}

/**
 * Datagrams and connections of one process. Listens on UDP only, and opens TCP and TLS itself: nobody can connect to
 * it. Requests of a peer reach us over the connection we made, or by UDP.
 */
export class SipTransport {
  readonly #options: TransportOptions
  readonly #sockets = new Map<4 | 6, DatagramSocket>()
  readonly #routeAddresses = new Map<string, string>()
  readonly #connections = new Map<string, StreamConnection>()
  #closed = false

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** Binds the UDP ports. @throws when an address or port cannot be had. */
  async start(): Promise<void> {
    for (const address of this.#options.bindAddresses) {
      const socket = await DatagramSocket.open({
        address,
        port: this.#options.port,
        bySystem: this.#options.sockets !== 'node',
        onMessage: (bytes, from) => this.#options.onMessage(bytes, { transport: 'udp', ...from, serverName: null }),
      })
      this.#sockets.set(isIP(address) as 4 | 6, socket)
    }
  }

  /** The UDP port of an address family; null when it is not bound. */
  udpPort(family: 4 | 6): number | null {
    return this.#sockets.get(family)?.port ?? null
  }

  /**
   * Makes the peer reachable as far as that can be known without a request: a connection with a checked certificate,
   * or for UDP a socket of its family.
   *
   * @throws ConnectFault
   */
  async reach(peer: Peer, options: { withinMs: number; certificateAuthority: string | null }): Promise<void> {
    if (this.#closed) throw new ConnectFault('connect', 'The server stops')
    if (peer.transport === 'udp') {
      if (!this.#sockets.has(isIP(peer.address) as 4 | 6)) {
        throw new ConnectFault('connect', `There is no socket for ${isIP(peer.address) === 6 ? 'IPv6' : 'IPv4'}`)
      }
      await this.#learnRoute(peer)
      return
    }
    const key = peerKey(peer)
    let connection = this.#connections.get(key)
    if (!connection) {
      connection = this.#connect(peer, key, options)
      this.#connections.set(key, connection)
    }
    await connection.opened
  }

  /**
   * Sends to a peer that was reached. False: the connection is gone and nothing was written. For UDP always true:
   * whether a datagram arrives shows by the answer alone.
   */
  send(bytes: Buffer, peer: Peer): boolean {
    if (this.#closed) return false
    if (peer.transport !== 'udp') return this.#connections.get(peerKey(peer))?.send(bytes) ?? false
    this.#sockets.get(peer.address.includes(':') ? 6 : 4)?.send(bytes, peer)
    return true
  }

  /** What the peer may call us. The port is that of UDP also where a connection is used: a connection has none to listen on. */
  localName(peer: Peer): LocalName {
    const family = isIP(peer.address) as 4 | 6
    const connection = peer.transport === 'udp' ? undefined : this.#connections.get(peerKey(peer))
    const port = connection?.localPort ?? this.udpPort(family) ?? 5060
    const { advertisedAddress } = this.#options
    if (advertisedAddress !== null && isIP(advertisedAddress) === family) return { host: advertisedAddress, port }
    return { host: this.localAddress(peer), port }
  }

  /** The address of this machine that reaches the peer; it can be bound. */
  localAddress(peer: Peer): string {
    const bound = this.#bound(isIP(peer.address) as 4 | 6)
    if (bound !== null && !isWildcard(bound)) return bound
    const connection = this.#connections.get(peerKey(peer))
    return connection?.localAddress ?? this.#routeAddresses.get(peer.address) ?? bound ?? '127.0.0.1'
  }

  close(): void {
    this.#closed = true
    for (const connection of [...this.#connections.values()]) connection.close()
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  #connect(peer: Peer, key: string, options: { withinMs: number; certificateAuthority: string | null }) {
    const bound = this.#bound(isIP(peer.address) as 4 | 6)
    const connection: StreamConnection = new StreamConnection(
      {
        clock: this.#options.clock,
        peer,
        localAddress: bound === null || isWildcard(bound) ? null : bound,
        certificateAuthority: options.certificateAuthority,
        onMessage: (bytes) => this.#options.onMessage(bytes, peer),
        onClosed: () => {
          if (this.#connections.get(key) !== connection) return
          this.#connections.delete(key)
          if (!this.#closed) this.#options.onConnectionLost(peer)
        },
      },
      options.withinMs,
    )
    return connection
  }

  #bound(family: 4 | 6): string | null {
    return this.#options.bindAddresses.find((address) => isIP(address) === family) ?? null
  }

  /** Asks the machine which of its addresses a datagram to the peer would come from. Sends nothing. */
  async #learnRoute({ address, port }: Peer): Promise<void> {
    const bound = this.#bound(isIP(address) as 4 | 6)
    if (this.#routeAddresses.has(address) || bound === null || !isWildcard(bound)) return
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
    try {
      socket.connect(port, address)
      await Promise.race([
        once(socket, 'connect'),
        once(socket, 'error').then(() => Promise.reject(new Error('no route'))),
      ])
      this.#routeAddresses.set(address, socket.address().address)
    } catch {
      throw new ConnectFault('connect', `There is no route to ${hostPort(address, port)}`)
    } finally {
      socket.close()
    }
  }
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
