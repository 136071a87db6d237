import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../clock.ts'
import { PacketRings } from '../udp/packet-rings.ts'
import { SinglePackets } from '../udp/single-packets.ts'
import { socketName } from '../udp/socket-name.ts'
import { SystemCalls } from '../udp/system-calls.ts'
import { NodeDatagrams } from './node-datagrams.ts'
import { SystemDatagrams } from './system-datagrams.ts'

const address = '127.0.0.1'
const calls = await SystemCalls.load(2048)
const clock = systemClock

const movers = {
  'one by one': () => (calls === null ? null : new SinglePackets(calls)),
  'many at once': () => (calls === null ? null : PacketRings.open(calls.libc, 2048)),
}

describe.each(Object.entries(movers))('what has arrived, received %s', (_, makeMover) => {
  async function session(rtpPort: number) {
    const mover = makeMover()!
    const datagrams = new SystemDatagrams({ calls: calls!, mover, clock, others: new NodeDatagrams(clock) })
    const sockets = await datagrams.open(address, rtpPort)
    const peer = calls!.open(socketName({ address, port: rtpPort + 2 }))
    onTestFinished(() => {
      calls!.close(peer)
      datagrams.end()
    })
    const heard: string[] = []
    sockets.listen(
      (packet, source) => void heard.push(`${packet} of ${source.port}`),
      (packet) => void heard.push(`report ${packet}`),
    )
    const send = (text: string, port = rtpPort) =>
      void calls!.sendTo(peer, Buffer.from(text), socketName({ address, port }))
    return { datagrams, sockets, heard, send }
  }

  it('is one packet a look, until one was there before: then all of them, but not without end', async (context) => {
    if (makeMover() === null) context.skip()
    const { datagrams, sockets, heard, send } = await session(17_760)
    for (let packet = 0; packet < 12; packet++) send(String(packet))
    sockets.lookForRtp(clock.monotonicMs() + 1)
    datagrams.receive()
    expect(heard).toEqual(['0 of 17762'])
    sockets.lookForRtp(clock.monotonicMs() + 2)
    datagrams.receive()
    expect(heard).toHaveLength(9)
    sockets.lookForRtp(clock.monotonicMs() + 3)
    datagrams.receive()
    expect(heard).toEqual(Array.from({ length: 12 }, (_, packet) => `${packet} of 17762`))
  })

  it('is nothing of a socket that nobody looked at', async (context) => {
    if (makeMover() === null) context.skip()
    const { datagrams, sockets, heard, send } = await session(17_764)
    send('sound')
    send('heard', 17_765)
    datagrams.receive()
    expect(heard).toEqual([])
    sockets.lookForRtcp(clock.monotonicMs())
    datagrams.receive()
    expect(heard).toEqual(['report heard'])
  })

  it('is handed over to the last packet before the end', async (context) => {
    if (makeMover() === null) context.skip()
    const { datagrams, sockets, heard, send } = await session(17_770)
    for (const text of ['a', 'b', 'c']) send(text)
    send('bye', 17_771)
    sockets.lookForTheRest()
    datagrams.receive()
    expect([...heard].sort()).toEqual(['a of 17772', 'b of 17772', 'c of 17772', 'report bye'])
  })
})
