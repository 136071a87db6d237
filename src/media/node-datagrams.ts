import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Source } from '../udp/socket-name.ts'
import type { Datagrams, PacketListener, SessionSockets } from './datagrams.ts'

/** Addresses are numbers here, so nothing is looked up; the default would go through a queue for each packet. */
function sameAddress(address: string, _options: unknown, done: (error: null, address: string, family: number) => void) {
  done(null, address, isIPv6(address) ? 6 : 4)
}

function makeSocket(address: string): Socket {
  const ipv6 = isIPv6(address)
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6, lookup: sameAddress as never })
  // Errors of sending (nobody listens there, no route) are the peer's trouble: inactivity ends the call.
  socket.on('error', () => undefined)
  return socket
}

function bind(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
}

/** Sockets of Node, on every system. */
export class NodeDatagrams implements Datagrams {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async open(address: string, rtpPort: number): Promise<SessionSockets> {
    const sockets = [makeSocket(address), makeSocket(address)] as const
    try {
      await bind(sockets[0], rtpPort, address)
      await bind(sockets[1], rtpPort + 1, address)
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    return new NodeSockets(this.#clock, ...sockets)
  }

  receive(): void {}
}

class NodeSockets implements SessionSockets {
  readonly #clock: Clock
  readonly #rtp: Socket
  readonly #rtcp: Socket
  #connectedTo: Source | null = null

  constructor(clock: Clock, rtp: Socket, rtcp: Socket) {
    this.#clock = clock
    this.#rtp = rtp
    this.#rtcp = rtcp
  }

  listen(onRtp: PacketListener, onRtcp: PacketListener): void {
    this.#rtp.on('message', (packet, source) => onRtp(packet, source, this.#clock.monotonicMs()))
    this.#rtcp.on('message', (packet, source) => onRtcp(packet, source, this.#clock.monotonicMs()))
  }

  /** Packets come by themselves. */
  lookForRtp(): void {}

  lookForRtcp(): void {}

  lookForTheRest(): void {}

  get settled(): boolean {
    return this.#connectedTo !== null
  }

  sendRtp(packet: Buffer, to: Source): boolean {
    if (this.#connectedTo) this.#rtp.send(packet)
    else this.#rtp.send(packet, to.port, to.address)
    return this.#rtp.getSendQueueCount() === 0
  }

  sendRtcp(packet: Buffer, to: Source): void {
    this.#rtcp.send(packet, to.port, to.address)
  }

  settleOn(source: Source): void {
    if (this.#connectedTo) return
    try {
      this.#rtp.connect(source.port, source.address)
      this.#rtp.remoteAddress()
      this.#connectedTo = source
    } catch {
      // No route there now: it stays as it was, and sending will tell.
    }
  }

  unsettle(): void {
    if (!this.#connectedTo) return
    this.#connectedTo = null
    this.#rtp.disconnect()
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#rtp, this.#rtcp].map((socket) => {
        socket.removeAllListeners('message')
        return new Promise<void>((resolve) => {
          socket.close(() => resolve())
        })
      }),
    )
  }
}
