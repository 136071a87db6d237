import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock, Timer } from '../clock.ts'
import type { Peer } from './peer.ts'
import { StreamReader } from './stream-reader.ts'

/** An empty line this often keeps firewalls from forgetting an idle connection. */
const KEEP_ALIVE_MS = 25_000

export interface StreamConnectionOptions {
  readonly clock: Clock
  readonly peer: Peer
  /** The address to connect from; null: the machine chooses. */
  readonly localAddress: string | null
  /** PEM certificates that are believed beside those of the system; null: only those of the system. */
  readonly certificateAuthority: string | null
  readonly onMessage: (bytes: Buffer) => void
  /** The connection is over, once; nothing is received or sent after it. */
  readonly onClosed: () => void
}

/** Why a connection could not be made, in plain words: refused, timed out, or a certificate that does not fit. */
export class ConnectFault extends Error {
  readonly stage: 'connect' | 'tls' | 'timeout'

  constructor(stage: ConnectFault['stage'], message: string) {
    super(message)
    this.stage = stage
  }
}

/** One TCP or TLS connection that we opened. TLS is 1.2 or later, with the peer's certificate checked. */
export class StreamConnection {
  readonly #options: StreamConnectionOptions
  readonly #socket: Socket
  readonly #reader = new StreamReader()
  readonly opened: Promise<void>
  #keepAlive: Timer | null = null
  #closed = false

  constructor(options: StreamConnectionOptions, withinMs: number) {
    this.#options = options
    this.#socket = openSocket(options)
    this.opened = this.#open(withinMs)
    // Whoever asked for the connection learns of the failure; nobody else must.
    this.opened.catch(() => undefined)
  }

  /** Where the connection comes from, once it is open. */
  get localAddress(): string {
    return this.#socket.localAddress ?? '0.0.0.0'
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  /** True when the bytes were handed to the system. */
  send(bytes: Buffer): boolean {
    if (this.#closed || !this.#socket.writable) return false
    this.#socket.write(bytes)
    return true
  }

  close(): void {
    this.#socket.destroy()
    this.#over()
  }

  #open(withinMs: number): Promise<void> {
    const { clock, peer } = this.#options
    return new Promise((resolve, reject) => {
      const fail = (fault: ConnectFault) => {
        timer.cancel()
        reject(fault)
        this.close()
      }
      const timer = clock.setTimer(withinMs, () =>
        fail(new ConnectFault('timeout', 'The connection was not made in time')),
      )
      let connected = false
      this.#socket.on('connect', () => {
        connected = true
      })
      this.#socket.on('error', (error) => fail(new ConnectFault(connected ? 'tls' : 'connect', error.message)))
      this.#socket.on('close', () => fail(new ConnectFault('connect', 'The connection was closed')))
      this.#socket.on('data', (bytes: Buffer) => this.#read(bytes))
      this.#socket.once(peer.transport === 'tls' ? 'secureConnect' : 'connect', () => {
        timer.cancel()
        this.#socket.setNoDelay(true)
        this.#armKeepAlive()
        resolve()
      })
    })
  }

  #read(bytes: Buffer): void {
    try {
      for (const message of this.#reader.push(bytes)) if (!this.#closed) this.#options.onMessage(message)
    } catch {
      // What follows cannot be told apart.
      this.close()
    }
  }

  #armKeepAlive(): void {
    if (this.#closed) return
    this.#keepAlive = this.#options.clock.setTimer(KEEP_ALIVE_MS, () => {
      this.send(Buffer.from('\r\n\r\n'))
      this.#armKeepAlive()
    })
  }

  #over(): void {
    if (this.#closed) return
    this.#closed = true
    this.#keepAlive?.cancel()
    this.#options.onClosed()
  }
}

function openSocket({ peer, localAddress, certificateAuthority }: StreamConnectionOptions): Socket {
  const target = { host: peer.address, port: peer.port, ...(localAddress === null ? {} : { localAddress }) }
  if (peer.transport === 'tcp') return connectTcp(target)
  return connectTls({
    ...target,
    ...(peer.serverName === null ? {} : { servername: peer.serverName }),
    ...(certificateAuthority === null ? {} : { ca: certificateAuthority }),
    minVersion: 'TLSv1.2',
  })
}
