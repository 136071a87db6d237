import type { Clock } from '../clock.ts'
import type { PacketMover } from '../udp/packet-mover.ts'
import type { ReceivedPacket } from '../udp/received-packet.ts'
import type { Source } from '../udp/socket-name.ts'
import { sameName, socketName, sourceOf } from '../udp/socket-name.ts'
import type { SystemCalls } from '../udp/system-calls.ts'
import type { Datagrams, PacketListener, SessionSockets } from './datagrams.ts'

/** Packets of one socket in one `receive`: a flood must not keep the frames waiting that are to be sent. */
const PACKETS_MAX = 8

/** One socket, and what is known of its packets. */
interface Watched {
  readonly socket: number
  take: PacketListener
  /** From where the last packet came, which is nearly always from where the next one comes. */
  name: Buffer
  source: Source
  /** The last two times that somebody looked, on the monotonic clock. */
  lookedMs: number
  lookedBeforeMs: number
}

const nobodyListens: PacketListener = () => undefined
const NOBODY: Source = { address: '', port: 0 }

interface SystemDatagramsOptions {
  readonly calls: SystemCalls
  readonly mover: PacketMover
  readonly clock: Clock
  /** For addresses that name a network interface, which only Node reads. */
  readonly others: Datagrams
}

/** What the sockets of all sessions share. */
interface Shared {
  readonly calls: SystemCalls
  readonly mover: PacketMover
  /** By socket, whose numbers are small. */
  readonly watched: (Watched | undefined)[]
}

/**
 * Sockets by system calls of our own: a fraction of what Node's cost for each packet (docs/decisions/0014 and 0021).
 * Nothing tells that a packet has arrived: a session looks once a frame, which is how often one arrives and how often
 * one is needed. The kernel has stamped each with its instant, so that this is no jitter.
 */
export class SystemDatagrams implements Datagrams {
  readonly #shared: Shared
  readonly #clock: Clock
  readonly #others: Datagrams
  /** Those behind whose last packet there may be more. */
  #again: number[] = []
  /** From the clock of arrivals to the monotonic one. */
  #offsetMs = 0

  constructor({ calls, mover, clock, others }: SystemDatagramsOptions) {
    this.#shared = { calls, mover, watched: [] }
    mover.listen((socket, packet, received) => this.#take(socket, packet, received))
    this.#clock = clock
    this.#others = others
  }

  async open(address: string, rtpPort: number): Promise<SessionSockets> {
    if (address.includes('%')) return this.#others.open(address, rtpPort)
    const rtp = this.#open({ address, port: rtpPort })
    try {
      return new SystemSockets(this.#shared, rtp, this.#open({ address, port: rtpPort + 1 }))
    } catch (error) {
      this.#shared.calls.close(rtp)
      throw error
    }
  }

  receive(): void {
    const { calls, mover } = this.#shared
    this.#offsetMs = this.#clock.monotonicMs() - calls.nowEpochMs()
    mover.flush()
    for (let packets = 1; packets < PACKETS_MAX && this.#again.length > 0; packets++) {
      const sockets = this.#again
      this.#again = []
      for (const socket of sockets) mover.ask(socket)
      mover.flush()
    }
    this.#again.length = 0
  }

  /** Sockets like these do not end with their thread. */
  end(): void {
    const { calls, mover, watched } = this.#shared
    for (const each of watched) if (each) calls.close(each.socket)
    watched.length = 0
    mover.end()
  }

  #open(at: Source): number {
    const socket = this.#shared.calls.open(socketName(at))
    this.#shared.calls.stampArrivals(socket)
    return socket
  }

  #take(socket: number, packet: Buffer, { name, arrivedAtEpochMs }: ReceivedPacket): void {
    const watched = this.#shared.watched[socket]
    if (watched === undefined) return
    if (!sameName(watched.name, name)) {
      watched.name = Buffer.from(name)
      watched.source = sourceOf(name)
    }
    const arrivedMs = arrivedAtEpochMs + this.#offsetMs
    watched.take(packet, watched.source, arrivedMs)
    // It was there the last time already, behind another one.
    if (arrivedMs < watched.lookedBeforeMs) this.#again.push(socket)
  }
}

class SystemSockets implements SessionSockets {
  readonly #shared: Shared
  readonly #rtp: Watched
  readonly #rtcp: Watched
  #connected = false
  #closed = false
  /** The last one that was sent to, and its name. */
  #to: Source | null = null
  #toName: Buffer = Buffer.alloc(0)

  constructor(shared: Shared, rtp: number, rtcp: number) {
    this.#shared = shared
    this.#rtp = this.#watch(rtp)
    this.#rtcp = this.#watch(rtcp)
  }

  listen(onRtp: PacketListener, onRtcp: PacketListener): void {
    this.#rtp.take = onRtp
    this.#rtcp.take = onRtcp
  }

  get settled(): boolean {
    return this.#connected
  }

  lookForRtp(nowMs: number): void {
    this.#look(this.#rtp, nowMs)
  }

  lookForRtcp(nowMs: number): void {
    this.#look(this.#rtcp, nowMs)
  }

  lookForTheRest(): void {
    for (const each of [this.#rtp, this.#rtcp]) {
      each.lookedMs = Number.POSITIVE_INFINITY
      this.#look(each, Number.POSITIVE_INFINITY)
    }
  }

  /** It is copied, or lost. */
  sendRtp(packet: Buffer, to: Source): boolean {
    if (!this.#closed) this.#shared.mover.send(this.#rtp.socket, packet, this.#connected ? null : this.#nameOf(to))
    return true
  }

  sendRtcp(packet: Buffer, to: Source): void {
    if (!this.#closed) this.#shared.mover.send(this.#rtcp.socket, packet, socketName(to))
  }

  settleOn(source: Source): void {
    if (this.#connected || this.#closed) return
    // Without a route there it stays as it was, and sending will tell.
    this.#connected = this.#shared.calls.connect(this.#rtp.socket, socketName(source))
  }

  unsettle(): void {
    if (!this.#connected || this.#closed) return
    // What waits to be sent is sent to whom it was connected.
    this.#shared.mover.flush()
    this.#connected = false
    this.#shared.calls.disconnect(this.#rtp.socket)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#shared.mover.flush()
    this.#closed = true
    for (const { socket } of [this.#rtp, this.#rtcp]) {
      this.#shared.watched[socket] = undefined
      this.#shared.calls.close(socket)
    }
  }

  #watch(socket: number): Watched {
    const never = Number.NEGATIVE_INFINITY
    const watched = {
      socket,
      take: nobodyListens,
      name: Buffer.alloc(0),
      source: NOBODY,
      lookedMs: never,
      lookedBeforeMs: never,
    }
    this.#shared.watched[socket] = watched
    return watched
  }

  #look(watched: Watched, nowMs: number): void {
    if (this.#closed) return
    watched.lookedBeforeMs = watched.lookedMs
    watched.lookedMs = nowMs
    this.#shared.mover.ask(watched.socket)
  }

  #nameOf(to: Source): Buffer {
    if (this.#to !== to) {
      this.#to = to
      this.#toName = socketName(to)
    }
    return this.#toName
  }
}
