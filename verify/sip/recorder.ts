import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decodeG711 } from '../../src/media/g711.ts'

export interface Recorder {
  readonly port: number
  /** What came from a port, in its order and with silence where packets are missing; null: nothing. */
  heardFrom(port: number): Int16Array | null
  close(): void
}

interface Packet {
  readonly timestamp: number
  readonly payload: Buffer
}

/** The ear of the peer: keeps every RTP packet with PCMU by the port it came from. */
export async function startRecorder(): Promise<Recorder> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 }).bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const packets = new Map<number, Packet[]>()
  socket.on('message', (bytes, { port }) => {
    if (bytes.length < 13 || bytes[0]! >> 6 !== 2 || (bytes[1]! & 0x7f) !== 0) return
    const list = packets.get(port) ?? []
    list.push({ timestamp: bytes.readUInt32BE(4), payload: Buffer.from(bytes.subarray(12)) })
    packets.set(port, list)
  })
  return {
    port: socket.address().port,
    heardFrom(port) {
      const list = packets.get(port)
      if (list === undefined) return null
      const first = Math.min(...list.map(({ timestamp }) => timestamp))
      const length = Math.max(...list.map(({ timestamp, payload }) => timestamp - first + payload.length))
      const law = new Uint8Array(length).fill(0xff)
      for (const { timestamp, payload } of list) law.set(payload, timestamp - first)
      return samplesOf(law)
    },
    close: () => socket.close(),
  }
}

export function samplesOf(law: Uint8Array): Int16Array {
  const samples = new Int16Array(law.length)
  decodeG711('PCMU', law, samples)
  return samples
}

/** The best correlation of a prompt with what was heard, aligned at the first loud sample of each. */
export function likeness(heard: Int16Array, prompt: Int16Array): number {
  const at = firstLoud(heard)
  const from = firstLoud(prompt)
  let best = 0
  for (let shift = -40; shift <= 40; shift++) best = Math.max(best, correlationAt(heard, at - from + shift, prompt))
  return best
}

function firstLoud(samples: Int16Array): number {
  return Math.max(
    0,
    samples.findIndex((sample) => Math.abs(sample) > 400),
  )
}

function correlationAt(heard: Int16Array, offset: number, prompt: Int16Array): number {
  let product = 0
  let one = 0
  let other = 0
  for (let at = 0; at < prompt.length; at++) {
    const left = heard[at + offset] ?? 0
    const right = prompt[at]!
    product += left * right
    one += left * left
    other += right * right
  }
  return one === 0 || other === 0 ? 0 : product / Math.sqrt(one * other)
}
