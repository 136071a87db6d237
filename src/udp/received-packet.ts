import { fixedMemory, type Libc, SOL_SOCKET } from './libc.ts'

export const SO_TIMESTAMPNS = 35
const NAME_BYTES = 28
const CONTROL_BYTES = 64

/** Where everything lies in the memory of a packet to come, in bytes; it begins with its `struct msghdr`. */
const AT = { parts: 56, name: 72, control: 104, packet: 168 } as const
/** Fields of the `struct msghdr`, in bytes. */
const MSGHDR = { name: 0, nameLength: 8, parts: 16, partCount: 24, control: 32, controlLength: 40 } as const
/** Words of 32 bits that are read or written for each packet; `time` is a `struct timespec`. */
const WORD = {
  nameLength: MSGHDR.nameLength / 4,
  controlLength: MSGHDR.controlLength / 4,
  controlLevel: (AT.control + 8) / 4,
  controlType: (AT.control + 12) / 4,
  time: (AT.control + 16) / 4,
} as const

/**
 * Memory into which the kernel receives a packet, its source and its instant (`recvmsg`), one after the other: what it
 * holds is that of the last one.
 */
export class ReceivedPacket {
  /** The `struct msghdr` that the kernel is given. */
  readonly header: Buffer
  /** From where it came; see `sourceOf`. */
  readonly name: Buffer
  /** On the kernel's wall clock; NaN of a socket that does not stamp what arrives. */
  arrivedAtEpochMs = Number.NaN
  readonly #words: Uint32Array
  readonly #packet: Buffer
  /** The packet's memory as long as the last one was, since packets of sound all have one length. */
  #bytes: Buffer

  constructor(libc: Libc, packetBytesMax: number) {
    const memory = fixedMemory(AT.packet + packetBytesMax)
    const address = libc.addressOf(memory)
    this.header = memory
    this.name = memory.subarray(AT.name, AT.name + NAME_BYTES)
    this.#words = new Uint32Array(memory.buffer, 0, AT.packet / 4)
    this.#packet = memory.subarray(AT.packet)
    this.#bytes = this.#packet
    memory.writeBigUInt64LE(address + BigInt(AT.packet), AT.parts)
    memory.writeBigUInt64LE(BigInt(packetBytesMax), AT.parts + 8)
    memory.writeBigUInt64LE(address + BigInt(AT.name), MSGHDR.name)
    memory.writeBigUInt64LE(address + BigInt(AT.parts), MSGHDR.parts)
    memory.writeBigUInt64LE(1n, MSGHDR.partCount)
    memory.writeBigUInt64LE(address + BigInt(AT.control), MSGHDR.control)
  }

  /** Before the kernel gets it: it has written over the lengths. */
  prepare(): void {
    this.#words[WORD.nameLength] = NAME_BYTES
    this.#words[WORD.controlLength] = CONTROL_BYTES
  }

  /** The packet of so many bytes that the kernel has put there, until the next one. */
  read(bytes: number): Buffer {
    const words = this.#words
    const stamped =
      words[WORD.controlLength]! > 0 &&
      words[WORD.controlLevel] === SOL_SOCKET &&
      words[WORD.controlType] === SO_TIMESTAMPNS
    // Seconds of a `struct timespec` fit into 32 bits until 2106.
    this.arrivedAtEpochMs = stamped ? words[WORD.time]! * 1000 + words[WORD.time + 2]! / 1e6 : Number.NaN
    if (this.#bytes.length !== bytes) this.#bytes = this.#packet.subarray(0, bytes)
    return this.#bytes
  }
}
