import { getSystemErrorName } from 'node:util'

type Koffi = typeof import('koffi')

/** Numbers and layouts of Linux on 64-bit machines, as its headers give them; the same on x64 and arm64 but for `EPOLL`. */
const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_INET6 = 10
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_TIMESTAMPNS = 35
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const EPOLL_CTL_ADD = 1
const EPOLLIN = 1
const CLOCK_REALTIME = 0
const SCHED_OTHER = 0
const SCHED_RR = 2
/** Threads and processes that it starts do not inherit it. */
const SCHED_RESET_ON_FORK = 0x40000000
/** A `struct sched_param`. The lowest of real time is above everything that is not. */
const LOWEST_OF_REAL_TIME = Buffer.from(Uint32Array.of(1).buffer)
const NOT_OF_REAL_TIME = Buffer.from(Uint32Array.of(0).buffer)
/** `struct epoll_event` is packed on x64 alone. */
const EPOLL = process.arch === 'x64' ? { bytes: 12, dataAt: 4 } : { bytes: 16, dataAt: 8 }
/** Where the fields of a `struct msghdr` lie, and of the control message that holds an instant. */
const MSGHDR = { bytes: 56, name: 0, nameLength: 8, parts: 16, partCount: 24, control: 32, controlLength: 40 } as const
const CONTROL = { bytes: 64, level: 8, type: 12, time: 16 } as const
const NAME_BYTES = 28
const EVENTS_MAX = 512
/** Of longer packets, each of which may have another length, no view is kept. */
const VIEWS_KEPT = 1500

const SIGNATURES = {
  socket: 'int socket(int, int, int)',
  setsockopt: 'int setsockopt(int, int, int, const void *, uint)',
  bind: 'int bind(int, const void *, uint)',
  connect: 'int connect(int, const void *, uint)',
  close: 'int close(int)',
  send: 'int64_t send(int, const void *, uint64_t, int)',
  sendto: 'int64_t sendto(int, const void *, uint64_t, int, const void *, uint)',
  recvmsg: 'int64_t recvmsg(int, void *, int)',
  epoll_create1: 'int epoll_create1(int)',
  epoll_ctl: 'int epoll_ctl(int, int, int, void *)',
  epoll_wait: 'int epoll_wait(int, void *, int, int)',
  clock_gettime: 'int clock_gettime(int, void *)',
  sched_setscheduler: 'int sched_setscheduler(int, int, const void *)',
} as const

type CallName = keyof typeof SIGNATURES
type Calls = Readonly<Record<CallName, (...args: (number | Buffer)[]) => number>>

const ONE = Buffer.from(Uint32Array.of(1).buffer)
/** The name that ends a connection. */
const NOBODY = Buffer.alloc(16)
NOBODY.writeUInt16LE(AF_UNSPEC)

/** Memory that stays where it is, so that the kernel may be told its address. */
function memory(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes))
}

/** An error of the system with its name, such as EADDRINUSE. */
export class SystemCallError extends Error {
  readonly code: string

  constructor(call: string, errno: number) {
    const code = getSystemErrorName(-errno)
    super(`${call}: ${code}`)
    this.name = 'SystemCallError'
    this.code = code
  }
}

/**
 * The system calls of UDP sockets, without what Node does around them, and of the thread that uses them. Each runs on the
 * calling thread and none waits.
 * A socket is a number here, and an address is a name: a `struct sockaddr_in` or `sockaddr_in6`. Whoever opens a socket
 * closes it.
 */
export class SystemCalls {
  readonly #koffi: Koffi
  readonly #calls: Calls
  /** Made with the first socket that is watched. */
  #epoll = -1
  readonly #events = memory(EPOLL.bytes * EVENTS_MAX)
  readonly #packet: Buffer
  /** The packet's memory by its length, since a new view for each packet costs more than reading it. */
  readonly #views: Buffer[] = []
  readonly #control = memory(CONTROL.bytes)
  readonly #message = memory(MSGHDR.bytes)
  readonly #parts = memory(16)
  readonly #time = memory(16)
  /** Of the packet that was received last: from where, and its instant on the kernel's wall clock, NaN of a socket not watched. */
  readonly name = memory(NAME_BYTES)
  arrivedAtEpochMs = 0

  private constructor(koffi: Koffi, packetBytesMax: number) {
    this.#packet = memory(packetBytesMax)
    const program = koffi.load(null)
    const calls = Object.entries(SIGNATURES).map(([name, signature]) => [name, program.func(signature)])
    this.#koffi = koffi
    this.#calls = Object.fromEntries(calls) as Calls
    this.#parts.writeBigUInt64LE(koffi.address(this.#packet), 0)
    this.#parts.writeBigUInt64LE(BigInt(packetBytesMax), 8)
    this.#message.writeBigUInt64LE(koffi.address(this.name), MSGHDR.name)
    this.#message.writeBigUInt64LE(koffi.address(this.#parts), MSGHDR.parts)
    this.#message.writeBigUInt64LE(1n, MSGHDR.partCount)
    this.#message.writeBigUInt64LE(koffi.address(this.#control), MSGHDR.control)
  }

