import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { PacketMover } from './packet-mover.ts'
import { PacketRings } from './packet-rings.ts'
import { SinglePackets } from './single-packets.ts'
import { type Source, socketName, sourceOf } from './socket-name.ts'
import { SystemCalls } from './system-calls.ts'

const PACKET_BYTES_MAX = 2048
const calls = await SystemCalls.load(PACKET_BYTES_MAX)
const rings = calls === null ? null : PacketRings.open(calls.libc, PACKET_BYTES_MAX)
const movers: readonly (readonly [string, PacketMover | null])[] = [
  ['one by one', calls === null ? null : new SinglePackets(calls)],
  ['many at once', rings],
]

interface Taken {
  readonly socket: number
  readonly text: string
  readonly source: Source
  readonly arrivedAtEpochMs: number
}

/** A socket on a port of its own, closed after the test. */
function open(at: Source): number {
  const socket = calls!.open(socketName(at))
  calls!.stampArrivals(socket)
  onTestFinished(() => calls!.close(socket))
  return socket
}

afterAll(() => rings?.end())

describe.each(movers)('packets that are moved %s', (_, mover) => {
  const taken: Taken[] = []
  beforeEach((context) => {
    if (mover === null) context.skip('this system does not let us')
    taken.length = 0
    mover!.listen((socket, packet, { name, arrivedAtEpochMs }) => {
      taken.push({ socket, text: packet.toString(), source: sourceOf(name), arrivedAtEpochMs })
    })
  })

  function takenOf(socket: number, asks = 1): string[] {
    taken.length = 0
    for (let asked = 0; asked < asks; asked++) mover!.ask(socket)
    mover!.flush()
    return taken.map(({ text }) => text)
  }

  for (const address of ['127.0.0.1', '::1']) {
    it(`come with their source and instant, over ${address}`, () => {
      const [one, other] = [open({ address, port: 17_780 }), open({ address, port: 17_781 })]
      const before = calls!.nowEpochMs()
      mover!.send(one, Buffer.from('hello'), socketName({ address, port: 17_781 }))
      mover!.flush()
      expect(takenOf(other)).toEqual(['hello'])
      expect(taken[0]).toMatchObject({ socket: other, source: { address, port: 17_780 } })
      expect(taken[0]!.arrivedAtEpochMs).toBeGreaterThanOrEqual(before - 1)
      expect(taken[0]!.arrivedAtEpochMs).toBeLessThanOrEqual(calls!.nowEpochMs() + 1)
      expect(takenOf(other)).toEqual([])
    })
  }

  it('are a thousand in their order, each its own, on many sockets', () => {
    const address = '127.0.0.1'
    const senders = Array.from({ length: 10 }, (_, at) => open({ address, port: 17_790 + at }))
    const receiver = open({ address, port: 17_789 })
    const to = socketName({ address, port: 17_789 })
    const arrived: string[] = []
    for (let round = 0; round < 10; round++) {
      for (let packet = 0; packet < 100; packet++) {
        // Memory is used again at once: what is sent is a copy.
        const bytes = Buffer.from(`${round} ${packet} ${'x'.repeat(packet)}`)
        mover!.send(senders[packet % 10]!, bytes, to)
        bytes.fill(0)
      }
      mover!.flush()
      arrived.push(...takenOf(receiver, 120))
      const ports = taken.map(({ source }) => source.port)
      expect(ports).toEqual(Array.from({ length: 100 }, (_, packet) => 17_790 + (packet % 10)))
    }
    const sent = Array.from({ length: 1000 }, (_, at) => `${Math.floor(at / 100)} ${at % 100} ${'x'.repeat(at % 100)}`)
    expect(arrived).toEqual(sent)
  })

  it('go to whom a socket is connected, and nobody else is heard', () => {
    const address = '127.0.0.1'
    const [one, friend, stranger] = [17_783, 17_784, 17_785].map((port) => open({ address, port }))
    calls!.connect(one!, socketName({ address, port: 17_784 }))
    const toOne = socketName({ address, port: 17_783 })
    mover!.send(stranger!, Buffer.from('stranger'), toOne)
    mover!.send(friend!, Buffer.from('friend'), toOne)
    mover!.send(one!, Buffer.from('back'), null)
    mover!.flush()
    expect(takenOf(one!, 3)).toEqual(['friend'])
    expect(takenOf(friend!)).toEqual(['back'])
  })

  it('are lost alone: one that cannot be sent takes none of the others with it', () => {
    const address = '127.0.0.1'
    const [one, other] = [open({ address, port: 17_786 }), open({ address, port: 17_787 })]
    const to = socketName({ address, port: 17_787 })
    const closed = calls!.open(socketName({ address, port: 17_788 }))
    calls!.close(closed)
    mover!.send(closed, Buffer.from('from nobody'), to)
    mover!.send(one, Buffer.from('to nobody'), null)
    mover!.send(one, Buffer.from('to another family'), socketName({ address: '::1', port: 17_787 }))
    mover!.send(one, Buffer.from('good'), to)
    mover!.ask(closed)
    mover!.flush()
    expect(takenOf(other, 4)).toEqual(['good'])
  })

  it('are cut off when they are longer than agreed', () => {
    const address = '127.0.0.1'
    const [one, other] = [open({ address, port: 17_777 }), open({ address, port: 17_778 })]
    calls!.sendTo(one, Buffer.alloc(5000, 'x'), socketName({ address, port: 17_778 }))
    expect(takenOf(other)[0]).toHaveLength(PACKET_BYTES_MAX)
  })
})

it('move nothing after their end', () => {
  const ended = calls === null ? null : PacketRings.open(calls.libc, PACKET_BYTES_MAX)
  if (ended === null) return
  const [one, other] = [17_775, 17_776].map((port) => open({ address: '127.0.0.1', port }))
  ended.end()
  ended.end()
  ended.send(one!, Buffer.from('late'), socketName({ address: '127.0.0.1', port: 17_776 }))
  ended.ask(other!)
  ended.flush()
  expect(calls!.receive(other!)).toBeNull()
})

it('are refused without harm where the kernel has no rings', () => {
  if (calls === null) return
  const refusing = {
    ...calls.libc,
    must: (name: Parameters<typeof calls.libc.must>[0], ...args: Parameters<typeof calls.libc.must>[1][]) =>
      calls.libc.must(name, ...(name === 'syscall' ? [99_999, ...args.slice(1)] : args)),
  }
  expect(PacketRings.open(refusing, PACKET_BYTES_MAX)).toBeNull()
})
