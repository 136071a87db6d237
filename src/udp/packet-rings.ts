import { fixedMemory, type Libc, MSG_DONTWAIT, MSG_NOSIGNAL, SystemCallError } from './libc.ts'
import { nobodyTakes, type PacketMover, type PacketTaker } from './packet-mover.ts'
import { ReceivedPacket } from './received-packet.ts'

/** Numbers and layouts of io_uring as the kernel's `io_uring.h` gives them. */
const SYS_IO_URING_SETUP = 425
const SYS_IO_URING_ENTER = 426
/** A request that fails does not hold up those behind it (Linux 5.18). */
const SETUP_SUBMIT_ALL = 1 << 7
/** One thread submits; older kernels (before 6.0), which cannot send to a name, know nothing of it and refuse. */
const SETUP_SINGLE_ISSUER = 1 << 12
const FEATURE_SINGLE_MMAP = 1
const EOPNOTSUPP = 95
const OFFSET_OF_RINGS = 0
const OFFSET_OF_REQUESTS = 0x1000_0000
const OP_RECVMSG = 10
const OP_SEND = 26
/** What succeeded is not told of. */
const SKIP_SUCCESS = 1 << 6

/** In bytes, as all that is read before the rings are there. */
const PARAMETERS = { bytes: 120, answerCount: 4, flags: 8, features: 20, submission: 40, completion: 80 } as const
const SUBMISSION = { tail: 4, mask: 8, array: 24 } as const
const COMPLETION = { head: 0, tail: 4, mask: 8, entries: 20 } as const
/** Fields of a request (SQE), in words of 32 bits. */
const REQUEST = {
  words: 16,
  operation: 0,
  descriptor: 1,
  name: 2,
  memory: 4,
  length: 6,
  flags: 7,
  mark: 8,
  nameLength: 11,
}
/** Fields of an answer (CQE), in words of 32 bits. */
const ANSWER = { words: 4, mark: 0, result: 2 } as const

/** Between two system calls: enough to make their cost small, few enough that all their memory stays in the cache. */
const SLOTS = 64
const NAME_BYTES = 32

/**
 * One pair of rings. The request at place `n` is always that of slot `n`, so what never changes in it is written once.
 * None of them waits (`MSG_DONTWAIT`): each is done, or refused, when the system call returns, and its memory is free.
 */
