import type { Clock } from '../clock.ts'
import type { PacketMover } from '../udp/packet-mover.ts'
import type { ReceivedPacket } from '../udp/received-packet.ts'
import type { Source } from '../udp/socket-name.ts'
import { sameName, socketName, sourceOf } from '../udp/socket-name.ts'
import type { SystemCalls } from '../udp/system-calls.ts'
import type { Datagrams, PacketListener, SessionSockets } from './datagrams.ts'

/** Looks at the sockets in one `receive`: a flood must not keep the frames waiting that are to be sent. */
const LOOKS_MAX = 8

interface Watched {
  readonly take: PacketListener
  /** From where the last packet came, which is nearly always from where the next one comes. */
  name: Buffer
  source: Source
}

const NOBODY: Source = { address: '', port: 0 }

/** By socket, whose numbers are small. */
type WatchedSockets = (Watched | undefined)[]

interface SystemDatagramsOptions {
  readonly calls: SystemCalls
  readonly mover: PacketMover
  readonly clock: Clock
  /** For addresses that name a network interface, which only Node reads. */
  readonly others: Datagrams
}

/**
 * Sockets by system calls of our own: a fraction of what Node's cost for each packet (docs/decisions/0014 and 0021).
 * Nothing tells that a packet has arrived, so the pacer asks after the frames of each step; the kernel has stamped each
 * with its instant, so that this delays what is heard by a step and is no jitter.
 */
export class SystemDatagrams implements Datagrams {
  readonly #calls: SystemCalls
  readonly #mover: PacketMover
  readonly #clock: Clock
  readonly #others: Datagrams
  readonly #watched: WatchedSockets = []
  /** From the clock of arrivals to the monotonic one. */
  #offsetMs = 0

  constructor({ calls, mover, clock, others }: SystemDatagramsOptions) {
    this.#calls = calls
    this.#mover = mover
    mover.listen((socket, packet, received) => this.#take(socket, packet, received))
    this.#clock = clock
    this.#others = others
  }

  async open(address: string, rtpPort: number): Promise<SessionSockets> {
    if (address.includes('%')) return this.#others.open(address, rtpPort)
    const rtp = this.#open({ address, port: rtpPort })
    try {
      const rtcp = this.#open({ address, port: rtpPort + 1 })
      return new SystemSockets({ calls: this.#calls, mover: this.#mover, watched: this.#watched, rtp, rtcp })
    } catch (error) {
      this.#calls.close(rtp)
      throw error
    }
  }

  receive(): void {
    this.#offsetMs = this.#clock.monotonicMs() - this.#calls.nowEpochMs()
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const noMore = this.#calls.arrived(this.#ask)
      this.#mover.flush()
      if (noMore) return
    }
  }

  /** Sockets like these do not end with their thread. */
  end(): void {
    this.#watched.forEach((watched, socket) => {
      if (watched) this.#calls.close(socket)
    })
    this.#watched.length = 0
    this.#mover.end()
    this.#calls.end()
  }

  #open(at: Source): number {
    const socket = this.#calls.open(socketName(at))
    this.#calls.watch(socket)
    return socket
  }

  readonly #ask = (socket: number): void => this.#mover.ask(socket)

  #take(socket: number, packet: Buffer, { name, arrivedAtEpochMs }: ReceivedPacket): void {
    const watched = this.#watched[socket]
    if (watched === undefined) return
    if (!sameName(watched.name, name)) {
      watched.name = Buffer.from(name)
      watched.source = sourceOf(name)
    }
    watched.take(packet, watched.source, arrivedAtEpochMs + this.#offsetMs)
  }
}

interface SystemSocketsOptions {
  readonly calls: SystemCalls
  readonly mover: PacketMover
  readonly watched: WatchedSockets
  readonly rtp: number
  readonly rtcp: number
}

const nobodyListens: PacketListener = () => undefined

class SystemSockets implements SessionSockets {
  readonly #calls: SystemCalls
  readonly #mover: PacketMover
  readonly #watched: WatchedSockets
  readonly #rtp: number
  readonly #rtcp: number
  #connected = false
  #closed = false
  /** The last one that was sent to, and its name. */
  #to: Source | null = null
  #toName: Buffer = Buffer.alloc(0)

  constructor({ calls, mover, watched, rtp, rtcp }: SystemSocketsOptions) {
    this.#calls = calls
    this.#mover = mover
    this.#watched = watched
    this.#rtp = rtp
    this.#rtcp = rtcp
    this.listen(nobodyListens, nobodyListens)
  }

  listen(onRtp: PacketListener, onRtcp: PacketListener): void {
    this.#watched[this.#rtp] = { take: onRtp, name: Buffer.alloc(0), source: NOBODY }
    this.#watched[this.#rtcp] = { take: onRtcp, name: Buffer.alloc(0), source: NOBODY }
  }

  get settled(): boolean {
    return this.#connected
  }

  /** It is copied, or lost. */
  sendRtp(packet: Buffer, to: Source): boolean {
    if (!this.#closed) this.#mover.send(this.#rtp, packet, this.#connected ? null : this.#nameOf(to))
    return true
  }

  sendRtcp(packet: Buffer, to: Source): void {
    if (!this.#closed) this.#mover.send(this.#rtcp, packet, socketName(to))
  }

  settleOn(source: Source): void {
    if (this.#connected || this.#closed) return
    // Without a route there it stays as it was, and sending will tell.
    this.#connected = this.#calls.connect(this.#rtp, socketName(source))
  }

  unsettle(): void {
    if (!this.#connected || this.#closed) return
    // What waits to be sent is sent to whom it was connected.
    this.#mover.flush()
    this.#connected = false
    this.#calls.disconnect(this.#rtp)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#mover.flush()
    this.#closed = true
    for (const socket of [this.#rtp, this.#rtcp]) {
      this.#watched[socket] = undefined
      this.#calls.close(socket)
    }
  }

  #nameOf(to: Source): Buffer {
    if (this.#to !== to) {
      this.#to = to
      this.#toName = socketName(to)
    }
    return this.#toName
  }
}
