import type { Source } from '../udp/socket-name.ts'

/**
 * A packet, where it came from and its instant on the monotonic clock. The packet's memory is used again as soon as the
 * listener returns.
 */
export type PacketListener = (packet: Buffer, source: Source, arrivedMs: number) => void

/** The two sockets of a session: RTP on an even port, RTCP on the next. Packets in, packets out; nothing here waits. */
export interface SessionSockets {
  listen(onRtp: PacketListener, onRtcp: PacketListener): void
  /**
   * What has arrived is handed over by the next `receive`, where packets do not come by themselves: one, and more as far
   * as they were there when somebody looked the last time. `nowMs` is of the monotonic clock.
   */
  lookForRtp(nowMs: number): void
  lookForRtcp(nowMs: number): void
  /** All that has arrived at both sockets. */
  lookForTheRest(): void
  /** Whether only one source is heard. */
  readonly settled: boolean
  /** False: the kernel has not taken it yet, and its memory must stay as it is. */
  sendRtp(packet: Buffer, to: Source): boolean
  sendRtcp(packet: Buffer, to: Source): void
  /** From now on the kernel drops what others send, and sending costs half as much. */
  settleOn(source: Source): void
  /** Anybody is heard again. */
  unsettle(): void
  /** Resolves when both ports are free. A packet given just before still leaves. */
  close(): Promise<void>
}

/** How the sessions of one media thread reach the network. */
export interface Datagrams {
  /** Rejects with the error of the system when a port is taken or the address is not ours; then both are free again. */
  open(address: string, rtpPort: number): Promise<SessionSockets>
  /** Hands over what was looked for. What was sent before has left. */
  receive(): void
}