class Ring {
  readonly requests: Uint32Array
  readonly #libc: Libc
  readonly #descriptor: number
  readonly #words: Uint32Array
  readonly #mapped: { readonly address: bigint; readonly bytes: number }[]
  readonly #at: {
    readonly submissionTail: number
    readonly head: number
    readonly tail: number
    readonly answers: number
  }
  readonly #answerMask: number
  #tail = 0
  #waiting = 0

  /** @throws SystemCallError where the kernel has no such rings, or does not let this program have them */
  constructor(libc: Libc) {
    const parameters = fixedMemory(PARAMETERS.bytes)
    parameters.writeUInt32LE(SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER, PARAMETERS.flags)
    this.#libc = libc
    this.#descriptor = libc.must('syscall', SYS_IO_URING_SETUP, SLOTS, libc.addressOf(parameters), 0, 0, 0, 0)
    const read = (at: number) => parameters.readUInt32LE(at)
    const { submission, completion } = PARAMETERS
    const arrayAt = read(submission + SUBMISSION.array)
    const answersAt = read(completion + COMPLETION.entries)
    const answerCount = read(PARAMETERS.answerCount)
    const bytes = Math.max(arrayAt + SLOTS * 4, answersAt + answerCount * ANSWER.words * 4)
    try {
      if (!(read(PARAMETERS.features) & FEATURE_SINGLE_MMAP)) throw new SystemCallError('io_uring_setup', EOPNOTSUPP)
      const rings = libc.shared(this.#descriptor, bytes, OFFSET_OF_RINGS)
      const requestBytes = SLOTS * REQUEST.words * 4
      const requests = libc.shared(this.#descriptor, requestBytes, OFFSET_OF_REQUESTS)
      this.#mapped = [
        { address: rings.address, bytes },
        { address: requests.address, bytes: requestBytes },
      ]
      this.#words = new Uint32Array(rings.memory, 0, bytes / 4)
      this.requests = new Uint32Array(requests.memory)
    } catch (error) {
      libc.call.close(this.#descriptor)
      throw error
    }
    this.#at = {
      submissionTail: read(submission + SUBMISSION.tail) / 4,
      head: read(completion + COMPLETION.head) / 4,
      tail: read(completion + COMPLETION.tail) / 4,
      answers: answersAt / 4,
    }
    this.#answerMask = answerCount - 1
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#words[arrayAt / 4 + slot] = slot
      this.requests[slot * REQUEST.words + REQUEST.mark] = slot
    }
  }

  /** What is the same in every request of a slot. */
  prepare(slot: number, operation: number, memory: bigint): void {
    const at = slot * REQUEST.words
    this.requests[at + REQUEST.operation] = operation
    this.requests[at + REQUEST.memory] = Number(memory & 0xffff_ffffn)
    this.requests[at + REQUEST.memory + 1] = Number(memory >> 32n)
    this.requests[at + REQUEST.flags] = MSG_DONTWAIT | MSG_NOSIGNAL
  }

  get full(): boolean {
    return this.#waiting === SLOTS
  }

  /** The slot of the next request, which is submitted with those before it. Not while it is full. */
  next(): number {
    this.#waiting++
    return this.#tail++ & (SLOTS - 1)
  }

  /** What the kernel does not take now, as it is out of memory, is tried again with the next ones. */
  submit(): void {
    if (this.#waiting === 0) return
    this.#words[this.#at.submissionTail] = this.#tail
    const taken = this.#libc.call.syscall(SYS_IO_URING_ENTER, this.#descriptor, this.#waiting, 0, 0, 0, 0)
    if (taken > 0) this.#waiting -= taken
  }

  /** Calls `each` for what was answered since the last time. */
  answers(each: (slot: number, result: number) => void): void {
    const { head, tail, answers } = this.#at
    const words = this.#words
    for (let next = words[head]!; next !== words[tail]!; next = words[head]!) {
      const at = answers + (next & this.#answerMask) * ANSWER.words
      // Taken before it is told, so that none is told twice whatever is done with it.
      words[head] = next + 1
      each(words[at + ANSWER.mark]!, words[at + ANSWER.result]! | 0)
    }
  }

  end(): void {
    for (const { address, bytes } of this.#mapped.splice(0)) this.#libc.call.munmap(address, bytes)
    this.#libc.call.close(this.#descriptor)
  }
}

const nobodyIsTold = (): void => undefined

/**
 * Many packets by one system call, through rings that this program shares with the kernel (io_uring). The kernel does
 * with each what it would do in a `send` or a `recvmsg` of its own; what is saved is the way there and back
 * (docs/decisions/0021).
 */
export class PacketRings implements PacketMover {
  readonly #sending: Ring
  readonly #receiving: Ring
  #take = nobodyTakes
  /** What is sent, and to whom, slot by slot. */
  readonly #outgoing: Buffer
  readonly #slotBytes: number
  readonly #names: readonly { readonly low: number; readonly high: number }[]
  readonly #incoming: readonly ReceivedPacket[]
  #ended = false

  private constructor(libc: Libc, packetBytesMax: number) {
    this.#sending = new Ring(libc)
    try {
      this.#receiving = new Ring(libc)
    } catch (error) {
      this.#sending.end()
      throw error
    }
    this.#slotBytes = NAME_BYTES + packetBytesMax
    this.#outgoing = fixedMemory(this.#slotBytes * SLOTS)
    const outgoing = libc.addressOf(this.#outgoing)
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot)
    this.#names = slots.map((slot) => {
      const name = outgoing + BigInt(slot * this.#slotBytes)
      this.#sending.prepare(slot, OP_SEND | (SKIP_SUCCESS << 8), name + BigInt(NAME_BYTES))
      return { low: Number(name & 0xffff_ffffn), high: Number(name >> 32n) }
    })
    this.#incoming = slots.map((slot) => {
      const received = new ReceivedPacket(libc, packetBytesMax)
      this.#receiving.prepare(slot, OP_RECVMSG, libc.addressOf(received.header))
      this.#receiving.requests[slot * REQUEST.words + REQUEST.length] = 1
      return received
    })
  }

  /** Null where the kernel has no such rings (before Linux 6.0), or does not let this program have them. */
  static open(libc: Libc, packetBytesMax: number): PacketRings | null {
    try {
      return new PacketRings(libc, packetBytesMax)
    } catch (error) {
      if (error instanceof SystemCallError) return null
      throw error
    }
  }

  listen(take: PacketTaker): void {
    this.#take = take
  }

  send(socket: number, packet: Buffer, name: Buffer | null): void {
    if (this.#ended || packet.length > this.#slotBytes - NAME_BYTES) return
    if (this.#sending.full) this.#sendAll()
    if (this.#sending.full) return
    const slot = this.#sending.next()
    const at = slot * REQUEST.words
    const { requests } = this.#sending
    this.#outgoing.set(packet, slot * this.#slotBytes + NAME_BYTES)
    requests[at + REQUEST.descriptor] = socket
    requests[at + REQUEST.length] = packet.length
    requests[at + REQUEST.nameLength] = name === null ? 0 : name.length
    requests[at + REQUEST.name] = name === null ? 0 : this.#names[slot]!.low
    requests[at + REQUEST.name + 1] = name === null ? 0 : this.#names[slot]!.high
    if (name !== null) this.#outgoing.set(name, slot * this.#slotBytes)
  }

  ask(socket: number): void {
    if (this.#ended) return
    if (this.#receiving.full) this.#receiveAll()
    if (this.#receiving.full) return
    const slot = this.#receiving.next()
    this.#incoming[slot]!.prepare()
    this.#receiving.requests[slot * REQUEST.words + REQUEST.descriptor] = socket
  }

  flush(): void {
    if (this.#ended) return
    this.#sendAll()
    this.#receiveAll()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#sending.end()
    this.#receiving.end()
  }

  #sendAll(): void {
    this.#sending.submit()
    this.#sending.answers(nobodyIsTold)
  }

  #receiveAll(): void {
    this.#receiving.submit()
    this.#receiving.answers(this.#answered)
  }

  readonly #answered = (slot: number, result: number): void => {
    if (result < 0) return
    const received = this.#incoming[slot]!
    const socket = this.#receiving.requests[slot * REQUEST.words + REQUEST.descriptor]!
    this.#take(socket, received.read(result), received)
  }
}
