import type { ReceivedPacket } from './received-packet.ts'

/** Gets a packet that was asked for. Its memory is used again as soon as this returns. */
export type PacketTaker = (socket: number, packet: Buffer, received: ReceivedPacket) => void

/** Moves packets between memory and sockets. What could not be moved is lost, as it might be on its way. */
export interface PacketMover {
  /** `take` gets what is asked for from now on. */
  listen(take: PacketTaker): void
  /** To `name`, or, when that is null, to whom the socket is connected. It is copied, and leaves with `flush` at the latest. */
  send(socket: number, packet: Buffer, name: Buffer | null): void
  /** Its next packet, if there is one, is taken with `flush` at the latest. */
  ask(socket: number): void
  flush(): void
  /** Nothing is moved any more. */
  end(): void
}

export const nobodyTakes: PacketTaker = () => undefined
