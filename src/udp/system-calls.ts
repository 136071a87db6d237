import { fixedMemory, type Libc, loadLibc, MSG_DONTWAIT, MSG_NOSIGNAL, SOL_SOCKET } from './libc.ts'
import { ReceivedPacket, SO_TIMESTAMPNS } from './received-packet.ts'

/** Numbers and layouts of Linux on 64-bit machines, as its headers give them. */
const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const CLOEXEC = 0o2000000
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const CLOCK_REALTIME = 0
const SCHED_OTHER = 0
const SCHED_RR = 2
/** Threads and processes that it starts do not inherit it. */
const SCHED_RESET_ON_FORK = 0x40000000
/** A `struct sched_param`. The lowest of real time is above everything that is not. */
const LOWEST_OF_REAL_TIME = Buffer.from(Uint32Array.of(1).buffer)
const NOT_OF_REAL_TIME = Buffer.from(Uint32Array.of(0).buffer)

const ONE = Buffer.from(Uint32Array.of(1).buffer)
/** The name that ends a connection. */
const NOBODY = Buffer.alloc(16)
NOBODY.writeUInt16LE(AF_UNSPEC)

/**
 * The system calls of UDP sockets, without what Node does around them, and of the thread that uses them. Each runs on the
 * calling thread and none waits.
 * A socket is a number here, and an address is a name: a `struct sockaddr_in` or `sockaddr_in6`. Whoever opens a socket
 * closes it.
 */
export class SystemCalls {
  readonly libc: Libc
  readonly #time = fixedMemory(16)
  /** Where the last packet of `receive` came from, and when. */
  readonly received: ReceivedPacket

  private constructor(libc: Libc, packetBytesMax: number) {
    this.libc = libc
    this.received = new ReceivedPacket(libc, packetBytesMax)
  }

  /** Packets longer than `packetBytesMax` are cut off. Null where the calls cannot be had; see `loadLibc`. */
  static async load(packetBytesMax: number): Promise<SystemCalls | null> {
    const libc = await loadLibc()
    return libc === null ? null : new SystemCalls(libc, packetBytesMax)
  }

  /** A bound UDP socket. @throws SystemCallError */
  open(name: Buffer): number {
    const family = name.readUInt16LE(0)
    const socket = this.libc.must('socket', family, SOCK_DGRAM | SOCK_NONBLOCK | CLOEXEC, 0)
    try {
      if (family === AF_INET6) this.libc.must('setsockopt', socket, IPPROTO_IPV6, IPV6_V6ONLY, ONE, ONE.length)
      this.libc.must('bind', socket, name, name.length)
    } catch (error) {
      this.close(socket)
      throw error
    }
    return socket
  }

  /** From now on `receive` tells when a packet has arrived. @throws SystemCallError; the socket is closed then. */
  stampArrivals(socket: number): void {
    try {
      this.libc.must('setsockopt', socket, SOL_SOCKET, SO_TIMESTAMPNS, ONE, ONE.length)
    } catch (error) {
      this.close(socket)
      throw error
    }
  }

  close(socket: number): void {
    this.libc.call.close(socket)
  }

  /** From now on only that name is heard, and `send` sends to it. False: there is no way to it, and nothing changed. */
  connect(socket: number, name: Buffer): boolean {
    return this.libc.call.connect(socket, name, name.length) === 0
  }

  disconnect(socket: number): void {
    this.libc.call.connect(socket, NOBODY, NOBODY.length)
  }

  /** To whom the socket is connected. What the kernel has no room for is lost, as it might be on its way. */
  send(socket: number, packet: Buffer): void {
    this.libc.call.send(socket, packet, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL)
  }

  /** False: it was not sent, nearly always as the kernel has no room for it now. */
  sendTo(socket: number, packet: Buffer, name: Buffer): boolean {
    return this.libc.call.sendto(socket, packet, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL, name, name.length) >= 0
  }

  /** The next packet of a socket, until the next one is asked for; null: there is none, or an error took its place. */
  receive(socket: number): Buffer | null {
    this.received.prepare()
    const length = this.libc.call.recvmsg(socket, this.received.header, MSG_DONTWAIT)
    return length < 0 ? null : this.received.read(length)
  }

  /** The clock that arrivals are stamped with. */
  nowEpochMs(): number {
    this.libc.call.clock_gettime(CLOCK_REALTIME, this.#time)
    return epochMsOf(this.#time, 0)
  }

  /** From now on this thread gets a core before everything that is not of real time. False: the system does not let it. */
  enterRealTime(): boolean {
    return this.libc.call.sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, LOWEST_OF_REAL_TIME) === 0
  }

  leaveRealTime(): void {
    this.libc.call.sched_setscheduler(0, SCHED_OTHER, NOT_OF_REAL_TIME)
  }
}

/** A `struct timespec`, whose seconds fit into 32 bits until 2106. */
function epochMsOf(memory: Buffer, at: number): number {
  return memory.readUInt32LE(at) * 1000 + memory.readUInt32LE(at + 8) / 1e6
}
