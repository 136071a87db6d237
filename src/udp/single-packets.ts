import { nobodyTakes, type PacketMover, type PacketTaker } from './packet-mover.ts'
import type { SystemCalls } from './system-calls.ts'

/** A system call for each packet. */
export class SinglePackets implements PacketMover {
  readonly #calls: SystemCalls
  #take = nobodyTakes

  constructor(calls: SystemCalls) {
    this.#calls = calls
  }

  listen(take: PacketTaker): void {
    this.#take = take
  }

  send(socket: number, packet: Buffer, name: Buffer | null): void {
    if (name === null) this.#calls.send(socket, packet)
    else this.#calls.sendTo(socket, packet, name)
  }

  ask(socket: number): void {
    const packet = this.#calls.receive(socket)
    if (packet !== null) this.#take(socket, packet, this.#calls.received)
  }

  flush(): void {}

  end(): void {}
}
