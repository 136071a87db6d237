import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Source } from './source-latch.ts'

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

/** The two sockets of a session: RTP on an even port, RTCP on the next. */
export class SessionSockets {
  readonly #rtp: Socket
  readonly #rtcp: Socket
  #connectedTo: Source | null = null

  private constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp
    this.#rtcp = rtcp
  }

  /** Rejects with the error of the system when a port is taken or the address is not ours; then both are free again. */
  static async open(address: string, rtpPort: number): Promise<SessionSockets> {
    const sockets = [makeSocket(address), makeSocket(address)] as const
    try {
      await bind(sockets[0], rtpPort, address)
      await bind(sockets[1], rtpPort + 1, address)
    } catch (error) {
      for (const socket of sockets) socket.close()
      throw error
    }
    return new SessionSockets(...sockets)
  }

  listen(onRtp: (packet: Buffer, source: Source) => void, onRtcp: (packet: Buffer, source: Source) => void): void {
    this.#rtp.on('message', onRtp)
    this.#rtcp.on('message', onRtcp)
  }

  /** Whether only one source is heard. */
  get settled(): boolean {
    return this.#connectedTo !== null
  }

  /** False: the kernel has not taken it yet, and its memory must stay as it is. */
  sendRtp(packet: Buffer, to: Source): boolean {
    if (this.#connectedTo) this.#rtp.send(packet)
    else this.#rtp.send(packet, to.port, to.address)
    return this.#rtp.getSendQueueCount() === 0
  }

  sendRtcp(packet: Buffer, to: Source): void {
    this.#rtcp.send(packet, to.port, to.address)
  }

  /** From now on the kernel drops what others send, and sending costs half as much. */
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

  /** Anybody is heard again. */
  unsettle(): void {
    if (!this.#connectedTo) return
    this.#connectedTo = null
    this.#rtp.disconnect()
  }

  /** Resolves when both ports are free. A packet given just before still leaves. */
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
