import { describe, expect, it, onTestFinished } from 'vitest'
import { type Source, socketName, sourceOf } from './socket-name.ts'
import { SystemCalls } from './system-calls.ts'

const calls = await SystemCalls.load(2048)

/** A socket on a port of its own, closed after the test. */
function open(at: Source): number {
  const socket = calls!.open(socketName(at))
  calls!.stampArrivals(socket)
  onTestFinished(() => calls!.close(socket))
  return socket
}

describe.skipIf(calls === null)('sockets by system calls', () => {
  for (const address of ['127.0.0.1', '::1']) {
    it(`send and receive, with source and instant, over ${address}`, () => {
      const [one, other] = [open({ address, port: 17_680 }), open({ address, port: 17_681 })]
      expect(calls!.receive(other)).toBeNull()
      const before = calls!.nowEpochMs()
      expect(calls!.sendTo(one, Buffer.from('hello'), socketName({ address, port: 17_681 }))).toBe(true)
      expect(calls!.receive(other)!.toString()).toBe('hello')
      expect(sourceOf(calls!.received.name)).toEqual({ address, port: 17_680 })
      expect(calls!.received.arrivedAtEpochMs).toBeGreaterThanOrEqual(before - 1)
      expect(calls!.received.arrivedAtEpochMs).toBeLessThanOrEqual(calls!.nowEpochMs() + 1)
      expect(calls!.receive(other)).toBeNull()
    })
  }

  it('hear one only when they are connected, and everybody again when they are not', () => {
    const address = '127.0.0.1'
    const [one, friend, stranger] = [17_683, 17_684, 17_685].map((port) => open({ address, port }))
    expect(calls!.connect(one!, socketName({ address, port: 17_684 }))).toBe(true)
    const toOne = socketName({ address, port: 17_683 })
    calls!.sendTo(stranger!, Buffer.from('stranger'), toOne)
    calls!.sendTo(friend!, Buffer.from('friend'), toOne)
    expect(calls!.receive(one!)!.toString()).toBe('friend')
    expect(calls!.receive(one!)).toBeNull()
    calls!.send(one!, Buffer.from('back'))
    expect(calls!.receive(friend!)!.toString()).toBe('back')
    calls!.disconnect(one!)
    calls!.sendTo(stranger!, Buffer.from('stranger'), toOne)
    expect(calls!.receive(one!)!.toString()).toBe('stranger')
  })

  it('cut off what is longer than agreed', () => {
    const address = '127.0.0.1'
    const [one, other] = [open({ address, port: 17_687 }), open({ address, port: 17_688 })]
    calls!.sendTo(one, Buffer.alloc(5000, 'x'), socketName({ address, port: 17_688 }))
    expect(calls!.receive(other)).toHaveLength(2048)
  })

  it('name the error when a port is taken or an address is not ours', () => {
    open({ address: '127.0.0.1', port: 17_690 })
    const again = () => calls!.open(socketName({ address: '127.0.0.1', port: 17_690 }))
    expect(again).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
    const foreign = () => calls!.open(socketName({ address: '192.0.2.1', port: 17_691 }))
    expect(foreign).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
  })
})

it('are there on Linux, where the tests of their way must not be left out unseen', () => {
  const expected = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
  expect(calls !== null).toBe(expected)
})
