import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { type Source, socketName, sourceOf } from '../udp/socket-name.ts'
import { SystemCalls } from '../udp/system-calls.ts'
import { MESSAGE_BYTES_MAX } from './message.ts'

/** All trunks answer to one socket. What does not fit while the process is busy is lost and repeated; the system may give less. */
const RECEIVE_BUFFER_BYTES = 4 * 1_048_576
/** As many as Node itself reads of a socket in a turn. */
const READ_MORE_MAX = 32

export interface DatagramSocketOptions {
  /** An IP address; of IPv6, IPv4 is not taken along. */
  readonly address: string
  /** 0: any. */
  readonly port: number
  /** By system calls of our own, where they can be had. */
  readonly bySystem: boolean
  /** May keep what it gets. */
  readonly onMessage: (bytes: Buffer, from: Source) => void
}

/** Null where there are none; asked once for the whole process. */
let systemCalls: Promise<SystemCalls | null> | null = null

/**
 * A UDP socket of Node, which tells when something has arrived. Where the system lets us, we write to it ourselves, and
 * read with the first datagram of a turn what came behind it: a datagram costs Node as much as reading what is in it.
 */
export class DatagramSocket {
  readonly #socket: Socket
  readonly #calls: SystemCalls | null
  readonly #descriptor: number
  readonly #onMessage: DatagramSocketOptions['onMessage']
  /** Names of those that were sent to, by their object. */
  readonly #names = new WeakMap<Source, Buffer>()
  #readMore = true
  #closed = false
  readonly port: number

  private constructor(
    bound: { socket: Socket; calls: SystemCalls | null; descriptor: number },
    onMessage: DatagramSocketOptions['onMessage'],
  ) {
    this.#socket = bound.socket
    this.#calls = bound.calls
    this.#descriptor = bound.descriptor
    this.#onMessage = onMessage
    this.port = bound.socket.address().port
    // Unreachable peers show by their silence; an error of the socket must not end the process.
    this.#socket.on('error', () => undefined)
    this.#socket.on('message', (bytes, { address, port }) => {
      onMessage(bytes, { address, port })
      this.#readWhatIsThere()
    })
    this.#socket.unref()
  }

  /** Rejects when the address or port cannot be had. */
  static async open({ address, port, bySystem, onMessage }: DatagramSocketOptions): Promise<DatagramSocket> {
    // Only Node reads addresses that name a network interface.
    const possible = bySystem && !address.includes('%')
    if (possible) systemCalls ??= SystemCalls.load(MESSAGE_BYTES_MAX)
    const calls = possible ? await systemCalls : null
    const descriptor = calls === null ? -1 : calls.open(socketName({ address, port }))
    const socket = createSocket(
      isIPv6(address) ? { type: 'udp6', ipv6Only: true, lookup: noLookUp } : { type: 'udp4', lookup: noLookUp },
    )
    try {
      // Without a look-up it may listen at once, so whoever waits must be there before.
      const listening = once(socket, 'listening')
      if (calls === null) socket.bind({ address, port })
      else handOver(socket, { calls, descriptor })
      await listening
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES)
    } catch (error) {
      socket.close()
      throw error
    }
    return new DatagramSocket({ socket, calls, descriptor }, onMessage)
  }

  /** Whether it arrives shows by the answer alone. */
  send(bytes: Buffer, to: Source): void {
    if (this.#closed) return
    if (this.#calls?.sendTo(this.#descriptor, bytes, this.#nameOf(to))) return
    this.#socket.send(bytes, to.port, to.address)
  }

  close(): void {
    this.#closed = true
    this.#socket.close()
  }

  /** Once in a turn of the event loop, and no more than Node would read. */
  #readWhatIsThere(): void {
    if (this.#calls === null || !this.#readMore) return
    this.#readMore = false
    setImmediate(() => {
      this.#readMore = true
    })
    for (let read = 0; read < READ_MORE_MAX && !this.#closed; read++) {
      const bytes = this.#calls.receive(this.#descriptor)
      if (bytes === null) return
      this.#onMessage(Buffer.from(bytes), sourceOf(this.#calls.received.name))
    }
  }

  #nameOf(to: Source): Buffer {
    const known = this.#names.get(to)
    if (known !== undefined) return known
    const name = socketName(to)
    this.#names.set(to, name)
    return name
  }
}

/** From its return on the descriptor is the socket's, which closes it; if it throws, the descriptor is closed. */
function handOver(socket: Socket, { calls, descriptor }: { calls: SystemCalls; descriptor: number }): void {
  try {
    socket.bind({ fd: descriptor, exclusive: true })
  } catch (error) {
    calls.close(descriptor)
    throw error
  }
}

/** All addresses are literal; without this each datagram would wait for a turn of the resolver. */
const noLookUp: SocketOptions['lookup'] = (address, _options, found) =>
  found(null, address, address.includes(':') ? 6 : 4)
