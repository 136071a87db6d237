import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SystemCalls } from '../../src/udp/system-calls.ts'
import { secondsWaitedForCore } from '../support/cpu-time.ts'
import { cpuSecondsOfSelf, serveBench } from '../support/worker-process.ts'

/**
 * The other end of all calls: sends every packet back. One socket serves many calls, so that it costs less than what
 * is measured; it shares the machine.
 */
const [socketCount = 1] = process.argv.slice(2).map(Number)
const RECEIVE_BUFFER_BYTES = 8 * 1_048_576

// It must not be what is measured: where the system lets it, it goes before other work, as the media threads of the product.
const goesBefore = (await SystemCalls.load(2048))?.enterRealTime() ?? false

const sockets = Array.from({ length: socketCount }, () => {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    sendBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: ((address: string, _options: unknown, done: (...answer: unknown[]) => void) =>
      done(null, address, 4)) as never,
  })
  socket.on('message', (packet, from) => socket.send(packet, from.port, from.address))
  return socket
})
await Promise.all(
  sockets.map((socket) => {
    // Without a real look-up it listens at once: who waits must be there before.
    const listening = once(socket, 'listening')
    socket.bind(0, '127.0.0.1')
    return listening
  }),
)
const ports = sockets.map((socket) => (socket.address() as AddressInfo).port)

const answers = {
  ports: () => ports,
  usage: () => cpuSecondsOfSelf(),
  waited: () => secondsWaitedForCore(process.pid),
  goesBefore: () => goesBefore,
}
serveBench(answers, async () => {
  for (const socket of sockets) socket.close()
})
