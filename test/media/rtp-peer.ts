import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** One packet as it arrived, read by hand and not by the product's own code. */
export interface HeardPacket {
  readonly atMs: number
  readonly marker: boolean
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Buffer
  readonly raw: Buffer
  readonly fromPort: number
}

/** The other end of a call on loopback: hears RTP and RTCP, and sends what a test makes it send. */
export class RtpPeer {
  readonly heard: HeardPacket[] = []
  readonly reports: Buffer[] = []
  readonly #rtp: Socket
  readonly #rtcp: Socket
  #waiting: { enough: () => boolean; done: () => void }[] = []
  /** Sends every packet back, as an echo does. */
  echo = false
  #sequence = 60_000
  #timestamp = 4_294_960_000
  readonly ssrc = 0x1234abcd

  private constructor(rtp: Socket, rtcp: Socket) {
    this.#rtp = rtp
    this.#rtcp = rtcp
    rtp.on('message', (raw, from) => {
      this.heard.push(readByHand(raw, from.port))
      if (this.echo) rtp.send(raw, from.port, from.address)
      this.#look()
    })
    rtcp.on('message', (raw) => {
      this.reports.push(raw)
      this.#look()
    })
  }

  static async open(address = '127.0.0.1'): Promise<RtpPeer> {
    const type = address.includes(':') ? 'udp6' : 'udp4'
    const [rtp, rtcp] = [createSocket(type), createSocket(type)] as const
    for (const socket of [rtp, rtcp]) {
      socket.bind(0, address)
      await once(socket, 'listening')
    }
    return new RtpPeer(rtp, rtcp)
  }

  get port(): number {
    return (this.#rtp.address() as AddressInfo).port
  }

  get rtcpPort(): number {
    return (this.#rtcp.address() as AddressInfo).port
  }

  /** Resolves as soon as `enough` holds; looked at with every packet. */
  until(enough: () => boolean): Promise<void> {
    if (enough()) return Promise.resolve()
    return new Promise((done) => this.#waiting.push({ enough, done }))
  }

  send(raw: Buffer, port: number, address = '127.0.0.1'): void {
    this.#rtp.send(raw, port, address)
  }

  sendRtcp(raw: Buffer, port: number, address = '127.0.0.1'): void {
    this.#rtcp.send(raw, port, address)
  }

  /** The next packet of a stream, 20 ms after the last. */
  packet(payload: Uint8Array, change: { payloadType?: number; timestamp?: number; marker?: boolean } = {}): Buffer {
    const raw = Buffer.alloc(12 + payload.length)
    raw[0] = 0x80
    raw[1] = (change.payloadType ?? 0) | (change.marker ? 0x80 : 0)
    raw.writeUInt16BE(this.#sequence, 2)
    raw.writeUInt32BE(change.timestamp ?? this.#timestamp, 4)
    raw.writeUInt32BE(this.ssrc, 8)
    raw.set(payload, 12)
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp = (this.#timestamp + 160) % 2 ** 32
    return raw
  }

  get timestamp(): number {
    return this.#timestamp
  }

  /** Leaves sequence numbers out, as if so many packets were lost. */
  lose(packets: number): void {
    this.#sequence = (this.#sequence + packets) & 0xffff
    this.#timestamp = (this.#timestamp + packets * 160) % 2 ** 32
  }

  close(): void {
    this.#rtp.close()
    this.#rtcp.close()
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ enough, done }) => {
      if (!enough()) return true
      done()
      return false
    })
  }
}

function readByHand(raw: Buffer, fromPort: number): HeardPacket {
  return {
    atMs: performance.now(),
    marker: raw[1]! >= 128,
    payloadType: raw[1]! % 128,
    sequence: raw.readUInt16BE(2),
    timestamp: raw.readUInt32BE(4),
    ssrc: raw.readUInt32BE(8),
    payload: Buffer.from(raw.subarray(12)),
    raw: Buffer.from(raw),
    fromPort,
  }
}
