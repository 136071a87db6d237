import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { PacketRings } from '../../src/udp/packet-rings.ts'
import { socketName } from '../../src/udp/socket-name.ts'
import { SystemCalls } from '../../src/udp/system-calls.ts'
import { secondsWaitedForCore } from '../support/cpu-time.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/**
 * The other end of all calls: sends every packet back. One socket serves many calls, so that it costs less than what
 * is measured; it shares the machine.
 */
const [socketCount = 1] = process.argv.slice(2).map(Number)
const RECEIVE_BUFFER_BYTES = 8 * 1_048_576
const PACKET_BYTES_MAX = 2048
/** Packets that are asked for at once. */
const BATCH = 32

const calls = await SystemCalls.load(PACKET_BYTES_MAX)
// It must not be what is measured: where the system lets it, it goes before other work, as the media threads of the product.
const goesBefore = calls?.enterRealTime() ?? false
const rings = calls === null ? null : PacketRings.open(calls.libc, PACKET_BYTES_MAX)
let echoed = 0
rings?.listen((socket, packet, { name }) => {
  rings.send(socket, packet, name)
  echoed++
})

/** Sends back what came behind a packet that Node has read, many packets by one system call. */
function echoTheRest(descriptor: number): void {
  do {
    echoed = 0
    for (let asked = 0; asked < BATCH; asked++) rings!.ask(descriptor)
    rings!.flush()
  } while (echoed === BATCH)
  rings!.flush()
}

const sockets = Array.from({ length: socketCount }, () => {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    sendBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: ((address: string, _options: unknown, done: (...answer: unknown[]) => void) =>
      done(null, address, 4)) as never,
  })
  const descriptor = rings === null ? -1 : calls!.open(socketName({ address: '127.0.0.1', port: 0 }))
  socket.on('message', (packet, from) => {
    socket.send(packet, from.port, from.address)
    if (rings !== null) echoTheRest(descriptor)
  })
  return { socket, descriptor }
})
await Promise.all(
  sockets.map(({ socket, descriptor }) => {
    // Without a real look-up it listens at once: who waits must be there before.
    const listening = once(socket, 'listening')
    if (rings === null) socket.bind(0, '127.0.0.1')
    else socket.bind({ fd: descriptor, exclusive: true })
    return listening
  }),
)
const ports = sockets.map(({ socket }) => (socket.address() as AddressInfo).port)

const answers = {
  ports: () => ports,
  usage: () => cpuSecondsOfSelf(),
  waited: () => secondsWaitedForCore(process.pid),
  goesBefore: () => goesBefore,
}
serveBench(answers, async () => {
  for (const { socket } of sockets) socket.close()
  rings?.end()
})