  /**
   * Packets longer than `packetBytesMax` are cut off. Null where the calls cannot be had: another system, or the
   * optional package `koffi` is not there for it.
   */
  static async load(packetBytesMax: number): Promise<SystemCalls | null> {
    if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return null
    try {
      return new SystemCalls(await import('koffi'), packetBytesMax)
    } catch {
      return null
    }
  }

  /** A bound UDP socket. @throws SystemCallError */
  open(name: Buffer): number {
    const family = name.readUInt16LE(0)
    const socket = this.#must('socket', family, SOCK_DGRAM | SOCK_NONBLOCK | CLOEXEC, 0)
    try {
      if (family === AF_INET6) this.#must('setsockopt', socket, IPPROTO_IPV6, IPV6_V6ONLY, ONE, ONE.length)
      this.#must('bind', socket, name, name.length)
    } catch (error) {
      this.close(socket)
      throw error
    }
    return socket
  }

  /** From now on `arrived` tells of it, and what arrives is stamped. @throws SystemCallError; the socket is closed then. */
  watch(socket: number): void {
    try {
      if (this.#epoll < 0) this.#epoll = this.#must('epoll_create1', CLOEXEC)
      this.#must('setsockopt', socket, SOL_SOCKET, SO_TIMESTAMPNS, ONE, ONE.length)
      const event = Buffer.alloc(EPOLL.bytes)
      event.writeUInt32LE(EPOLLIN, 0)
      event.writeInt32LE(socket, EPOLL.dataAt)
      this.#must('epoll_ctl', this.#epoll, EPOLL_CTL_ADD, socket, event)
    } catch (error) {
      this.close(socket)
      throw error
    }
  }

  close(socket: number): void {
    this.#calls.close(socket)
  }

  /** Nothing is watched any more. The sockets stay open. */
  end(): void {
    if (this.#epoll >= 0) this.close(this.#epoll)
    this.#epoll = -1
  }

  /** From now on only that name is heard, and `send` sends to it. False: there is no way to it, and nothing changed. */
  connect(socket: number, name: Buffer): boolean {
    return this.#calls.connect(socket, name, name.length) === 0
  }

  disconnect(socket: number): void {
    this.#calls.connect(socket, NOBODY, NOBODY.length)
  }

  /** To whom the socket is connected. What the kernel has no room for is lost, as it might be on its way. */
  send(socket: number, packet: Buffer): void {
    this.#calls.send(socket, packet, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL)
  }

  /** False: it was not sent, nearly always as the kernel has no room for it now. */
  sendTo(socket: number, packet: Buffer, name: Buffer): boolean {
    return this.#calls.sendto(socket, packet, packet.length, MSG_DONTWAIT | MSG_NOSIGNAL, name, name.length) >= 0
  }

  /** Calls `each` for sockets with a packet (or an error) to be received. False: there may be more of them. */
  arrived(each: (socket: number) => void): boolean {
    const count = this.#calls.epoll_wait(this.#epoll, this.#events, EVENTS_MAX, 0)
    for (let at = 0; at < count; at++) each(this.#events.readInt32LE(at * EPOLL.bytes + EPOLL.dataAt))
    return count <= 0
  }

  /** The next packet of a socket, until the next one is asked for; null: there is none, or an error took its place. */
  receive(socket: number): Buffer | null {
    this.#message.writeUInt32LE(NAME_BYTES, MSGHDR.nameLength)
    this.#message.writeUInt32LE(CONTROL.bytes, MSGHDR.controlLength)
    const length = this.#calls.recvmsg(socket, this.#message, MSG_DONTWAIT)
    if (length < 0) return null
    const stamped =
      this.#message.readUInt32LE(MSGHDR.controlLength) > 0 &&
      this.#control.readInt32LE(CONTROL.level) === SOL_SOCKET &&
      this.#control.readInt32LE(CONTROL.type) === SO_TIMESTAMPNS
    this.arrivedAtEpochMs = stamped ? epochMsOf(this.#control, CONTROL.time) : Number.NaN
    return this.#view(length)
  }

  /** The clock that arrivals are stamped with. */
  nowEpochMs(): number {
    this.#calls.clock_gettime(CLOCK_REALTIME, this.#time)
    return epochMsOf(this.#time, 0)
  }

  /** From now on this thread gets a core before everything that is not of real time. False: the system does not let it. */
  enterRealTime(): boolean {
    return this.#calls.sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, LOWEST_OF_REAL_TIME) === 0
  }

  leaveRealTime(): void {
    this.#calls.sched_setscheduler(0, SCHED_OTHER, NOT_OF_REAL_TIME)
  }

  #view(length: number): Buffer {
    const known = this.#views[length]
    if (known !== undefined) return known
    const made = this.#packet.subarray(0, length)
    if (length <= VIEWS_KEPT) this.#views[length] = made
    return made
  }

  #must(call: CallName, ...args: (number | Buffer)[]): number {
    const answer = this.#calls[call](...args)
    if (answer < 0) throw new SystemCallError(call, this.#koffi.errno())
    return answer
  }
}

/** A `struct timespec`, whose seconds fit into 32 bits until 2106. */
function epochMsOf(memory: Buffer, at: number): number {
  return memory.readUInt32LE(at) * 1000 + memory.readUInt32LE(at + 8) / 1e6
}
